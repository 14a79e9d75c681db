"""Guard the ledger, and carry over what an installation has counted so far."""

from django.db import migrations

PROTECT = """
CREATE TRIGGER turns_are_append_only BEFORE UPDATE OR DELETE ON ledger_valveturn
    FOR EACH ROW EXECUTE FUNCTION standpipe_append_only();
CREATE TRIGGER facts_are_append_only BEFORE UPDATE OR DELETE ON ledger_supplyfact
    FOR EACH ROW EXECUTE FUNCTION standpipe_append_only();
"""
OPEN = """
DROP TRIGGER facts_are_append_only ON ledger_supplyfact;
DROP TRIGGER turns_are_append_only ON ledger_valveturn;
"""

# When we heard of it was not kept: the moment itself stands in.
CARRY = """
INSERT INTO ledger_supplyfact
    (premise_id, shut_off, spell, kind, at, recorded_at, planned, basis, by, source)
SELECT p.premise_id, coalesce(s.number, 'A-' || lpad(s.id::text, 4, '0')), 1, word.kind, word.at,
       word.at, s.planned, 'modelled', 'system', 'carried over'
FROM outages_premiseoff p JOIN outages_shutoff s ON s.id = p.shut_off_id,
     LATERAL (VALUES ('off', p.off_at), ('on', p.on_at)) AS word (kind, at)
WHERE p.off_at IS NOT NULL AND word.at IS NOT NULL
ORDER BY word.at, p.id, word.kind;
INSERT INTO ledger_valveturn (asset, position, at, recorded_at, by, cause, reason)
SELECT v.asset, turn.position, turn.at, turn.at, v.by, coalesce(s.number, ''), v.reason
FROM outages_valvetask v JOIN outages_shutoff s ON s.id = v.shut_off_id,
     LATERAL (VALUES
        (CASE v.state WHEN 'cannot_close' THEN 'cannot_close' ELSE 'closed' END, v.done_at),
        ('open', v.reversed_at)) AS turn (position, at)
WHERE turn.at IS NOT NULL
ORDER BY turn.at, v.id;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0001_initial"),
        ("events", "0002_call_listeners"),
        ("outages", "0002_trouble_may_come_back"),
    ]
    operations = [
        migrations.RunSQL(PROTECT, OPEN),
        migrations.RunSQL(CARRY, migrations.RunSQL.noop),
    ]
