"""Connectors as forms: the carrier's own settings, secrets, who may lead where, and removal."""

import os
from typing import Annotated

import pytest
from dashboard_site import ME, Elements
from msgspec import Struct
from written import parsed

from sendrail.carriers.registry import kinds
from sendrail.carriers.sdk import Secret, about
from sendrail.connectors.service import OWN_CONNECTORS_MAX, ConnectorCapacity
from sendrail.connectors.settings import settings_of
from sendrail.dashboard.setting_fields import SET, changes_of, fields_of, label_of, unset_by
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.sender import ReportedPace
from sendrail.domain.user import Role
from sendrail.storage.data_folder import LOCK

SID = f"AC{'1' * 32}"
SECRET = "hush-hush-hush"
TWILIO = {"set.account_sid": SID, "set.auth_token": SECRET}


@pytest.fixture(scope="module")
def operator(site):
    return site.signed_in("op@example.com", Role.OWNER, is_operator=True)


@pytest.fixture(scope="module")
def owner(site):
    return site.signed_in("ana@example.com", Role.OWNER)


def connector(site, name):
    return site.do(site.runtime.connectors.find(site.us, name))


def faults(answer):
    """Return the faults of a form by their fields."""
    return {
        each["id"].removeprefix("w-") for tag, each in Elements(answer.text).found
        if tag == "p" and each.get("class") == "fault"
    }  # fmt: skip


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_each_setting_of_each_carrier_is_a_field_and_says_what_it_is_for(operator, kind):
    html = operator.page(f"/connectors/new?kind={kind}")
    settings = settings_of(kinds()[kind]().Settings)
    shown = {
        each["name"]: each for _, each in Elements(html).found if "set." in str(each.get("name"))
    }
    assert shown.keys() == {SET + each.name for each in settings}
    for each in settings:
        assert each.about.endswith("."), each.name
        about = shown[SET + each.name]["aria-describedby"]
        assert f'id="{about}"' in html
        assert (shown[SET + each.name].get("type") == "password") is each.secret


def test_an_owner_connects_vendors_and_nothing_that_leads_anywhere(site, owner, operator):
    offered = {name for name in kinds() if f'kind={name}"' in owner.page("/connectors/new")}
    assert offered == set(kinds()) - {"http", "simulator", "smpp"}
    assert {name for name in kinds() if f'kind={name}"' in operator.page("/connectors/new")} == set(
        kinds()
    )
    owner.page("/connectors/new?kind=twilio")
    smpp = {"set.host": "10.0.0.1", "set.system_id": "x", "set.password": SECRET}
    assert owner.post("/connectors/new?kind=smpp", name="inside", **smpp).status_code == 404
    for url in (
        "https://10.0.0.1", "https://localhost", "http://127.0.0.1:8000", "https://twilio.com.evil.example",
        "https://eviltwilio.com", "https://169.254.169.254/latest", "https://[::1]",
    ):  # fmt: skip
        wrong = owner.post(
            "/connectors/new?kind=twilio", name="inside", **TWILIO, **{"set.base_url": url}
        )
        assert (wrong.status_code, faults(wrong)) == (400, {"set.base_url"}), url
    region = {"set.base_url": "https://api.dublin.ie1.twilio.com"}
    assert (
        owner.post("/connectors/new?kind=twilio", name="region", **TWILIO, **region).status_code
        == 303
    )
    # It is the account's, whatever the form says, and cannot be led elsewhere afterwards.
    assert connector(site, "region").connector.account_id == site.us
    moved = owner.post(
        "/connectors/region/edit", window="100", **TWILIO, **{"set.base_url": "https://10.0.0.1"}
    )
    assert (moved.status_code, faults(moved)) == (400, {"set.base_url"})
    assert connector(site, "region").settings["base_url"] == region["set.base_url"]
    # The service itself refuses it, and the operator may lead it anywhere.
    with pytest.raises(CarrierTrouble, match="operator"):
        site.do(
            site.runtime.connectors.add(
                site.us, "simulator", "x", {}, ConnectorCapacity(), own=True, by_owner=True
            )
        )
    anywhere = operator.post(
        "/connectors/new?kind=twilio", name="own-gateway", **TWILIO,
        **{"set.base_url": "https://10.0.0.1", "for": "own"},
    )  # fmt: skip
    assert anywhere.status_code == 303


def test_a_connector_is_added_by_its_three_steps(site, operator):
    page = "/connectors/new?kind=simulator"
    operator.page(page)
    added = operator.post(
        page,
        name="fast",
        window="7",
        mps="2.5",
        **{"set.receipt_delay_ms": "10", "for": "everyone"},
    )
    assert added.headers["location"].startswith("/dashboard/connectors/fast?")
    found = connector(site, "fast")
    assert (found.connector.window, found.connector.mps, found.connector.account_id) == (
        7,
        2.5,
        None,
    )
    assert found.settings == {"receipt_delay_ms": 10}
    text = Elements(operator.page("/connectors/fast")).text
    assert "What comes next" in text
    assert "Receipts and replies come by the connection itself" in text
    assert "Callback URL" not in text
    assert "The credentials work" in Elements(operator.post("/connectors/fast/test").text).text
    links = Elements(operator.page("/connectors/fast")).links()
    assert "/dashboard/lists/new?connector=fast" in links
    [entry] = [
        each for each in site.do(site.runtime.audit.page(site.us, page=1, per_page=50))
        if each.about == "connector fast" and each.action == "connector.added"
    ]  # fmt: skip
    assert entry.actor == "user op@example.com"


