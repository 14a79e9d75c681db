"""Verbs about customers."""

from __future__ import annotations

from django.utils import timezone

from server.customers.models import Account, Phone


def phone_was_used(*, account: Account, number: str) -> Phone:
    """Remember that `account` called from `number` (normalised) just now; a new number is added.

    Only for a number the agent confirmed as the customer's: what a trunk says proves nothing.
    """
    phone, _ = Phone.objects.update_or_create(
        account=account, number=number, defaults={"last_used_at": timezone.now()}
    )
    return phone
