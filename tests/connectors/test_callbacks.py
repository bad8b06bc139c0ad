"""Callbacks over HTTP: by a connector's own URL, or by the public API's paths."""

import httpx
import msgspec
import pytest
from pigeon import SECRET, sign

from sendrail.api.asgi import make_app
from sendrail.api.limits import CALLBACK_BYTES_MAX
from sendrail.api.v2.sending import SendingCalls
from sendrail.carriers.http import callbacks
from sendrail.connectors.service import ConnectorCapacity
from sendrail.domain.errors import StorageFull

PUBLIC = "https://sms.example.com"
RECEIPT = msgspec.json.encode({"ref": "p-1", "status": "delivered"})


class Caller:
    """A carrier that calls back, through whatever proxy there is."""

    def __init__(self, office):
        runtime = office.runtime
        app = make_app(runtime, SendingCalls(runtime.intake, runtime.limits), lambda: True)
        self._office = office
        self._client = httpx.AsyncClient(
            # The proxy in front calls us by another name.
            transport=httpx.ASGITransport(app=app),
            base_url="http://inside:8025",
        )

    def call(self, path, body=RECEIPT, *, method="POST", secret=SECRET, signed=None, **headers):
        url = PUBLIC + (signed or path)
        given = {"x-ring": sign(secret, url, body)} | headers
        return self._office.do(self._client.request(method, path, content=body, headers=given))

    def inbox(self):
        rows = self._office.write(lambda tx: tx.inbox.take(100, 1 << 20))
        return [(row.connector_id, row.raw) for row in rows]


@pytest.fixture
def caller(office):
    return Caller(office)


def path_of(card):
    return card.callback_url.removeprefix(PUBLIC)


def test_a_proved_callback_is_stored_and_answered_as_the_carrier_says(office, caller):
    card = office.add()
    told = caller.call(path_of(card))
    assert (told.status_code, told.content) == (200, b"<coo/>")
    assert told.headers["content-type"] == "text/xml; charset=utf-8"
    assert caller.inbox() == [(card.connector.id, RECEIPT)]


def test_the_proof_is_over_the_public_url_with_its_query_as_it_came(office, caller):
    path = path_of(office.add())
    assert caller.call(f"{path}?b=%7E&a=x+y").status_code == 200
    assert caller.call(f"{path}?b=%7E&a=x+y", signed=f"{path}?b=~&a=x+y").status_code == 401
    assert len(caller.inbox()) == 1


@pytest.mark.parametrize("changes", [{"secret": "another"}, {"x-ring": ""}, {"x-ring": "0" * 64}])
def test_what_is_not_proved_is_refused_and_not_kept(office, caller, logs, changes):
    path = path_of(office.add())
    assert caller.call(path, **changes).status_code == 401
    assert caller.inbox() == []
    value = office.runtime.metrics.registry.get_sample_value
    assert value("sendrail_callbacks_unproved_total", {"kind": "pigeon"}) == 1
    [line] = [line for line in logs if line["event"] == "callback_unproved"]
    assert line["connector"] == "coop"
    assert path.rpartition("/")[2] not in repr(logs)
    assert SECRET not in repr(logs)


def test_a_request_with_nothing_to_store_is_answered_at_once(office, caller):
    told = caller.call(path_of(office.add()), b"", method="GET")
    assert (told.status_code, told.content) == (200, b"coo")
    assert caller.inbox() == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_not_answered(office, caller, method):
    assert caller.call(path_of(office.add()), method=method).status_code == 405


@pytest.mark.parametrize("token", ["x", "a" * 32, "%00", "..%2Fhealthz"])
def test_an_unknown_token_is_not_found(office, caller, token):
    office.add()
    assert caller.call(f"/callbacks/{token}").status_code == 404
    assert caller.call(f"/api/webhook-feedbacks/pigeon/{token}").status_code == 404


def test_a_body_has_a_limit(office, caller):
    path = path_of(office.add())
    assert caller.call(path, b"x" * CALLBACK_BYTES_MAX).status_code == 200
    told = caller.call(path, b"x" * (CALLBACK_BYTES_MAX + 1))
    assert (told.status_code, told.json()["code"]) == (413, "payload_too_large")
    assert len(caller.inbox()) == 1


def test_what_cannot_be_stored_is_not_acknowledged(office, caller, monkeypatch):
    path = path_of(office.add())

    async def full(*_):
        raise StorageFull("The disk is full.")

    monkeypatch.setattr(type(office.runtime.inbox), "put", full)
    told = caller.call(path)
    assert told.status_code == 503
    assert int(told.headers["retry-after"]) >= 1


