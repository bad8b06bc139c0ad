"""Journeys tried out, versions compared, contacts moved to a newer one, journeys archived."""

from urllib.parse import urlencode

import pytest
from dashboard_site import ME, Elements
from written import parsed

from sendrail.dashboard.journey_changes import changes_between
from sendrail.dashboard.journey_starts import journey_starts
from sendrail.domain.journeys.task import TaskKind
from sendrail.domain.user import Role
from sendrail.storage.journeys.enrolments import JourneyCount

LIST, ANN = "+15557800001", "+15557810001"
DAY = {"id": "day", "kind": "wait", "value": 1, "unit": "days"}
HELLO = {"id": "hello", "kind": "send", "body": "Hi {{first_name|there}}"}


class Trials:
    """A member, a list with a contact, and journeys."""

    def __init__(self, site):
        self.site, runtime = site, site.runtime
        made = runtime.lists.add(site.us, parsed(LIST), brand="Acme", connector="sandbox")
        self.sender = site.do(made).sender
        known = {"first_name": "Ann", "custom_fields": {"plan": "gold"}}
        site.do(runtime.contacts.add(site.us, parsed(LIST), parsed(ANN), **known))
        self.browser = site.signed_in("trials@example.com", Role.MEMBER)

    def add(self, name, *steps, status=None, **more):
        document = {"name": name, "trigger": {"on": ["api"]}, "steps": list(steps)} | more
        documents = self.site.runtime.journey_documents
        work = documents.add(self.site.us, parsed(LIST), document, ME, status=status)
        return self.site.do(work).journey

    def change(self, journey, *, status=None, **changes):
        documents = self.site.runtime.journey_documents
        work = documents.change(self.site.us, journey.id, changes, ME, status=status)
        return self.site.do(work)

    def text(self, path):
        return Elements(self.browser.page(path)).text


@pytest.fixture(scope="module")
def trials(site):
    return Trials(site)


def test_the_way_of_a_made_up_contact_is_told_with_its_times(trials):
    start = journey_starts()["reminder"]
    more = {k: v for k, v in start.document.items() if k not in {"steps", "name", "trigger"}}
    journey = trials.add("reminder", *start.document["steps"], **more)
    asked = {
        "first_name": "Ann", "timezone": "Asia/Kolkata", "starts_at": "2026-11-30T09:00",
        "e0.value": "5", "e0.unit": "hours", "e0.what": "reply", "e0.detail": "c!",
        "e1.value": "1", "e1.unit": "minutes", "e1.what": "field",
        "e1.detail": "appointment_time = noon",
    }  # fmt: skip
    text = trials.text(f"/journeys/{journey.id}/simulate?{urlencode(asked)}")
    # 18:00 in Kolkata is 12:30 UTC, which is the reader's zone.
    assert "Rests until Mon 30 Nov, 12:30" in text
    assert "Acme: we expect you tomorrow at noon. Reply C to confirm." in text
    assert "+ 3 h 30 min" in text
    assert "Wait: replied C Yes" in text
    assert "confirmed true" in text
    assert "It comes to the end." in text
    wrong = {"timezone": "Mars", "e0.value": "x", "e0.what": "click", "starts_at": "later"}
    text = trials.text(f"/journeys/{journey.id}/simulate?{urlencode(wrong)}")
    assert "Not run yet" in text
    for words in ("the name of a time zone", "at most 30 days", "a time such as"):
        assert f"must be {words}" in text.lower()


def test_a_known_contact_goes_its_own_way(trials):
    question = {"type": "custom_field", "field": "plan", "op": "eq", "value": "gold"}
    asked = {"id": "gold", "kind": "condition", "if": question, "yes": "hello", "no": None}
    half = [{"percent": 50, "next": None}, {"percent": 50, "next": None}]
    split = {"id": "half", "kind": "split", "branches": half, "sticky": True}
    journey = trials.add("known", asked, HELLO, split, status="active")
    path = f"/journeys/{journey.id}/simulate"
    text = trials.text(f"{path}?{urlencode({'q': ANN})}")
    assert "Hi Ann" in text
    # Its branch is that of its number, as on the journey itself.
    assert "Takes way" in text
    assert "Hi" not in trials.text(path).partition("Who, and what happens")[0].partition("Gold")[2]
    assert "No contact of the journey" in trials.text(f"{path}?q=15557810009")
    assert "Write it with its country code" in trials.text(f"{path}?q=nobody")
    assert "No steps to go through" in trials.text(
        f"/journeys/{trials.site.do(plain(trials)).id}/simulate"
    )
    faulty = trials.add("faulty", {"id": "a", "kind": "send"})
    assert "It cannot be run as it is" in trials.text(f"/journeys/{faulty.id}/simulate")


def plain(trials):
    return trials.site.runtime.journeys.add(trials.site.us, parsed(LIST), "plain")


