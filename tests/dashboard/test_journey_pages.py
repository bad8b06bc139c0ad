"""The pages of journeys: what is drawn, who is where and why, and what a member may do."""

import itertools

import pytest
from campaigning import an_offer
from dashboard_site import ME, Elements
from hypothesis import given, settings
from hypothesis import strategies as st
from written import parsed

from sendrail.dashboard.journey_graph import CARD_HEIGHT, CARD_WIDTH, LETTER, plan
from sendrail.dashboard.journey_view import StepView, drawing
from sendrail.dashboard.journey_words import (
    END,
    StepBranch,
    StepText,
    branches_of,
    done_text,
    step_text,
)
from sendrail.domain.journeys.facts import Wake
from sendrail.domain.journeys.reading import read_document
from sendrail.domain.user import Role
from sendrail.storage.journeys.enrolments import JourneyCount

LIST = "+15557600001"
WELCOME = {
    "name": "Welcome series",
    "trigger": {"on": ["signup"]},
    "steps": [
        {"id": "hello", "kind": "send", "body": "Hello, a text that viewers do not see"},
        {"id": "day", "kind": "wait", "value": 1, "unit": "days"},
        {"id": "morning", "kind": "wait_until", "time": "09:30",
         "days": ["mon", "tue", "wed", "thu", "fri"]},
        {"id": "clicked", "kind": "condition", "if": {"type": "event", "event": "click"},
         "yes": "thanks", "no": "nudge"},
        {"id": "nudge", "kind": "send", "body": "Reply YES for a call."},
        {"id": "answer", "kind": "wait_event", "timeout": {"value": 2, "unit": "days"},
         "if": {"type": "event", "event": "reply", "keyword": "YES"},
         "yes": "thanks", "no": "bye"},
        {"id": "thanks", "kind": "set_field", "field": "engaged", "value": True},
        {"id": "bye", "kind": "exit", "reason": "end of the series"},
    ],
}  # fmt: skip
COUNTS = {
    ("", "entered"): 1843, ("", "ended:exited"): 1680, ("", "ended:unsubscribed"): 19,
    ("hello", "entered"): 1843, ("hello", "sent"): 1812, ("hello", "skipped:too_long"): 31,
    ("hello", "left"): 1843, ("day", "entered"): 1843, ("day", "left"): 1802,
    ("clicked", "yes"): 613, ("clicked", "no"): 1140,
}  # fmt: skip


class Welcome:
    """The journey above with people on it, one of them at a step."""

    def __init__(self, site):
        self.site, runtime = site, site.runtime
        self.sender = site.do(
            runtime.lists.add(site.us, parsed(LIST), name="News", connector="sandbox")
        ).sender
        documents = runtime.journey_documents
        added = site.do(
            documents.add(site.us, parsed(LIST), WELCOME, ME, status="active")
        )  # fmt: skip
        self.journey = added.journey
        self.path = f"/journeys/{self.journey.id}"
        site.do(runtime.contacts.add(site.us, parsed(LIST), parsed("+15557610001")))
        site.do(runtime.contacts.add(site.us, parsed(LIST), parsed("+15557610002")))
        site.do(runtime.journeys.enrol_by_id(site.us, self.journey.id, parsed("+15557610001")))
        site.write(self._count)

    def _count(self, tx):
        counts = {
            JourneyCount(self.sender.id, self.journey.id, 1, step, what): number
            for (step, what), number in COUNTS.items()
        }
        tx.enrolments.count(counts)

    def stand(self, **columns):
        """Put the contact that is on the journey somewhere on it."""
        names = ", ".join(f"{name} = ?" for name in columns)
        self.site.write(
            lambda tx: tx.core.exec_driver_sql(
                f"UPDATE enrolments SET {names} WHERE journey_id = ? AND recipient = ?",
                (*columns.values(), self.journey.id, 15557610001),
            )
        )

    def where(self, browser):
        return Elements(browser.page(f"{self.path}/people?q=%2B15557610001")).text


@pytest.fixture
def site(fresh_site):
    return fresh_site


@pytest.fixture
def welcome(site):
    return Welcome(site)


@pytest.fixture
def ana(site):
    return site.signed_in("ana@example.com", Role.MEMBER)


def test_before_the_first_journey_the_page_says_what_to_do(site):
    them = site.signed_in("them@example.com", Role.OWNER, site.them)
    text = Elements(them.page("/journeys")).text
    assert "No journeys yet" in text
    assert "POST /api/v2/journeys" in text
    assert "No journey matches" in them.page("/journeys?status=paused")


