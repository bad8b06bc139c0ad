"""Endpoints of an account: added, changed, tried and removed, and never another account's."""

import base64
import json

import pytest
from grounds import embedded_only
from hypothesis import given
from hypothesis import strategies as st
from written import parsed

from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.webhook import USUAL, EndpointState, Event, NotAcknowledged
from sendrail.webhooks.service import ENDPOINTS_MAX, events_of

URL = "https://example.com/hook"


def test_an_endpoint_wants_what_customers_take_part_in_unless_told(hooks):
    endpoint = hooks.add(URL, name=" Ours ").endpoint
    assert (endpoint.url, endpoint.name, endpoint.state) == (URL, "Ours", EndpointState.ACTIVE)
    assert endpoint.events == {Event.DELIVERY, Event.UNSUBSCRIBE, Event.REPLY}
    assert endpoint.list_id is None


def test_a_secret_is_long_random_and_stored_sealed(road, hooks):
    secrets = {hooks.add(URL).secret for _ in range(5)}
    assert len(secrets) == 5
    image = road.ground.image()
    for secret in secrets:
        assert secret.startswith("whsec_")
        raw = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        assert len(raw) == 32
        assert raw not in image
        assert secret.encode() not in image


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"url": "http://example.com/"}, "invalid_url"),
        ({"url": "https://127.0.0.1/"}, "invalid_url"),
        ({"name": "x" * 101}, "invalid_name"),
    ],
)
def test_wrong_values_are_refused_at_adding_and_at_changing(hooks, given, code):
    with pytest.raises(InvalidInput) as trouble:
        hooks.add(**({"url": URL} | given))
    assert trouble.value.code == code
    endpoint = hooks.add(URL).endpoint
    with pytest.raises(InvalidInput) as trouble:
        hooks.ask("change", endpoint.id, **given)
    assert trouble.value.code == code
    assert hooks.ask("find", endpoint.id) == endpoint


def test_an_event_is_one_of_those_there_are():
    assert events_of(["reply"]) == {Event.REPLY}
    assert events_of([]) == USUAL
    with pytest.raises(InvalidInput) as trouble:
        events_of(["reply", "tap"])
    assert (trouble.value.code, trouble.value.param) == ("invalid_event", "events")


@pytest.mark.parametrize("number", ["+15559999999", "Nonsense"])
def test_a_list_that_is_not_ours_is_no_list(hooks, number):
    with pytest.raises(NotFound) as trouble:
        hooks.add(URL, list_number=parsed(number))
    assert trouble.value.code == "list_not_found"


def test_what_is_given_changes_and_the_rest_stays(road, hooks):
    sender = road.add_list()
    endpoint = hooks.add(URL, list_number=sender.number).endpoint
    assert endpoint.list_id == sender.id
    changed = hooks.ask("change", endpoint.id, events=[Event.REPLY], name="new")
    assert (changed.events, changed.name, changed.url) == ({Event.REPLY}, "new", URL)
    assert changed.list_id == sender.id
    assert hooks.ask("change", endpoint.id, all_lists=True).list_id is None
    assert hooks.ask("change", endpoint.id) == hooks.ask("find", endpoint.id)


def test_there_is_a_bound(hooks):
    for _ in range(ENDPOINTS_MAX):
        hooks.add(URL)
    with pytest.raises(Conflict):
        hooks.add(URL)


CALLS = {
    "find": {},
    "change": {"name": "mine"},
    "pause": {},
    "resume": {},
    "remove": {},
    "rotate": {},
    "test": {},
    "attempts": {"offset": 0, "limit": 9},
    "replay": {"since": 0},
}


@pytest.mark.parametrize("call", CALLS)
def test_another_accounts_endpoint_looks_as_if_it_were_not_there(road, hooks, call):
    endpoint = hooks.add(URL).endpoint
    stranger = road.write(lambda tx: tx.accounts.add("them", 0))
    for account, wanted in ((stranger, endpoint.id), (road.account, 77)):
        with pytest.raises(NotFound) as trouble:
            hooks.ask(call, wanted, account=account, **CALLS[call])
        assert trouble.value.code == "endpoint_not_found"
    assert hooks.ask("find", endpoint.id) == endpoint
    assert hooks.ask("all", account=stranger) == []
    assert hooks.receiver.posts == []


