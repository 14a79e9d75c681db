"""Two trees to begin with: the shortest one, which is in force until another is published, and one
with everything a caller can do, to edit and publish.
"""

from __future__ import annotations

from typing import Any

from telephony.ivr_tree import Tree, parse

_SHORT: dict[str, Any] = {
    "start": "hello",
    "keys": {"9": "message", "#": "queue"},
    "nodes": {
        "hello": {"kind": "say", "title": "Who we are", "say": ["recorded"], "next": "known"},
        "known": {
            "kind": "enquiry", "title": "What we know of the caller's place", "what": "verdict",
            "ways": {"known": "choose"}, "next": "queue",
        },
        "choose": {
            "kind": "menu", "title": "After the notice", "say": ["choose-key"],
            "keys": {"9": "message"}, "tries": 1, "otherwise": "queue",
        },
        "queue": {"kind": "transfer", "title": "To a person"},
        "message": {"kind": "message", "title": "Leave a message"},
    },
}  # fmt: skip

_FULL: dict[str, Any] = {
    "start": "hello",
    "keys": {"9": "message", "#": "queue"},
    "nodes": {
        "hello": {"kind": "say", "title": "Who we are", "say": ["recorded"], "next": "known"},
        "known": {
            "kind": "enquiry", "title": "What we know of the caller's place", "what": "verdict",
            "ways": {"known": "choose", "nothing": "main"}, "next": "main",
        },
        "choose": {
            "kind": "menu", "title": "After the notice", "say": ["choose-key"],
            "keys": {"*": "main", "9": "message"}, "tries": 1, "otherwise": "main",
        },
        "main": {
            "kind": "menu", "title": "Main menu", "say": ["main-menu", "other:other-language"],
            "keys": {"2": "bill-account", "3": "outage", "4": "ticket-number", "5": "callback",
                     "8": "switch-language", "9": "message"},
        },
        "switch-language": {
            "kind": "language", "title": "The other language", "language": "other",
            "next": "main",
        },
        "bill-account": {
            "kind": "ask", "title": "Account number", "say": ["ask-account"], "what": "account",
            "least": 4, "most": 16, "next": "bill-factor",
        },
        "bill-factor": {
            "kind": "ask", "title": "Meter's last digits or PIN", "say": ["ask-factor"],
            "what": "factor", "least": 4, "most": 8, "next": "bill",
        },
        "bill": {
            "kind": "enquiry", "title": "Bill", "what": "bill",
            "ways": {"ok": "else", "wrong": "bill-account", "down": "bill-down"}, "next": "else",
        },
        "bill-down": {
            "kind": "menu", "title": "Bills cannot be read", "say": ["bill-ticket-offer"],
            "keys": {"2": "bill-ticket"},
        },
        "bill-ticket": {
            "kind": "enquiry", "title": "Ticket for the bill", "what": "bill_ticket",
            "ways": {"ok": "bye", "down": "queue"}, "next": "bye",
        },
        "outage": {
            "kind": "enquiry", "title": "Water off", "what": "outage",
            "ways": {"known": "else", "nothing": "outage-report", "unknown": "outage-account"},
            "next": "else",
        },
        "outage-account": {
            "kind": "ask", "title": "Which place", "say": ["ask-outage-account"],
            "what": "account", "least": 4, "most": 16, "next": "outage-by-account",
        },
        "outage-by-account": {
            "kind": "enquiry", "title": "Water off at an account's place", "what": "outage",
            "ways": {"known": "else", "nothing": "outage-report", "unknown": "outage-account"},
            "next": "else",
        },
        "outage-report": {
            "kind": "menu", "title": "Report it", "say": ["report-offer"],
            "keys": {"2": "queue", "*": "main"},
        },
        "ticket-number": {
            "kind": "ask", "title": "Ticket's number", "say": ["ask-ticket"], "what": "ticket",
            "least": 3, "most": 9, "next": "ticket-factor",
        },
        "ticket-factor": {
            "kind": "ask", "title": "Telephone's last digits", "say": ["ask-ticket-factor"],
            "what": "ticket_factor", "least": 4, "most": 8, "next": "ticket",
        },
        "ticket": {
            "kind": "enquiry", "title": "Progress of a ticket", "what": "ticket",
            "ways": {"ok": "else", "wrong": "ticket-number", "down": "queue"}, "next": "else",
        },
        "else": {
            "kind": "menu", "title": "Anything else?", "say": ["anything-else"],
            "keys": {"2": "main", "*": "main"}, "otherwise": "bye", "tries": 2,
        },
        "callback": {"kind": "callback", "title": "Be called back", "next": "bye"},
        "bye": {"kind": "end", "title": "Goodbye", "say": ["goodbye"]},
        "queue": {"kind": "transfer", "title": "To a person"},
        "message": {"kind": "message", "title": "Leave a message"},
    },
}  # fmt: skip

TEMPLATES: dict[str, dict[str, Any]] = {"short": _SHORT, "full": _FULL}
BUILT_IN: Tree = parse(_SHORT)
FULL: Tree = parse(_FULL)
