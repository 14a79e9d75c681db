"""Which page belongs to which role: one table for guards, navigation and the sign-in page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Page:
    name: str
    path: str
    title: Text
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class RoleCard:
    """What the sign-in page says of a role."""

    role: str
    title: Text
    does: Text
    demo_user: str


_OFFICE = frozenset({"agent", "dispatcher", "supervisor", "engineer", "manager", "auditor"})

PAGES: tuple[Page, ...] = (
    Page("desk", "/desk", _("Desk"), frozenset({"agent", "supervisor"})),
    Page(
        "dispatch",
        "/dispatch",
        _("Dispatch"),
        frozenset({"dispatcher", "supervisor", "engineer"}),
    ),
    Page(
        "network",
        "/network",
        _("Network"),
        frozenset({"engineer", "dispatcher", "supervisor"}),
    ),
    Page(
        "wall",
        "/wall",
        _("Wall"),
        frozenset({"supervisor", "manager", "dispatcher", "agent"}),
    ),
    Page("supervisor", "/supervisor", _("Floor"), frozenset({"supervisor"})),
    Page("recordings", "/recordings", _("Recordings"), frozenset({"supervisor", "auditor"})),
    Page("queues", "/queues", _("Queues"), frozenset({"supervisor"})),
    Page("crews", "/crews", _("Crews"), frozenset({"dispatcher", "supervisor"})),
    Page("knowledge", "/knowledge", _("Knowledge"), _OFFICE),
    Page("shutoffs", "/shutoffs", _("Shut-offs"), _OFFICE),
    Page(
        "campaigns",
        "/campaigns",
        _("Campaigns"),
        frozenset({"agent", "supervisor", "manager", "auditor"}),
    ),
    Page("bi", "/bi", _("Figures"), frozenset({"manager", "supervisor", "auditor", "dispatcher"})),
    Page(
        "ledger",
        "/ledger",
        _("Minutes lost"),
        frozenset({"manager", "supervisor", "engineer", "auditor"}),
    ),
    Page("defects", "/defects", _("Defects"), _OFFICE - {"agent"}),
    Page(
        "imports",
        "/network/imports",
        _("Versions"),
        frozenset({"engineer", "supervisor"}),
    ),
    Page("ivr", "/ivr", _("Telephone menu"), frozenset({"supervisor", "manager", "auditor"})),
    Page("devices", "/devices", _("Devices"), frozenset({"supervisor"})),
    Page("messages", "/messages", _("Messages"), _OFFICE),
)

# Tickets have no place in the bar: one gets there from a list, a call or the command box.
TICKET = Page("ticket", "/tickets/", _("Ticket"), _OFFICE)
# A screen of its own that hangs somewhere.
LED = Page("led", "/led", _("Display board"), frozenset({"supervisor", "dispatcher", "manager"}))
SHUTOFF = Page("shutoff", "/shutoffs/", _("Shut-off"), _OFFICE)

HOME: dict[str, str] = {
    "agent": "/desk",
    "dispatcher": "/dispatch",
    "supervisor": "/supervisor",
    "engineer": "/network",
    "manager": "/bi",
    "auditor": "/bi",
    "crew": "/crew",
}

# What each role may hear on the live stream; the server checks again per event.
TOPICS: dict[str, str] = {
    "agent": "calls,incidents,crews",
    "dispatcher": "calls,incidents,crews,messages,streets,wall",
    "supervisor": "calls,incidents,crews,messages,streets,wall,supervision",
    "engineer": "incidents,crews,streets",
    "manager": "incidents,crews,wall",
    "auditor": "incidents",
}

ROLE_CARDS: tuple[RoleCard, ...] = (
    RoleCard(
        "agent",
        _("Agent"),
        _("Answers calls, sees the verdict while it rings, registers what happened and where."),
        "agent1",
    ),
    RoleCard(
        "dispatcher",
        _("Dispatcher"),
        _("Sees every incident and crew on the map, sends the best crew with one key."),
        "dispatcher1",
    ),
    RoleCard(
        "crew",
        _("Crew"),
        _("Works from the phone app: orders, route, valves, photos, with or without signal."),
        "crew1",
    ),
    RoleCard(
        "supervisor",
        _("Supervisor"),
        _("Watches queue, crews and promises, and hears first when one is about to be broken."),
        "supervisor1",
    ),
    RoleCard(
        "engineer",
        _("Network engineer"),
        _("Checks shut-off plans against the pipe network and what they leave dry."),
        "engineer1",
    ),
    RoleCard(
        "manager",
        _("Manager"),
        _("Reads five honest figures, each with its definition."),
        "manager1",
    ),
    RoleCard(
        "auditor",
        _("Auditor"),
        _("Follows who did what and when, on every ticket; changes nothing."),
        "auditor1",
    ),
)


def role_of(user: Any) -> str:
    return str(getattr(user, "role", "") or "")


def may_open(user: Any, page: Page) -> bool:
    return bool(getattr(user, "is_superuser", False)) or role_of(user) in page.roles


def pages_for(user: Any) -> list[Page]:
    return [page for page in PAGES if may_open(user, page)]


def home_of(user: Any) -> str:
    if getattr(user, "is_superuser", False) and role_of(user) not in HOME:
        return "/dispatch"
    return HOME.get(role_of(user), "/sign-in")
