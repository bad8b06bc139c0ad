"""Creatives over HTTP, as the public API has them, and the frame of texts."""

import uuid

import pytest
from asking import ask, refused, told
from written import parsed

from sendrail.campaigns.account_settings import AccountSettingsChange
from sendrail.campaigns.creatives import CreativeService
from sendrail.campaigns.reading import CreativeInput, LinkInput
from sendrail.contacts.frames import FrameChange
from sendrail.domain.audit import Actor
from sendrail.domain.errors import Conflict
from sendrail.tracking.offers import OfferChange

URL = "https://shop.example/?c={{click_id}}"
TEXT = "Hot deals just for you! Shop now: {{link1}} Reply STOP to opt out."


class Account:
    """An account of a test's own, with an offer and a list."""

    def __init__(self, door):
        self.door = door
        self.id = door.do(door.runtime.accounts.add(f"creatives {uuid.uuid4()}"))
        self.key = door.new_key(self.id)
        self.number = door.recipient()
        added = door.do(
            door.runtime.lists.add(self.id, parsed(self.number), brand="Acme", connector="sandbox")
        )
        self.list_id = added.sender.id
        self.offer = self.new_offer()

    def new_offer(self, **more):
        given = OfferChange(name="Offer", tracking_url=URL, **more)
        return self.door.do(
            self.door.runtime.tracking.offers.add(self.id, given, Actor(name="a test"))
        )

    def ask(self, method, path, body=None):
        return ask(self.door, method, path, body, x_api_key=self.key)

    def make(self, message=TEXT, **more):
        links = [{"key": "link1", "offer_id": self.offer.ref}]
        body = {"name": "Summer Sale Promo", "message": message, "offer_links": links} | more
        return told(self.ask("POST", "creatives", body))["creative"]

    def preview(self, made, **body):
        return self.ask("POST", f"creatives/{made['id']}/preview", body)

    def actions(self):
        found = self.door.do(self.door.runtime.audit.page(self.id))
        return [(each.action, dict(each.details)) for each in found]


def set_frame(account, **texts):
    """Change what the account says of its frame."""
    change = AccountSettingsChange(frame=FrameChange(**texts))
    settings = account.door.runtime.account_settings
    account.door.do(settings.change(account.id, change, Actor(name="a test")))


@pytest.fixture
def us(door):
    return Account(door)


def test_a_creative_is_made_with_the_documented_defaults(us):
    link = {"key": "link1", "offer_id": us.offer.ref, "url_params": {"sub1": "sms"}}
    body = {"name": " Summer Sale Promo ", "message": TEXT, "offer_links": [link]}
    saved = told(us.ask("POST", "creatives", body))
    assert saved.pop("success") is True
    made = saved.pop("creative")
    assert made == saved
    assert isinstance(made["id"], int)
    assert made["slug"] == f"crv_summer-sale-promo_{made['id']}"
    assert made["created_at"].endswith("Z")
    documented = {
        "name": "Summer Sale Promo",
        "message": TEXT,
        "offer_links": [link | {"url": None}],
        "offers": [us.offer.ref],
        "status": "active",
        "creative_type": "automated",
        # 58 characters beside the link, 23 for it, and 34.
        "character_count": len(TEXT) - len("{{link1}}") + 23 + 34,
        "segment_count": 1,
    }
    assert made.items() >= documented.items()
    # The account has no tracking domain and no brand yet: the documented length, the default words.
    text = TEXT.replace("{{link1}}", "X" * 23) + " Reply stop to stop. Help for help."
    size = {"encoding": "gsm7", "characters": len(text), "units": len(text), "segments": 1}
    assert made["size"] == made["longest"] == size
    assert made["warnings"] == []
    assert told(us.ask("GET", f"creatives/{made['id']}")) == made
    assert us.actions()[0] == ("creative.added", {})


def test_creatives_are_listed_by_status_and_type(us):
    first, second = us.make(), us.make(creative_type="welcome")
    paused = us.make(status="paused")
    listed = lambda query="": told(us.ask("GET", f"creatives{query}"))  # noqa: E731
    assert listed()["creatives"] == [first, second]
    assert listed()["pagination"]["total"] == 2
    assert listed("?status=paused")["creatives"] == [paused]
    assert listed("?creative_type=welcome")["creatives"] == [second]
    assert listed("?per_page=1&page=2")["creatives"] == [second]
    refused(us.ask("GET", "creatives?status=gone"), "invalid_parameter", "status")
    refused(us.ask("GET", "creatives?creative_type=x"), "invalid_parameter", "creative_type")


