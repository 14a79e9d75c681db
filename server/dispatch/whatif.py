"""What-if: what it costs to send another crew than the best one."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from server.accounts.refusals import Refused
from server.dispatch import candidates
from server.tickets.models import Incident
from server.workforce.models import Crew


def what_if(incident: Incident, crew: Crew) -> dict[str, Any]:
    """Minutes later for this incident and for every other that waits, and the reasons."""
    ranked, _ms = candidates.rank_crews(incident)
    row = next((r for r in ranked if r.candidate.id == crew.pk), None)
    if row is None:
        raise Refused("crew", "unknown", _("There is no such crew."))
    best = ranked[0]
    here, there = row.candidate.seconds, best.candidate.seconds
    later = None if here is None or there is None else here - there
    return {
        "incident": incident.pk,
        "crew": {"id": crew.pk, "name": crew.shown},
        "instead_of": {"id": best.candidate.id, "name": best.candidate.name},
        "minutes_later": None if later is None else round(later / 60, 1),
        "breaches": [], "others": [], "total_s": later,
        "reasons": candidates.shown(row)["reasons"],
    }  # fmt: skip