def test_a_journey_is_drawn_from_its_document(welcome, ana):
    html = ana.page(welcome.path)
    text = Elements(html).text
    drawn = html.partition('<svg class="graph"')[2].partition("</svg>\n    </div>")[0]
    for words in (
        "Joins the list", "Send hello", "1,812 sent, 31 skipped", "Wait 1 day",
        "Wait until 09:30", "Mon to Fri", "Clicked a link?", "yes 613", "no 1,140",
        "Set engaged to true", "end of the series",
    ):  # fmt: skip
        assert words in drawn, words
    # The one who was put on it came to the first step, and is counted with those above.
    assert "42 here" not in drawn
    assert "41 here" in drawn
    # The table says the same in words, with where each step leads.
    assert "yes: Set engaged to true, 613" in text
    assert "no: Send nudge, 1,140" in text
    assert "1 is on version 1" not in text
    assert "19 opted out" in text
    assert "1 entered now" in text
    assert drawn.count('class="node"') == 9


def test_a_viewer_sees_the_graph_and_no_text_of_a_message(site, welcome, ana):
    viewer = site.signed_in("viewer@example.com", Role.VIEWER)
    text = "Hello, a text that viewers do not see"
    assert text in ana.page(welcome.path)
    html = viewer.page(welcome.path)
    assert "Send hello" in html
    assert text not in html
    assert "Pause journey" not in html
    assert "/people" not in html
    assert viewer.get(f"{welcome.path}/people").status_code == 404
    assert viewer.post(f"{welcome.path}/pause").status_code == 404


def test_a_member_pauses_and_resumes(welcome, ana):
    ana.page(welcome.path)
    assert "The journey is paused." in follow(ana, ana.post(f"{welcome.path}/pause"))
    assert "The journey is paused: no contact goes on" in welcome.where(ana)
    assert "Welcome series" in ana.page("/journeys?status=paused")
    assert "Welcome series" not in ana.page("/journeys?status=active")
    assert "The journey is active." in follow(ana, ana.post(f"{welcome.path}/resume"))
    # Nothing follows from asking twice; what does not follow is said on the page.
    assert ana.post(f"{welcome.path}/resume").status_code == 303


def test_work_on_many_contacts_is_stopped_on_its_page(site, welcome, ana):
    progress = site.runtime.journey_progress
    task = site.do(progress.exit_all(site.us, welcome.journey.id, is_confirmed=True, actor=ME))
    assert "Take off going on Stop take off" in Elements(ana.page(welcome.path)).text
    stop = f"{welcome.path}/tasks/{task.id}/cancel"
    assert "What was done to 0 contacts stays" in follow(ana, ana.post(stop))
    text = Elements(ana.page(welcome.path)).text
    assert "Take off stopped" in text
    assert "Stop take off" not in text
    assert "It was over already." in follow(ana, ana.post(stop))
    assert ana.post(f"{welcome.path}/tasks/99999/cancel").status_code == 404
    # Nobody was taken off by then.
    assert "At " in welcome.where(ana) or "No longer" not in welcome.where(ana)


def follow(browser, answer):
    assert answer.status_code == 303, answer.text[-400:]
    return browser.page(answer.headers["location"].removeprefix("/dashboard"))


def test_where_a_contact_is_and_why(site, welcome, ana):
    now = site.runtime.clock.now()
    hour = 3_600_000
    welcome.stand(step="answer", due_at=now + hour, arrived_at=now + 1, state='{"sends": 2}')
    text = welcome.where(ana)
    assert "At “Wait: replied YES”" in text
    assert "Came to “Wait: replied YES”" in text
    assert "answer" not in text
    assert "It waits until this holds: replied YES. Without that it goes on at" in text
    assert "2 so far" in text
    # The list of all on it says what the step does,
    assert (
        "+1 555 761 0001 Wait: replied YES 1 " in Elements(ana.page(f"{welcome.path}/people")).text
    )
    # and so does the contact's own page, not what it is called.
    theirs = Elements(ana.page("/contacts/15557610001")).text
    assert "At “Wait: " in theirs
    assert "answer” since" not in theirs
    welcome.stand(step="nudge", state='{"held": "quiet_hours", "tries": 3}')
    assert "held back (quiet hours); tries so far: 3" in welcome.where(ana)
    welcome.stand(due_at=None, end_reason="goal")
    text = welcome.where(ana)
    assert "No longer on it" in text
    assert "goal." in text
    assert "Not on this journey" in ana.page(f"{welcome.path}/people?q=%2B15557610002")
    assert "That is no number" in ana.page(f"{welcome.path}/people?q=hello")
    assert "No contacts are on it" in ana.page(f"{welcome.path}/people")


