"""The demo's gateway: every text becomes a line in a file that anybody can read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from django.conf import settings

from server.messaging.gateways import Accepted


class Gateway:
    def send(self, *, to: str, body: str, reference: str) -> Accepted:
        folder = settings.STANDPIPE["SMS_DIR"]
        folder.mkdir(parents=True, exist_ok=True)
        line = {"at": datetime.now(UTC).isoformat(), "to": to, "body": body, "id": reference}
        with (folder / "outbox.jsonl").open("a", encoding="utf-8") as out:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
        return Accepted(reference)
