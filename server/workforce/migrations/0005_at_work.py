from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("workforce", "0004_tracks_moved_to_positions"),
    ]

    operations = [
        migrations.AddField(
            model_name="crew",
            name="at_work",
            field=models.BooleanField(default=False),
        ),
    ]
