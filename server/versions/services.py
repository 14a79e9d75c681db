"""Verbs for versions of the network: receive, map, build, approve, discard, roll back."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.events.services import publish
from server.network import general, graph
from server.network.models import NetworkVersion
from server.versions import applying, blocking, files, states
from server.versions.kinds import KINDS
from server.versions.models import NetworkChange, NetworkImport, SchemaMapMemory

# The lock of server/cityload: a whole city and a version never go in side by side.
_LOCK = 0x5349_5459
# A worker that gave no sign of life for so long is gone.
LOST_AFTER = timedelta(minutes=10)


def create(*, name: str, source: str, by: str) -> NetworkImport:
    """A draft without files yet. Refused ('name', 'required')."""
    name = " ".join(name.split())[:120]
    if not name:
        raise Refused("name", "required", _("Give the import a name."))
    with transaction.atomic():
        draft = NetworkImport.objects.create(
            name=name, source=" ".join(source.split())[:60], created_by=by,
            based_on=graph.version(),
        )  # fmt: skip
        draft.number = f"N-{draft.pk:04d}"
        draft.save(update_fields=["number"])
        record("network.import", _subject(draft), to_state=draft.state, note=name, by=by)
    return draft


def receive(
    given: list[tuple[str, IO[bytes]]], *, name: str, source: str, crs: int | None, by: str
) -> NetworkImport:
    """Keep the (name, file) pairs as a new draft and have the worker look into them.

    Refused as `create` and `files.keep`; then there is no draft.
    """
    from server.versions.tasks import look_into

    if not given:
        raise Refused("files", "required", _("Choose at least one file."))
    with transaction.atomic():
        draft = create(name=name, source=source, by=by)
        draft.files, draft.crs = files.keep(draft, given), crs
        draft.save(update_fields=["files", "crs"])
        transaction.on_commit(lambda: look_into.enqueue(draft.pk))
    return draft


def receive_paths(
    paths: list[Path], *, name: str, source: str, crs: int | None, by: str
) -> NetworkImport:
    """As `receive`, for files on this machine, to be read by the caller."""
    with ExitStack() as opened, transaction.atomic():
        draft = create(name=name, source=source, by=by)
        given = [(p.name, opened.enter_context(p.open("rb"))) for p in paths]
        draft.files, draft.crs = files.keep(draft, given), crs
        draft.save(update_fields=["files", "crs"])
    return draft


def begin_build(draft: NetworkImport) -> NetworkImport:
    """Mark `draft` as being built, by the caller or by the worker; Conflict where it is."""
    with transaction.atomic():
        draft = locked(draft)
        step_to(draft, "build")
        draft.edition += 1
        draft.step, draft.percent, draft.problems = "wait", 1, []
        draft.heartbeat_at = timezone.now()
        draft.save()
    return draft


def get(number: str) -> NetworkImport:
    """The import `number`. Refused ('number', 'unknown', 404)."""
    draft = NetworkImport.objects.filter(number=number[:20]).first()
    if draft is None:
        raise Refused("number", "unknown", _("There is no such import."), status=404)
    return draft


def _subject(draft: NetworkImport) -> str:
    return f"network-import:{draft.number}"


def locked(draft: NetworkImport) -> NetworkImport:
    return NetworkImport.objects.select_for_update().get(pk=draft.pk)


def step_to(draft: NetworkImport, verb: str) -> None:
    """Move `draft` (locked) on by `verb`; saved by the caller. Conflict where it is not allowed."""
    to = states.after(draft.state, verb)
    if to is None or (draft.state == to == "building" and not is_lost(draft)):
        raise Conflict(
            "state", "not_now",
            _("%(import)s is %(state)s; that is not possible now.")
            % {"import": draft.number, "state": draft.get_state_display()},
            current=draft.state, allowed=states.allowed(draft.state),
        )  # fmt: skip
    draft.state = to


def is_lost(draft: NetworkImport) -> bool:
    seen = draft.heartbeat_at or draft.created_at
    return timezone.now() - seen > LOST_AFTER


def tell(draft: NetworkImport, step: str, percent: int) -> None:
    """Say how far the work on `draft` is, for whoever is watching."""
    NetworkImport.objects.filter(pk=draft.pk).update(
        step=step, percent=percent, heartbeat_at=timezone.now()
    )


def discard(draft: NetworkImport, *, by: str, reason: str = "") -> NetworkImport:
    """Put a draft away. The network in force is not touched."""
    with transaction.atomic():
        draft = locked(draft)
        before = draft.state
        step_to(draft, "discard")
        draft.save(update_fields=["state"])
        NetworkChange.objects.filter(of=draft, version=None).delete()
        record("network.discard", _subject(draft), from_state=before, to_state=draft.state,
               note=reason, by=by)  # fmt: skip
    return draft


# --- putting in force ---------------------------------------------------------------------------

def check(draft: NetworkImport, *, reason: str = "") -> None:
    """Whether `draft` can be approved now. Raises what approve would raise.

    Conflict ('based_on', 'moved_on'): another version came in force since it was compared.
    Conflict ('shut_off', 'in_use'): an open shut-off uses something that would go; `assets`.
    Refused ('reason', 'required'): nothing could be isolated with it, say why all the same.
    """
    if draft.kind == NetworkImport.Kind.FILES:
        if draft.based_on != graph.version():
            raise Conflict(
                "based_on", "moved_on",
                _("Version %(now)s came in force since this was compared with version %(then)s. "
                  "Compare again.") % {"now": graph.version(), "then": draft.based_on},
                in_force=graph.version(),
            )  # fmt: skip
        if not draft.changes.exclude(action=NetworkChange.Action.KEPT).exists():
            raise Refused("changes", "nothing", _("It would change nothing."))
        blocking.refuse_while_used(
            draft.changes.filter(action=NetworkChange.Action.REMOVED)
        )
        tracing = draft.readiness.get("verdicts", {}).get("tracing", {}).get("ok")
        if tracing == "no" and len(reason.strip()) < 3:
            raise Refused(
                "reason", "required",
                _("With this network no shut-off could be planned. Say why it is to be put in "
                  "force all the same."),
            )  # fmt: skip


def ask_approval(draft: NetworkImport, *, by: str, reason: str = "") -> NetworkImport:
    """Check `draft` and have it put in force by the worker."""
    from server.versions.tasks import put_in_force

    with transaction.atomic():
        draft = locked(draft)
        if draft.state == NetworkImport.State.APPROVING and not is_lost(draft):
            raise Conflict("state", "not_now", _("Somebody has approved it already."))
        step_to(draft, "approve")
        check(draft, reason=reason)
        draft.reason, draft.approved_by = reason.strip()[:200], by
        draft.step, draft.percent, draft.problems = "apply", 5, []
        draft.heartbeat_at = timezone.now()
        draft.save()
        transaction.on_commit(lambda: put_in_force.enqueue(draft.pk))
    return draft


def approve(draft: NetworkImport, *, by: str, reason: str = "") -> NetworkVersion:
    """Put a compared draft in force, in one transaction. Errors as `check`; nothing is changed."""
    with transaction.atomic():
        _alone()
        draft = locked(draft)
        before = draft.state
        step_to(draft, "apply")
        check(draft, reason=reason)
        version = _new_version(NetworkVersion.Kind.IMPORT, draft, by=by, note=reason)
        draft.changes.update(version=version.number)
        applying.apply(version.number)
        _finish(draft, version, by=by)
        if draft.source:
            SchemaMapMemory.objects.update_or_create(
                source=draft.source,
                defaults={"schema_map": draft.schema_map, "crs": draft.crs, "by": by},
            )
        record("network.approve", _subject(draft), from_state=before, to_state=draft.state,
               note=f"version {version.number} {reason}".strip(), by=by)  # fmt: skip
    graph.forget()
    return version


def fail(draft: NetworkImport, problems: list[dict[str, Any]]) -> None:
    """Putting it in force did not work: back to where it was, with the reason."""
    with transaction.atomic():
        draft = locked(draft)
        if draft.state != NetworkImport.State.APPROVING:
            return
        step_to(draft, "fail")
        if draft.kind == NetworkImport.Kind.ROLLBACK:
            draft.state = NetworkImport.State.REFUSED
        draft.problems, draft.step, draft.percent = problems, "", 0
        draft.save()


def ask_roll_back(number: int, *, by: str, reason: str) -> NetworkImport:
    """Check the way back to version `number` and have the worker go it. Errors as `roll_back`."""
    from server.versions.tasks import put_in_force

    with transaction.atomic():
        draft = _way_back(number, by=by, reason=reason)
        transaction.on_commit(lambda: put_in_force.enqueue(draft.pk))
    return draft


def _way_back(number: int, *, by: str, reason: str) -> NetworkImport:
    if len(reason.strip()) < 3:
        raise Refused("reason", "required", _("Say why the network goes back."))
    undone = check_way_back(number)
    if NetworkImport.objects.filter(
        kind=NetworkImport.Kind.ROLLBACK, state=NetworkImport.State.APPROVING,
        heartbeat_at__gt=timezone.now() - LOST_AFTER,
    ).exists():  # fmt: skip
        raise Conflict("state", "not_now", _("A roll back is going on already."))
    draft = NetworkImport.objects.create(
        kind=NetworkImport.Kind.ROLLBACK, state=NetworkImport.State.APPROVING,
        name=f"→ {number}", created_by=by, approved_by=by,
        reason=reason.strip()[:200], based_on=undone[0], back_to=number, step="apply", percent=5,
        heartbeat_at=timezone.now(),
    )  # fmt: skip
    draft.number = f"N-{draft.pk:04d}"
    draft.save(update_fields=["number"])
    return draft


def check_way_back(number: int) -> list[int]:
    """The versions to undo, newest first, to come back to `number`.

    Refused ('version', 'unknown', 404 | 'in_force' | 'loaded_whole'); Conflict ('shut_off',
    'in_use') where an open shut-off uses something that would go.
    """
    if not NetworkVersion.objects.filter(number=number).exists():
        raise Refused("version", "unknown", _("There is no such version."), status=404)
    newer = list(
        NetworkVersion.objects.filter(number__gt=number).order_by("-number").values_list(
            "number", "kind"
        )
    )
    if not newer:
        raise Refused("version", "in_force", _("That version is in force."))
    whole = [n for n, kind in newer if kind == NetworkVersion.Kind.LOAD]
    if whole:
        raise Refused(
            "version", "loaded_whole",
            _("Version %(number)s was loaded whole; there is no way back across it.")
            % {"number": whole[0]},
        )  # fmt: skip
    undone = [n for n, _kind in newer]
    # What the way back takes out is what the versions put in.
    blocking.refuse_while_used(
        NetworkChange.objects.filter(version__in=undone, action=NetworkChange.Action.ADDED)
    )
    return undone


def roll_back(number: int, *, by: str, reason: str) -> NetworkVersion:
    """Bring back version `number`, as a new version, in one transaction. Errors: `check_way_back`,

    Refused ('reason', 'required'). What crews reported of valves since stays as reported.
    """
    with transaction.atomic():
        return go_back(_way_back(number, by=by, reason=reason))


def go_back(draft: NetworkImport) -> NetworkVersion:
    """Carry out a way back that was checked (`ask_roll_back`). Errors as `roll_back`."""
    number, by = draft.back_to or 0, draft.approved_by
    with transaction.atomic():
        _alone()
        draft = locked(draft)
        step_to(draft, "apply")
        undone = check_way_back(number)
        version = _new_version(NetworkVersion.Kind.ROLLBACK, draft, by=by, note=draft.reason)
        step = 0
        for old in undone:
            following = applying.note_inverse(draft.pk, old, version=version.number, step=step)
            for now in range(step, following):
                applying.spare_field_reports(version.number, now)
                applying.apply(version.number, now)
            step = following
        _finish(draft, version, by=by)
        record("network.roll_back", f"network-version:{version.number}",
               note=f"back to {number}: {draft.reason}", by=by)  # fmt: skip
    graph.forget()
    return version


def _alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _new_version(kind: str, draft: NetworkImport, *, by: str, note: str) -> NetworkVersion:
    in_force = graph.version()
    back = kind == NetworkVersion.Kind.ROLLBACK
    like = draft.back_to if back else in_force
    header = NetworkVersion.objects.get(number=like).header if like else {}
    return NetworkVersion.objects.create(
        number=in_force + 1, kind=kind, source=draft.name[:200], by=by, note=note[:200],
        header=header if back else {**header, **draft.header}, back_to=draft.back_to,
    )  # fmt: skip


def _finish(draft: NetworkImport, version: NetworkVersion, *, by: str) -> None:
    """Segments, counts, the news; the last things before the commit."""
    from server.versions.diffing import summary

    version.summary = {
        f"{name}s": kind.model._default_manager.count() for name, kind in KINDS.items()
    }
    version.save(update_fields=["summary"])
    compiled = graph.prepare(version.number)
    graph.store_segments(compiled)
    general.refresh()
    draft.state = NetworkImport.State.APPROVED
    draft.version, draft.approved_by, draft.approved_at = version, by, timezone.now()
    draft.step, draft.percent, draft.problems = "", 100, []
    draft.summary = summary(draft)
    draft.save()
    publish(
        "network.changed", f"network:{version.number}", topic="incidents", by=by,
        version=version.number, kind=version.kind, back_to=version.back_to,
        number=draft.number, summary=draft.summary,
    )  # fmt: skip
