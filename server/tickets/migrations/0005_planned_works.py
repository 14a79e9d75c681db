from django.db import migrations, models

KINDS = [
    ("burst", "Burst main"), ("leak", "Leak"), ("no_water", "No water"),
    ("low_pressure", "Low pressure"), ("discoloured", "Discoloured water"), ("meter", "Meter"),
    ("sewer", "Sewer blockage"), ("hydrant", "Hydrant or cover"),
    ("construction", "Digging near a main"), ("defect", "Defect of an asset"),
    ("planned", "Planned works"), ("enquiry", "Enquiry"),
]


class Migration(migrations.Migration):
    dependencies = [("tickets", "0004_digging_and_defects")]

    operations = [
        migrations.AlterField(
            model_name="incident", name="confirmed_kind",
            field=models.CharField(blank=True, choices=KINDS, max_length=16),
        ),
        migrations.AlterField(
            model_name="incident", name="kind",
            field=models.CharField(choices=KINDS, max_length=16),
        ),
        migrations.AlterField(
            model_name="ticket", name="kind",
            field=models.CharField(choices=KINDS, max_length=16),
        ),
    ]
