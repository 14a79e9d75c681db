"""Start profiles: which programs run when only a part of Standpipe is wanted.

A pure table. A screen whose neighbour is not running says so instead of failing; the server
learns the profile from STANDPIPE_PROFILE.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ops.errors import OpsError

# Start order: each is started when the one before it answers. `down` goes the other way.
PROGRAMS: tuple[str, ...] = (
    "postgres", "mosquitto", "asterisk", "web", "worker", "subscribers", "clock", "ingest",
    "telephony", "dialler", "simulator",
)  # fmt: skip

# Only of an installation with two telephone sites (`up --sites 2`).
SECOND_ASTERISK = "asterisk2"

# Programs of ours that write a beat; /health of the web tells its age.
BEATING: frozenset[str] = frozenset(PROGRAMS) - {"postgres", "mosquitto", "asterisk", "web"}


@dataclass(frozen=True, slots=True)
class Profile:
    """`programs` in start order, `screens` that are worth an address."""

    name: str
    what: str
    programs: tuple[str, ...]
    screens: tuple[str, ...]


def _profile(name: str, what: str, without: str, screens: str) -> Profile:
    left_out = set(without.split())
    return Profile(
        name, what, tuple(p for p in PROGRAMS if p not in left_out), tuple(screens.split())
    )


ALL_SCREENS = "desk dispatch wall"
PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        _profile("full", "everything", "", ALL_SCREENS),
        _profile("no-telephony", "everything but the telephone", "asterisk telephony dialler",
                 ALL_SCREENS),
        _profile("calls-only", "telephone, queue, screen-pop; no crews on the map",
                 "mosquitto ingest", "desk"),
        _profile("desk-only", "tickets written by hand; no telephone, no crews",
                 "mosquitto asterisk ingest telephony dialler simulator", "desk"),
        _profile("map-only", "dispatch map with live crews; no telephone",
                 "asterisk telephony dialler", "dispatch"),
        _profile("wallboard-only", "the wall over an existing database",
                 "mosquitto asterisk worker clock ingest telephony dialler simulator", "wall"),
        _profile("gateway-only", "the door for phones, vehicles and other systems; no screens",
                 "asterisk clock telephony dialler simulator", ""),
    )
}  # fmt: skip


def find_profile(name: str) -> Profile:
    """The profile of that name. Raises OpsError naming the ones there are."""
    try:
        return PROFILES[name]
    except KeyError:
        raise OpsError(f"--profile {name}: there are {', '.join(PROFILES)}", 2) from None


def programs_of(profile: Profile, *, simulator: bool = True, sites: int = 1) -> tuple[str, ...]:
    """What to start, in order; of two telephone sites the second after the first."""
    chosen = [p for p in profile.programs if simulator or p != "simulator"]
    if sites > 1 and "asterisk" in chosen:
        chosen.insert(chosen.index("asterisk") + 1, SECOND_ASTERISK)
    return tuple(chosen)


def package_groups(programs: tuple[str, ...]) -> set[str]:
    """Groups of system packages that these programs need."""
    groups = {"core"}
    if "asterisk" in programs:
        groups |= {"phones"}
        # `standpipe call` is part of the first look, simulator or not.
        groups |= {"callers"}
    return groups
