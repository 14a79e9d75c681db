"""Pressures: does the network hold through the day, and what does a closure do to it?

EPANET 2.2 does the work, reached through wntr. Closures are judged with pressure-driven demand:
14 m wanted, 0 m the least (the library's own default of 0.07 m would make every customer look
served).
"""

from gis_data.hydraulics.closure import PressureReport, pressures_after
from gis_data.hydraulics.day import DayReport, run_day
from gis_data.hydraulics.running import (
    NO_WATER_M,
    REQUIRED_PRESSURE_M,
    Simulation,
    SimulationFailed,
    simulate,
)

__all__ = [
    "NO_WATER_M",
    "REQUIRED_PRESSURE_M",
    "DayReport",
    "PressureReport",
    "Simulation",
    "SimulationFailed",
    "pressures_after",
    "run_day",
    "simulate",
]