def test_the_trace_names_the_offers_of_clicks(site, welcome, ana):
    offer = an_offer(site, "Winter boots")
    lane, now = welcome.sender.lane, site.runtime.clock.now()
    clicks = [
        (welcome.sender.id, 15557610001, int(Wake.CLICK), each, now + at, lane)
        for at, each in enumerate((offer, "0" * 24), 1)
    ]
    site.write(
        lambda tx: tx.core.exec_driver_sql(
            "INSERT INTO journey_events (list_id, recipient, kind, detail, at, lane) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            clicks,
        )
    )
    text = welcome.where(ana)
    assert "Clicked a link Winter boots" in text
    assert offer not in text
    # One that is no longer there goes by its id.
    assert f"Clicked a link {'0' * 24}" in text


def test_a_draft_shows_its_faults_and_versions_stay(site, welcome, ana):
    documents = site.runtime.journey_documents
    bad = [{"id": "hello", "kind": "send"}]
    site.do(documents.change(site.us, welcome.journey.id, {"steps": bad}, ME))
    text = Elements(ana.page(welcome.path)).text
    assert "There is a draft with 1 fault" in text
    assert "steps[0].body" in text
    assert "Version 1" in text
    assert "The draft has no graph yet" in ana.page(f"{welcome.path}?version=draft")
    ana.page(welcome.path)
    ana.post(f"{welcome.path}/pause")
    # A paused journey goes on with its draft still a draft.
    assert "Resume the journey to activate" in ana.page(f"{welcome.path}/edit")
    answer = ana.post(f"{welcome.path}/activate")
    assert (answer.status_code, "resume it first" in answer.text) == (400, True)
    ana.page(welcome.path)
    assert "Active, version 1" in follow(ana, ana.post(f"{welcome.path}/resume", overdue="shift"))
    answer = ana.post(f"{welcome.path}/resume", overdue="shift")
    assert (answer.status_code, "This cannot be done" in answer.text) == (400, True)
    good = [{"id": "only", "kind": "exit"}]
    site.do(documents.change(site.us, welcome.journey.id, {"steps": good}, ME))
    ana.page(welcome.path)
    assert "Active, version 2" in follow(ana, ana.post(f"{welcome.path}/activate"))
    assert "Send hello" in ana.page(f"{welcome.path}?version=1")
    for odd in ("0", "3", "99999"):
        assert ana.get(f"{welcome.path}?version={odd}").status_code == 404
    assert ana.get(f"{welcome.path}?version=x").status_code == 200


@pytest.mark.usefixtures("welcome")
def test_a_journey_without_steps_says_so(site, ana):
    plain = site.do(site.runtime.journeys.add(site.us, parsed(LIST), "plain"))
    assert "No steps" in ana.page(f"/journeys/{plain.id}")
    site.do(site.runtime.journeys.enrol_by_id(site.us, plain.id, parsed("+15557610002")))
    text = Elements(ana.page(f"/journeys/{plain.id}/people?q=15557610002")).text
    assert "On it, without steps" in text
    assert "It stays until something takes it off" in text


