"""Creatives and offers as forms: what is typed is what is stored, and faults have their fields."""

import dataclasses

import pytest
from campaigning import a_creative, an_offer
from dashboard_site import ME, Elements
from page_forms import fields_of
from written import parsed

from sendrail.domain.user import Role
from sendrail.tracking.offers import OfferChange


class Shop:
    def __init__(self, site):
        self.site = site
        self.offer = an_offer(site, metadata={"season": "autumn", "lines": "a\nb"})
        self.owner = site.signed_in("owner@texts.example", Role.OWNER)

    def creative(self, creative_id):
        return self.site.do(self.site.runtime.creatives.show(self.site.us, creative_id)).creative

    def stored_offer(self, ref):
        return self.site.do(self.site.runtime.tracking.offers.show(self.site.us, ref))

    def last_actor(self):
        return self.site.do(self.site.runtime.audit.page(self.site.us))[0].actor

    def send(self, path, **change):
        """Send a page's form as it is, but for some fields."""
        fields = fields_of(self.owner.page(path))
        return self.owner.post(path, **fields | change)


@pytest.fixture(scope="module")
def shop(site):
    return Shop(site)


def test_a_creative_is_made_and_changed_by_its_form(shop):
    answer = shop.send("/creatives/new", name="Boots", message="See {{link1}}", do="link")
    fields = fields_of(answer.text)
    assert (fields["offer_links[0].key"], fields["offer_links[1].key"]) == ("link1", "link2")
    fields = fields_of(
        shop.owner.post("/creatives/new", **fields | {"do": "remove offer_links[1]"}).text
    )
    assert "offer_links[1].key" not in fields
    given = {"offer_links[0].offer_id": shop.offer, "offer_links[0].url_params": "a=1\nb=x=y"}
    answer = shop.owner.post("/creatives/new", **fields | given)
    assert answer.status_code == 303, Elements(answer.text).text
    creative_id = int(answer.headers["location"].partition("?")[0].rpartition("/")[2])
    made = shop.creative(creative_id)
    assert (made.name, made.message) == ("Boots", "See {{link1}}")
    assert made.offer_links[0].url_params == {"a": "1", "b": "x=y"}
    assert shop.last_actor() == "user owner@texts.example"
    assert shop.send(f"/creatives/{creative_id}/edit").status_code == 303
    assert dataclasses.replace(shop.creative(creative_id), updated_at=made.updated_at) == made
    shop.send(f"/creatives/{creative_id}/edit", status="paused", message="New {{link1}}")
    after = shop.creative(creative_id)
    assert (after.status, after.message) == ("paused", "New {{link1}}")


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"name": ""}, "name"),
        ({"message": "No link"}, "message"),
        ({"message": "{{link1}} {{bad"}, "message"),
        ({"message": "{{link2}}"}, "offer_links"),
        ({"offer_links[0].offer_id": ""}, "offer_links"),
        ({"status": "burnt"}, "status"),
    ],
)
def test_a_fault_of_a_creative_stands_beside_its_field(shop, change, at):
    creative = a_creative(shop.site, shop.offer)
    answer = shop.send(f"/creatives/{creative}/edit", **change)
    assert answer.status_code == 400
    assert f'id="w-{at}"' in answer.text
    assert change.items() <= fields_of(answer.text).items()
    # In words of the page, not of the API.
    assert "`" not in answer.text.partition(f'id="w-{at}"')[2].partition("</p>")[0]


def test_a_creative_is_shown_on_a_phone_as_it_is_typed(shop):
    shop.owner.page("/creatives/new")
    part = Elements(shop.owner.post("/creatives/text", message="Hi {{first_name|you}}").text).text
    assert "Hi you" in part
    assert "1 to 1" not in part
    part = Elements(shop.owner.post("/creatives/text", message="ł" * 80).text).text
    assert "2 segments" in part
    assert "UCS-2" in part


