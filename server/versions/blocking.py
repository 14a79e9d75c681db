"""What must not go from the network because work in the street relies on it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from server.accounts.refusals import Conflict
from server.outages.models import ShutOff, ValveTask
from server.versions.models import NetworkChange

_OVER = (ShutOff.State.RESTORED, ShutOff.State.CLOSED, ShutOff.State.CANCELLED)
_LISTS = ("pipes", "nodes", "unintended_pipes", "unintended_nodes", "hydrants_lost")
_NAMED = 5


def used_by(shut_off: ShutOff) -> set[str]:
    """Ids of everything a shut-off works with: what it empties and the valves it turns."""
    plan: dict[str, Any] = shut_off.plan
    dropped = ValveTask.State.DROPPED
    return {
        shut_off.target,
        *(v.asset for v in shut_off.valves.all() if v.state != dropped),
        *(asset for name in _LISTS for asset in plan.get(name, ())),
    }


def refuse_while_used(going: QuerySet[NetworkChange]) -> None:
    """Raise Conflict ('shut_off', 'in_use') if an open shut-off uses something in `going`.

    `shut_off` and `assets` stand beside the errors.
    """
    for shut_off in ShutOff.objects.exclude(state__in=_OVER).prefetch_related("valves"):
        network = going.exclude(kind__in=("premise", "manhole", "sewer"))
        found = network.filter(asset__in=used_by(shut_off)).order_by("kind", "asset")
        assets = list(found.values_list("asset", flat=True).distinct()[: _NAMED + 1])
        if assets:
            shown = ", ".join(assets[:_NAMED]) + (" …" if len(assets) > _NAMED else "")
            raise Conflict(
                "shut_off", "in_use",
                _("Shut-off %(number)s is open and uses %(assets)s, which would go. End it "
                  "first.") % {"number": shut_off.number, "assets": shown},
                shut_off=shut_off.number, assets=assets[:_NAMED],
            )  # fmt: skip