def test_every_kind_of_step_has_words():
    steps = [
        {"id": "a", "kind": "split", "branches": [
            {"percent": 20, "next": "b"}, {"percent": 80, "next": None}]},
        {"id": "b", "kind": "set_field", "field": "plan", "value": None},
        {"id": "c", "kind": "webhook", "endpoint_id": 3},
        {"id": "d", "kind": "enter_journey", "journey_id": 4},
        {"id": "e", "kind": "send", "creative_id": 5},
        {"id": "f", "kind": "condition", "yes": "g", "no": "h", "if": {"operator": "OR",
            "conditions": [
                {"type": "custom_field", "field": "plan", "operator": "in", "value": ["x", "y"]},
                {"type": "event", "event": "conversion"}]}},
        {"id": "g", "kind": "unsubscribe", "reason": "no reaction"},
        {"id": "h", "kind": "wait", "value": 90, "unit": "minutes", "next": None},
    ]  # fmt: skip
    reading = read_document({"name": "all", "trigger": {"on": ["api"]}, "steps": steps})
    assert reading.version is not None, reading.faults
    words = {name: step_text(step) for name, step in reading.version.steps.items()}
    assert [words[name].title for name in "abcdefgh"] == [
        "Split in 2", "Clear plan", "Tell endpoint 3", "Enter journey 4", "Send e",
        "Plan is one of x or y or bought?", "Take off the list", "Wait 90 minutes",
    ]  # fmt: skip
    assert words["e"].fact == "creative 5"
    known = {("endpoint", "3"): "Shop", ("journey", "4"): "Winback", ("creative", "5"): "Rain"}
    named = [step_text(reading.version.steps[each], known) for each in "cde"]
    assert [named[0].title, named[1].title, named[2].fact] == ["Tell Shop", "Enter Winback", "Rain"]
    assert [each.label for each in branches_of(reading.version.steps["a"])] == ["20 %", "80 %"]
    assert branches_of(reading.version.steps["g"]) == []
    assert done_text({"sent": 2, "skipped:a": 1, "skipped:b": 3, "waits": 9}) == (
        "2 sent, 4 skipped"
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_card_hides_another_and_every_way_is_drawn(data):
    """Of any graph, loops and steps that nothing leads to among them."""
    number = data.draw(st.integers(1, 14))
    names = [f"s{at}" for at in range(number)]
    ways = {
        name: [
            StepBranch(to, "x")
            for to in data.draw(st.lists(st.sampled_from(names), max_size=4), label=name)
        ]
        for name in names
    }
    drawn = plan(names, ways)
    assert [each.step for each in drawn.places] == names
    for one, other in itertools.combinations(drawn.places, 2):
        apart = abs(one.x - other.x) >= CARD_WIDTH or abs(one.y - other.y) >= CARD_HEIGHT
        assert apart, (one, other)
    for each in drawn.places:
        assert 0 <= each.x <= drawn.width - CARD_WIDTH
        assert 0 <= each.y <= drawn.height - CARD_HEIGHT
    told = sorted((name, way.to) for name in names for way in ways[name])
    assert sorted((each.start, each.branch.to) for each in drawn.routes) == told


def test_labels_of_a_fork_stand_above_what_they_lead_to_with_room_for_long_ones():
    labels = ["yes 120,408", "no answer 1,204,006", "33.5 % 12"]
    ways = {"a": [StepBranch(to, label) for to, label in zip("bcd", labels, strict=True)]}
    drawn = plan([*"abcd"], ways)
    tops = {each.step: each for each in drawn.places}
    for each, label in zip(drawn.routes, labels, strict=True):
        card = tops[each.branch.to]
        assert each.x == card.x + CARD_WIDTH // 2
        assert card.y - 20 < each.y < card.y
        assert each.room >= LETTER * len(label)
    for one, other in itertools.combinations(drawn.routes, 2):
        assert abs(one.x - other.x) >= (one.room + other.room) / 2


def test_a_label_on_the_way_past_a_row_keeps_clear_of_the_card_beside_it():
    drawn = plan([*"abc"], {"a": [StepBranch("b", "yes 1,204"), StepBranch("c", "no 120,408")],
                            "b": [StepBranch("c")]})  # fmt: skip
    card, label = drawn.places[1], drawn.routes[1]
    wide = LETTER * len("no 120,408")
    assert abs(label.x - (card.x + CARD_WIDTH // 2)) >= (CARD_WIDTH + wide) / 2
    assert label.room >= wide


def test_ways_to_one_step_are_one_line_with_both_names():
    step = StepView("a", StepText("split", "Split"), None, None, None,
                    [(END, "yes", 3), (END, "no", 1_204)])  # fmt: skip
    last = StepView(END, StepText("flag", "End"), None, None, None, [])
    [route] = drawing([step, last])["drawn"].routes
    assert route.branch.label == "yes 3, no 1,204"


@pytest.mark.parametrize(
    ("question", "words", "without"),
    [
        ({"type": "list", "op": "not_in", "list_id": 7}, "Not on Gold?", "Not on list 7?"),
        ({"type": "audience", "audience_id": "a" * 24}, "In Shoppers?", "In an audience?"),
        ({"type": "event", "event": "click", "offer_id": "b" * 24},
         "Clicked a link to Boots?", f"Clicked a link to offer {'b' * 24}?"),
        ({"type": "event", "event": "conversion", "offer_id": "b" * 24},
         "Bought Boots?", f"Bought offer {'b' * 24}?"),
        ({"type": "event", "event": "click"}, "Clicked a link?", "Clicked a link?"),
    ],
)  # fmt: skip
def test_a_question_names_what_it_is_about(question, words, without):
    known = {("list", "7"): "Gold", ("audience", "a" * 24): "Shoppers",
             ("offer", "b" * 24): "Boots"}  # fmt: skip
    steps = [{"id": "f", "kind": "condition", "if": question, "yes": None, "no": None}]
    read = read_document({"name": "a", "trigger": {"on": ["api"]}, "steps": steps})
    assert {each.id for each in read.references} <= {7, "a" * 24, "b" * 24}
    step = read.version.steps["f"]
    assert (step_text(step, known).title, step_text(step).title) == (words, without)


def test_a_long_document_is_drawn_in_time():
    """Of 200 steps, the most that a document has, each with ten ways at the most."""
    names = [f"s{at}" for at in range(200)]
    ways = {
        name: [StepBranch(names[(at * 7 + way * 13) % 200], "x") for way in range(3)]
        for at, name in enumerate(names)
    }
    assert len(plan(names, ways).routes) == 600
