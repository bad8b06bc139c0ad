"""Journeys as forms: what a form shows, it gives back; steps come and go; faults stand beside."""

import copy
import json
import re
from html import escape
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest
from campaigning import an_audience, an_offer
from dashboard_site import ME, Elements
from forms import Forms
from hypothesis import given, settings
from hypothesis import strategies as st
from written import parsed

from sendrail.dashboard.journey_conditions import (
    DETAILS,
    question_of,
    read_value,
    rows_of,
    written,
)
from sendrail.dashboard.journey_drafts import (
    drafted,
    is_plain,
    steps_in,
    with_changed,
    with_step,
    without_step,
)
from sendrail.dashboard.journey_starts import journey_starts
from sendrail.domain.journeys.document import StepKind
from sendrail.domain.journeys.reading import read_document
from sendrail.domain.user import Role

LIST = "+15557700001"
DOCS = Path(__file__).parents[2] / "docs" / "journeys.md"


class Editor:
    """A member of the account, and a list."""

    def __init__(self, site):
        self.site = site
        made = site.runtime.lists.add(site.us, parsed(LIST), name="News", connector="sandbox")
        self.list_id = str(site.do(made).sender.id)
        self.browser = site.signed_in("editor@example.com", Role.MEMBER)

    def make(self, name, start=""):
        self.browser.page("/journeys")
        answer = self.browser.post("/journeys", name=name, list=self.list_id, start=start)
        assert answer.status_code == 303, answer.text[-600:]
        found = re.search(r"/journeys/(\d+)/edit", answer.headers["location"])
        return Draft(self, int(found[1]))

    def add(self, **document):
        runtime = self.site.runtime
        work = runtime.journey_documents.add(self.site.us, parsed(LIST), document, ME)
        return Draft(self, self.site.do(work).journey.id)


class Draft:
    """A draft that is being edited."""

    def __init__(self, editor, journey_id):
        self.editor, self.id, self.path = editor, journey_id, f"/journeys/{journey_id}"

    @property
    def details(self):
        site = self.editor.site
        return site.do(site.runtime.journey_documents.show(site.us, self.id))

    @property
    def document(self):
        return json.loads(self.details.journey.draft)

    def page(self, query=""):
        return self.editor.browser.page(f"{self.path}/edit{query}")

    def form(self, ending, query=""):
        return Forms(self.page(query)).to(f"{self.path}/{ending}").fields

    def send(self, ending, query="", /, **changed):
        """Send a form of a page as it stands, but for what is changed; None leaves a field out."""
        fields = {**self.form(ending, query), **changed}
        kept = {name: value for name, value in fields.items() if value is not None}
        del kept["form_token"]
        return self.editor.browser.post(f"{self.path}/{ending}", **kept)

    def save(self, step, /, **changed):
        answer = self.send("step", f"?step={quote(step, safe='')}", **changed)
        assert answer.status_code == 303, answer.text[-800:]
        return answer


@pytest.fixture(scope="module")
def editor(site):
    return Editor(site)


def said(document):
    """Return what a document says, as the engine would run it; faulty ones as they stand."""
    reading = read_document(document)
    return reading.version or document