def test_the_answer_follows_the_commit(office, caller, monkeypatch):
    path = path_of(office.add())
    kept = []
    put = type(office.runtime.inbox).put

    async def watched(inbox, connector_id, raws):
        await put(inbox, connector_id, raws)
        kept.append(connector_id)

    monkeypatch.setattr(type(office.runtime.inbox), "put", watched)
    assert caller.call(path).status_code == 200
    assert len(kept) == 1


def test_an_old_url_is_honoured_for_a_day(office, caller, monkeypatch):
    old = path_of(office.add())
    card = office.do(office.connectors.rotate_url(office.us, "coop"))
    assert path_of(card) != old
    assert card.old_url_until - office.runtime.clock.now() > 23 * 3_600_000
    assert caller.call(old).status_code == 200
    assert caller.call(path_of(card)).status_code == 200
    later = office.runtime.clock.now() + 25 * 3_600_000
    monkeypatch.setattr(office.runtime.clock, "_wall_ns", lambda: later * 1_000_000)
    assert caller.call(old).status_code == 404
    assert caller.call(path_of(card)).status_code == 200


def test_a_paused_connector_still_hears_and_a_removed_one_does_not(office, caller):
    path = path_of(office.add())
    office.do(office.connectors.pause(office.us, "coop"))
    assert caller.call(path).status_code == 200
    office.do(office.connectors.remove(office.us, "coop"))
    assert caller.call(path).status_code == 404


def test_new_credentials_count_from_the_next_callback_on(office, caller):
    path = path_of(office.add())
    assert caller.call(path).status_code == 200
    office.do(
        office.connectors.change(office.us, "coop", {"password": "new one"}, ConnectorCapacity())
    )
    assert caller.call(path).status_code == 401
    assert caller.call(path, secret="new one").status_code == 200


def test_a_carrier_that_hears_nothing_by_http_has_no_url(office, caller):
    assert caller.call(path_of(office.add(kind="deaf"))).status_code == 404


# As the public API has it


def test_a_token_may_follow_the_provider(office, caller):
    card = office.add()
    token = path_of(card).rpartition("/")[2]
    assert caller.call(f"/api/webhook-feedbacks/pigeon/{token}").status_code == 200
    assert caller.call(f"/api/webhook-feedbacks/simulator/{token}").status_code == 404
    assert caller.inbox() == [(card.connector.id, RECEIPT)]


def test_without_a_token_the_proof_finds_the_connector(office, caller):
    office.add("first", password="one")
    second = office.add("second", password="two")
    assert caller.call("/api/webhook-feedbacks/pigeon", secret="two").status_code == 200
    assert caller.inbox() == [(second.connector.id, RECEIPT)]
    assert caller.call("/api/webhook-feedbacks/pigeon", secret="three").status_code == 401
    assert caller.call("/api/webhook-feedbacks/swan").status_code == 404
    assert len(caller.inbox()) == 1


def test_an_account_may_be_named(office, caller):
    office.add(own=True)
    ours = f"/api/webhook-feedbacks/pigeon?account={office.us}"
    theirs = f"/api/webhook-feedbacks/pigeon?account={office.them}"
    assert caller.call(ours).status_code == 200
    assert caller.call(theirs).status_code == 404


def test_a_carrier_that_proves_nothing_is_heard_by_its_token_only(office, caller):
    card = office.add(kind="trusting")
    assert caller.call("/api/webhook-feedbacks/trusting").status_code == 401
    assert caller.inbox() == []
    assert caller.call(path_of(card)).status_code == 200


def test_a_strangers_callback_is_read_once_however_many_connectors_are_asked(
    office, caller, monkeypatch
):
    counted = []
    real = callbacks.parse_qsl

    def parse_qsl(text, **more):
        counted.append(len(text))
        return real(text, **more)

    monkeypatch.setattr(callbacks, "parse_qsl", parse_qsl)

    def cost():
        counted.clear()
        path = f"/api/webhook-feedbacks/twilio?{'&'.join(['a='] * 99)}"
        told = caller.call(path, b"&".join([b"b=1"] * 200), **{"x-twilio-signature": "no"})
        assert told.status_code == 401
        return sum(counted)

    credentials = {"account_sid": "AC" + "0" * 32, "auth_token": "secret"}
    costs = []
    for count in (5, 20):
        for number in range(count):
            office.do(
                office.connectors.add(
                    office.us, "twilio", f"t{count}-{number}", credentials, ConnectorCapacity()
                )
            )
        # What carriers refuse without a proof is found out once.
        cost()
        costs.append(cost())
    assert costs[0] == costs[1] > 0


def test_a_query_of_very_many_fields_is_not_even_read(office, caller, monkeypatch):
    monkeypatch.setattr(callbacks, "parse_qsl", None)
    office.add()
    path = path_of(office.add("second"))
    for at in (path, "/api/webhook-feedbacks/pigeon"):
        assert caller.call(f"{at}?{'a=&' * 20_000}").status_code == 414
