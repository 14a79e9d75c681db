"""Who may hear a recording: by role and by recording, with a reason, from networks we know.

Whoever may not is told "there is no such thing", as for an id that does not exist, and it is
written down. The right to hear is a link: signed, for one person, for one leg, for a while.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import signing
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.context import acting
from server.accounts.models import User
from server.accounts.refusals import Refused
from server.calls.models import Call, Recording
from server.calls.recordings import keeping
from server.calls.recordings.models import SoundFile
from server.calls.recordings.wav import PEAKS_A_SECOND
from server.tickets.models import CallBack

SALT = "recordings"
# Beside twice the sound's own length.
LINK_S = 900
HEARERS = ("agent", "supervisor", "auditor")


def lost(subject: str, why: str, *, by: str = "") -> Refused:
    """The one answer for all that is not there for this person; written down with the true why."""
    record("recording.refused", subject, note=why, by=by)
    return Refused("recording", "missing", _("There is no recording."), status=404)


def from_our_networks(address: str) -> bool:
    """Whether recordings may be heard from there (STANDPIPE_RECORDING_NETWORKS)."""
    try:
        here = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(here, "ipv4_mapped", None)
    here = mapped or here
    return any(here in ipaddress.ip_network(n) for n in settings.STANDPIPE["RECORDING_NETWORKS"])


def may_hear(user: User, recording: Recording) -> bool:
    """Supervisors and auditors all; agents their own calls, messages, and calls they owe."""
    if user.role in ("supervisor", "auditor"):
        return True
    if user.role != "agent":
        return False
    call = recording.call
    if recording.kind == "message" or call.agent_id == user.pk:
        return True
    # Whoever calls back has to know what was said.
    owed = CallBack.objects.filter(done_at=None)
    if owed.filter(call_id=call.call_id).exists():
        return True
    return call.contact_id is not None and owed.filter(ticket__contact_id=call.contact_id).exists()


def recording_for(user: User, call_id: str) -> Recording:
    """The recording of a call, for somebody who may hear it. Raises Refused (404), logged."""
    subject = f"call:{call_id}"
    if not from_our_networks(acting().address):
        raise lost(subject, "network")
    recording = (
        Recording.objects.select_related("call__agent", "keeping")
        .filter(call__call_id=call_id)
        .first()
    )
    if recording is None:
        known = Call.objects.filter(call_id=call_id).exists()
        raise lost(subject, "no recording" if known else "unknown")
    if not may_hear(user, recording):
        raise lost(subject, "not theirs")
    kept = getattr(recording, "keeping", None)
    if kept is not None and kept.removed_at is not None:
        raise lost(subject, "removed")
    return recording


def reasoned(text: str) -> str:
    """A reason as it is written down. Raises Refused."""
    text = " ".join(text.split())
    if len(text) < 3:
        raise Refused("reason", "required", _("Say why you listen; it is written down."))
    if len(text) > 200:
        raise Refused("reason", "too_long", _("A reason may have 200 characters."))
    return text


def grant(user: User, call_id: str, reason: str) -> dict[str, Any]:
    """Links to the legs with their waveforms; the reason is written down.

    {"call", "seconds", "expires_s", "peaks_a_second", "pauses": [{"from_s", "to_s"}],
     "legs": [{"leg", "label", "url", "seconds", "sha256", "peaks": [0..255]}]}
    """
    reason = reasoned(reason)
    recording = recording_for(user, call_id)
    record("recording.open", f"call:{call_id}", note=reason, by=user.username)
    kept = sorted(recording.files.all(), key=lambda f: SoundFile.Leg.values.index(f.leg))
    legs = [
        _leg(recording, user, f.leg, f.seconds, f.sha256, list(bytes(f.peaks))) for f in kept
    ] or [_leg(recording, user, keeping.main_leg(recording), recording.seconds, recording.sha256,
               [])]  # fmt: skip
    return {
        "call": call_id, "seconds": recording.seconds, "expires_s": _valid_s(recording),
        "peaks_a_second": PEAKS_A_SECOND, "pauses": pauses_of(recording), "legs": legs,
    }  # fmt: skip


def _leg(
    recording: Recording, user: User, leg: str, seconds: float, sha256: str, peaks: list[int]
) -> dict[str, Any]:
    token = signing.dumps([recording.pk, leg, user.pk], salt=SALT)
    return {
        "leg": leg, "label": str(SoundFile.Leg(leg).label), "url": f"/api/recordings/sound/{token}",
        "seconds": seconds, "sha256": sha256, "peaks": peaks,
    }  # fmt: skip


def _valid_s(recording: Recording) -> int:
    return LINK_S + int(2 * recording.seconds)


def pauses_of(recording: Recording) -> list[dict[str, float]]:
    """Stretches of silence for payment, in seconds of the recording (it begins with the talk)."""
    call = recording.call
    if call.answered_at is None:
        return []
    found = []
    for row in call.pauses.all():
        start = (row.started_at - call.answered_at).total_seconds()
        end = (row.ended_at - call.answered_at).total_seconds() if row.ended_at else start
        found.append({"from_s": round(max(0.0, start), 1),
                      "to_s": round(min(end, recording.seconds), 1)})  # fmt: skip
    return found


@dataclass(frozen=True)
class Granted:
    """What a link opens."""

    recording: Recording
    leg: str


def redeem(user: User, token: str) -> Granted:
    """What the link opens, now, for this person. Raises Refused (404), logged."""
    subject = "recording:link"
    if not from_our_networks(acting().address):
        raise lost(subject, "network")
    try:
        # Signed without an age: that depends on the recording's length.
        pk, leg, owner = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        raise lost(subject, "not one of our links") from None
    recording = Recording.objects.select_related("call").filter(pk=pk).first()
    if recording is None or owner != user.pk:
        raise lost(f"recording:{pk}", "somebody else's link")
    subject = f"call:{recording.call.call_id}"
    try:
        signing.loads(token, salt=SALT, max_age=_valid_s(recording))
    except signing.SignatureExpired:
        raise lost(subject, "expired link") from None
    # Rights are those of now, not those of when the link was made.
    return Granted(recording_for(user, recording.call.call_id), leg)
