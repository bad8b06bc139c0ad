"""Campaigns as forms: what is typed is what is stored, and faults stand beside their fields."""

import dataclasses

import pytest
from campaigning import a_creative, a_schedule, an_audience, an_offer
from dashboard_site import Elements
from page_forms import fields_of
from written import parsed

from sendrail.campaigns.reading import LinkInput
from sendrail.campaigns.schedule_reading import BlastInput, changed_terms
from sendrail.contacts.lists import ListChange
from sendrail.dashboard.campaign_form import ScheduleForm
from sendrail.domain.destinations import ANYWHERE
from sendrail.domain.schedule import FrequencyCap
from sendrail.domain.sender import ListStatus
from sendrail.domain.user import Role

LIST = "+15557820001"


class Shop:
    def __init__(self, site):
        self.site = site
        lists, contacts = site.runtime.lists, site.runtime.contacts
        made = site.do(lists.add(site.us, parsed(LIST), name="News", connector="sandbox"))
        self.list_id = made.sender.id
        for at in range(3):
            number = parsed(f"+1555782100{at}")
            site.do(contacts.add(site.us, parsed(LIST), number, first_name=f"Name{at}"))
        self.audience = an_audience(site, self.list_id, "Everybody")
        self.offer = an_offer(site)
        self.owner = site.signed_in("owner@plans.example", Role.OWNER)
        self.viewer = site.signed_in("viewer@plans.example", Role.VIEWER)

    def found(self, ref):
        return self.site.do(self.site.runtime.schedules.show(self.site.us, ref))

    def all(self):
        return self.site.do(self.site.runtime.schedules.all(self.site.us))

    def text(self, path):
        return Elements(self.owner.page(path)).text

    def filled(self, **more):
        """Return the fields of a new campaign that can be saved."""
        fields = fields_of(self.owner.page("/campaigns/new"))
        return fields | {
            "name": "Trail sale", "audiences": self.audience, "send_date": "2098-10-03",
            "blasts[0].message": "The trail sale is on",
        } | more  # fmt: skip


@pytest.fixture(scope="module")
def shop(site):
    return Shop(site)


FULL = {
    "is_repeating": True, "send_date": None, "start_date": "2098-10-01", "end_date": "2098-11-01",
    "days_of_week": {"monday": True, "friday": True}, "send_until": "20:15", "use_local_time": True,
    "late_zones": "next_day", "late_minutes": 30, "overlap": "queue", "outside_hours": "skip",
    "skip_within_hours": 24, "frequency_cap": FrequencyCap(3, 7), "holdout_percent": 10,
    "filter_bots": True, "ir_revenue": 12.5,
}  # fmt: skip


def sent(form):
    """Return what a browser sends of a form."""
    fields = dict(form.fields)
    for text in form.texts:
        fields |= {f"{text.path}.{name}": value for name, value in text.fields.items()}
        for link in text.links:
            fields |= {f"{link.path}.{name}": value for name, value in link.fields.items()}
    return fields, form.chosen


@pytest.mark.parametrize("change", [{}, FULL, {"send_type": "automated", "automated_percent": 80,
                                               "is_cto": True}])  # fmt: skip
def test_a_campaign_is_the_same_after_it_was_a_form(shop, change):
    params = {"a": "1", "b": "x=y"}
    link = LinkInput(key="link1", offer_id=shop.offer, url="https://x.example/", url_params=params)
    blasts = [BlastInput(message="One {{link1}}\nline", offer_links=[link], percent_audience=60),
              BlastInput(message="Two", percent_audience=40, variant_name="B")]  # fmt: skip
    before = a_schedule(shop.site, shop.audience, "Same", **{"blasts": blasts} | change)
    form = ScheduleForm.read(*sent(ScheduleForm.of(before)))
    assert changed_terms(form.given(before), before, ANYWHERE) == {}
    # And as a browser makes of the page what it sends.
    fields = fields_of(shop.owner.page(f"/campaigns/{before.ref}/edit")) | {
        "days": ["monday", "friday"]
    }
    shop.owner.page("/you")
    assert shop.owner.post(f"/campaigns/{before.ref}/edit", **fields).status_code == 303
    after = shop.found(before.ref)
    assert dataclasses.replace(after, updated_at=before.updated_at) == before


