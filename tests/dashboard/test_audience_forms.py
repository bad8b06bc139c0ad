"""The filter of an audience as a form: read, changed and shown without a loss, and saved."""

from datetime import UTC

import pytest
from campaigning import an_audience
from dashboard_site import Elements
from hypothesis import given
from hypothesis import strategies as st
from page_forms import fields_of
from written import parsed

from sendrail.dashboard.filter_form import (
    FilterForm,
    edited,
    empty_form,
    form_of,
    group_of,
    read_form,
)
from sendrail.domain.audience_filter_json import read_filter, shown_filter
from sendrail.domain.errors import InvalidInput
from sendrail.domain.user import Role

LIST = "+15557810001"
OTHER = "0123456789abcdef01234567"
SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.integers(-(2**53), 2**53), st.floats(-1e9, 1e9), st.booleans(),
)  # fmt: skip
FIELD = st.sampled_from(["plan", "a.b", "größe"]).map("custom_fields.{}".format)
OPERATOR = st.sampled_from(["eq", "ne"])
NUMBER = st.one_of(st.integers(0, 900), st.just(12.5))


def condition(kind, **parts):
    return st.fixed_dictionaries(
        {"condition_type": st.just(kind)}
        | {name: each if isinstance(each, st.SearchStrategy) else st.just(each)
           for name, each in parts.items()}
    )  # fmt: skip


AGO = st.sampled_from(["within", "not_within", "before", "after"])
DATED = st.sampled_from(["before", "after"])
TIMED = st.sampled_from(["last_sent_at", "last_clicked_at", "last_revenue_at", "signup_date"])
MANY = st.sampled_from(["in", "not_in"])
STATUSES = ["ok", "unreachable", "invalid", "risky", "unknown"]
CONDITIONS = st.one_of(
    condition("time", field=TIMED, operator=AGO, value=st.integers(0, 9_999),
              unit=st.sampled_from(["days", "hours", "minutes"])),
    condition("time", field=TIMED, operator=DATED,
              value=st.sampled_from(["2026-01-31T08:00:00Z", "2026-01-31T08:00:00.250Z"])),
    condition("revenue", field="last_revenue_at", operator=st.sampled_from(
        ["exists", "not_exists"])),
    condition("count", field=st.sampled_from(["send_count", "click_count", "conversion_count"]),
              operator=st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]), value=NUMBER),
    condition("revenue", field=st.sampled_from(
        ["revenue_total", "avg_revenue", "conversion_count"]), operator=OPERATOR, value=NUMBER),
    condition("revenue", field="has_revenue", value=st.booleans()),
    condition("clicked", value=st.booleans()),
    condition("dnc", value=st.booleans()),
    condition("custom_field", field=FIELD, operator=OPERATOR, value=SCALARS),
    condition("custom_field", field=FIELD, operator=MANY,
              value=st.lists(SCALARS, min_size=1, max_size=3)),
    condition("custom_field", field=FIELD, operator=st.sampled_from(["contains", "ends_with"]),
              value=st.sampled_from(["gold", " gold", "a\nb", '"'])),
    condition("custom_field", field=FIELD, operator=st.sampled_from(["gt", "lte"]), value=NUMBER),
    condition("custom_field", field=FIELD, operator=st.sampled_from(["exists", "not_exists"])),
    condition("validation", operator=MANY,
              value=st.lists(st.sampled_from(STATUSES), min_size=2, max_size=3, unique=True)),
    condition("list", operator=MANY, list_id=st.integers(1, 9)),
    condition("audience", operator=MANY, audience_id=OTHER),
)  # fmt: skip
FILTERS = st.recursive(
    st.fixed_dictionaries({
        "operator": st.sampled_from(["AND", "OR"]),
        "conditions": st.lists(CONDITIONS, min_size=1, max_size=4),
    }),
    lambda inner: st.fixed_dictionaries({
        "operator": st.sampled_from(["AND", "OR"]),
        "conditions": st.lists(CONDITIONS, min_size=0, max_size=2),
        "groups": st.lists(inner, min_size=1, max_size=2),
    }),
    max_leaves=3,
)  # fmt: skip


