"""A list's page: what waits, the question before it is paused, and its verification."""

import pytest
from dashboard_site import Elements
from written import parsed

from sendrail.connectors.service import ConnectorCapacity
from sendrail.contacts.lists import ListChange
from sendrail.domain.sender import ListStatus
from sendrail.domain.user import Role
from sendrail.domain.verification import Step

LIST, OWN = "+15557500001", "+15557500002"
HANDSET = "+15557510001"


@pytest.fixture(scope="module")
def ids(site):
    runtime = site.runtime
    capacity = ConnectorCapacity()
    site.do(runtime.connectors.add(site.us, "simulator", "mine", {}, capacity, own=True))
    added = [
        site.do(runtime.lists.add(site.us, parsed(number), name=name, connector=connector))
        for number, name, connector in ((LIST, "News", "sandbox"), (OWN, "Own", "mine"))
    ]
    return [each.sender.id for each in added]


@pytest.fixture(scope="module")
def ana(site, ids):
    assert ids, "its lists are there"
    return site.signed_in("ana@example.com", Role.OWNER)


def text_of(browser, path):
    return Elements(browser.page(path)).text


def test_a_list_says_what_waits_and_asks_before_it_is_paused(site, ana, ids):
    path = f"/lists/{ids[0]}"
    assert "Waiting nothing" in text_of(ana, path)
    assert "Nothing waits just now." in text_of(ana, f"{path}/pause")
    site.send(HANDSET, LIST, "Hello")
    assert "1 message waits and will be dropped" in text_of(ana, f"{path}/pause")
    site.send(HANDSET, LIST, "Hello again")
    # The question has two ways out, and the page itself leads to it: no button pauses at once.
    html = ana.page(f"{path}/pause")
    assert "2 messages wait and will be dropped" in Elements(html).text
    assert f"/dashboard{path}" in Elements(html).links()
    assert f"/dashboard{path}/pause" in Elements(ana.page(path)).links()
    assert f'action="/dashboard{path}/pause"' not in ana.page(path)
    assert "2 in the queue" in text_of(ana, path)
    # What others have in theirs is not counted, and a paused list is not asked about again.
    assert site.do(site.runtime.messages.waiting_of(site.them, ids[0])) is None
    ana.post(f"{path}/pause")
    assert "Pause News?" not in text_of(ana, f"{path}/pause")
    ana.post(f"{path}/resume")


def test_a_list_on_an_accounts_own_carrier_is_verified_in_three_steps(site, ana, ids):
    path = f"/lists/{ids[1]}"
    status = site.runtime.verification.status

    def step():
        return site.do(status(site.us, parsed(OWN))).step

    assert "Test credentials" in text_of(ana, path)
    assert "Send test message" not in text_of(ana, path)
    # Before the credentials are tried, nothing is sent; the page says which step is next.
    early = ana.post(f"{path}/verify/test", to=HANDSET)
    assert (early.status_code, step()) == (400, Step.CREDENTIALS)
    assert "the list's next step is credentials" in Elements(early.text).text
    assert ana.post(f"{path}/verify/check").status_code == 303
    assert step() is Step.TEST_SEND
    ana.page(path)
    wrong = ana.post(f"{path}/verify/test", to="12")
    assert wrong.status_code == 400
    assert 'name="to" type="text" value="12" aria-invalid="true"' in wrong.text
    assert ana.post(f"{path}/verify/test", to=HANDSET).status_code == 303
    assert step() is Step.REPLY
    text = text_of(ana, path)
    assert "to +1 555 751 0001: queued" in text
    assert "Send it again" in text
    # A list of the installation's connector needs none, and a member does not verify.
    assert ana.post(f"/lists/{ids[0]}/verify/check").status_code == 409
    member = site.signed_in("max@example.com", Role.MEMBER)
    assert "Verify this list" in text_of(member, path)
    assert "Send it again" not in text_of(member, path)