def test_a_change_counts_anew_and_leaves_the_rest(us):
    before = us.make()
    path, entries = f"creatives/{before['id']}", us.actions()
    put = lambda **body: told(us.ask("PUT", path, body))["creative"]  # noqa: E731
    assert put() == before
    assert us.actions() == entries
    longer = put(message="{{link1}}" + "x" * 104)
    assert (longer["character_count"], longer["segment_count"]) == (161, 2)
    assert longer["offer_links"] == before["offer_links"]
    # It is so by two of its units, with 35 for the frame.
    assert [each["code"] for each in longer["warnings"]] == ["just_over_segment"]
    own = [{"key": "link1", "offer_id": us.offer.ref, "url": "https://shop.example/new"}]
    changed = put(name="Winter", offer_links=own, creative_type="one_time")
    assert changed["offer_links"] == [own[0] | {"url_params": {}}]
    assert (changed["name"], changed["creative_type"]) == ("Winter", "one_time")
    assert changed["message"] == longer["message"]
    assert us.actions()[0] == (
        "creative.changed",
        {"fields": ["creative_type", "name", "offer_links"]},
    )


def test_a_creative_is_archived_and_brought_back(us):
    made = us.make()
    path = f"creatives/{made['id']}"
    for _ in range(2):
        assert told(us.ask("DELETE", path)) == {"success": True, "archived": True}
    assert told(us.ask("GET", "creatives"))["creatives"] == []
    assert told(us.ask("GET", path))["status"] == "archived"
    assert told(us.ask("GET", "creatives?status=archived"))["pagination"]["total"] == 1
    assert [each[0] for each in us.actions()].count("creative.archived") == 1
    assert told(us.ask("PUT", path, {"status": "active"}))["status"] == "active"
    assert told(us.ask("PUT", path, {"status": "archived"}))["status"] == "archived"


LINK1 = {"key": "link1", "offer_id": "0" * 24}
FAULTS = [
    ({"name": " "}, "missing_name", "name"),
    ({"name": None}, "missing_name", "name"),
    ({"message": ""}, "missing_message", "message"),
    ({"offer_links": []}, "missing_offer_links", "offer_links"),
    ({"offer_links": None}, "missing_offer_links", "offer_links"),
    ({"name": "x" * 256}, "name_too_long", "name"),
    ({"message": "{{link1}}" + "x" * 1_592}, "message_too_long", "message"),
    ({"status": "archived"}, "invalid_status", "status"),
    ({"creative_type": "blast"}, "invalid_creative_type", "creative_type"),
    ({"message": "no link"}, "missing_link_placeholder", "message"),
    ({"message": "{{link1}} {{click_id}}"}, "unknown_macro", "message"),
    (
        {"message": "{{link1}} {{link2}}"},
        "missing_offer_links_for_placeholders",
        "offer_links",
    ),
    ({"offer_links": [{"offer_id": "0" * 24}]}, "missing_offer_link_key", "offer_links"),
    ({"offer_links": [{"key": "link1"}]}, "missing_offer_link_offer_id", "offer_links"),
    ({"offer_links": [LINK1 | {"key": "link5"}]}, "invalid_field", "offer_links"),
    ({"offer_links": [LINK1, LINK1]}, "invalid_field", "offer_links"),
    ({"offer_links": [LINK1 | {"url": "ftp://x.example"}]}, "invalid_url", "offer_links"),
    (
        {"offer_links": [LINK1 | {"url_params": {"": "x"}}]},
        "invalid_field",
        "offer_links",
    ),
    (
        {"offer_links": [LINK1 | {"url_params": {f"p{i}": "x" for i in range(21)}}]},
        "invalid_field",
        "offer_links",
    ),
    ({"message": "{{link1}}\0"}, "invalid_field", "message"),
]


@pytest.mark.parametrize(("change", "code", "param"), FAULTS)
def test_what_is_wrong_has_its_documented_code(us, change, code, param):
    links = [{"key": "link1", "offer_id": us.offer.ref}]
    body = {"name": "Summer", "message": TEXT, "offer_links": links}
    refused(us.ask("POST", "creatives", body | change), code, param)
    if "archived" not in change.values():
        change = {name: value for name, value in change.items() if value is not None}
        if change:
            refused(us.ask("PUT", f"creatives/{us.make()['id']}", change), code, param)
    assert told(us.ask("GET", "creatives"))["pagination"]["total"] <= 1


def test_a_text_of_the_greatest_length_is_taken(us):
    made = us.make("{{link1}}" + "x" * 1_591)
    assert len(made["message"]) == 1_600
    assert us.make(name="x" * 255)["name"] == "x" * 255


