"""Background work of this app: reading files, building, comparing, putting in force."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError
from django.utils.translation import override
from django_tasks import task

from server.accounts.context import Acting, act_as
from server.accounts.models import User
from server.accounts.refusals import Refused
from server.versions import reading, services
from server.versions.models import NetworkImport

log = logging.getLogger("standpipe.versions")


def _failed(error: Exception) -> dict[str, Any]:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return {"field": "", "code": "failed", "message": first[:200], "params": {"error": first[:200]}}


@task()
def look_into(draft_id: int) -> dict[str, Any]:
    """Read the files of a draft just received."""
    draft = NetworkImport.objects.get(pk=draft_id)
    if draft.state != NetworkImport.State.RECEIVED:
        return {"status": "stale"}
    try:
        draft = reading.read(draft)
    # Whatever a stranger's file does to a reader: the draft says so, and the worker goes on.
    except Exception as error:
        log.exception("%s could not be read", draft.number)
        reading.refuse(draft, [_failed(error)])
    return {"status": draft.state}


@task()
def build_draft(draft_id: int, edition: int) -> dict[str, Any]:
    """Build and compare; what was asked for before the last edit is dropped."""
    draft = NetworkImport.objects.get(pk=draft_id)
    if draft.state != NetworkImport.State.BUILDING or draft.edition != edition:
        return {"status": "stale"}
    try:
        draft = reading.build_and_compare(draft)
    except Exception as error:
        log.exception("%s could not be built", draft.number)
        reading.refuse(draft, [_failed(error)], edition)
    return {"status": draft.state}


@task()
def put_in_force(draft_id: int) -> dict[str, Any]:
    """Carry out an approval or a way back that a person asked for; what fails is kept beside it."""
    draft = NetworkImport.objects.get(pk=draft_id)
    if draft.state != NetworkImport.State.APPROVING:
        return {"status": "stale"}
    person = User.objects.filter(username=draft.approved_by).first()
    services.tell(draft, "apply", 10)
    with override(person.language if person else None), act_as(
        Acting(by=draft.approved_by, role=person.role if person else "")
    ):  # fmt: skip
        try:
            if draft.kind == NetworkImport.Kind.ROLLBACK:
                version = services.go_back(draft)
            else:
                version = services.approve(draft, by=draft.approved_by, reason=draft.reason)
        except Refused as error:
            problem = {"field": error.field, "code": error.code, "text": str(error)}
        except (DatabaseError, OSError, MemoryError) as error:
            log.exception("%s could not be put in force", draft.number)
            problem = _failed(error)
        else:
            return {"status": "done", "version": version.number}
    services.fail(draft, [problem])
    return {"status": "refused", **problem}
