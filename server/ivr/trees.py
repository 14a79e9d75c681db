"""Verbs for the telephone menu: begin a draft, save it, publish, roll back. Each is audited."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.events.services import publish as tell
from server.ivr import known
from server.ivr.models import Publication, TreeVersion
from server.ivr.wording import problem_json
from telephony.ivr_tree import Problem, Tree, TreeError, check, parse
from telephony.ivr_trees import BUILT_IN, TEMPLATES

log = logging.getLogger("standpipe.ivr")


def in_force() -> Tree:
    """The tree that callers walk now; the built-in one where none can be used."""
    row = Publication.objects.select_related("version").first()
    if row is None:
        return BUILT_IN
    try:
        return _parsed(row.version_id)
    except TreeError as bad:
        log.error("menu version %s cannot be used, the built-in one is: %s", row.version_id, bad)
        return BUILT_IN


@lru_cache(maxsize=4)
def _parsed(version_id: int) -> Tree:
    # What was published does not change, so it is read once.
    row = TreeVersion.objects.get(pk=version_id)
    return parse(row.tree, version=row.number)


def version_in_force() -> int:
    """The number of the version in force; 0 is the built-in one."""
    row = Publication.objects.select_related("version").first()
    return row.version.number if row is not None else 0


def problems(tree: Any) -> list[dict[str, str]]:
    """What is wrong with a tree, worded: [{node, field, code, text}]; empty for a good one."""
    return [problem_json(found) for found in _problems(tree)]


def _problems(tree: Any) -> tuple[Problem, ...]:
    return check(tree, prompts=known.prompts(), queues=known.queues())


def begin(base: str, *, by: str) -> TreeVersion:
    """A draft, begun from a version's number or a template. Refused while there is one."""
    tree = tree_of(base)
    with transaction.atomic():
        _hold()
        if TreeVersion.objects.filter(state=TreeVersion.State.DRAFT).exists():
            raise Conflict("base", "draft", _("There is a draft already. Publish or discard it."))
        last = TreeVersion.objects.aggregate(last=Max("number"))["last"] or 0
        row = TreeVersion.objects.create(
            number=last + 1, tree=tree, base=base[:20], made_by=by, changed_by=by
        )
        record("ivr.begin", f"ivr:{row.number}", to_state=row.state, note=base[:20], by=by)
        _changed(row, "begun")
    return row


def tree_of(base: str) -> dict[str, Any]:
    """The tree of a version ("3") or a template ("full"). Refused when there is none."""
    if base in TEMPLATES:
        return TEMPLATES[base]
    if base == "0":
        return TEMPLATES["short"]
    tree: dict[str, Any] = version(base).tree
    return tree


def version(number: Any) -> TreeVersion:
    """One version by its number. Refused (404) when there is none."""
    text = str(number)
    row = None
    if text.isascii() and text.isdigit() and len(text) < 9:
        row = TreeVersion.objects.filter(number=int(text)).first()
    if row is None:
        raise Refused("version", "unknown", _("There is no such version."), status=404)
    return row


def save(row: TreeVersion, tree: Any, *, edition: Any, note: str = "", by: str) -> TreeVersion:
    """Keep a draft, good or not yet good. Conflict when somebody else saved meanwhile."""
    if not isinstance(tree, dict) or not isinstance(tree.get("nodes"), dict):
        raise Refused("tree", "shape", _("That is not a menu."))
    if len(str(tree)) > 200_000:
        raise Refused("tree", "too_large", _("That is too much for a menu."))
    with transaction.atomic():
        row = TreeVersion.objects.select_for_update().get(pk=row.pk)
        _only_draft(row)
        if edition != row.edition:
            raise Conflict(
                "edition", "stale", _("%(who)s has changed the draft meanwhile.")
                % {"who": row.changed_by}, edition=row.edition,
            )  # fmt: skip
        row.tree, row.note, row.changed_by = tree, note[:200], by
        row.edition += 1
        row.save()
        record("ivr.save", f"ivr:{row.number}", note=f"edition {row.edition}", by=by)
        _changed(row, "saved")
    return row


def publish(row: TreeVersion, *, why: str = "", by: str) -> Publication:
    """Put a version in force from the next call on; an older one again is a roll-back.

    Refused with all problems when it cannot be used.
    """
    with transaction.atomic():
        _hold()
        row = TreeVersion.objects.select_for_update().get(pk=row.pk)
        if row.state == TreeVersion.State.DISCARDED:
            raise Conflict("version", "discarded", _("That version was discarded."))
        before = version_in_force()
        if before == row.number:
            raise Conflict("version", "in_force", _("That version is in force already."))
        if found := _problems(row.tree):
            text = _("The menu cannot be used yet: %(first)s")
            worded = [problem_json(p) for p in found]
            raise Refused("tree", "problems", text % {"first": worded[0]["text"]}, problems=worded)
        rolled_back = row.state == TreeVersion.State.PUBLISHED
        row.state = TreeVersion.State.PUBLISHED
        row.save(update_fields=["state"])
        made = Publication.objects.create(version=row, by=by, why=why[:200])
        record(
            "ivr.roll_back" if rolled_back else "ivr.publish", f"ivr:{row.number}",
            from_state=str(before), to_state=str(row.number), note=why, by=by,
        )  # fmt: skip
        _changed(row, "published")
    return made


def discard(row: TreeVersion, *, by: str) -> TreeVersion:
    """Throw a draft away; its number stays used."""
    with transaction.atomic():
        row = TreeVersion.objects.select_for_update().get(pk=row.pk)
        _only_draft(row)
        row.state = TreeVersion.State.DISCARDED
        row.save(update_fields=["state"])
        record("ivr.discard", f"ivr:{row.number}", to_state=row.state, by=by)
        _changed(row, "discarded")
    return row


def _only_draft(row: TreeVersion) -> None:
    if row.state != TreeVersion.State.DRAFT:
        raise Conflict("version", "not_draft", _("Only a draft can be changed."))


def _hold() -> None:
    """One change of versions at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('standpipe.ivr'))")


def _changed(row: TreeVersion, what: str) -> None:
    tell("ivr.changed", f"ivr:{row.number}", topic="calls", version=row.number, what=what)
