"""Click to dial: a number on the screen becomes a call of the agent's own telephone."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from server.accounts.models import User
from server.accounts.refusals import Conflict, Refused
from server.calls import dialling
from server.calls.models import AgentState, DialAttempt
from server.customers.models import Account


def ring(number: str, *, by: User, account: str = "", subject: str = "") -> dict[str, Any]:
    """Ring `by`'s telephone, then `number`. {attempt, call}: `call` names it everywhere.

    Errors: Refused (no line, no number, the exchange says no), Conflict (in a call already, or the
    number is being rung).
    """
    if not by.extension:
        raise Refused("number", "no_extension", _("You have no telephone line."))
    row = AgentState.objects.filter(user=by).first()
    if row is not None and row.state in ("talking", "ringing", "hold"):
        raise Conflict("number", "in_call", _("You are in a call. Finish it first."))
    known = Account.objects.filter(number=account).first() if account else None
    attempt = dialling.dial(
        number, by=by.username, purpose=DialAttempt.Purpose.CLICK,
        on_answer=dialling.ToAgent(by.extension), subject=subject[:60], account=known,
    )  # fmt: skip
    return {"attempt": attempt, "call": DialAttempt.objects.get(pk=attempt).call_id}
