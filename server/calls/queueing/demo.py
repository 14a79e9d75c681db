"""The demo's second queue, and what its agents can take."""

from __future__ import annotations

from server.accounts.models import User
from server.calls.queueing.models import GENERAL, AgentSkill, Queue

SKILLS = {
    "agent1": {"faults": 3, "billing": 1}, "agent2": {"faults": 2, "billing": 3},
    "agent3": {"faults": 2, "billing": 2}, "agent4": {"faults": 2, "billing": 2},
}  # fmt: skip


def furnish() -> bool:
    """Bills beside faults, once; whatever a supervisor changes afterwards stays."""
    if Queue.objects.filter(code="billing").exists():
        return False
    faults = Queue.objects.filter(code=GENERAL).first()
    Queue.objects.create(
        code="billing", name="Bills", name_zh="账务", skill="billing", rank=2, sla_s=30,
        overflow_to=faults, overflow_after_s=60, overflow_waiting=5,
    )  # fmt: skip
    for user in User.objects.filter(username__in=SKILLS):
        for skill, level in SKILLS[user.username].items():
            AgentSkill.objects.get_or_create(user=user, skill=skill, defaults={"level": level})
    return True
