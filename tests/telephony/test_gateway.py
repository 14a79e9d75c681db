"""A utility's own hotline behind a gateway: another number, Chinese, and a gateway that may die.

    public network ── gateway (asked every second) ── Asterisk 12319 ── desk 1101
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from telephony.network import PublicNetwork
from tests.telephony.conftest import Desk, eventually, listening, private_config, running

pytestmark = pytest.mark.live
HOTLINE = "12319"


@pytest.fixture(scope="module")
def house() -> Iterator[Desk]:
    changed = {"service_number": HOTLINE, "language": "zh", "trunk_asked_s": 1}
    with running(private_config(**changed)) as (desk,):
        yield desk


async def _gateway_is(house: Desk, wanted: str) -> None:
    """Asterisk's own word on the outside lines, as the wall reads it."""
    async with listening(house) as (ami, _heard):

        async def seen() -> bool:
            states = {
                m.get("Device"): m.get("State") for m in await ami.actions_list("DeviceStateList")
            }
            return states.get("PJSIP/trunk") == wanted

        await eventually(seen, f"outside lines {wanted}")


async def test_a_gateway_that_dies_is_known_to_be_down_and_known_when_it_is_back(
    house: Desk,
) -> None:
    host, _, port = house.config.trunk_contact.partition(":")
    await _gateway_is(house, "UNAVAILABLE")
    async with PublicNetwork(host=host, port=int(port)):
        await _gateway_is(house, "NOT_INUSE")
    await _gateway_is(house, "UNAVAILABLE")


async def test_callers_of_the_utilitys_own_number_are_let_in_and_of_another_are_not(
    house: Desk,
) -> None:
    reached = await house.caller().call("0291230001", seconds=2, to=HOTLINE)
    assert reached.answered and reached.final_code == 200
    astray = await house.caller().call("0291230001", seconds=2, to="965113", patience_s=5)
    assert not astray.answered and astray.final_code in {404, 503}


def test_without_a_watching_server_the_house_speaks_its_own_language(house: Desk) -> None:
    plan = (house.config.state / "asterisk" / "etc" / "extensions.conf").read_text()
    assert f"{house.config.prompts}/zh/" in plan and f"{house.config.prompts}/en/" not in plan
