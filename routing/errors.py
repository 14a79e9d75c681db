"""What can go wrong with streets. Every error has a message fit to show to a person."""

from __future__ import annotations


class RoutingError(Exception):
    """Base of all errors of this package."""


class StreetFileError(RoutingError):
    """A street file is missing, broken, empty, of another kind, or holds no drivable street."""


class SnapshotError(RoutingError):
    """A saved graph or snapshot is missing, damaged, or of another format version."""


class BadCoordinate(RoutingError):
    """A position is no position: not a number, out of range, or with its axes swapped.

    `field` names the part that is wrong: "lon", "lat" or "position".
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class OffNetwork(RoutingError):
    """A position lies too far from every street; `distance_m` is how far."""

    def __init__(self, distance_m: float, max_m: float) -> None:
        super().__init__(
            f"The nearest street is {distance_m:.0f} m away, more than the {max_m:.0f} m allowed."
        )
        self.distance_m = distance_m
        self.max_m = max_m


class Unreachable(RoutingError):
    """No way leads there by road; `straight_m` is the distance as the crow flies in metres."""

    def __init__(self, straight_m: float, because_of_closures: bool) -> None:
        reason = "while the present closures stand" if because_of_closures else "by road"
        super().__init__(
            f"The place cannot be reached {reason}; it is {straight_m:.0f} m away in a "
            "straight line."
        )
        self.straight_m = straight_m
        self.because_of_closures = because_of_closures


class UnknownEdge(RoutingError):
    """An edge that the street graph does not have was to be closed or reopened."""
