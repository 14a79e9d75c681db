import django.contrib.gis.db.models.fields
import django.db.models.deletion
from django.db import migrations, models


TRACK = """
CREATE TABLE positions_fix (
    device_id int NOT NULL,
    fix_time timestamptz NOT NULL,
    seq bigint NOT NULL,
    device_time timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    lon float8 NOT NULL,
    lat float8 NOT NULL,
    accuracy_m real NOT NULL,
    speed_mps real,
    heading real,
    battery real,
    engine bool,
    flag text NOT NULL,
    PRIMARY KEY (device_id, fix_time, seq)
) PARTITION BY RANGE (fix_time);
CREATE INDEX positions_fix_by_time ON positions_fix USING brin (fix_time);
ALTER TABLE positions_last SET (fillfactor = 50);
"""

# What was kept before there were devices: each name becomes one, its rows go to their days.
TAKE_ALONG = """
INSERT INTO positions_device
    (name, kind, crew_id, credential, created_at, created_by, revoked_by, revoked_why)
SELECT n.device, 'phone', c.id, '', now(), '', '', ''
FROM (SELECT DISTINCT device FROM workforce_fix UNION
      SELECT device FROM workforce_crew WHERE device <> '') n
LEFT JOIN workforce_crew c ON c.device = n.device
ON CONFLICT DO NOTHING;

DO $$
DECLARE day date;
BEGIN
    FOR day IN SELECT DISTINCT (fix_time AT TIME ZONE 'UTC')::date FROM workforce_fix LOOP
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF positions_fix FOR VALUES FROM (%L) TO (%L)',
            'positions_fix_' || to_char(day, 'YYYYMMDD'),
            day::text || ' 00:00+00', (day + 1)::text || ' 00:00+00');
    END LOOP;
END $$;

INSERT INTO positions_fix (device_id, fix_time, seq, device_time, received_at, lon, lat,
                           accuracy_m, speed_mps, heading, flag)
SELECT d.id, f.fix_time, f.seq, f.device_time, f.received_at, f.lon, f.lat,
       least(f.accuracy_m, 1e30), f.speed_mps, f.heading, f.flag
FROM workforce_fix f JOIN positions_device d ON d.name = f.device
ON CONFLICT DO NOTHING;

INSERT INTO positions_last (device_id, fix_time, device_time, received_at, lon, lat, accuracy_m,
                            speed_mps, heading, battery, skew_s, suspects)
SELECT d.id, p.fix_time, p.device_time, p.received_at, ST_X(p.geom), ST_Y(p.geom), p.accuracy_m,
       p.speed_mps, p.heading, p.battery, 0, 0
FROM workforce_crewposition p JOIN workforce_crew c ON c.id = p.crew_id
JOIN positions_device d ON d.name = c.device
ON CONFLICT DO NOTHING;

INSERT INTO positions_refusal (device, reason, count, last_at, last_text)
SELECT device, reason, count, last_at, last_text FROM workforce_ingestrefusal
ON CONFLICT DO NOTHING;
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('workforce', '0002_roster'),
    ]

    operations = [
        migrations.CreateModel(
            name='Fix',
            fields=[
                ('pk', models.CompositePrimaryKey('device', 'fix_time', 'seq', blank=True, editable=False, primary_key=True, serialize=False)),
                ('fix_time', models.DateTimeField()),
                ('seq', models.BigIntegerField()),
                ('device_time', models.DateTimeField()),
                ('received_at', models.DateTimeField()),
                ('lon', models.FloatField()),
                ('lat', models.FloatField()),
                ('accuracy_m', models.FloatField()),
                ('speed_mps', models.FloatField(null=True)),
                ('heading', models.FloatField(null=True)),
                ('battery', models.FloatField(null=True)),
                ('engine', models.BooleanField(null=True)),
                ('flag', models.CharField(max_length=20)),
            ],
            options={
                'db_table': 'positions_fix',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Device',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64, unique=True)),
                ('kind', models.CharField(choices=[('phone', 'Crew phone'), ('tracker', 'Vehicle tracker'), ('other', 'Other device')], max_length=10)),
                ('credential', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.CharField(blank=True, max_length=150)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('revoked_by', models.CharField(blank=True, max_length=150)),
                ('revoked_why', models.CharField(blank=True, max_length=200)),
                ('crew', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='devices', to='workforce.crew')),
                ('vehicle', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='devices', to='workforce.vehicle')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Fence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('name_zh', models.CharField(blank=True, max_length=60)),
                ('kind', models.CharField(choices=[('depot', 'Depot'), ('district', 'District'), ('danger', 'Danger area'), ('other', 'Other area')], max_length=10)),
                ('geom', django.contrib.gis.db.models.fields.PolygonField(srid=4326)),
                ('dwell_s', models.PositiveIntegerField(null=True)),
                ('active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.CharField(blank=True, max_length=150)),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Motion',
            fields=[
                ('subject', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('moving', 'Moving'), ('standing', 'Standing'), ('idling', 'Standing with the engine on')], max_length=10)),
                ('since', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='TrackDay',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('thinned_at', models.DateTimeField(auto_now_add=True)),
                ('before', models.PositiveBigIntegerField()),
                ('after', models.PositiveBigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='Last',
            fields=[
                ('device', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='last', serialize=False, to='positions.device')),
                ('fix_time', models.DateTimeField()),
                ('device_time', models.DateTimeField()),
                ('received_at', models.DateTimeField()),
                ('lon', models.FloatField()),
                ('lat', models.FloatField()),
                ('accuracy_m', models.FloatField()),
                ('speed_mps', models.FloatField(null=True)),
                ('heading', models.FloatField(null=True)),
                ('battery', models.FloatField(null=True)),
                ('engine', models.BooleanField(null=True)),
                ('skew_s', models.FloatField(default=0)),
                ('suspect_time', models.DateTimeField(null=True)),
                ('suspect_lon', models.FloatField(null=True)),
                ('suspect_lat', models.FloatField(null=True)),
                ('suspects', models.PositiveSmallIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Presence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(max_length=40)),
                ('fence', models.CharField(max_length=40)),
                ('entered_at', models.DateTimeField()),
                ('dwelt_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('subject', 'fence'), name='inside_a_fence_once')],
            },
        ),
        migrations.CreateModel(
            name='Refusal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('device', models.CharField(max_length=64)),
                ('reason', models.CharField(max_length=60)),
                ('count', models.PositiveBigIntegerField(default=0)),
                ('last_at', models.DateTimeField()),
                ('last_text', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('device', 'reason'), name='one_row_a_reason')],
            },
        ),
        migrations.RunSQL(TRACK, 'DROP TABLE positions_fix'),
        migrations.RunSQL(TAKE_ALONG, migrations.RunSQL.noop),
    ]
