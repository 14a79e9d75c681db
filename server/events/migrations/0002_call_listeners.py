from django.db import migrations

WAKE = """
CREATE FUNCTION standpipe_event_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- No data in the call: readers go by their own cursor, and 8,000 bytes is the limit.
    PERFORM pg_notify('standpipe_events', '');
    RETURN NULL;
END $$;
CREATE TRIGGER event_written AFTER INSERT ON events_event
    FOR EACH STATEMENT EXECUTE FUNCTION standpipe_event_written();
CREATE FUNCTION standpipe_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER events_are_append_only BEFORE UPDATE ON events_event
    FOR EACH ROW EXECUTE FUNCTION standpipe_append_only();
"""
QUIET = """
DROP TRIGGER events_are_append_only ON events_event;
DROP TRIGGER event_written ON events_event;
DROP FUNCTION standpipe_event_written();
DROP FUNCTION standpipe_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]
    operations = [migrations.RunSQL(WAKE, QUIET)]