def test_a_secret_is_never_shown_again_and_is_kept(site, operator):
    page = "/connectors/new?kind=twilio"
    operator.page(page)
    # Neither in the form that comes back with a fault, nor later.
    wrong = operator.post(page, name="tw", **{**TWILIO, "set.account_sid": "AC1"})
    assert (wrong.status_code, faults(wrong), SECRET in wrong.text) == (
        400,
        {"set.account_sid"},
        False,
    )
    assert 'value="AC1"' in wrong.text
    both = {"set.api_key_secret": SECRET, "set.api_key_sid": f"SK{'2' * 32}"}
    operator.post(page, name="tw", **TWILIO, **both)
    for shown in ("/connectors/tw", "/connectors/tw/edit", "/audit"):
        assert SECRET not in operator.page(shown)
    # An empty field keeps the secret, and a box takes it away.
    half = {"set.account_sid": SID, "set.validity_seconds": "60"}
    # The two go together: one alone is refused, and nothing is changed.
    refused = operator.post("/connectors/tw/edit", window="9", **half)
    assert faults(refused) == {"set.api_key_secret"}
    assert "validity_seconds" not in connector(site, "tw").settings
    operator.post(
        "/connectors/tw/edit", window="9", **half, **{"set.api_key_sid": both["set.api_key_sid"]}
    )
    assert connector(site, "tw").settings.keys() == {
        "account_sid", "auth_token", "api_key_sid", "api_key_secret", "validity_seconds",
    }  # fmt: skip
    operator.post(
        "/connectors/tw/edit",
        **{"set.account_sid": SID, "unset.api_key_secret": "yes", "window": "9"},
    )
    assert connector(site, "tw").settings.keys() == {"account_sid", "auth_token"}
    # What is kept is the secret itself, and not what stands in its place on a page.
    carrier = site.runtime.connectors.carrier_of(connector(site, "tw").connector)
    assert carrier._chosen.auth_token == SECRET
    site.do(carrier.stop())


def test_what_says_what_a_secret_is_for_leaves_it_a_secret():
    class Settings(Struct):
        first: Annotated[Secret, about("The key.", shown_first=True)]
        second: Annotated[Secret | None, about("Another one.")] = None
        host: Annotated[str, about("Where it is.")] = "x"

    found = {each.name: each for each in settings_of(Settings)}
    assert [each.secret for each in found.values()] == [True, True, False]
    assert [each.about for each in found.values()] == ["The key.", "Another one.", "Where it is."]
    assert [each.shown_first for each in found.values()] == [True, False, False]


def test_settings_as_a_form_and_back():
    settings = settings_of(kinds()["twilio"]().Settings)
    kept = {
        "account_sid": SID,
        "auth_token": "********",
        "validity_seconds": 60,
        "smart_encoding": True,
    }
    fields = {each.setting.name: each for each in fields_of(settings, {}, kept, None)}
    assert [fields[each].value for each in ("account_sid", "auth_token", "validity_seconds")] == [
        SID,
        "",
        "60",
    ]
    assert (fields["auth_token"].is_kept, fields["account_sid"].is_kept) == (True, False)
    assert (fields["smart_encoding"].value, fields["answers_keywords"].default) == ("true", "yes")
    form = {each.name: each.value for each in fields.values()}
    assert (changes_of(form, kept), unset_by(form, settings, kept)) == ({}, [])
    form |= {"set.validity_seconds": "", "set.smart_encoding": "false", "unset.auth_token": "yes"}
    assert changes_of(form, kept) == {"smart_encoding": "false"}
    assert unset_by(form, settings, kept) == ["auth_token", "validity_seconds"]


@pytest.mark.parametrize(
    ("name", "label"),
    [("account_sid", "Account SID"), ("base_url", "Base URL"), ("window", "Window")],
)
def test_a_settings_name_in_words(name, label):
    assert label_of(name) == label