def test_a_new_campaign_says_that_nothing_is_sent_yet(shop):
    assert "Nothing is sent before you switch it on.</p>" in shop.owner.page("/campaigns/new")


def test_a_campaign_is_made_by_its_form_alone(shop):
    creative = a_creative(shop.site, shop.offer, "Like this", "See {{link1}}")
    before = len(shop.all())
    fields = shop.filled(like=str(creative), do="text")
    fields = fields_of(shop.owner.post("/campaigns/new", **fields).text)
    assert fields["blasts[1].message"] == "See {{link1}}"
    assert fields["blasts[1].offer_links[0].offer_id"] == shop.offer
    fields = fields_of(shop.owner.post("/campaigns/new", **fields | {"do": "share"}).text)
    assert (fields["blasts[0].percent_audience"], fields["blasts[1].percent_audience"]) == (
        "50", "50",
    )  # fmt: skip
    fields = fields_of(shop.owner.post("/campaigns/new", **fields | {"do": "link blasts[0]"}).text)
    gone = "remove blasts[0].offer_links[0]"
    fields = fields_of(shop.owner.post("/campaigns/new", **fields | {"do": gone}).text)
    assert "blasts[0].offer_links[0].key" not in fields
    fields |= {"frequency_cap.messages": "3", "frequency_cap.days": "7"}
    assert len(shop.all()) == before
    answer = shop.owner.post("/campaigns/new", **fields | {"do": "save"})
    assert answer.status_code == 303, Elements(answer.text).text
    made = shop.all()[0]
    assert (made.name, made.status, made.frequency_cap) == (
        "Trail sale", "draft", FrequencyCap(3, 7),
    )  # fmt: skip
    assert [each.percent_audience for each in made.blasts] == [50, 50]
    assert made.blasts[1].offer_links[0].offer_ref == shop.offer
    entries = shop.site.do(shop.site.runtime.audit.page(shop.site.us))
    assert entries[0].actor == "user owner@plans.example"
    text = shop.owner.post("/campaigns/new", **fields | {"do": "remove blasts[0]"}).text
    assert fields_of(text)["blasts[0].message"] == "See {{link1}}"


@pytest.mark.parametrize(
    ("change", "at", "words"),
    [
        ({"name": " "}, "name", "This is needed."),
        ({"audiences": ""}, "audiences", "There is no active audience"),
        ({"send_date": ""}, "send_date", "This is needed."),
        ({"send_until": "25:00"}, "send_until", "This must be a time of day"),
        ({"skip_within_hours": "some"}, "skip_within_hours", "This is a whole number"),
        ({"holdout_percent": "90"}, "holdout_percent", "This must be 0 to 50"),
        ({"frequency_cap.messages": "3"}, "frequency_cap", "`days`"),
        ({"ir_revenue": "much"}, "ir_revenue", "This is an amount"),
        ({"blasts[0].message": ""}, "blasts[0].message", "required"),
        ({"blasts[0].percent_audience": "60"}, "blasts", "must add up to 100, not 60"),
        ({"blasts[0].percent_audience": "all"}, "blasts[0].percent_audience", "whole number"),
        ({"blasts[0].offer_links[0].key": "link1"}, "blasts[0].offer_links", "Choose an offer"),
    ],
)  # fmt: skip
def test_a_fault_stands_beside_its_field_and_what_was_typed_stays(shop, change, at, words):
    fields = shop.filled(**change)
    answer = shop.owner.post("/campaigns/new", **fields)
    assert answer.status_code == 400
    part = answer.text.partition(f'id="w-{at}"')[2]
    assert words in part.partition("</p>")[0]
    typed = fields_of(answer.text)
    assert {typed.get(name) for name in change} <= {*change.values(), None}
    assert typed["blasts[0].message"] == fields["blasts[0].message"]


def test_notes_of_the_preflight_stand_beside_their_fields(shop):
    made = a_schedule(shop.site, shop.audience, "Costly", ("ł is on {{link1}}",),
                      send_date="2020-01-01")  # fmt: skip
    html = shop.owner.page(f"/campaigns/{made.ref}/edit")
    field = html.partition('id="f-blasts[0].message"')[2].partition("</div>")[0]
    assert "GSM 7-bit" in field
    assert "passed in every zone" in html.partition('id="f-send_date"')[2].partition("</div>")[0]
    page = shop.owner.page(f"/campaigns/{made.ref}")
    assert f"/campaigns/{made.ref}/edit#f-send_date" in page
    assert "/edit#f-" not in shop.viewer.page(f"/campaigns/{made.ref}")