def sent(form):
    """Return what a browser sends of a form, each field with all its values."""
    many = {}
    for group in form.walk():
        many[f"{group.path}.operator"] = [group.operator]
        for each in group.conditions:
            many[f"{each.path}.kind"] = [each.kind]
            many |= {f"{each.path}.{name}": [text] for name, text in each.fields.items()}
            many |= {f"{each.path}.status": list(each.values)} if each.values else {}
    return {name: values[-1] for name, values in many.items()}, many


@given(FILTERS)
def test_a_filter_is_the_same_after_it_was_a_form(json):
    group = read_filter(json)
    form = read_form(*sent(form_of(group)))
    assert shown_filter(group_of(form)) == shown_filter(group)


def test_a_form_is_changed_by_its_buttons():
    form = empty_form()
    assert edited(form, "add filter", {"filter.add": "clicked"}) == "filter.conditions[0]"
    assert edited(form, "add filter", {"filter.add": "dnc"}) == "filter.conditions[1]"
    assert edited(form, "group filter", {}) == "filter.groups[0]"
    inner = "filter.groups[0]"
    added = edited(form, f"add {inner}", {f"{inner}.add": "count.send_count"})
    assert added == f"{inner}.conditions[0]"
    edited(form, "remove filter.conditions[0]", {})
    assert [(each.path, each.kind) for each in form.conditions] == [("filter.conditions[0]", "dnc")]
    edited(form, "group filter", {})
    edited(form, f"remove {inner}", {})
    assert [each.path for each in form.groups] == [inner]
    assert not form.groups[0].conditions
    for deed in ("add filter", "group nowhere", "remove nowhere", "burn filter", ""):
        before = sent(form)
        assert edited(form, deed, {"filter.add": "no such kind"}) is None
        assert sent(form) == before


def test_no_more_is_added_than_a_filter_may_have():
    form, path = empty_form(), "filter"
    for _ in range(7):
        path = edited(form, f"group {path}", {})
    assert edited(form, f"group {path}", {}) is None
    deepest = f"{path}.groups[0]"
    fields = {f"{each.path}.operator": "AND" for each in [*form.walk(), FilterForm(deepest)]}
    with pytest.raises(InvalidInput, match="at most 8 deep"):
        read_form(fields, {})
    for _ in range(100):
        assert edited(form, "add filter", {"filter.add": "clicked"})
    assert edited(form, "add filter", {"filter.add": "clicked"}) is None


@pytest.mark.parametrize(
    ("kind", "fields", "at"),
    [
        ("time.last_sent_at", {"operator": "within", "value": "soon", "unit": "days"}, "value"),
        ("time.last_sent_at", {"operator": "before_date", "at": "yesterday"}, "at"),
        ("time.last_sent_at", {"operator": "before_date", "at": "0001-01-01T00:00"}, "value"),
        ("count.send_count", {"operator": "gte", "value": "many"}, "value"),
        ("custom_field", {"operator": "eq", "field": "", "value": "x"}, "field"),
        ("custom_field", {"operator": "in", "field": "a", "values": " \n"}, "value"),
        ("custom_field", {"operator": "eq", "field": "a", "value": "x", "as": "truth"}, "value"),
        ("custom_field", {"operator": "eq", "field": "a", "value": "[" * 9_999, "as": "json"},
         "value"),
        ("validation", {"operator": "in"}, "value"),
        ("list", {"operator": "in", "list_id": ""}, "list_id"),
        ("audience", {"operator": "in", "audience_id": ""}, "audience_id"),
    ],
)  # fmt: skip
def test_a_fault_names_its_field(kind, fields, at):
    path = "filter.conditions[0]"
    sent_ = {f"{path}.{name}": text for name, text in fields.items()} | {f"{path}.kind": kind}
    with pytest.raises(InvalidInput) as fault:
        group_of(read_form(sent_, {}), UTC)
    assert fault.value.param == f"{path}.{at}"


class Shop:
    def __init__(self, site):
        self.site = site
        lists, contacts = site.runtime.lists, site.runtime.contacts
        made = site.do(lists.add(site.us, parsed(LIST), name="News", connector="sandbox"))
        self.list_id = made.sender.id
        for at in range(3):
            fields = {"custom_fields": {"plan": f"p{at}"}}
            site.do(contacts.add(site.us, parsed(LIST), parsed(f"+1555781100{at}"), **fields))
        self.owner = site.signed_in("owner@forms.example", Role.OWNER)

    def all(self):
        return self.site.do(self.site.runtime.audiences.page(self.site.us)).audiences


