"""The way back: who can be fed another way meanwhile, where water is handed out, how to reopen."""

from gis_data.restoration.judging import Judged, judge, judge_bounded
from gis_data.restoration.options import Option, restoration_options
from gis_data.restoration.reopening import Flush, Step, flushing, reopening
from gis_data.restoration.standpipes import HandOut, straight_distances, water_points

__all__ = [
    "Flush",
    "HandOut",
    "Judged",
    "Option",
    "Step",
    "flushing",
    "judge",
    "judge_bounded",
    "reopening",
    "restoration_options",
    "straight_distances",
    "water_points",
]
