"""Pressures: does the network hold through the day, and what does a closure do to it?

EPANET 2.2 does the work, reached through wntr. Closures are judged with pressure-driven demand:
14 m wanted, 0 m the least (the library's own default of 0.07 m would make every customer look
served).
"""

from gis_data.hydraulics.assessment import Assessment, Limits, Short, assess
from gis_data.hydraulics.bounded import TimedOut, bounded
from gis_data.hydraulics.closure import PressureReport, pressures_after
from gis_data.hydraulics.day import DayReport, run_day
from gis_data.hydraulics.fire import FirePoint, fire_flows
from gis_data.hydraulics.running import (
    NO_WATER_M,
    REQUIRED_PRESSURE_M,
    Simulation,
    SimulationFailed,
    simulate,
)
from gis_data.hydraulics.stirring import Stirred
from gis_data.hydraulics.tanks import TankLeft

__all__ = [
    "NO_WATER_M",
    "REQUIRED_PRESSURE_M",
    "Assessment",
    "DayReport",
    "FirePoint",
    "Limits",
    "PressureReport",
    "Short",
    "Simulation",
    "SimulationFailed",
    "Stirred",
    "TankLeft",
    "TimedOut",
    "assess",
    "bounded",
    "fire_flows",
    "pressures_after",
    "run_day",
    "simulate",
]
