"""The general queue, and why agents pause, so that a fresh installation can take calls."""

from typing import Any

from django.db import migrations

REASONS = (
    # code, English, Chinese, away, limit in seconds, given by the system
    ("break", "Break", "小休", False, 900, False),
    ("lunch", "Lunch", "用餐", True, 3600, False),
    ("paperwork", "Paperwork", "案头工作", False, 1800, False),
    ("training", "Training", "培训", True, 0, False),
    ("meeting", "Meeting", "会议", True, 0, False),
    ("no answer", "Did not answer", "未应答", False, 0, True),
    ("telephone gone", "Telephone gone", "话机离线", False, 0, True),
)


def fill(apps: Any, schema: Any) -> None:
    queue = apps.get_model("queueing", "Queue")
    queue.objects.get_or_create(
        code="faults", defaults={"name": "Faults", "name_zh": "报修", "skill": "faults", "rank": 1}
    )
    reason = apps.get_model("queueing", "PauseReason")
    for rank, (code, name, name_zh, away, limit, system) in enumerate(REASONS, 1):
        reason.objects.get_or_create(
            code=code,
            defaults={"name": name, "name_zh": name_zh, "away": away, "limit_s": limit,
                      "system": system, "rank": rank},
        )


class Migration(migrations.Migration):
    dependencies = [("queueing", "0001_initial")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
