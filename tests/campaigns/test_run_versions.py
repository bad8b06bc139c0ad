"""Texts that are changed while a run is paused: who is planned afterwards gets them, once."""

from collections import Counter

import pytest
from calendars import TEN, Calendar, changed
from planned import HOUR, crowd
from stores import NOW

from sendrail.campaigns.run_content import read_content
from sendrail.campaigns.run_control import RunService
from sendrail.campaigns.schedule_reading import BlastInput
from sendrail.domain.audit import Actor
from sendrail.domain.campaign_run import RunState
from sendrail.domain.creative import CreativeStatus, CreativeType
from sendrail.domain.errors import Conflict, InvalidInput
from sendrail.domain.frame import APPEND
from sendrail.domain.origin import OriginKind
from sendrail.domain.schedule import SendType

# A resumption is one update; how pages follow a version, the planner's tests ask of each database.
pytestmark = pytest.mark.parametrize("house", ["sqlite"], indirect=True)
ME = Actor(name="a test")


class Campaign:
    """A run over forty people, of whom half are planned when it is paused."""

    def __init__(self, desk, **terms):
        self.desk, self.us = desk, desk.house.us
        desk.join(crowd(40))
        self.calendar = Calendar(desk, **terms)
        self.calendar.make(TEN)
        self.service = RunService(desk.house.store, lambda: desk.now)
        self.planner = desk.planner(page_max=10)
        desk.plan(self.planner, steps=2)
        self.id = self.calendar.latest().id
        self.move("pause")

    def move(self, name):
        return self.desk.house.do(getattr(self.service, name)(self.us, self.id, ME)).run

    def go_on(self):
        run = self.move("resume")
        self.desk.plan(self.planner)
        assert sorted(self.desk.recipients(self.id)) == crowd(40)
        return run

    def texts(self):
        """Return what went out, in the order of the recipients, without its frame."""
        return [body.split(" ")[1] for _, _, body in self.desk.messages(self.id)]

    def parts(self):
        """Return how many messages each part of each version has."""
        return dict(
            self.desk.sql(
                "SELECT o.version || '/' || o.part, count(*) FROM messages AS m"
                " JOIN origins AS o ON o.id = m.origin_id WHERE o.kind = :kind"
                " GROUP BY o.version, o.part", kind=OriginKind.RUN.value,
            )
        )  # fmt: skip

    def content(self):
        _, text = self.desk.house.read(lambda tx: tx.runs.content(self.us, self.id))
        return read_content(self.us, text)

    def audited(self):
        page = self.desk.house.read(lambda tx: tx.audit.page(self.us, None, 0, 9))
        return [dict(each.details) for each in page if each.action == "run.resumed"]


def a_text(message, percent=None):
    return BlastInput(message=message, percent_audience=percent)


def test_who_is_planned_after_the_resumption_gets_the_new_text(desk):
    campaign = Campaign(desk)
    changed(desk, blasts=[a_text("Goodbye {{first_name|friend}}")])
    assert campaign.go_on().version == 2
    assert campaign.texts() == ["Hello"] * 20 + ["Goodbye"] * 20
    assert campaign.parts() == {"1/1": 20, "2/1": 20}
    assert campaign.audited() == [{"version": 2}]


def test_without_a_change_of_texts_there_is_no_other_version(desk):
    campaign = Campaign(desk)
    # Whom it reaches, and what its texts are called, stays as it was when it began.
    changed(desk, name="Renamed", holdout_percent=50, blasts=[
        BlastInput(message="Hello {{first_name|friend}}", variant_name="A")])  # fmt: skip
    assert campaign.go_on().version == 1
    assert campaign.parts() == {"1/1": 40}
    assert campaign.audited() == [{}]


def append(desk, words):
    sender = desk.house.list
    values = {"append_text": words}
    desk.house.write(lambda tx: tx.lists.change(sender.account_id, sender.id, **values))


