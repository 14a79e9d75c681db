"""Bills, readings and arrears of an account: the one door, whichever system keeps the bills.

`statement` is what every way of asking (desk, telephone, web page, text) gives, so all give the
same figure. `known` never waits for another system: it is for cards that must stand at once.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Refused
from server.customers.billing.figures import (
    Anomaly,
    Arrears,
    BillLine,
    ReadingLine,
    Statement,
    as_json,
)
from server.customers.billing.systems import (
    BillingSystem,
    Owing,
    OwnBilling,
    RemoteBilling,
    Unreachable,
    read_statement,
)
from server.customers.models import Account, BillingCopy, Meter

__all__ = [
    "Anomaly", "Arrears", "BillLine", "BillingDown", "Owing", "ReadingLine", "Statement",
    "arrears", "as_json", "known", "locked", "set_pin", "statement", "verify",
]  # fmt: skip

log = logging.getLogger("standpipe.billing")

TRIES = 3
LOCKED_FOR = timedelta(minutes=15)
# So many digits of the meter's number prove that somebody has been at the meter.
METER_DIGITS = 4


class BillingDown(Exception):
    """The billing system does not answer. `cached` is what it last said, with its date, or None."""

    def __init__(self, cached: Statement | None) -> None:
        super().__init__("the billing system does not answer")
        self.cached = cached


@cache
def system() -> BillingSystem:
    """The billing system of the settings; `system.cache_clear()` after they changed."""
    chosen = settings.STANDPIPE["BILLING"]
    if chosen["url"]:
        return RemoteBilling(
            chosen["url"], chosen["token"], chosen["currency"], timeout_s=chosen["timeout_s"]
        )
    return OwnBilling(chosen["currency"])


def statement(account: Account, *, at: datetime | None = None) -> Statement:
    """The account's figures now. Errors: BillingDown, with the figures last known if any."""
    now = at or timezone.now()
    asked = system()
    try:
        found = asked.statement(account.number, at=now)
    except Unreachable as error:
        log.warning("billing: %s", error)
        raise BillingDown(_copy(account, now)) from error
    if not isinstance(asked, OwnBilling):
        BillingCopy.objects.update_or_create(
            account=account, defaults={"statement": as_json(found), "taken_at": now}
        )
    return found


def known(account: Account) -> Statement | None:
    """What is known here without asking anybody: our own bills, or the last answer."""
    now = timezone.now()
    asked = system()
    if isinstance(asked, OwnBilling):
        return asked.statement(account.number, at=now)
    return _copy(account, now)


def arrears(at: datetime, least: Decimal | int | str, older_than_days: int) -> list[Owing]:
    """Accounts that owe at least `least` overdue for longer than so many days, the oldest first.

    Errors: BillingDown (nobody is dunned on old figures).
    """
    try:
        return system().arrears(at, least=Decimal(least), older_than_days=older_than_days)
    except Unreachable as error:
        log.warning("billing: %s", error)
        raise BillingDown(None) from error


def verify(account: Account, factor: str) -> bool:
    """Whether `factor` is the account's second factor: the last digits (4 or more) of the number
    of its meter, or the PIN the customer chose.

    After three wrong ones the account answers False for 15 minutes, whatever is said (`locked`).
    """
    digits = "".join(c for c in factor if c.isascii() and c.isdigit())
    with transaction.atomic():
        row = Account.objects.select_for_update().get(pk=account.pk)
        if locked(row):
            return False
        good = len(digits) >= METER_DIGITS and (
            _is_of_meter(row, digits)
            or bool(row.pin_hash and check_password(digits, row.pin_hash))
        )
        if good:
            row.wrong_factors = 0
        else:
            recent = row.wrong_factor_at and row.wrong_factor_at > timezone.now() - LOCKED_FOR
            row.wrong_factors = row.wrong_factors + 1 if recent else 1
            row.wrong_factor_at = timezone.now()
        row.save(update_fields=["wrong_factors", "wrong_factor_at"])
        return good


def locked(account: Account) -> bool:
    """Whether too many wrong factors were given for the account just now."""
    row = Account.objects.only("wrong_factors", "wrong_factor_at").get(pk=account.pk)
    at = row.wrong_factor_at
    return row.wrong_factors >= TRIES and at is not None and at > timezone.now() - LOCKED_FOR


def set_pin(account: Account, pin: str, *, by: str) -> None:
    """The customer's own second factor, 4 to 8 digits; empty takes it away. Errors: Refused."""
    if pin and not (pin.isascii() and pin.isdigit() and 4 <= len(pin) <= 8):
        raise Refused("pin", "shape", _("A PIN has 4 to 8 digits."))
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(
            pin_hash=make_password(pin) if pin else "", wrong_factors=0
        )
        record("account.pin", f"account:{account.pk}", note="set" if pin else "removed", by=by)


def _is_of_meter(account: Account, digits: str) -> bool:
    for serial in Meter.objects.filter(premise_id=account.premise_id, active=True).values_list(
        "serial", flat=True
    ):
        own = "".join(c for c in serial if c.isdigit())
        if own.endswith(digits):
            return True
    return False


def _copy(account: Account, now: datetime) -> Statement | None:
    row = BillingCopy.objects.filter(account=account).first()
    if row is None:
        return None
    currency = settings.STANDPIPE["BILLING"]["currency"]
    try:
        return read_statement(account.number, row.statement, at=now, currency=currency, cached=True)
    except Unreachable as error:
        log.warning("the copy of account %s: %s", account.number, error)
        return None
