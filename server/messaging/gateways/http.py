"""A gateway that takes texts by HTTP POST: {"to", "body", "reference"} -> {"id"}.

What `reference` means decides what a time-out is worth: a gateway that honours it takes a repeat
as the same text, one that does not would send twice. So after a time-out the state is "unknown"
and a person decides; only where no connection came about (nothing was sent) is it tried again.
"""

from __future__ import annotations

import httpx
from django.conf import settings

from server.messaging.gateways import Accepted, SendError


class Gateway:
    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(
            base_url=settings.STANDPIPE["SMS_URL"],
            headers={"Authorization": f"Bearer {settings.STANDPIPE['SMS_KEY']}"},
            timeout=httpx.Timeout(10.0, connect=3.0),
            transport=transport,
        )

    def send(self, *, to: str, body: str, reference: str) -> Accepted:
        try:
            answer = self._client.post(
                "", json={"to": to, "body": body, "reference": reference}
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise SendError(f"no connection: {error}") from error
        except httpx.HTTPError as error:
            raise SendError(f"no answer: {error}", unknown=True) from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise SendError(f"HTTP {answer.status_code}")
        if answer.status_code >= 400:
            raise SendError(f"HTTP {answer.status_code}: {answer.text[:120]}", permanent=True)
        try:
            return Accepted(str(answer.json()["id"])[:80])
        except (ValueError, KeyError, TypeError) as error:
            raise SendError("an answer without an id", unknown=True) from error