def test_faults_stand_beside_their_fields(operator):
    for kind, fields, wrong in (
        ("twilio", {"name": "t"}, "set.account_sid"),
        ("twilio", {"name": "", **TWILIO}, "name"),
        ("twilio", {"name": "new", **TWILIO}, "name"),
        ("twilio", {"name": "a/b", **TWILIO}, "name"),
        ("twilio", {"name": "sandbox", **TWILIO, "for": "everyone"}, "name"),
        ("twilio", {"name": "t", **TWILIO, "window": "0"}, "window"),
        ("twilio", {"name": "t", **TWILIO, "window": "x"}, "window"),
        ("twilio", {"name": "t", **TWILIO, "mps": "many"}, "mps"),
        ("twilio", {"name": "t", **TWILIO, "set.validity_seconds": "0"}, "set.validity_seconds"),
        ("cm", {"name": "t", "set.product_token": "t"}, "set.callback_token"),
        ("cm", {"name": "t", "set.product_token": "t", "set.words": "{"}, "set.words"),
        ("smpp", {"name": "t", "set.system_id": "x", "set.password": "y"}, "set.host"),
    ):  # fmt: skip
        path = f"/connectors/new?kind={kind}"
        operator.page(path)
        answer = operator.post(path, **fields)
        assert (answer.status_code, faults(answer)) == (400, {wrong}), (kind, fields)


def test_a_connector_is_removed_once_no_list_uses_it(site, owner):
    added = ConnectorCapacity()
    site.do(site.runtime.connectors.add(site.us, "simulator", "old", {}, added, own=True))
    made = site.do(site.runtime.lists.add(site.us, parsed("+15557600001"), connector="old"))
    assert "1 list goes by it" in Elements(owner.page("/connectors/old/remove")).text
    assert owner.post("/connectors/old/remove").status_code == 409
    owner.page(f"/lists/{made.sender.id}")
    owner.post(
        f"/lists/{made.sender.id}",
        list_name="News",
        rate="60",
        connector="sandbox",
        second_connector="",
    )
    assert "Remove old?" in Elements(owner.page("/connectors/old/remove")).text
    assert owner.post("/connectors/old/remove").status_code == 303
    assert owner.get("/connectors/old").status_code == 404


def test_a_new_callback_url_leaves_the_old_one_for_a_day(site, operator):
    site.do(
        site.runtime.connectors.add(
            site.us,
            "twilio",
            "hears",
            {"account_sid": SID, "auth_token": "s"},
            ConnectorCapacity(),
            actor=ME,
        )
    )
    before = connector(site, "hears").callback_url
    operator.page("/connectors/hears")
    operator.post("/connectors/hears/rotate-url")
    found = connector(site, "hears")
    assert found.callback_url != before
    assert found.old_url_until is not None
    assert "The URL before it is valid until" in Elements(operator.page("/connectors/hears")).text


def test_what_leads_messages_away_wants_the_password_first(site, owner):
    site.do(
        site.runtime.connectors.add(site.us, "simulator", "mine", {}, ConnectorCapacity(), own=True)
    )
    site.now += 3_600_000
    try:
        for path in ("/connectors/new", "/connectors/mine/edit", "/connectors/mine/remove"):
            assert owner.get(path).headers["location"].startswith("/dashboard/confirm")
            assert owner.post(path).headers["location"].startswith("/dashboard/confirm")
    finally:
        site.now -= 3_600_000


def test_an_account_has_so_many_connectors_of_its_own(fresh_site):
    site = fresh_site
    add = site.runtime.connectors.add
    for at in range(OWN_CONNECTORS_MAX):
        site.do(add(site.us, "simulator", f"own-{at}", {}, ConnectorCapacity(), own=True))
    owner = site.signed_in("ana@example.com", Role.OWNER)
    owner.page("/connectors/new?kind=twilio")
    full = owner.post("/connectors/new?kind=twilio", name="one-more", **TWILIO)
    assert "at most 50 connectors of its own" in Elements(full.text).text
    # Those of the installation are its operator's.
    site.do(add(site.us, "simulator", "shared", {}, ConnectorCapacity()))


@pytest.fixture
def is_served(site):
    """Let this process count as the server of the folder."""
    lock = site.runtime.settings.data_dir / LOCK
    lock.write_text(str(os.getpid()))
    yield
    lock.unlink()


@pytest.mark.usefixtures("is_served")
def test_a_throttled_connector_shows_the_pace_that_it_has_found(site, operator):
    sandbox, now = connector(site, "sandbox").connector, site.runtime.clock.now()

    def report(process, per_second, limit):
        pace = ReportedPace(process=process, per_second=per_second, limit=limit, at=now)
        site.write(lambda tx: tx.connectors.report_paces(process, {sandbox.id: pace}))

    report("", 42.4, 50.2)
    text = Elements(operator.page("/connectors/sandbox")).text
    assert "Found pace 42 a second The carrier throttles: it takes about 50 a second." in text
    assert "throttled to 42 a second" in Elements(operator.page("/connectors")).text
    # Each process has its own, and their sum is the connector's.
    report("a:2", 1.5, None)
    text = Elements(operator.page("/connectors/sandbox")).text
    assert "Found pace 44 a second The carrier throttles. Reported" in text
    assert "1.5 a second in a:2" in text
    for process in ("", "a:2"):
        site.write(lambda tx, process=process: tx.connectors.report_paces(process, {}))
    assert "Found pace" not in operator.page("/connectors/sandbox")
