"""Crews and their people, vehicles and stock; when they work; where they were last seen."""

from server.workforce.models.crews import (
    Crew,
    CrewPosition,
    CrewSkill,
    Skill,
    Vehicle,
)
from server.workforce.models.roster import (
    Certificate,
    CrewStatus,
    Leave,
    Member,
    OnCallCrew,
    Shift,
)
from server.workforce.models.stock import Depot, Reservation, Stock, StockMove

__all__ = [
    "Certificate",
    "Crew",
    "CrewPosition",
    "CrewSkill",
    "CrewStatus",
    "Depot",
    "Leave",
    "Member",
    "OnCallCrew",
    "Reservation",
    "Shift",
    "Skill",
    "Stock",
    "StockMove",
    "Vehicle",
]