def test_a_creative_names_offers_of_its_own_account_only(us):
    them = Account(us.door)
    for offer_id in ("0" * 24, "not an id", them.offer.ref):
        links = [{"key": "link1", "offer_id": offer_id}]
        body = {"name": "Summer", "message": TEXT, "offer_links": links}
        answer = us.ask("POST", "creatives", body)
        assert answer.status_code == 400
        assert answer.json()["code"] == "offer_not_found"
    theirs = them.make()
    for method, path in (
        ("GET", f"creatives/{theirs['id']}"),
        ("PUT", f"creatives/{theirs['id']}"),
        ("DELETE", f"creatives/{theirs['id']}"),
        ("POST", f"creatives/{theirs['id']}/preview"),
    ):
        refused(us.ask(method, path, {}), "not_found")
    refused(us.ask("GET", f"creatives/{2**63}"), "not_found")
    assert told(them.ask("GET", f"creatives/{theirs['id']}")) == theirs


def test_an_archived_offer_is_none_for_a_new_link_and_stays_behind_an_old_one(us):
    made = us.make()
    us.door.do(us.door.runtime.tracking.offers.archive(us.id, us.offer.ref, Actor(name="a test")))
    links = [{"key": "link1", "offer_id": us.offer.ref}]
    body = {"name": "Summer", "message": TEXT, "offer_links": links}
    answer = us.ask("POST", "creatives", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "offer_not_found")
    told(us.ask("PUT", f"creatives/{made['id']}", {"offer_links": links, "name": "Winter"}))


def test_an_account_has_a_limited_number_of_creatives(us):
    runtime = us.door.runtime
    service = CreativeService(runtime.store, runtime.links, runtime.clock.now, most=2)
    link = LinkInput(key="link1", offer_id=us.offer.ref)
    given = CreativeInput(name="Sale", message=TEXT, offer_links=[link])
    add = lambda: us.door.do(service.add(us.id, given, Actor(name="a test")))  # noqa: E731
    us.door.do(service.archive(us.id, add().creative.id, Actor(name="a test")))
    add()
    with pytest.raises(Conflict) as caught:
        add()
    assert caught.value.code == "too_many_creatives"


def test_the_true_size_counts_a_link_as_long_as_it_will_be(us):
    domains = us.door.runtime.tracking.domains
    host = f"go{us.number[1:]}.example.com"
    made = us.make()
    us.door.do(domains.add(us.id, host, Actor(name="a test")))
    after = told(us.ask("GET", f"creatives/{made['id']}"))
    link = len(f"https://{host}/") + 7
    assert after["size"]["units"] == made["size"]["units"] - 23 + link
    assert after["character_count"] == made["character_count"]


def test_a_warning_names_the_place_and_the_remedy(us):
    made = us.make("Don’t miss what is new: {{link1}}")  # noqa: RUF001
    assert made["size"]["encoding"] == "ucs2"
    [warning] = made["warnings"]
    assert warning["code"] == "not_gsm7"
    assert warning["text"].startswith("’ at character 4 (write ')")  # noqa: RUF001
    set_frame(us, append="")
    codes = [each["code"] for each in told(us.ask("GET", f"creatives/{made['id']}"))["warnings"]]
    assert codes == ["not_gsm7", "no_opt_out_text"]


# Previews


def test_a_preview_for_a_contact(us):
    made = us.make("Hi {{first_name|there}} of {{city}}: {{link1}} {{messageId}}")
    contact = us.door.recipient()
    told(
        us.ask(
            "POST",
            "contacts",
            {
                "phone_number": contact,
                "list_number": us.number,
                "custom_fields": {"city": "Bonn"},
            },
        )
    )
    shown = told(us.preview(made, list_number=us.number, phone_number=contact))
    # The list is the sandbox's, whose links lead to the server itself.
    link = "http://127.0.0.1:8025/XXXXXXX"
    text = f"Acme: Hi there of Bonn: {link} XXXXXXXX Reply stop to stop. Help for help."
    assert shown["text"] == text
    assert shown["size"] == {
        "encoding": "gsm7",
        "characters": len(text),
        "units": len(text),
        "segments": 1,
    }
    assert shown["links"] == [{"key": "link1", "short_url": link, "destination": URL}]
    assert shown["defaulted"] == ["first_name"]
    given = {"first_name": "Ann", "custom_fields": {"city": "Rome"}}
    shown = told(us.preview(made, list_number=us.number, phone_number=contact, contact_data=given))
    assert shown["text"].startswith("Acme: Hi Ann of Rome: ")


def test_a_preview_for_sample_values(us):
    made = us.make("Hi {{first_name}}: {{link1}}")
    assert told(us.preview(made, contact_data={"first_name": "Ann"}))["text"].startswith("Hi Ann")
    answer = refused(us.preview(made), "missing_field", "first_name")
    assert "{{first_name|friend}}" in answer["error"]


