import django.contrib.gis.db.models.fields
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('workforce', '0003_disbanded'),
        # Their rows are taken along there.
        ('positions', '0001_devices_tracks_and_fences'),
    ]

    operations = [
        migrations.DeleteModel(
            name='Fix',
        ),
        migrations.DeleteModel(
            name='IngestRefusal',
        ),
        migrations.AlterField(
            model_name='crewposition',
            name='geom',
            field=django.contrib.gis.db.models.fields.PointField(spatial_index=False, srid=4326),
        ),
        # Room for the next version of a row beside this one: a move then touches no index.
        migrations.RunSQL(
            'ALTER TABLE workforce_crewposition SET (fillfactor = 50)', migrations.RunSQL.noop
        ),
    ]
