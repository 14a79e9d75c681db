from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0006_queues'),
    ]

    operations = [
        migrations.AddField(
            model_name='call',
            name='cut',
            field=models.BooleanField(default=False),
        ),
    ]