def test_the_programs_to_begin_with_are_those_of_the_docs():
    text = DOCS.read_text("utf-8").partition("## Five programs")[2]
    there = [json.loads(each) for each in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert [each.document for each in journey_starts().values()] == there
    titles = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert [each.title for each in journey_starts().values()] == titles


@pytest.mark.parametrize("start", list(journey_starts()))
def test_what_the_forms_of_a_program_show_they_give_back(editor, start):
    draft = editor.make(f"begun from {start}", start)
    before = said(draft.document)
    assert before == said({**journey_starts()[start].document, "name": f"begun from {start}"})
    for step in steps_in(draft.document):
        draft.save(step["id"])
    assert draft.send("rules", "?view=rules").status_code == 303
    assert draft.send("document", "?view=document").status_code == 303
    assert said(draft.document) == before


def test_a_step_is_added_changed_and_removed(editor):
    draft = editor.make("from nothing")
    assert "missing: a text" in Elements(draft.page("?step=hello")).text
    assert "1 thing keeps it from being activated" in draft.page()
    assert re.search(r"<button[^>]* disabled[^>]*>[^<]*<svg.*? Activate", draft.page())
    draft.save("hello", body="Hi {{first_name|there}}\r\nhow are you?", id="hi")
    assert steps_in(draft.document) == [
        {"id": "hi", "kind": "send", "body": "Hi {{first_name|there}}\nhow are you?"}
    ]
    for kind in ("condition", "wait", "split"):
        assert draft.send("steps", kind=kind, after="hi").status_code == 303
    # Each came between the message and what was behind it.
    assert [each["id"] for each in steps_in(draft.document)] == [
        "hi", "split_1", "wait_1", "condition_1",
    ]  # fmt: skip
    draft.save("split_1", **{
        "branches[0].percent": "12.5", "branches[0].next": "end",
        "branches[1].percent": "87.5", "branches[2].percent": "", "sticky": "on",
    })  # fmt: skip
    draft.save("condition_1", **{
        "if[0].kind": "custom_field", "if[0].field": "plan", "if[0].op": "in",
        "if[0].value": '["gold", "7", 7, true]', "if[0].type": "json",
        "if[1].kind": "list:not_in", "if[1].list_id": "999999",
        "if.operator": "OR", "yes": "to:hi", "no": "end",
    })  # fmt: skip
    split, wait, asked = steps_in(draft.document)[1:]
    assert split["branches"] == [
        {"percent": 12.5, "next": None}, {"percent": 87.5, "next": "wait_1"},
    ]  # fmt: skip
    assert (split["sticky"], wait) == (True, {"id": "wait_1", "kind": "wait", "value": 1,
                                              "unit": "days"})  # fmt: skip
    assert asked["if"] == {"operator": "OR", "conditions": [
        {"type": "custom_field", "field": "plan", "op": "in", "value": ["gold", "7", 7, True]},
        {"type": "list", "op": "not_in", "list_id": 999_999},
    ]}  # fmt: skip
    assert (asked["yes"], asked["no"]) == ("hi", None)
    assert "names no list of yours" in Elements(draft.page("?step=condition_1")).text.lower()
    assert draft.send("step/remove", "?step=wait_1").status_code == 303
    assert [each["id"] for each in steps_in(draft.document)] == ["hi", "split_1", "condition_1"]
    assert steps_in(draft.document)[1]["branches"][1]["next"] == "condition_1"


def test_every_kind_of_step_can_be_added_and_shows_its_form(editor):
    draft = editor.make("every kind")
    for kind in StepKind:
        draft.page()
        answer = draft.send("steps", kind=kind.value, after="")
        assert answer.status_code == 303
        name = f"{kind.value}_1"
        draft.save(name)
        assert next(each for each in steps_in(draft.document) if each["id"] == name)
        assert "No form knows" not in draft.page(f"?step={name}")
    assert draft.send("steps", kind="nonsense").status_code == 400


def test_the_rules_are_kept_as_the_form_says(editor):
    draft = editor.make("rules")
    answer = draft.send("rules", "?view=rules", **{
        "name": "new name", "trigger.on.signup": None, "trigger.on.reply": "on",
        "trigger.keyword": "JOIN", "reentry.mode": "after", "reentry.value": "30",
        "reentry.unit": "days", "reentry.from": "exit", "goal[0].kind": "custom",
        "goal[0].name": "order", "quiet_hours.from": "21:00", "quiet_hours.to": "08:00",
        "max_days": "x", "holds_other_sends": None, "priority": "-3",
    })  # fmt: skip
    assert answer.status_code == 303
    found = draft.document
    assert found["trigger"] == {"on": ["reply"], "keyword": "JOIN"}
    assert found["reentry"] == {"mode": "after", "value": 30, "unit": "days", "from": "exit"}
    assert found["goal"] == {"type": "event", "event": "custom", "name": "order"}
    assert found["quiet_hours"] == {"from": "21:00", "to": "08:00"}
    assert (found["holds_other_sends"], found["priority"], found["name"]) == (
        False, -3, "new name",
    )  # fmt: skip
    # What is no number is kept as it was written, and the fault stands beside it.
    html = draft.page("?view=rules")
    assert re.search(r'name="max_days"[^>]*value="x"[^>]*aria-invalid="true"', html)
    assert "Must be a whole number from 1 to 30" in html


def test_offers_and_audiences_of_the_entry_are_chosen_by_name(editor):
    offer = an_offer(editor.site, "Winter boots")
    draft = editor.make("by name")
    draft.send("rules", "?view=rules", **{"trigger.offer_id": offer})
    assert draft.document["trigger"]["offer_id"] == offer
    html = draft.page("?view=rules")
    assert f'<option value="{offer}" selected>Winter boots</option>' in html
    # What is not among them, such as an archived one, is neither lost nor another one.
    gone = "0" * 24
    trigger = {**draft.document["trigger"], "audience_id": gone}
    draft.send(
        "document", "?view=document", document=json.dumps({**draft.document, "trigger": trigger})
    )
    there = f'<option value="{gone}" selected>{gone}, no longer there</option>'
    assert there in draft.page("?view=rules")


def chosen_in(html, field):
    """Return the words of the choice that a select of a form shows, and its marks."""
    chosen = re.search(r"<option[^>]* selected>([^<]*)</option>", select_in(html, field))[1]
    return chosen, select_tag(html, field)


def test_conditions_choose_lists_audiences_and_offers_by_name(editor):
    site = editor.site
    site.do(
        site.runtime.lists.add(site.us, parsed("+15557700009"), name="Gold", connector="sandbox")
    )
    gold = next(
        str(each.id) for each in site.do(site.runtime.lists.all(site.us)) if each.name == "Gold"
    )
    boots, shoppers = (
        an_offer(site, "Rain boots"),
        an_audience(site, int(editor.list_id), "Shoppers"),
    )
    draft = editor.make("by names")
    page = draft.page("?view=rules")
    for row in ("trigger.when[0]", "goal[0]", "exit_when[1]"):
        assert f'<option value="{gold}">Gold</option>' in select_in(page, f"{row}.list_id")
        assert "Shoppers" in select_in(page, f"{row}.audience_id")
    # Nothing that a contact has done is asked before it enters.
    assert 'name="trigger.when[0].offer_id"' not in page
    draft.send("rules", "?view=rules", **{
        "trigger.when[0].kind": "list:in", "trigger.when[0].list_id": gold,
        "goal[0].kind": "conversion", "goal[0].offer_id": boots, "goal[0].since": "step",
        "exit_when[0].kind": "audience:not_in", "exit_when[0].audience_id": shoppers,
        "exit_when[1].kind": "message", "exit_when[1].status": "failed",
    })  # fmt: skip
    document = draft.document
    assert document["trigger"]["when"] == {"type": "list", "op": "in", "list_id": int(gold)}
    assert document["goal"] == {
        "type": "event", "event": "conversion", "offer_id": boots, "since": "step",
    }  # fmt: skip
    assert document["exit_when"]["conditions"] == [
        {"type": "audience", "op": "not_in", "audience_id": shoppers},
        {"type": "message", "status": "failed"},
    ]
    page = draft.page("?view=rules")
    shown = {
        name: chosen_in(page, name)[0]
        for name in ("trigger.when[0].list_id", "goal[0].offer_id", "exit_when[0].audience_id",
                     "exit_when[1].status")
    }  # fmt: skip
    assert list(shown.values()) == ["Gold", "Rain boots", "Shoppers", "failed"]


def test_what_a_condition_does_not_choose_is_said_beside_it(editor):
    draft = editor.make("not chosen")
    draft.send("steps", kind="condition", after="hello")
    draft.save("condition_1", **{
        "if[0].kind": "audience:in", "if[1].kind": "click", "if[1].offer_id": "0" * 24,
    })  # fmt: skip
    page = draft.page("?step=condition_1")
    assert 'aria-invalid="true" aria-describedby="w-if[0]"' in select_tag(page, "if[0].audience_id")
    assert re.search(r'id="w-if\[0\]".*?Is missing: choose an audience', page, re.DOTALL)
    word, tag = chosen_in(page, "if[1].offer_id")
    assert (word, "aria-invalid" in tag) == ("0" * 24 + ", no longer there", True)
    assert re.search(r'id="w-if\[1\]".*?Names no offer of yours', page, re.DOTALL)


def test_what_is_archived_keeps_its_name_in_a_choice(editor):
    site = editor.site
    sale, boots = an_audience(site, int(editor.list_id), "Old sale"), an_offer(site, "Old boots")
    draft = editor.make("archived things")
    draft.send("rules", "?view=rules", **{
        "goal[0].kind": "audience:in", "goal[0].audience_id": sale,
        "exit_when[0].kind": "click", "exit_when[0].offer_id": boots,
    })  # fmt: skip
    site.do(site.runtime.audiences.archive(site.us, sale, ME))
    site.do(site.runtime.tracking.offers.archive(site.us, boots, ME))
    page = draft.page("?view=rules")
    assert chosen_in(page, "goal[0].audience_id")[0] == "Old sale, archived"
    assert chosen_in(page, "exit_when[0].offer_id")[0] == "Old boots, archived"
    # It is offered where it stands, and not anew.
    draft.send("rules", "?view=rules", **{"goal[0].kind": "", "exit_when[0].kind": ""})
    assert "Old" not in draft.page("?view=rules").partition("exit_when[0].kind")[2]


def select_in(html, field):
    return re.search(
        rf'<select[^>]* name="{re.escape(field)}"[^>]*>(.*?)</select>', html, re.DOTALL
    )[1]


def select_tag(html, field):
    return re.search(rf'<select[^>]* name="{re.escape(field)}"[^>]*>', html)[0]


def test_what_rows_cannot_say_is_changed_as_json(editor):
    deep = {"operator": "AND", "groups": [{"operator": "OR", "conditions": [{"type": "list"}]}]}
    steps = [{"id": "a", "kind": "condition", "if": deep, "yes": None, "no": None}]
    draft = editor.add(name="deep", trigger={"on": ["api"]}, steps=steps)
    assert "change it as JSON" in draft.page("?step=a")
    draft.save("a")
    assert steps_in(draft.document) == steps
    answer = draft.send("step", "?step=a", **{"if.json": "{oops"})
    assert (answer.status_code, "This is not valid JSON" in answer.text) == (400, True)
    answer = draft.send("document", "?view=document", document="[1]")
    assert (answer.status_code, "A document is a JSON object." in answer.text) == (400, True)
    once = {**draft.document, "max_days": 3}
    draft.send("document", "?view=document", document=json.dumps(once))
    del once["max_days"]
    draft.send("document", "?view=document", document=json.dumps(once))
    assert draft.document["max_days"] is None
    odd = json.dumps({"steps": [{"id": "a"}, {"id": "a"}, 7]})
    assert draft.send("document", "?view=document", document=odd).status_code == 303
    # No form shows such steps: what is there is the document.
    assert 'name="document"' in draft.page()


def spoilt(document, chance):
    """Return a document in which one or two parts are something else than they should be."""
    odd = (
        None,
        True,
        -1,
        1.5,
        "",
        "x" * 70,
        [],
        [[]],
        {},
        {"a": {}},
        ["x", 3, None],
        "😀",
    )
    document = copy.deepcopy(document)
    places = []

    def walk(value):
        for key in list(value.keys() if isinstance(value, dict) else range(len(value))):
            places.append((value, key))
            if isinstance(value[key], dict | list):
                walk(value[key])

    walk(document)
    for holder, key in chance.sample(places, 2):
        if key != "name":
            holder[key] = chance.choice(odd)
    return document


def test_a_draft_that_says_nonsense_is_shown_all_the_same(editor):
    chance = Random(7)
    draft = editor.make("nonsense")
    for _ in range(15):
        start = chance.choice(list(journey_starts().values()))
        document = {**spoilt(start.document, chance), "name": "nonsense"}
        site = editor.site
        work = site.runtime.journey_documents.change(site.us, draft.id, document, ME)
        site.do(work)
        for query in ("", "?view=rules", "?view=document"):
            draft.page(query)
        if is_plain(draft.document) and (steps := steps_in(draft.document)):
            # What is odd may change by that, and nothing breaks.
            draft.save(chance.choice(steps)["id"])
        for path in ("", "?version=draft", "/simulate", "/versions"):
            editor.browser.page(f"{draft.path}{path}")


def test_a_form_of_an_older_draft_changes_nothing(editor):
    draft = editor.make("two at once")
    old = draft.form("step", "?step=hello")
    draft.save("hello", body="first")
    del old["form_token"]
    answer = editor.browser.post(f"{draft.path}/step", **old | {"body": "second"})
    assert answer.status_code == 409
    assert "changed meanwhile" in answer.text
    assert steps_in(draft.document)[0]["body"] == "first"
    answer = editor.browser.post(f"{draft.path}/step", **draft.form("step", "?step=hello") | {
        "step": "gone"})  # fmt: skip
    assert answer.status_code == 404


def test_a_draft_without_faults_is_activated(editor):
    draft = editor.make("to be active")
    draft.save("hello", body="Hi")
    answer = draft.send("activate")
    assert answer.status_code == 303
    assert "Version 1 is active." in editor.browser.page(
        answer.headers["location"].removeprefix("/dashboard")
    )
    assert draft.details.journey.active_version == 1
    # An edit of what is active makes a draft of it.
    draft.save("hello", body="")
    answer = editor.browser.post(f"{draft.path}/activate")
    assert (answer.status_code, "Nothing was saved" in answer.text) == (400, True)


def test_a_new_journey_at_fault_keeps_what_was_written(editor):
    editor.make("taken")
    editor.browser.page("/journeys")
    answer = editor.browser.post("/journeys", name="taken", list=editor.list_id, start="menu")
    assert answer.status_code == 400
    form = Forms(answer.text).to("/journeys").fields
    assert (form["name"], form["start"]) == ("taken", "menu")
    assert "Choose a list." in editor.browser.post("/journeys", name="x", list="0").text


# Pure: ways, values and conditions.

scalars = st.one_of(
    st.booleans(), st.integers(-1_000, 1_000), st.floats(-1e6, 1e6).filter(lambda n: n % 1),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
)  # fmt: skip


@settings(max_examples=200)
@given(scalars, st.lists(scalars, min_size=1, max_size=4))
def test_a_value_is_read_as_it_was_written(one, many):
    if isinstance(one, str):
        # Blanks around a text of a form are nobody's.
        one = one.strip()
    assert (read_value(written(one)), type(read_value(written(one)))) == (one, type(one))
    for op, value in (("eq", one), ("in", many)):
        asked = {"type": "event_data", "field": "a", "op": op, "value": value}
        assert json.dumps(question_of(form_of(rows_of(asked, "if")), "if")) == json.dumps(asked)


@st.composite
def drafts(draw):
    """Steps that lead anywhere, by name and without one."""
    names = [f"s{n}" for n in range(draw(st.integers(1, 6)))]
    to = st.sampled_from([*names, None])
    steps = []
    for name in names:
        kind = draw(st.sampled_from(("wait", "condition", "split", "exit", "set_field")))
        step = {"id": name, "kind": kind}
        if kind == "wait":
            step |= {"value": 1, "unit": "days"}
        elif kind == "set_field":
            step |= {"field": "a", "value": 1}
        elif kind == "condition":
            step |= {"if": {"type": "list"}}
        for key in {"wait": ("next",), "set_field": ("next",), "condition": ("yes", "no")}.get(
            kind, ()
        ):
            if draw(st.booleans()):
                step[key] = draw(to)
        if kind == "split":
            ways = draw(st.lists(to, min_size=2, max_size=3))
            step["branches"] = [{"percent": 100 if n == 0 else 0, "next": way}
                                for n, way in enumerate(ways)]  # fmt: skip
        steps.append(step)
    return steps


def ways_of(steps):
    return {each.id: [way.to for way in each.ways] for each in drafted({"steps": steps}, [])}


@settings(max_examples=100, deadline=None)
@given(drafts(), st.data())
def test_a_step_comes_and_goes_and_all_others_lead_where_they_led(steps, data):
    before = ways_of(steps)
    after = data.draw(st.sampled_from([*before, ""]))
    added, name = with_step(steps, StepKind.WAIT, after)
    there = ways_of(added["steps"])
    assert there.keys() == before.keys() | {name}
    for each, ways in before.items():
        # What was led on through the new step leads on behind it.
        led = [there[name][0] if way == name else way for way in there[each]]
        assert led == ways
    assert ways_of(without_step(added["steps"], name)["steps"]) == before
    gone = data.draw(st.sampled_from(list(before)))
    left = ways_of(without_step(steps, gone)["steps"])
    first = next(iter(before[gone]), "")
    first = "" if first == gone else first
    assert left == {
        each: [first if way == gone else way for way in ways]
        for each, ways in before.items() if each != gone
    }  # fmt: skip
    other = {**next(each for each in steps if each["id"] == gone), "id": "other"}
    renamed = ways_of(with_changed(steps, gone, other)["steps"])
    assert renamed == {
        "other" if each == gone else each: ["other" if way == gone else way for way in ways]
        for each, ways in before.items()
    }


COMPARED = [
    ("eq", "gold", "text", "gold"),
    ("eq", "7", "text", "7"),
    ("ne", 7, "number", "7"),
    ("eq", 59.9, "number", "59.9"),
    ("eq", -0.5, "number", "-0.5"),
    ("eq", True, "truth", "true"),
    ("eq", "", "json", '""'),
    ("eq", " a ", "json", '" a "'),
    ("contains", "x, y", "text", "x, y"),
    ("contains", "two\nlines", "json", '"two\\nlines"'),
    ("in", ["gold", "silver"], "text", "gold, silver"),
    ("in", ["a, b", "c"], "json", '["a, b", "c"]'),
    ("not_in", [1, 2.5], "number", "1, 2.5"),
    ("in", [True, False], "truth", "true, false"),
    ("in", ["gold", 7, "7", True], "json", '["gold", 7, "7", true]'),
]


def form_of(found, name="if"):
    form = {}
    for at, row in enumerate(found.rows):
        form |= {f"{name}[{at}].{each}": getattr(row, each)
                 for each in ("kind", "op", "value", "type", "since")}  # fmt: skip
        if row.kind:
            form[f"{name}[{at}].{DETAILS[row.kind]}"] = row.detail
    return form


@pytest.mark.parametrize("kind", ["custom_field", "event_data"])
@pytest.mark.parametrize(("op", "value", "type_", "shown"), COMPARED)
def test_a_value_is_shown_with_its_type_and_stays_what_it_is(kind, op, value, type_, shown):
    asked = {"type": kind, "field": "total", "op": op, "value": value}
    found = rows_of(asked, "if")
    assert (found.rows[0].type, found.rows[0].value) == (type_, shown)
    back = question_of(form_of(found), "if")
    # Python holds 1 equal to True and to 1.0; their JSON is not.
    assert json.dumps(back) == json.dumps(asked)


def test_what_an_event_said_is_asked_for_by_fields(editor):
    draft = editor.make("said")
    draft.send("steps", kind="condition", after="hello")
    asked = {"if[0].kind": "event_data", "if[0].field": "total", "if[0].op": "eq"}
    draft.save("condition_1", **asked, **{"if[0].value": "59.9", "if[0].type": "number"})
    condition = {"type": "event_data", "field": "total", "op": "eq", "value": 59.9}
    assert steps_in(draft.document)[-1]["if"] == condition
    page = draft.page("?step=condition_1")
    assert chosen_in(page, "if[0].kind")[0] == "What an event said"
    assert chosen_in(page, "if[0].type")[0] == "as a number"
    # As those who enter are chosen, too.
    rules = draft.page("?view=rules")
    assert "event_data" in select_in(rules, "trigger.when[0].kind")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"value": "a lot", "type": "number"}, "This is a number"),
        ({"value": "perhaps", "type": "truth"}, "This is true or false"),
        ({"value": "{", "type": "json"}, "This is JSON"),
        ({"op": "in", "value": "1, two", "type": "number"}, "This is a number"),
    ],
)
def test_a_value_that_is_not_of_its_type_stays_as_typed_with_the_fault_beside_it(
    editor, fields, words
):
    draft = editor.make(f"not as {fields['type']}, {fields['value']}")
    draft.send("steps", kind="condition", after="hello")
    before = draft.document
    row = {"kind": "event_data", "field": "total", "op": "eq"} | fields
    answer = draft.send(
        "step", "?step=condition_1", yes="end",
        **{f"if[0].{name}": each for name, each in row.items()},
    )  # fmt: skip
    assert answer.status_code == 400
    assert draft.document == before
    tag = re.search(r'<input[^>]*name="if\[0\].value"[^>]*>', answer.text)[0]
    assert 'aria-invalid="true" aria-describedby="w-if[0]"' in tag
    assert f'value="{escape(fields["value"])}"' in tag
    assert re.search(rf'id="w-if\[0\]".*?{words}', answer.text, re.DOTALL)
    assert chosen_in(answer.text, "if[0].type")[1]
    # What else was typed stays there, too.
    assert chosen_in(answer.text, "yes")[0] == "End of the journey"


def test_json_that_is_none_stays_as_typed(editor):
    draft = editor.make("no JSON")
    draft.send("steps", kind="condition", after="hello")
    answer = draft.send("step", "?step=condition_1", **{"if.json": "{so"})
    assert answer.status_code == 400
    assert ">{so</textarea>" in answer.text


def test_a_row_keeps_each_condition():
    for asked in (
        {"type": "custom_field", "field": "a", "op": "exists"},
        {"type": "custom_field", "field": "a", "op": "contains", "value": "x, y"},
        {"type": "event", "event": "click", "since": "step"},
        {"type": "event", "event": "conversion", "offer_id": "0" * 24},
        {"type": "event", "event": "custom", "name": "n", "since": "last_send"},
        {"type": "message", "status": "failed"},
        {"type": "list", "op": "in", "list_id": 7},
        {"type": "audience", "op": "not_in", "audience_id": "0" * 24},
    ):
        assert question_of(form_of(rows_of(asked, "if")), "if") == asked
    assert rows_of(None, "if").rows[0].kind == ""
    assert rows_of({"type": "list", "more": 1}, "if").is_written
    assert rows_of({"type": "weather"}, "if").is_written
