"""Signing in, and everything else the app asks the server over HTTP.

The answer to the sign-in is stored, so the app starts without signal; the password is not.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from mobile_app.outbox import WaitingPhoto
from mobile_app.store import Store
from mobile_app.text import Language, say
from mqtt import fields as read
from mqtt.fields import BadMessage


class SessionError(RuntimeError):
    """What went wrong, in the user's language. `code` is for programs.

    Codes: bad_server, unreachable, refused, sign_in_again, server_failed, bad_answer, bad_photo.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Session:
    """Who we are to the server and to the broker."""

    server: str
    token: str
    device: str
    crew_id: str
    crew_name: str
    mqtt_host: str
    mqtt_port: int
    mqtt_user: str
    mqtt_password: str
    district_url: str = ""
    district_version: str = ""


def load(store: Store) -> Session | None:
    """The stored session, None when nobody has signed in on this phone."""
    saved = store.get("session")
    if saved is None:
        return None
    try:
        return Session(**orjson.loads(saved))
    except (orjson.JSONDecodeError, TypeError):
        return None  # written by another version of the app: sign in again


def save(store: Store, session: Session | None) -> None:
    """Remember the session; None signs out."""
    store.put("session", orjson.dumps(asdict(session)).decode() if session else None)


class Server:
    """One server, spoken to in one language. `client` may be given in tests."""

    def __init__(
        self, address: str, language: Language = "en", client: httpx.Client | None = None
    ) -> None:
        self.language = language
        self.address = self._checked(address)
        self._client = client or httpx.Client(timeout=httpx.Timeout(15, connect=5))

    def _checked(self, address: str) -> str:
        address = address.strip().rstrip("/")
        if "://" not in address:
            address = f"http://{address}"
        try:
            parts = urlsplit(address)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good:
            raise self.error("bad_server")
        return address

    def error(self, code: str, **more: object) -> SessionError:
        """The error `code` in this language."""
        return SessionError(code, say(self.language, f"error.{code}", **more))

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def sign_in(self, user: str, password: str) -> Session:
        """Exchange user and password for a session; SessionError in the user's language."""
        answer = self._ask(
            "POST", "/api/crew/sign-in",
            json={"user": user, "password": password, "language": self.language},
        )
        if answer.status_code in (400, 401, 403, 404, 422, 429):
            raise self._refused(answer)
        try:
            data = read.load(answer.content)
            crew, broker = read.inner(data, "crew"), read.inner(data, "mqtt")
            return Session(
                server=self.address,
                token=read.text(data, "token"),
                device=read.text(data, "device", most=64),
                crew_id=str(read.required(crew, "id", "crew.")),
                crew_name=read.text(crew, "name", path="crew."),
                mqtt_host=read.text(broker, "host", path="mqtt."),
                mqtt_port=read.whole(broker, "port", 1, 65535, path="mqtt."),
                mqtt_user=read.text(broker, "user", path="mqtt."),
                mqtt_password=read.text(broker, "password", path="mqtt."),
                district_url=read.optional_text(data, "district_url") or "/api/crew/district",
                district_version=str(data.get("version") or ""),
            )
        except BadMessage as bad:
            raise self.error("bad_answer", detail=str(bad)) from None

    def fetch_district(self, session: Session, target: Path) -> bool:
        """Download the district extract to `target`, whole or not at all; True when it is new.

        What we have is kept when the server says it has not changed.
        """
        tag_file = target.with_name(target.name + ".etag")
        headers = self._token(session)
        if target.exists() and tag_file.exists():
            headers["If-None-Match"] = tag_file.read_text()
        answer = self._ask("GET", session.district_url, headers=headers)
        if answer.status_code == 304:
            return False
        self._check(answer)
        fresh = target.with_name(f".{target.name}.part")
        fresh.write_bytes(answer.content)
        try:
            with contextlib.closing(sqlite3.connect(fresh)) as db:
                db.execute("SELECT count(*) FROM pipes").fetchone()
        except sqlite3.Error as problem:
            fresh.unlink()
            raise self.error("bad_answer", detail=f"district: {problem}") from None
        fresh.replace(target)
        if tag := answer.headers.get("etag"):
            tag_file.write_text(tag)
        return True

    def send_photo(self, session: Session, photo: WaitingPhoto) -> None:
        """Upload one picture and compare the server's checksum with ours.

        SessionError `bad_photo` when the server will never take it; any other is worth a retry.
        """
        try:
            content = photo.path.read_bytes()
        except OSError:
            raise self.error("bad_photo", detail=photo.name) from None
        answer = self._ask(
            "POST", "/api/crew/photos", headers=self._token(session),
            data={"report": photo.report_id}, files={"file": (photo.name, content)},
        )
        if answer.status_code in (400, 404, 409, 413, 415, 422):
            raise SessionError("bad_photo", self._text_of(answer))
        self._check(answer)
        try:
            receipt = read.text(read.load(answer.content), "sha256")
        except BadMessage as bad:
            raise self.error("bad_answer", detail=str(bad)) from None
        if receipt.lower() != photo.sha256:
            raise self.error("bad_answer", detail="sha256")

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        url = path if "://" in path else self.address + path
        # The token must not follow an address that leads to another server.
        if urlsplit(url).netloc != urlsplit(self.address).netloc:
            raise self.error("bad_answer", detail="address")
        try:
            answer = self._client.request(method, url, **more)
        except httpx.InvalidURL:
            raise self.error("bad_server") from None
        except httpx.HTTPError:
            raise self.error("unreachable", server=self.address) from None
        if answer.status_code >= 500:
            raise self.error("server_failed", status=answer.status_code)
        return answer

    def _check(self, answer: httpx.Response) -> None:
        if answer.status_code in (401, 403):
            raise self.error("sign_in_again")
        if not answer.is_success:
            raise self.error("bad_answer", detail=f"HTTP {answer.status_code}")

    def _refused(self, answer: httpx.Response) -> SessionError:
        if answer.status_code == 404:
            return self.error("bad_answer", detail="HTTP 404")
        if answer.status_code == 401:
            return self.error("refused")
        text = self._text_of(answer)
        return SessionError("refused", text) if text else self.error("refused")

    def _text_of(self, answer: httpx.Response) -> str:
        """The server's own words; it knows our language."""
        try:
            rows = read.many_objects(read.load(answer.content), "errors")
            return " ".join(read.text(row, "text", most=1000) for _, row in rows)
        except BadMessage:
            return say(self.language, "error.bad_answer", detail=f"HTTP {answer.status_code}")

    def _token(self, session: Session) -> dict[str, str]:
        return {"Authorization": f"Token {session.token}", "Accept-Language": self.language}