def test_a_creative_is_shown_as_one_contact_gets_it(shop):
    site, list_number = shop.site, "+15557850009"
    lists, contacts = site.runtime.lists, site.runtime.contacts
    site.do(lists.add(site.us, parsed(list_number), name="Shown", connector="sandbox"))
    ann = parsed("+15557851001")
    site.do(contacts.add(site.us, parsed(list_number), ann, first_name="Ann <3"))
    message = "Hi {{first_name}}, {{last_name|friend}}: {{link1}}"
    path = f"/creatives/{a_creative(site, shop.offer, 'Shown', message)}"
    html = shop.owner.page(path)
    assert "with the defaults of its fields" in html

    def shown(**fields):
        answer = shop.owner.post(f"{path}/preview", **{"list": ""} | fields)
        return answer.status_code, Elements(answer.text).text

    for typed in ("+1 555 785 1001", "15557851001"):
        status, text = shown(number=typed)
        assert status == 200
        assert "as +1 555 785 1001 gets it" in text
        assert "Hi Ann <3, friend: " in text
        assert "Defaults stand for last_name" in text
    assert shown(number="+15557851001", list=list_number)[0] == 200
    other = next(each for each in site.do(lists.all(site.us)) if each.name != "Shown")
    assert shown(number="+15557851001", list=other.shown)[0] == 400
    for number, said in (("nobody", "This is no number."), ("+15557859999", "none of your lists")):
        status, text = shown(number=number)
        assert (status, said in text) == (400, True)
    # One without a name, where the text has no default, would be left out.
    site.do(contacts.add(site.us, parsed(list_number), parsed("+15557851002")))
    status, text = shown(number="+15557851002")
    assert status == 400
    assert "There is no value for first_name" in text


def test_an_offer_is_made_and_changed_by_its_form(shop):
    answer = shop.send("/offers/new", name="Tents", tracking_url="https://shop.example/tents",
                       payout="12.50", click_window_days="14", external_platform="tune",
                       expires_at="2098-05-06T10:00", metadata="season=summer")  # fmt: skip
    assert answer.status_code == 303, Elements(answer.text).text
    ref = answer.headers["location"].partition("?")[0].rpartition("/")[2]
    made = shop.stored_offer(ref)
    assert (made.payout, made.click_window_days, made.external_platform) == (125_000, 14, "tune")
    # 6 May 2098, 10:00 UTC, where the browser has not said another zone.
    assert made.expires_at == 4_050_208_800_000
    assert dict(made.metadata) == {"season": "summer"}
    assert shop.last_actor() == "user owner@texts.example"
    shop.send(f"/offers/{ref}/edit", payout="", click_window_days="", expires_at="",
              external_platform="", metadata="")  # fmt: skip
    after = shop.stored_offer(ref)
    assert (after.payout, after.click_window_days, after.expires_at) == (0, None, None)
    assert not after.metadata
    assert after.external_platform is None


def test_an_offer_is_the_same_after_it_was_a_form(shop):
    given = OfferChange(pixel_amounts=True, filter_bots=True, expires_at=1_935_828_000_250)
    offers = shop.site.runtime.tracking.offers
    shop.site.do(offers.change(shop.site.us, shop.offer, given, ME))
    before = shop.stored_offer(shop.offer)
    assert shop.send(f"/offers/{shop.offer}/edit").status_code == 303
    after = shop.stored_offer(shop.offer)
    assert dataclasses.replace(after, updated_at=before.updated_at) == before


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"name": " "}, "name"),
        ({"tracking_url": "nowhere"}, "tracking_url"),
        ({"fallback_url": "ftp://x.example/"}, "fallback_url"),
        ({"payout": "lots"}, "payout"),
        ({"click_window_days": "900"}, "click_window_days"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"external_platform": "pigeon"}, "external_platform"),
    ],
)
def test_a_fault_of_an_offer_stands_beside_its_field(shop, change, at):
    answer = shop.send(f"/offers/{shop.offer}/edit", **change)
    assert answer.status_code == 400
    assert f'id="w-{at}"' in answer.text
    assert change.items() <= fields_of(answer.text).items()
