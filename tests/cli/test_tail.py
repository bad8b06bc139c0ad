"""Following messages: each is told when it comes and whenever it changes, in bounded memory."""

import asyncio
from dataclasses import dataclass, field

from sendrail.cli.messages import MessageFollower
from sendrail.domain.message import Status
from sendrail.intake.lookup import FoundMessage
from sendrail.storage.pipeline.stored_messages import StoredMessage
from sendrail.storage.tracking.message_clicks import ClickTally

ANN = "+15550100001"


@dataclass
class Book:
    """Messages whose statuses we set, looked up as the real service does."""

    statuses: dict[int, Status] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def message(self, number):
        stored = StoredMessage(
            number=number,
            recipient=15550100001,
            list_number=15550100000,
            body="hi",
            metadata=None,
            status=self.statuses[number],
            detail=None,
            encoding="gsm7",
            account_id=1,
            list_id=1,
            list_connector_id=1,
            links=None,
            segments=1,
            attempt=0,
            provider=None,
            connector=None,
            carrier_ref=None,
            created_at=0,
            sent_at=None,
            ended_at=None,
        )
        return FoundMessage(id=str(number), body="hi", stored=stored, links=[], clicks=ClickTally())

    async def after(self, _account, number, limit):
        self.asked.append(number)
        return [self.message(each) for each in sorted(self.statuses) if each > number][:limit]


def step(follower):
    return [(each.stored.number, each.stored.status.value) for each in asyncio.run(follower.step())]


def test_each_change_is_told_once():
    book = Book({1: Status.DELIVERED, 2: Status.QUEUED})
    follower = MessageFollower(book, 1, [book.message(1), book.message(2)])
    assert step(follower) == []
    book.statuses |= {2: Status.SENT, 3: Status.QUEUED}
    assert step(follower) == [(2, "sent"), (3, "queued")]
    assert step(follower) == []
    book.statuses |= {2: Status.DELIVERED, 3: Status.DROPPED}
    assert step(follower) == [(2, "delivered"), (3, "dropped")]
    assert step(follower) == []
    # What is at rest is not read again.
    assert book.asked[-1] == 3


def test_an_empty_installation_is_followed_from_its_first_message():
    book = Book()
    follower = MessageFollower(book, 1, [])
    assert step(follower) == []
    book.statuses[1] = Status.QUEUED
    assert step(follower) == [(1, "queued")]


def test_messages_that_never_end_do_not_stop_the_news():
    book = Book({1: Status.QUEUED})
    follower = MessageFollower(book, 1, [book.message(1)])
    told = []
    for number in range(2, 5_002):
        book.statuses[number] = Status.SENT
    for _ in range(12):
        told += step(follower)
    assert told == [(number, "sent") for number in range(2, 5_002)]
    assert len(follower._seen) <= MessageFollower.WINDOW


def test_the_last_few_are_told_oldest_first(shell):
    ids = [shell.json("send", ANN, f"number {n}")["message_id"] for n in range(3)]
    told = shell.run("messages", "tail", "--no-follow", "-n", "2").stdout.splitlines()
    assert [line.split("\t")[0] for line in told] == ids[1:]
    assert shell.run("messages", "tail", "--no-follow", "-n", "0").stdout == ""
