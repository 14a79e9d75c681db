from django.db import migrations

PROTECT = """
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON accounts_auditrow
    FOR EACH ROW EXECUTE FUNCTION standpipe_append_only();
"""
OPEN = "DROP TRIGGER audit_is_append_only ON accounts_auditrow;"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("events", "0002_call_listeners")]
    operations = [migrations.RunSQL(PROTECT, OPEN)]
