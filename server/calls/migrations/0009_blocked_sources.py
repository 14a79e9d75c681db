from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0008_outcomes'),
    ]

    operations = [
        migrations.CreateModel(
            name='BlockedSource',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.GenericIPAddressField()),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField(db_index=True)),
                ('tries', models.PositiveIntegerField()),
                ('what', models.CharField(max_length=10)),
                ('account', models.CharField(blank=True, max_length=80)),
                ('released_at', models.DateTimeField(null=True)),
                ('released_by', models.CharField(blank=True, max_length=80)),
            ],
        ),
    ]
