"""Clicks as an operator sees them: the account's own, newest first."""

from clicking import BOT, HUMAN, click, keep, standalone
from stores import NOW

from sendrail.domain.click_classes import ClickReason
from sendrail.storage.tracking.click_log import ClickFilter


def page(house, account=None, offset=0, limit=10, **about):
    found = house.read(
        lambda tx: tx.click_log.page(account or house.us, ClickFilter(**about), offset, limit)
    )
    return [each.at - NOW for each in found]


def test_an_accounts_clicks_are_listed_newest_first(house):
    house.queue(1, 2, links="17")
    agent = house.write(lambda tx: tx.agents.ids([b"a phone"], 1))[b"a phone"]
    keep(house, click(house, 1, 3, NOW, agent_id=agent, network=b"\xcb\0\x71"))
    keep(house, click(house, 2, 0, NOW + 1, BOT, ClickReason.HEAD), standalone(house, 7, NOW + 2))
    keep(house, click(house, 1, at=NOW + 3, account=house.them))
    assert page(house) == [2, 1, 0]
    assert page(house, offset=1, limit=1) == [1]
    assert page(house, click_class=BOT) == [1]
    assert page(house, number=house.no(1)) == [0]
    assert page(house, account=house.them) == [3]
    # A standalone link's id may be a message's number.
    assert page(house, number=7) == []
    oldest = house.read(lambda tx: tx.click_log.page(house.us, ClickFilter(), 2, 1))[0]
    assert (oldest.agent, oldest.network) == (b"a phone", b"\xcb\0\x71")
    assert (oldest.number, oldest.position, oldest.click_class) == (house.no(1), 3, HUMAN)
    assert house.read(lambda tx: tx.click_log.find(house.us, oldest.id)) == oldest
    assert house.read(lambda tx: tx.click_log.find(house.them, oldest.id)) is None
    assert house.read(lambda tx: tx.click_log.find(house.us, oldest.id + 4096 * 9)) is None