def test_texts_are_measured_as_they_are_typed(shop):
    fields = shop.filled(**{"blasts[0].message": "x" * 200})
    part = Elements(shop.owner.post("/campaigns/texts", **fields).text).text
    assert "2 segments" in part
    fields |= {"blasts[0].message": "Hello {{nonsense"}
    assert "fault" in shop.owner.post("/campaigns/texts", **fields).text
    assert "is empty" in shop.owner.post("/campaigns/texts", **fields | {
        "blasts[0].message": ""}).text  # fmt: skip


def test_a_dry_run_shows_who_would_get_what_and_sends_nothing(shop):
    made = a_schedule(shop.site, shop.audience, "Dry", ("Hello {{first_name|friend}}",))
    text = shop.text(f"/campaigns/{made.ref}/dry-run")
    assert "Would get a message 3 of 3 contacts" in text
    assert "Hello Name1" in text
    assert "Hello Name1" not in shop.text("/messages")
    other = parsed("+15557820002")
    paused = shop.site.do(
        shop.site.runtime.lists.add(shop.site.us, other, name="Off", connector="sandbox")
    )
    change = ListChange(status=ListStatus.PAUSED)
    shop.site.do(shop.site.runtime.lists.update(shop.site.us, other, change))
    lost = a_schedule(shop.site, an_audience(shop.site, paused.sender.id), "Lost", ("Hello",))
    assert "There is no dry run of this" in shop.text(f"/campaigns/{lost.ref}/dry-run")


def test_a_dry_run_says_for_whom_there_is_no_time(shop):
    [slow] = [
        each
        for each in shop.site.do(shop.site.runtime.lists.all(shop.site.us))
        if each.id == shop.list_id
    ]
    change = shop.site.runtime.lists.update
    shop.site.do(change(shop.site.us, slow.number, ListChange(rate=1)))
    hours = {"send_time": "15:00", "send_until": "15:02"}
    made = a_schedule(shop.site, shop.audience, "Slow", ("Hello",), **hours)
    text = shop.text(f"/campaigns/{made.ref}/dry-run")
    shop.site.do(change(shop.site.us, slow.number, ListChange(rate=slow.rate)))
    assert "Would get a message 3 of 3 contacts" in text
    assert "1 of them would get nothing after all" in text
    assert "the last leaves Fri 3 Oct 2098" in text
    whole = a_schedule(shop.site, shop.audience, "Quick", ("Hello",))
    assert "get nothing after all" not in shop.text(f"/campaigns/{whole.ref}/dry-run")


def test_a_test_goes_to_the_numbers_of_its_author(shop):
    made = a_schedule(shop.site, shop.audience, "Tried", ("Hello {{first_name|friend}}",))
    path = f"/campaigns/{made.ref}"
    shop.owner.page(path)
    answer = shop.owner.post(f"{path}/test", phone_numbers="+15550100001, nonsense", contact="")
    assert answer.status_code == 200
    said = Elements(answer.text).text
    assert "Accepted +1 555 010 0001" in said
    assert "Refused nonsense" in said
    assert "Hello friend" in shop.text("/messages")
    answer = shop.owner.post(f"{path}/test", phone_numbers="+15550100001", contact="+15550100009")
    assert answer.status_code == 400
    assert 'id="w-contact"' in answer.text
    assert 'value="+15550100001"' in answer.text
    assert shop.owner.post(f"{path}/test", phone_numbers="").status_code == 400


def test_a_campaign_is_archived_and_comes_back_off(shop):
    made = a_schedule(shop.site, shop.audience, "Old", ("Hello",))
    shop.owner.page(f"/campaigns/{made.ref}")
    shop.owner.post(f"/campaigns/{made.ref}/archive")
    assert shop.found(made.ref).status == "archive"
    shop.owner.post(f"/campaigns/{made.ref}/restore")
    assert shop.found(made.ref).status == "off"
