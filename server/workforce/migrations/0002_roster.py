import django.contrib.gis.db.models.fields
import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.db.models.constraints
import django.db.models.deletion
from django.db import migrations, models


TO_VEHICLES = """
UPDATE workforce_stock s SET vehicle_id = v.id FROM workforce_vehicle v WHERE v.crew_id = s.crew_id;
DELETE FROM workforce_stock WHERE vehicle_id IS NULL;
DELETE FROM workforce_stock a USING workforce_stock b
    WHERE a.id < b.id AND (a.vehicle_id, a.item, a.diameter_mm) = (b.vehicle_id, b.item, b.diameter_mm);
SET CONSTRAINTS ALL IMMEDIATE;
"""
PROTECT = """
CREATE TRIGGER crew_status_is_append_only BEFORE UPDATE OR DELETE ON workforce_crewstatus
    FOR EACH ROW EXECUTE FUNCTION standpipe_append_only();
CREATE TRIGGER stock_moves_are_append_only BEFORE UPDATE OR DELETE ON workforce_stockmove
    FOR EACH ROW EXECUTE FUNCTION standpipe_append_only();
"""
OPEN = """
DROP TRIGGER crew_status_is_append_only ON workforce_crewstatus;
DROP TRIGGER stock_moves_are_append_only ON workforce_stockmove;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('workforce', '0001_initial'),
        ('events', '0002_call_listeners'),
    ]

    operations = [
        migrations.CreateModel(
            name='Certificate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('skill', models.CharField(choices=[('valve', 'Valves'), ('repair', 'Pipe repair'), ('large_pipe', 'Pipe over DN300'), ('welding', 'Welding'), ('confined_space', 'Confined space'), ('sampling', 'Water sampling'), ('meter', 'Meters'), ('jetting', 'Jetting')], max_length=20)),
                ('number', models.CharField(blank=True, max_length=40)),
                ('expires_on', models.DateField(null=True)),
            ],
            options={
                'ordering': ['skill'],
            },
        ),
        migrations.CreateModel(
            name='CrewStatus',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('off_duty', 'Off duty'), ('available', 'Available'), ('assigned', 'Assigned'), ('en_route', 'En route'), ('on_site', 'On site'), ('break', 'Break'), ('out_of_service', 'Out of service')], max_length=16)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, max_length=120)),
                ('by', models.CharField(blank=True, max_length=150)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Depot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(unique=True)),
                ('name', models.CharField(max_length=60)),
                ('name_zh', models.CharField(blank=True, max_length=60)),
                ('geom', django.contrib.gis.db.models.fields.PointField(srid=4326)),
            ],
            options={
                'ordering': ['code'],
            },
        ),
        migrations.CreateModel(
            name='Leave',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('holiday', 'Leave'), ('sick', 'Sick'), ('training', 'Training'), ('other', 'Away')], default='holiday', max_length=10)),
                ('starts', models.DateTimeField()),
                ('ends', models.DateTimeField()),
                ('note', models.CharField(blank=True, max_length=120)),
            ],
            options={
                'ordering': ['starts'],
            },
        ),
        migrations.CreateModel(
            name='Member',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('mobile', models.CharField(blank=True, max_length=24)),
                ('lead', models.BooleanField(default=False)),
                ('active', models.BooleanField(default=True)),
            ],
            options={
                'ordering': ['-lead', 'name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='OnCallCrew',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts', models.DateTimeField()),
                ('ends', models.DateTimeField()),
                ('call_out_min', models.PositiveSmallIntegerField(default=30)),
            ],
            options={
                'ordering': ['starts'],
            },
        ),
        migrations.CreateModel(
            name='Reservation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order', models.CharField(db_index=True, max_length=20)),
                ('quantity', models.PositiveIntegerField(default=1)),
                ('state', models.CharField(choices=[('held', 'Reserved'), ('used', 'Used'), ('released', 'Released')], default='held', max_length=10)),
                ('by', models.CharField(blank=True, max_length=150)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='StockMove',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('change', models.IntegerField()),
                ('why', models.CharField(choices=[('counted', 'Stock-take'), ('received', 'Received'), ('used', 'Used'), ('moved', 'Moved')], max_length=10)),
                ('order', models.CharField(blank=True, max_length=20)),
                ('note', models.CharField(blank=True, max_length=120)),
                ('by', models.CharField(blank=True, max_length=150)),
                ('at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AlterModelOptions(
            name='stock',
            options={'ordering': ['item', 'diameter_mm', 'id']},
        ),
        migrations.AlterModelOptions(
            name='vehicle',
            options={'ordering': ['plate']},
        ),
        migrations.RemoveConstraint(
            model_name='shift',
            name='no_overlapping_shifts',
        ),
        migrations.AddField(
            model_name='crew',
            name='state_until',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='shift',
            name='called_out_for',
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AddField(
            model_name='shift',
            name='kind',
            field=models.CharField(choices=[('day', 'Day shift'), ('evening', 'Evening shift'), ('night', 'Night shift'), ('standby', 'Stand-by at the depot'), ('extra', 'Extra duty')], default='day', max_length=10),
        ),
        migrations.AddField(
            model_name='shift',
            name='note',
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name='shift',
            name='vehicle',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='shifts', to='workforce.vehicle'),
        ),
        migrations.AddField(
            model_name='stock',
            name='materials',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=12), blank=True, default=list, size=None),
        ),
        migrations.AddField(
            model_name='stock',
            name='reserved',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='stock',
            name='to_mm',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='stock',
            name='vehicle',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='stock', to='workforce.vehicle'),
        ),
        migrations.AddField(
            model_name='vehicle',
            name='equipment',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('jetting', 'Jetting'), ('excavator', 'Excavator'), ('crane', 'Crane'), ('traffic_signs', 'Traffic signs'), ('pump', 'Pump'), ('generator', 'Generator')], max_length=20), blank=True, default=list, size=None),
        ),
        migrations.AddField(
            model_name='vehicle',
            name='inspection_due',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='vehicle',
            name='out_of_service',
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name='vehicle',
            name='unit',
            field=models.CharField(max_length=64, null=True, unique=True),
        ),
        migrations.AddField(
            model_name='vehicle',
            name='valve_keys_mm',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.PositiveIntegerField(), blank=True, default=list, size=None),
        ),
        migrations.AlterField(
            model_name='stock',
            name='item',
            field=models.CharField(choices=[('clamp', 'Repair clamp'), ('coupling', 'Coupling'), ('pipe', 'Length of pipe')], default='clamp', max_length=20),
        ),
        migrations.AddField(
            model_name='crewstatus',
            name='crew',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='statuses', to='workforce.crew'),
        ),
        migrations.AddField(
            model_name='stock',
            name='depot',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='stock', to='workforce.depot'),
        ),
        # What lay on a crew's vehicle lies on the vehicle itself; without one it has no place.
        migrations.RunSQL(TO_VEHICLES, migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name='stock',
            name='crew',
        ),
        migrations.AddConstraint(
            model_name='stock',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('depot__isnull', True), ('vehicle__isnull', False)), models.Q(('depot__isnull', False), ('vehicle__isnull', True)), _connector='OR'), name='stock_lies_in_one_place'),
        ),
        migrations.AddConstraint(
            model_name='stock',
            constraint=models.CheckConstraint(condition=models.Q(('reserved__lte', models.F('quantity'))), name='no_more_promised_than_there_is'),
        ),
        migrations.AddConstraint(
            model_name='stock',
            constraint=models.CheckConstraint(condition=models.Q(('to_mm__isnull', True), ('to_mm__gte', models.F('diameter_mm')), _connector='OR'), name='a_range_of_sizes_goes_up'),
        ),
        migrations.AddConstraint(
            model_name='stock',
            constraint=models.UniqueConstraint(fields=('vehicle', 'depot', 'item', 'diameter_mm', 'to_mm', 'materials'), name='one_stock_row', nulls_distinct=False),
        ),
        migrations.AddField(
            model_name='leave',
            name='crew',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='leave', to='workforce.crew'),
        ),
        migrations.AddField(
            model_name='member',
            name='crew',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='members', to='workforce.crew'),
        ),
        migrations.AddField(
            model_name='leave',
            name='member',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='leave', to='workforce.member'),
        ),
        migrations.AddField(
            model_name='certificate',
            name='member',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='certificates', to='workforce.member'),
        ),
        migrations.AddField(
            model_name='shift',
            name='members',
            field=models.ManyToManyField(blank=True, related_name='shifts', to='workforce.member'),
        ),
        migrations.AddConstraint(
            model_name='shift',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(deferrable=django.db.models.constraints.Deferrable['IMMEDIATE'], expressions=[(models.Func('starts', 'ends', function='TSTZRANGE'), '&&'), ('crew', '=')], name='no_overlapping_shifts'),
        ),
        migrations.AddConstraint(
            model_name='shift',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('vehicle__isnull', False)), deferrable=django.db.models.constraints.Deferrable['IMMEDIATE'], expressions=[(models.Func('starts', 'ends', function='TSTZRANGE'), '&&'), ('vehicle', '=')], name='one_vehicle_one_shift'),
        ),
        migrations.AddField(
            model_name='oncallcrew',
            name='crew',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='on_call', to='workforce.crew'),
        ),
        migrations.AddField(
            model_name='reservation',
            name='crew',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='reservations', to='workforce.crew'),
        ),
        migrations.AddField(
            model_name='reservation',
            name='stock',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reservations', to='workforce.stock'),
        ),
        migrations.AddField(
            model_name='stockmove',
            name='stock',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='workforce.stock'),
        ),
        migrations.AddIndex(
            model_name='crewstatus',
            index=models.Index(fields=['crew', '-since', '-id'], name='crew_status_at'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.UniqueConstraint(condition=models.Q(('active', True), ('lead', True)), fields=('crew',), name='one_lead_a_crew'),
        ),
        migrations.AddConstraint(
            model_name='leave',
            constraint=models.CheckConstraint(condition=models.Q(('ends__gt', models.F('starts'))), name='leave_ends_after_it_starts'),
        ),
        migrations.AddConstraint(
            model_name='leave',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('member__isnull', False)), deferrable=django.db.models.constraints.Deferrable['IMMEDIATE'], expressions=[(models.Func('starts', 'ends', function='TSTZRANGE'), '&&'), ('member', '=')], name='one_leave_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='leave',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('member__isnull', True)), deferrable=django.db.models.constraints.Deferrable['IMMEDIATE'], expressions=[(models.Func('starts', 'ends', function='TSTZRANGE'), '&&'), ('crew', '=')], name='one_leave_of_a_crew_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.UniqueConstraint(fields=('member', 'skill'), name='one_certificate_row'),
        ),
        migrations.AddConstraint(
            model_name='oncallcrew',
            constraint=models.CheckConstraint(condition=models.Q(('ends__gt', models.F('starts'))), name='on_call_ends_after_it_starts'),
        ),
        migrations.AddConstraint(
            model_name='oncallcrew',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(deferrable=django.db.models.constraints.Deferrable['IMMEDIATE'], expressions=[(models.Func('starts', 'ends', function='TSTZRANGE'), '&&'), ('crew', '=')], name='on_call_once'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='a_reservation_is_of_some'),
        ),
        migrations.RunSQL(PROTECT, OPEN),
    ]
