"""One MQTT 5 connection that comes back by itself: what ingest, publisher and the phone share.

The broker keeps the session while we are away (`clean_start` false), incoming messages are
acknowledged by hand after they are safe, and every connection has an epoch, because a message
number of an earlier connection means another message in the next.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

log = logging.getLogger(__name__)

UNHEARD = 0x10  # MQTT 5, 3.4.2.1: accepted, but there are no subscribers


@dataclass(frozen=True, slots=True)
class Account:
    """Where the broker is and how we sign in. The client id names the session kept for us."""

    host: str
    port: int
    user: str
    password: str
    client_id: str


class Incoming(NamedTuple):
    """A message as it came, with what is needed to acknowledge it later."""

    topic: str
    payload: bytes
    retained: bool
    mid: int
    qos: int
    epoch: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes for us when we vanish; `here` is published when we connect."""

    topic: str
    gone: bytes
    here: bytes


class Connection:
    """Keeps one client connected until `stop`; callbacks run in paho's thread and must be short.

    `subscriptions` are topic filters, all QoS 1; `retained` says whether what stands retained
    there is wanted on each connection. `receive_maximum` bounds how many unacknowledged
    messages the broker may have given us. `on_published` gets a message's number and why it did
    not arrive (None: it did); with `must_be_heard` a message nobody subscribes to, which the
    broker takes and drops, counts as not arrived.
    """

    def __init__(
        self,
        account: Account,
        *,
        subscriptions: tuple[str, ...] = (),
        retained: bool = True,
        on_message: Callable[[Incoming], None] | None = None,
        on_change: Callable[[bool, str], None] | None = None,
        on_published: Callable[[int, str | None], None] | None = None,
        must_be_heard: bool = False,
        will: Will | None = None,
        session_s: int = 7 * 86400,
        receive_maximum: int = 1000,
        keepalive_s: int = 30,
    ) -> None:
        self.account = account
        self.connected = threading.Event()
        self.problem = ""
        self.epoch = 0
        options = SubscribeOptions(
            qos=1,
            retainHandling=SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE if retained
            else SubscribeOptions.RETAIN_DO_NOT_SEND,
        )
        self._subscriptions = [(pattern, options) for pattern in subscriptions]
        self._on_message = on_message
        self._on_change = on_change
        self._on_published = on_published
        self._must_be_heard = must_be_heard
        self._will = will
        self._keepalive_s = keepalive_s
        self._properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        self._properties.SessionExpiryInterval = session_s
        self._properties.ReceiveMaximum = receive_maximum
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=account.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        self._client.username_pw_set(account.user, account.password)
        self._client.max_inflight_messages_set(1000)
        self._client.reconnect_delay_set(1, 15)
        if will is not None:
            self._client.will_set(will.topic, will.gone, qos=1, retain=True)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._message
        self._client.on_publish = self._published

    def start(self) -> None:
        """Begin connecting in the background; a broker that is away is tried again and again."""
        self._client.connect_async(
            self.account.host, self.account.port, keepalive=self._keepalive_s,
            clean_start=False, properties=self._properties,
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Leave in order: say so on the will's topic, disconnect, end the thread."""
        if self._will is not None and self.connected.is_set():
            sent = self._client.publish(self._will.topic, self._will.gone, qos=1, retain=True)
            try:
                sent.wait_for_publish(2)
            except RuntimeError as problem:
                log.info("could not say goodbye: %s", problem)
        self._client.disconnect()
        self._client.loop_stop()
        self.connected.clear()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Hand a QoS 1 message to the client; the message number `on_published` will name.

        RuntimeError when it cannot be queued.
        """
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc not in (paho.MQTT_ERR_SUCCESS, paho.MQTT_ERR_NO_CONN):
            raise RuntimeError(paho.error_string(info.rc))
        return info.mid

    def ack(self, message: Incoming) -> None:
        """Tell the broker the message is safe; silent when it came over an earlier connection.

        Then the broker sends it again, which is what at-least-once means.
        """
        if message.qos > 0 and message.epoch == self.epoch:
            self._client.ack(message.mid, message.qos)

    def _connected(
        self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        if reason.is_failure:
            self._changed(False, str(reason))
            return
        self.epoch += 1
        if self._subscriptions:
            client.subscribe(self._subscriptions)
        if self._will is not None:
            client.publish(self._will.topic, self._will.here, qos=1, retain=True)
        self._changed(True, "")

    def _disconnected(
        self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        # A refused sign-in is followed by a plain disconnect: keep the reason that says more.
        keep = bool(self.problem) and not self.connected.is_set()
        self._changed(False, self.problem if keep else str(reason))

    def _changed(self, up: bool, problem: str) -> None:
        self.problem = problem
        if up:
            self.connected.set()
        else:
            self.connected.clear()
        if self._on_change is not None:
            self._on_change(up, problem)

    def _message(self, client: Any, userdata: Any, message: paho.MQTTMessage) -> None:
        if self._on_message is not None:
            self._on_message(Incoming(
                topic=message.topic, payload=bytes(message.payload), retained=message.retain,
                mid=message.mid, qos=message.qos, epoch=self.epoch,
                received_at=datetime.now(UTC),
            ))

    def _published(
        self, client: Any, userdata: Any, mid: int, reason: Any, properties: Any
    ) -> None:
        if self._on_published is not None:
            lost = reason.is_failure or (self._must_be_heard and reason.value == UNHEARD)
            self._on_published(mid, str(reason) if lost else None)