def test_what_stands_around_texts_is_that_of_the_beginning_until_a_resumption(desk):
    campaign = Campaign(desk)
    append(desk, " Bye")
    assert campaign.go_on().version == 2
    bodies = [body for _, _, body in desk.messages(campaign.id)]
    assert [body.endswith(" Bye") for body in bodies] == [False] * 20 + [True] * 20
    assert campaign.content().frames[desk.house.list.id].frame.append == " Bye"


def test_a_frame_that_is_changed_while_a_run_goes_on_is_for_the_next_one(desk):
    desk.join(crowd(20))
    planner, run_id = desk.planner(page_max=10), desk.begin()
    desk.plan(planner, steps=1)
    append(desk, " Bye")
    desk.plan(planner)
    assert {body.split("Hello friend")[1] for _, _, body in desk.messages(run_id)} == {APPEND}
    desk.now += HOUR
    next_id = desk.begin()
    desk.plan(planner)
    assert {body.split("Hello friend")[1] for _, _, body in desk.messages(next_id)} == {" Bye"}


def test_new_shares_are_exact_among_those_who_are_left(desk):
    campaign = Campaign(desk)
    changed(desk, blasts=[a_text("Hello {{first_name|friend}}", 25), a_text("Other", 75)])
    campaign.go_on()
    assert Counter(campaign.texts()) == {"Hello": 25, "Other": 15}
    assert campaign.parts() == {"1/1": 20, "2/1": 5, "2/2": 15}


def test_a_text_that_cannot_be_sent_keeps_the_run_paused(desk):
    campaign = Campaign(desk)
    # As in a draft whose run was begun by hand: no preflight has read it.
    for text, code in (
        ("Hi {{link1", "unknown_macro"),
        ("Hi {{link1}}", "missing_offer_links_for_placeholders"),
    ):
        desk.sql_write(
            "UPDATE schedules SET terms = json_set(terms, '$.blasts[0].message', "
            f"'{text}')"
        )  # fmt: skip
        with pytest.raises(InvalidInput) as refused:
            campaign.move("resume")
        assert refused.value.code == code
        assert campaign.calendar.latest().state is RunState.PAUSED


def creative(desk, message):
    values = {
        "name": message, "message": message, "status": CreativeStatus.ACTIVE.value,
        "creative_type": CreativeType.AUTOMATED.value, "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    return desk.house.write(lambda tx: tx.creatives.add(desk.house.us, **values))


def test_creatives_keep_their_numbers_and_new_ones_get_others(desk):
    first, second = creative(desk, "First"), creative(desk, "Second")
    campaign = Campaign(desk, send_type=SendType.AUTOMATED, blasts=())
    numbers = {each.creative_id: each.number for each in campaign.content().variants}
    assert sorted(numbers.values()) == [1, 2]
    desk.sql_write(f"UPDATE creatives SET status = 'archived' WHERE id = {second}")
    third = creative(desk, "Third")
    assert campaign.go_on().version == 2
    content = campaign.content()
    assert {each.creative_id: each.number for each in content.variants} == {
        first: numbers[first], third: 3
    }  # fmt: skip
    # What the second one earned is still known as its own.
    assert [(each.creative_id, each.number) for each in content.earlier] == [
        (second, numbers[second])
    ]
    assert {part for part in campaign.parts() if part.startswith("2/")} <= {
        f"2/{numbers[first]}", "2/3"
    }  # fmt: skip
    # It comes back as what it was; without any, nothing can be sent.
    campaign.move("pause")
    desk.sql_write(f"UPDATE creatives SET status = 'active' WHERE id = {second}")
    campaign.move("resume")
    assert {each.creative_id: each.number for each in campaign.content().variants} == {
        **numbers, third: 3
    }  # fmt: skip
    campaign.move("pause")
    desk.sql_write("UPDATE creatives SET status = 'archived'")
    with pytest.raises(Conflict, match="no text"):
        campaign.move("resume")