def test_two_versions_are_compared_by_their_steps(trials):
    journey = trials.add("compared", HELLO, DAY, status="active")
    path = f"/journeys/{journey.id}/versions"
    assert "There is only one" in trials.text(path)
    trials.change(journey, steps=[{**HELLO, "body": "Hello"}, {"id": "end", "kind": "exit"}],
                  max_days=3, status="active")  # fmt: skip
    trials.change(journey, max_days=4)
    text = trials.text(f"{path}?before=1&after=2")
    for words in ("3", "max_days", "Changed hello send body Hi {{first_name|there}} Hello",
                  "Added end exit", "Removed day wait"):  # fmt: skip
        assert words in text, words
    # At first the draft and what is active.
    assert "max_days 3 4" in trials.text(path)
    assert trials.browser.get(f"{path}?after=9").status_code == 404
    assert trials.browser.get(f"{path}?before=x").status_code == 404


def test_the_order_of_steps_is_a_change_of_its_own():
    found = changes_between({"steps": [HELLO, DAY]}, {"steps": [DAY, HELLO]})
    assert (found.rules, found.steps, found.is_reordered) == ([], [], True)
    found = changes_between({"steps": [HELLO]}, {"steps": [{**HELLO, "next": None}]})
    assert found.steps[0].parts == [("next", "", "the end")]


def test_contacts_of_older_versions_are_moved_by_a_form(trials):
    site = trials.site
    journey = trials.add("moved", DAY, HELLO, {"id": "old", "kind": "wait", "value": 1,
                         "unit": "hours"}, status="active")  # fmt: skip
    path = f"/journeys/{journey.id}"
    assert "No contacts are on an older version" in trials.text(f"{path}/migrate")
    counts = {("", "entered"): 7, ("day", "entered"): 7, ("day", "left"): 3,
              ("old", "entered"): 3}  # fmt: skip
    site.write(lambda tx: tx.enrolments.count({
        JourneyCount(trials.sender.id, journey.id, 1, step, what): number
        for (step, what), number in counts.items()
    }))  # fmt: skip
    new = {"id": "new", "kind": "wait", "value": 2, "unit": "hours"}
    trials.change(journey, steps=[DAY, HELLO, new], status="active")
    text = trials.text(f"{path}/migrate")
    assert "Version 1, 7 contacts" in text
    # By default who is at a step of the same name and kind goes on there.
    shown = Elements(trials.browser.page(f"{path}/migrate")).found
    chosen = [about["value"] for tag, about in shown if tag == "option" and "selected" in about]
    assert chosen == ["to:day", "to:hello", "stay"]
    answer = trials.browser.post(f"{path}/migrate", **{"to.day": "to:day"})
    assert (answer.status_code, "Choose a version" in answer.text) == (400, True)
    answer = trials.browser.post(f"{path}/migrate", **{
        "from.1": "on", "to.day": "to:new", "to.old": "end"})  # fmt: skip
    assert answer.status_code == 303
    [task] = site.do(site.runtime.journey_progress.tasks(site.us, journey.id)).tasks
    assert (task.kind, task.version) == (TaskKind.MIGRATE, 2)
    assert task.migration.written == {
        "from": [1], "map": {"day": "new", "old": None}, "rest": "stay",
    }  # fmt: skip
    assert "Move to a newer version" in trials.text(path)
    answer = trials.browser.post(f"{path}/migrate", **{"from.1": "on", "to.day": "to:gone"})
    assert (answer.status_code, "No contacts were moved" in answer.text) == (400, True)


def test_a_journey_is_archived_after_a_question(trials):
    journey = trials.add("done for", HELLO, status="active")
    path = f"/journeys/{journey.id}"
    assert "Archive done for?" in trials.text(f"{path}/archive")
    assert trials.browser.post(f"{path}/archive").status_code == 303
    assert "Archived" in trials.text(path)
    draft = trials.add("never was", HELLO)
    assert "Its draft is gone with it" in trials.text(f"/journeys/{draft.id}/archive")
    trials.browser.post(f"/journeys/{draft.id}/archive")
    assert trials.browser.get(f"/journeys/{draft.id}").status_code == 404


def test_the_way_of_a_contact_so_far_is_told(trials):
    site = trials.site
    journey = trials.add("so far", HELLO, DAY, status="active", holds_other_sends=False)
    site.do(site.runtime.journeys.enrol_by_id(site.us, journey.id, parsed(ANN)))
    happened = site.runtime.journey_progress.happened
    site.do(happened(site.us, parsed(LIST), parsed(ANN), "cart_left"))
    message_id = site.send(ANN, LIST, "Hi Ann, from a step")
    number = site.runtime.ids.read(message_id)

    def name(tx):
        tx.core.exec_driver_sql(
            "INSERT INTO origins (account_id, kind, of_id, version, part, offers) "
            "VALUES (?, 'journey', ?, 1, 'hello', '')",
            (site.us, journey.id),
        )
        tx.core.exec_driver_sql(
            "UPDATE messages SET origin_id = (SELECT max(id) FROM origins) WHERE number = ?",
            (number,),
        )

    site.write(name)
    text = trials.text(f"/journeys/{journey.id}/people?q=%2B15557810001")
    for words in ("Entered version 1", "An event cart_left", "Sent hello", "Hi Ann, from a step"):
        assert words in text, words