def test_a_preview_for_a_number_that_is_not_american_has_no_frame(us):
    made, contact = us.make("Hi: {{link1}}"), "+4915112340001"
    us.ask("POST", "contacts", {"phone_number": contact, "list_number": us.number})
    shown = told(us.preview(made, list_number=us.number, phone_number=contact))
    assert shown["text"] == "Hi: http://127.0.0.1:8025/XXXXXXX"


def test_a_preview_names_what_it_does_not_find(us):
    made, stranger = us.make(), us.door.recipient()
    refused(us.preview(made, phone_number=stranger), "missing_list_number", "list_number")
    refused(
        us.preview(made, phone_number=stranger, list_number=us.number),
        "list_contact_not_found",
        "phone_number",
    )
    refused(us.preview(made, list_number=stranger), "list_not_found", "list_number")
    refused(us.preview(made, phone_number="1"), "invalid_phone", "phone_number")


# Frames


def body_of(us, message_id):
    return told(us.ask("GET", f"messages/{message_id}"))["body"]


def send(us, call="send", body="Hello", to=None, **more):
    order = {"to": to or us.door.recipient(), "list_number": us.number, "body": body} | more
    return us.ask("POST", call, order)


def sent(us, *args, **more):
    return told(send(us, *args, **more))["message_id"]


def test_a_list_has_a_frame_of_its_own_or_its_accounts(us):
    path = f"lists/{us.list_id}"
    before = told(us.ask("GET", path))
    assert (before["prepend_text"], before["append_text"]) == (None, None)
    assert before["frame_sends"] is False
    after = told(us.ask("PUT", path, {"prepend_text": "", "append_text": " STOP ends"}))
    assert (after["prepend_text"], after["append_text"]) == ("", " STOP ends")
    assert told(us.ask("PUT", path, {"rate": 60}))["append_text"] == " STOP ends"
    again = told(us.ask("PUT", path, {"append_text": None}))
    assert (again["prepend_text"], again["append_text"]) == ("", None)
    assert [each["prepend_text"] for each in told(us.ask("GET", "lists"))["lists"]] == [""]
    refused(
        us.ask("PUT", path, {"prepend_text": "{{first_name}}"}), "unknown_macro", "prepend_text"
    )
    refused(us.ask("PUT", path, {"append_text": "x" * 321}), "invalid_field", "append_text")


def test_a_new_list_may_have_a_frame_at_once(us):
    body = {
        "phone_number": us.door.recipient(),
        "connector": "sandbox",
        "prepend_text": "Us: ",
        "frame_sends": True,
    }
    made = told(us.ask("POST", "lists", body))
    assert (made["prepend_text"], made["append_text"], made["frame_sends"]) == ("Us: ", None, True)


@pytest.fixture
def framing(us):
    told(us.ask("PUT", f"lists/{us.list_id}", {"frame_sends": True}))
    return us


def test_send_has_the_frame_where_the_list_says_so(framing):
    text = "Acme: Hello Reply stop to stop. Help for help."
    assert body_of(framing, sent(framing)) == text
    told(framing.ask("PUT", f"lists/{framing.list_id}", {"frame_sends": False}))
    assert body_of(framing, sent(framing, body="Other")) == "Other"


def test_the_account_speaks_where_the_list_does_not(framing):
    set_frame(framing, prepend="", append=" END ends")
    assert body_of(framing, sent(framing)) == "Hello END ends"
    told(framing.ask("PUT", f"lists/{framing.list_id}", {"append_text": ""}))
    assert body_of(framing, sent(framing, body="Other")) == "Other"


def test_send_raw_never_has_it(framing):
    assert body_of(framing, sent(framing, "send-raw")) == "Hello"


def test_other_numbers_get_the_raw_text(framing):
    assert body_of(framing, sent(framing, to="+4915112340002")) == "Hello"


def test_a_batch_has_it_for_each_of_its_american_numbers(framing):
    batch = {
        "list_number": framing.number,
        "messages": [
            {"to": framing.door.recipient(), "body": "One"},
            {"to": "+4915112340003", "body": "Two"},
        ],
    }
    answer = told(framing.ask("POST", "send/bulk", batch))
    bodies = [body_of(framing, each["message_id"]) for each in answer["messages"]]
    assert bodies == ["Acme: One Reply stop to stop. Help for help.", "Two"]


def test_the_frame_counts_towards_the_segments(framing):
    frame = len("Acme:  Reply stop to stop. Help for help.")
    for length, segments in ((160 - frame, 1), (161 - frame, 2)):
        message_id = sent(framing, body="x" * length)
        found = told(framing.ask("GET", f"messages/{message_id}"))
        assert found["segments"] == segments


def test_a_text_may_be_too_long_with_its_frame(framing):
    limits = framing.door.runtime.limits
    refused(send(framing, body="x" * limits.characters_max), "message_too_long", "body")
    told(send(framing, "send-raw", body="x" * 1_500))
