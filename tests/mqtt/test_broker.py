from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from mqtt import topics
from mqtt.broker import BrokerConfig, BrokerError, hash_password
from mqtt.connection import Account, Connection, Incoming
from mqtt.publisher import Publisher, PublishError
from tests.mqtt import samples
from tests.mqtt.running import Broker, until


class Listener:
    """A device that subscribes to what it likes and notes what it gets."""

    def __init__(self, broker: Broker, user: str, *filters: str, client_id: str = "") -> None:
        self.got: list[Incoming] = []
        self.connection = Connection(
            Account("127.0.0.1", broker.port, user, user[::-1], client_id or f"l-{user}"),
            subscriptions=filters, on_message=self.got.append, session_s=0,
        )

    def __enter__(self) -> Listener:
        self.connection.start()
        assert self.connection.connected.wait(10), self.connection.problem
        return self

    def __exit__(self, *exc: object) -> None:
        self.connection.stop()


def test_the_hash_is_the_one_mosquitto_makes(tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(file), "crew1", "秘密 pass"], check=True)
    import base64

    user, hashed = file.read_text().strip().split(":", 1)
    _, kind, rounds, salt, _ = hashed.split("$")
    assert (user, kind) == ("crew1", "7")
    again = hash_password("秘密 pass", salt=base64.b64decode(salt), iterations=int(rounds))
    assert again == hashed


@pytest.mark.parametrize("password", ["", "two\nlines", "nul\0"])
def test_a_password_the_file_cannot_hold_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="password"):
        hash_password(password)


@pytest.mark.parametrize("user", ["", "#", "a:b", "+", "new\nline", "server"])
def test_an_account_that_could_break_the_rules_is_refused(tmp_path: Path, user: str) -> None:
    with pytest.raises(ValueError, match=r"device|user"):
        BrokerConfig(tmp_path, 1883).add_account(user, "x")


def test_files_with_secrets_are_for_the_owner_only(broker: Broker) -> None:
    for path in (broker.config.password_file, broker.config.acl_file, broker.config.conf):
        assert path.stat().st_mode & 0o077 == 0


def test_writing_again_keeps_the_accounts_added_meanwhile(broker: Broker) -> None:
    broker.config.add_account("van-7", "7-nav")
    broker.config.write()
    assert broker.config.account_names() == ["crew1", "crew2", "server", "van-7"]


def test_nobody_comes_in_without_a_password(broker: Broker) -> None:
    done = subprocess.run(
        ["mosquitto_pub", "-p", str(broker.port), "-t", "sp/v1/dev/crew1/pos", "-m", "x"],
        capture_output=True, check=False,
    )
    assert done.returncode != 0


@pytest.mark.parametrize(
    "topic",
    [
        "sp/v1/dev/crew2/pos", "sp/v1/dev/crew2/report", "sp/v1/dev/crew2/state",
        "sp/v1/dev/crew1/orders", "sp/v1/dev/crew1/ack", "sp/v1/dev/crew1/other",
        "sp/v1/dev/crew1", "anything", "$SYS/broker/uptime", "sp/v1/dev/crew2/avl",
        "owntracks/crew2/phone", "owntracks/crew1", "owntracks/crew1/a/b",
    ],
)
def test_a_device_may_not_write_there(broker: Broker, topic: str) -> None:
    complaint = broker.publish("crew1", topic, b"x")
    assert "Not authorized" in complaint


@pytest.mark.parametrize("topic", ["pos", "report", "state", "avl"])
def test_a_device_may_write_its_own(broker: Broker, topic: str) -> None:
    assert broker.publish("crew1", f"sp/v1/dev/crew1/{topic}", b"x") == ""


def test_a_device_that_listens_to_everything_hears_only_its_own(broker: Broker) -> None:
    wild = ("#", "$SYS/#", "sp/v1/dev/+/orders", "sp/v1/dev/crew2/#", "$share/x/sp/v1/dev/+/ack")
    with Listener(broker, "crew1", *wild) as spy, Publisher(**broker.server()) as publisher:  # type: ignore[arg-type]
        broker.publish("crew2", "sp/v1/dev/crew2/pos", b"secret")
        publisher.orders("crew2", samples.orders(1))
        publisher.orders("crew1", samples.orders(1))
        until(lambda: spy.got, what="its own orders")
        assert {m.topic for m in spy.got} == {"sp/v1/dev/crew1/orders"}


