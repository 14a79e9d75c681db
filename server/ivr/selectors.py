"""What the page of the telephone menu reads."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from server.ivr import known, prompts, trees
from server.ivr.models import Publication, TreeVersion
from telephony.ivr_tree import ASKED, ENQUIRIES, KINDS, fields_of
from telephony.ivr_trees import TEMPLATES


def overview() -> dict[str, Any]:
    """{in_force, draft, versions, publications, templates, kinds, enquiries, asked, queues,
    prompts, alarms}; version 0 is the built-in menu.
    """
    rows = list(TreeVersion.objects.exclude(state=TreeVersion.State.DISCARDED))
    draft = next((row.number for row in rows if row.state == TreeVersion.State.DRAFT), None)
    queues = known.queues()
    return {
        "in_force": trees.version_in_force(),
        "draft": draft,
        "versions": [_line(row) for row in rows],
        "publications": [
            {"version": p.version.number, "at": p.at, "by": p.by, "why": p.why}
            for p in Publication.objects.select_related("version")[:50]
        ],
        "templates": sorted(TEMPLATES),
        "kinds": {kind: list(fields_of(kind)) for kind in KINDS},
        "enquiries": {what: list(results) for what, results in ENQUIRIES.items()},
        "asked": list(ASKED),
        "queues": sorted(queues) if queues is not None else [],
        "prompts": sorted(known.prompts()),
        "alarms": prompts.alarms(),
    }


def _line(row: TreeVersion) -> dict[str, Any]:
    return {
        "number": row.number, "state": row.state, "state_label": str(row.get_state_display()),
        "note": row.note, "base": row.base, "nodes": len(row.tree.get("nodes", {})),
        "changed_at": row.changed_at, "changed_by": row.changed_by, "made_by": row.made_by,
    }  # fmt: skip


def version(row: TreeVersion) -> dict[str, Any]:
    """One version whole, with what is wrong with it."""
    return {
        **_line(row), "tree": row.tree, "edition": row.edition,
        "problems": trees.problems(row.tree), "in_force": trees.version_in_force() == row.number,
    }  # fmt: skip


def built_in() -> dict[str, Any]:
    """Version 0: what callers hear until something is published."""
    tree = TEMPLATES["short"]
    return {
        "number": 0, "state": "published", "state_label": _("built in"), "note": "", "base": "",
        "nodes": len(tree["nodes"]), "changed_at": None, "changed_by": "", "made_by": "",
        "tree": tree, "edition": 0, "problems": [], "in_force": trees.version_in_force() == 0,
    }  # fmt: skip