@pytest.fixture(scope="module")
def shop(site):
    return Shop(site)


def test_an_audience_is_made_by_its_form_alone(shop):
    """As without a script: each button sends the form, and it comes back with one part more."""
    html = shop.owner.page("/audiences/new")
    fields = fields_of(html) | {"name": "By form", "filter.add": "custom_field", "do": "add filter"}
    before = len(shop.all())
    html = shop.owner.post("/audiences/new", **fields).text
    fields = fields_of(html) | {"filter.conditions[0].field": "plan"}
    assert fields["name"] == "By form"
    fields |= {"filter.conditions[0].operator": "eq", "filter.conditions[0].value": "p1"}
    html = shop.owner.post("/audiences/new", **fields, do="group filter").text
    assert "One of these holds" in html
    html = shop.owner.post("/audiences/new", **fields_of(html), do="remove filter.groups[0]").text
    assert "1<small> person" in html
    assert len(shop.all()) == before
    answer = shop.owner.post("/audiences/new", **fields_of(html), do="save")
    assert answer.status_code == 303
    made = shop.all()[0]
    assert made.name == "By form"
    assert shown_filter(made.filter)["conditions"] == [
        {"conditionType": "custom_field", "field": "custom_fields.plan", "operator": "eq",
         "value": "p1"}
    ]  # fmt: skip
    [entry] = [
        each for each in shop.site.do(shop.site.runtime.audit.page(shop.site.us))
        if each.about == f"audience {made.ref}"
    ]  # fmt: skip
    assert entry.actor == "user owner@forms.example"


def test_a_fault_stands_beside_its_field_and_what_was_typed_stays(shop):
    ref = an_audience(shop.site, shop.list_id, "Kept")
    html = shop.owner.page(f"/audiences/{ref}/edit")
    fields = fields_of(html) | {"name": "", "description": "typed"}
    answer = shop.owner.post(f"/audiences/{ref}/edit", **fields)
    assert answer.status_code == 400
    assert 'aria-describedby="w-name"' in answer.text
    assert "typed" in answer.text
    fields |= {"name": "Kept", "filter.conditions[0].operator": "gt",
               "filter.conditions[0].value": "a lot"}  # fmt: skip
    html = shop.owner.post(f"/audiences/{ref}/edit", **fields).text
    assert "This is a number" in html
    assert 'value="a lot"' in html
    assert 'aria-describedby="w-filter.conditions[0]"' in html
    fields |= {"filter.conditions[0].value": "3", "description": "changed"}
    assert shop.owner.post(f"/audiences/{ref}/edit", **fields).status_code == 303
    found = shop.site.do(shop.site.runtime.audiences.show(shop.site.us, ref))
    assert found.description == "changed"
    assert found.source_lists == (shop.list_id,)


def test_a_form_is_counted_as_it_is_filled(shop):
    fields = {
        "filter.operator": "AND",
        "filter.conditions[0].kind": "custom_field",
        "filter.conditions[0].field": "plan",
        "filter.conditions[0].operator": "ne",
    }
    shop.owner.page("/audiences/new")
    part = shop.owner.post("/audiences/count", **fields, source_lists=str(shop.list_id))
    assert (part.status_code, Elements(part.text).text[:8]) == (200, "3 people")
    part = shop.owner.post("/audiences/count", **fields | {"filter.conditions[0].field": ""})
    assert "as soon as every condition is filled" in part.text


def test_an_audience_is_archived_and_comes_back(shop):
    ref = an_audience(shop.site, shop.list_id, "Old")
    shop.owner.page(f"/audiences/{ref}")
    assert shop.owner.post(f"/audiences/{ref}/archive").status_code == 303
    assert "Archived" in shop.owner.page(f"/audiences/{ref}")
    assert shop.owner.post(f"/audiences/{ref}/restore").status_code == 303
    assert ref in {each.ref for each in shop.all()}