@pytest.mark.parametrize("client_id", ["crew2", "#", "+", "sp/v1/dev/+", "%u", "server"])
def test_no_client_id_gives_a_right(broker: Broker, client_id: str) -> None:
    with Listener(broker, "crew1", "sp/v1/dev/crew2/#", client_id=client_id) as spy:
        with Publisher(**broker.server()) as publisher:  # type: ignore[arg-type]
            publisher.orders("crew2", samples.orders(1))
            publisher.orders("crew1", samples.orders(1))
        assert spy.got == []


def test_a_new_account_works_after_a_reload_and_a_revoked_one_is_thrown_out(
    broker: Broker,
) -> None:
    broker.config.add_account("van-7", "7-nav")
    broker.config.reload()
    until(lambda: broker.publish("van-7", topics.position("van-7"), b"x") == "", what="sign-in")
    with Listener(broker, "crew2", topics.orders("crew2")) as device:
        assert broker.config.remove_account("crew2")
        broker.config.reload()
        until(lambda: not device.connection.connected.is_set(), what="being thrown out")
        until(lambda: "uthor" in device.connection.problem, what="being refused")


def test_reload_without_a_broker_says_so(tmp_path: Path, broker: Broker) -> None:
    config = BrokerConfig(tmp_path / "none", 1)
    with pytest.raises(BrokerError, match="no broker runs"):
        config.reload()
    with pytest.raises(BrokerError, match="is not the broker"):
        config.reload(pid=1)
    broker.kill()
    with pytest.raises(BrokerError):
        broker.config.reload()


def test_two_thousand_orders_for_a_phone_that_is_away_survive_a_kill(broker: Broker) -> None:
    # A session exists, then the phone leaves without a word.
    account = Account("127.0.0.1", broker.port, "crew1", "1werc", "phone")
    first = Connection(account, subscriptions=(topics.ack("crew1"),), session_s=3600)
    first.start()
    assert first.connected.wait(10)
    until(lambda: broker.publish("crew1", topics.state("crew1"), b"online") == "")
    first.stop()
    from mqtt.messages import Ack, ReportAck

    with Publisher(**broker.server()) as publisher:  # type: ignore[arg-type]
        for version in range(2000):
            one = ReportAck(samples.report().id, True, samples.NOON, orders_version=version)
            publisher.acks("crew1", Ack((one,)))
    sent, saved = time.time(), broker.config.state / "mosquitto.db"
    until(lambda: saved.exists() and saved.stat().st_mtime > sent, what="the broker's next save")
    broker.kill()
    broker.start()
    got: list[Incoming] = []
    second = Connection(account, session_s=3600, on_message=lambda m: (got.append(m),
                                                                       second.ack(m))[0])
    second.start()
    until(lambda: len({m.payload for m in got}) == 2000, 30, what="all messages")
    second.stop()


def test_a_publisher_repeats_the_last_lists_to_a_broker_that_lost_them(broker: Broker) -> None:
    with Publisher(**broker.server()) as publisher:  # type: ignore[arg-type]
        publisher.orders("crew1", samples.orders(7))
        broker.kill()
        for file in broker.config.state.glob("mosquitto.db*"):
            file.unlink()
        broker.start()
        with Listener(broker, "crew1", topics.orders("crew1")) as device:
            until(lambda: any(b'"version":7' in m.payload for m in device.got), what="the list")


def test_a_publisher_without_a_broker_says_so_and_keeps_nothing_back(broker: Broker) -> None:
    broker.kill()
    with (
        Publisher(**broker.server()) as publisher,  # type: ignore[arg-type]
        pytest.raises(PublishError, match="not there"),
    ):
        publisher.orders("crew1", samples.orders(1), timeout=0.3)


def test_an_old_order_list_does_not_replace_a_newer_one(broker: Broker) -> None:
    with Publisher(**broker.server()) as publisher:  # type: ignore[arg-type]
        assert publisher.orders("crew1", samples.orders(5))
        assert not publisher.orders("crew1", samples.orders(4))
    with Listener(broker, "crew1", topics.orders("crew1")) as device:
        until(lambda: device.got, what="the retained list")
        assert b'"version":5' in device.got[0].payload