def test_removing_takes_its_events_and_attempts_and_nobody_elses(road, hooks):
    gone, stays = hooks.add(URL).endpoint, hooks.add(URL).endpoint
    hooks.make_events(3, endpoint_id=gone.id)
    hooks.make_events(2, endpoint_id=stays.id, first=11)
    hooks.pass_time(1)
    hooks.stop()
    hooks.ask("remove", gone.id)
    assert [row[2] for row in hooks.outbox()] == [stays.id] * 2
    assert road.sql("SELECT DISTINCT endpoint_id FROM webhook_attempts") == [(stays.id,)]


def test_what_waits_is_counted(hooks):
    endpoint, other = hooks.add(URL).endpoint, hooks.add(URL).endpoint
    hooks.make_events(3, endpoint_id=endpoint.id)
    assert hooks.ask("all") == [(endpoint, 3), (other, 0)]


def test_a_test_event_is_posted_at_once_even_to_a_paused_one(hooks):
    endpoint = hooks.add(URL).endpoint
    hooks.ask("pause", endpoint.id)
    told = hooks.ask("test", endpoint.id)
    [post] = hooks.receiver.posts
    assert (told.event, told.attempt.outcome) == (post.id, "acknowledged")
    assert json.loads(post.body)["test"] is True
    [kept] = hooks.ask("attempts", endpoint.id, offset=0, limit=9)
    assert kept == told


@embedded_only  # many minutes of looks
def test_a_test_event_that_fails_is_not_repeated(road, hooks):
    endpoint = hooks.add(URL).endpoint
    hooks.receiver.will(URL, NotAcknowledged("no", 500))
    told = hooks.ask("test", endpoint.id)
    assert (told.attempt.outcome, told.attempt.status) == ("failed", 500)
    hooks.pass_time(600)
    assert len(hooks.receiver.posts) == 1
    assert hooks.ask("find", endpoint.id).failing_since is None
    assert road.sql("SELECT count(*) FROM outbox WHERE due_at IS NOT NULL") == [(0,)]


def test_attempts_come_in_pages_newest_events_first(hooks):
    endpoint = hooks.add(URL).endpoint
    hooks.make_events(5, endpoint_id=endpoint.id)
    hooks.pass_time(1)
    names = [post.id for post in hooks.receiver.posts]
    pages = [
        [told.event for told in hooks.ask("attempts", endpoint.id, offset=offset, limit=2)]
        for offset in (0, 2, 4, 6)
    ]
    assert [name for page in pages for name in page] == names[::-1]
    assert [len(page) for page in pages] == [2, 2, 1, 0]


@pytest.mark.parametrize("event", ["nonsense", "evt_delivery_00000000", "evt_click_00000000"])
def test_an_event_that_is_not_kept_cannot_be_replayed(hooks, event):
    endpoint = hooks.add(URL).endpoint
    with pytest.raises(NotFound) as trouble:
        hooks.ask("replay", endpoint.id, event=event)
    assert trouble.value.code == "event_not_found"


def test_an_event_of_another_endpoint_cannot_be_replayed_here(hooks):
    ours, other = hooks.add(URL).endpoint, hooks.add(URL).endpoint
    hooks.make_events(1, endpoint_id=ours.id)
    hooks.pass_time(1)
    with pytest.raises(NotFound):
        hooks.ask("replay", other.id, event=hooks.receiver.posts[0].id)


def test_a_rotation_without_overlap_ends_the_old_secret_now(road, hooks):
    made = hooks.add(URL)
    hooks.ask("rotate", made.endpoint.id)
    new = hooks.ask("rotate", made.endpoint.id, overlap_ms=0)
    now = road.clock.now()
    assert hooks.keyring.live(hooks.ask("find", made.endpoint.id), now) == [new.secret]


@given(st.text(max_size=60))
def test_no_text_is_an_event_by_accident(text):
    if text not in set(Event):
        with pytest.raises(InvalidInput):
            events_of([text])
