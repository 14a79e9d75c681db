"""Background work of this app: putting a version in force."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import override
from django_tasks import task

from server.accounts.context import Acting, act_as
from server.accounts.models import User
from server.accounts.refusals import Refused
from server.versions import services
from server.versions.models import NetworkImport

log = logging.getLogger("standpipe.versions")


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
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            text = _("It could not be put in force, and nothing was changed: %(error)s")
            problem = {"field": "", "code": "failed", "text": text % {"error": first[:200]}}
        else:
            return {"status": "done", "version": version.number}
    services.fail(draft, [problem])
    return {"status": "refused", **problem}
