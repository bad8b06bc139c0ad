"""A list's page: what waits, the question before it is paused, and its verification."""

import pytest
from dashboard_site import Elements
from written import parsed

from sendrail.connectors.service import ConnectorCapacity
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
