from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0005_when_a_plan_was_asked_for"),
    ]

    operations = [
        migrations.AddField(
            model_name="workorder",
            name="ready_at",
            field=models.DateTimeField(null=True),
        ),
    ]
