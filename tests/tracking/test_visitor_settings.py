"""The settings of visitors reach what is kept of them, in an installation as it is opened."""

import asyncio

import pytest
from following import PHONE, LinkMaker, clicks_of

from sendrail.app import open_runtime
from sendrail.domain.click_classes import ClickClass, ClickReason
from sendrail.settings import load
from sendrail.tracking.link_requests import LinkRequest

VISITOR = "203.0.113.77"
MACHINES = {"click_machine_networks": "198.51.100.0/24\n203.0.113.0/24"}


class Asked(LinkRequest):
    def __init__(self, text, answer):
        super().__init__(text, None, VISITOR, PHONE.encode())
        self.answer = answer

    def resolve(self, answer):
        self.answer.set_result(answer)


async def follow(settings):
    """Return the click of one visitor."""
    async with open_runtime(settings) as runtime:
        loop, account = asyncio.get_running_loop(), runtime.default_account
        write = lambda work: asyncio.run_coroutine_threadsafe(  # noqa: E731
            runtime.store.write(work), loop
        ).result(60)
        [sandbox] = await runtime.lists.all(account)
        make = LinkMaker(runtime, write)
        link = await asyncio.to_thread(make.link, sandbox, "https://shop.example/")
        request = Asked(link, loop.create_future())
        runtime.tracking.redirects.offer(request)
        assert (await request.answer).status == 302
        [found] = await runtime.store.read(lambda tx: clicks_of(tx, account))
        return found


@pytest.fixture
def click(tmp_path):
    return lambda **given: asyncio.run(follow(load({}, data_dir=tmp_path, **given)))


@pytest.mark.parametrize(
    ("scope", "network"),
    [("truncated", bytes([203, 0, 113])), ("none", None), ("whole", bytes([203, 0, 113, 77]))],
)
def test_as_much_of_an_address_is_kept_as_the_setting_says(click, scope, network):
    found = click(click_addresses=scope)
    assert found["network"] == network
    assert len(found["digest"]) == 8


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({}, (ClickClass.HUMAN, ClickReason.NONE)),
        (MACHINES, (ClickClass.BOT, ClickReason.NETWORK)),
        (MACHINES | {"click_people_networks": VISITOR}, (ClickClass.HUMAN, ClickReason.NONE)),
    ],
)
def test_the_operators_networks_decide_and_people_win(click, given, verdict):
    found = click(**given)
    assert (found["click_class"], found["reason"]) == verdict