def test_a_list_is_added_with_its_connector(site, ana):
    page = "/lists/new"
    html = ana.page(page)
    # What comes first is what most will want.
    rate = site.runtime.settings.default_list_rate
    assert f'name="rate" type="text" inputmode="numeric" value="{rate:,}"' in html
    assert '<option value="mine">' in html.partition('name="second_connector"')[0]
    assert '<option value="mine">' not in html.partition('name="second_connector"')[2]
    new = {"list_number": "+15557500009", "connector": "sandbox"}
    for fields, wrong in (
        ({"list_number": ""}, "list_number"),
        ({"list_number": "+1"}, "list_number"),
        ({**new, "connector": "none such"}, "connector"),
        ({**new, "rate": "x"}, "rate"),
        ({**new, "rate": "0"}, "rate"),
        ({**new, "list_name": "n" * 101}, "list_name"),
        ({**new, "quiet_hours": "late"}, "quiet_hours"),
        ({**new, "second_connector": "sandbox"}, "second_connector"),
    ):  # fmt: skip
        answer = ana.post(page, **fields)
        assert answer.status_code == 400, fields
        assert f'id="w-{wrong}"' in answer.text, fields
    # What was typed stays.
    twice = ana.post(page, list_number=LIST, connector="sandbox", brand_name="Juniper")
    assert f"The account has a list {LIST} already." in Elements(twice.text).text
    assert 'id="w-list_number"' in twice.text
    assert 'value="Juniper"' in twice.text
    added = ana.post(
        page, list_number="+1 555 750 0009", list_name="Sales", brand_name="Juniper", rate="1,200",
        connector="sandbox", on_uncertain="resend_once", quiet_scope="all",
        quiet_hours="21:00-08:00",
    )  # fmt: skip
    found = site.do(site.runtime.lists.find(site.us, parsed("+15557500009"))).sender
    assert added.headers["location"].startswith(f"/dashboard/lists/{found.id}?said=")
    kept = (found.name, found.brand, found.rate, found.on_uncertain, found.quiet_scope)
    assert kept == ("Sales", "Juniper", 1200, "resend_once", "all")
    assert found.own_quiet_hours == "21:00-08:00"


def test_a_list_on_an_own_carrier_is_led_to_its_verification(ana):
    added = ana.post("/lists/new", list_number="+15557500010", connector="mine")
    place = added.headers["location"].removeprefix("/dashboard")
    text = text_of(ana, place)
    assert "Verify it below: until then it sends nothing." in text
    assert "Verify this list" in text


def test_a_list_changes_its_connectors(site, ana, ids):
    path = f"/lists/{ids[0]}"

    def connectors():
        found = site.do(site.runtime.lists.find_by_id(site.us, ids[0]))
        return [each and each.name for each in (found.connector, found.second_connector)]

    shared = ConnectorCapacity()
    site.do(site.runtime.connectors.add(site.us, "simulator", "spare", {}, shared))
    fields = {"list_name": "News", "rate": "600"}
    ana.page(path)
    ana.post(path, **fields, connector="sandbox", second_connector="spare")
    assert connectors() == ["sandbox", "spare"]
    # A form without the fields leaves them; an empty second one takes it away.
    ana.post(path, **fields)
    assert connectors() == ["sandbox", "spare"]
    wrong = ana.post(path, **fields, connector="spare", second_connector="spare")
    assert (wrong.status_code, 'id="w-second_connector"' in wrong.text) == (400, True)
    ana.post(path, **fields, connector="sandbox", second_connector="")
    assert connectors() == ["sandbox", None]
    # A fault of the name stands beside the name.
    assert 'id="w-list_name"' in ana.post(path, list_name="", rate="600").text


def test_a_list_is_deleted_once_asked(site, ana):
    made = site.do(
        site.runtime.lists.add(site.us, parsed("+15557500011"), name="Gone", connector="sandbox")
    )
    path = f"/lists/{made.sender.id}"
    assert f"/dashboard{path}/delete" in Elements(ana.page(path)).links()
    assert "Delete Gone?" in text_of(ana, f"{path}/delete")
    assert ana.post(f"{path}/delete").status_code == 303
    assert "Gone" not in text_of(ana, "/lists")
    stranger = site.signed_in("eve@them.example", Role.OWNER, site.them)
    stranger.page("/lists")
    assert stranger.post(f"/lists/{ids_of(site)[0]}/delete").status_code == 404


def ids_of(site):
    return [each.id for each in site.do(site.runtime.lists.all(site.us))]


def test_empty_pages_lead_to_the_forms(fresh_site):
    them = fresh_site.signed_in("eve@them.example", Role.OWNER, fresh_site.them)
    assert "/dashboard/lists/new" in Elements(them.page("/lists")).links()
    for each in ids_of(fresh_site):
        gone = ListChange(status=ListStatus.DELETED)
        fresh_site.do(fresh_site.runtime.lists.update_by_id(fresh_site.us, each, gone))
    fresh_site.do(fresh_site.runtime.connectors.remove(fresh_site.us, "sandbox"))
    assert "/dashboard/connectors/new" in Elements(them.page("/connectors")).links()
    # Without a connector the form of a list says what is missing, and who can help.
    assert "/dashboard/connectors/new" in Elements(them.page("/lists/new")).links()
    member = fresh_site.signed_in("max@them.example", Role.MEMBER, fresh_site.them)
    text = text_of(member, "/lists/new")
    assert "An owner of this account adds one." in text
    assert "/dashboard/connectors/new" not in Elements(member.page("/lists/new")).links()
