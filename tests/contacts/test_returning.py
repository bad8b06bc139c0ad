"""Bringing back who has left: by evidence of consent, audited, and never after a complaint."""

import pytest
from stores import BACKENDS
from written import parsed

from sendrail.contacts.contacts import SignUpRequest
from sendrail.contacts.signups import SignUpNotice
from sendrail.domain.audit import Action, Actor
from sendrail.domain.contact import Consent, OptOutReason, SignUp, SignupFacts, SignupMethod
from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.phone import PhoneNumber

LIST = "+15550100000"
ANN, BEN = PhoneNumber(15550100001), PhoneNumber(15550100002)
ME = Actor(name="key sr_live_abc", request_id="request-7")
WE = Actor(name="command line: ada")
DAY = 86_400_000


@pytest.fixture(params=BACKENDS)
def backend(request, tmp_path):
    return BACKENDS[request.param](tmp_path)


@pytest.fixture(autouse=True)
def news(house):
    return house.do(house.lists.add(house.us, parsed(LIST), name="News")).sender


@pytest.fixture
def left(house):
    """Let Ann sign up and leave for a reason; a day passes after each."""

    def leave(reason):
        join(house)
        house.now += DAY
        house.do(house.contacts.remove(house.us, parsed(LIST), ANN, reason=reason, source="test"))
        house.now += DAY

    return leave


def consent(house, *, ago=0, by=ME, **more):
    given = {"text": "I agree to offers by text.", "source": "form", "at": house.now - ago}
    return Consent(by=by, **given | more)


def join(house, given=None, number=ANN, **more):
    facts = SignupFacts(ip_address="203.0.113.7", url="https://example.com/join")
    signup = SignUp(
        recipient=number, method=SignupMethod.API, at=house.now, facts=facts, consent=given, **more
    )
    joinings = [SignUpRequest(PhoneNumber(int(LIST[1:])), signup)]
    [outcome] = house.do(house.contacts.sign_up(house.us, joinings)).outcomes
    return outcome


def bring_back(house, given, number=ANN, account=None):
    work = house.contacts.bring_back(account or house.us, parsed(LIST), number, given)
    return house.do(work)


def is_on(house, number=ANN):
    return house.do(house.contacts.show(house.us, parsed(LIST), number)).active


def last_event(house):
    return house.do(house.contacts.history(house.us, parsed(LIST), ANN))[-1]


def audited(house):
    return house.do(house.audit.page(house.us, action=Action.CONTACTS_RESUBSCRIBED))


LIFTED = [reason for reason in OptOutReason if reason is not OptOutReason.COMPLAINT]


@pytest.mark.parametrize("reason", LIFTED)
def test_a_form_brings_back_by_a_newer_consent(house, left, reason):
    left(reason)
    outcome = join(house, consent(house), custom_fields={"plan": "gold"})
    assert (outcome.resubscribed, list(outcome.notices)) == (True, [])
    assert is_on(house)
    event = last_event(house)
    assert (event.active, event.reason, event.source) == (True, "resubscribed", "api")
    for shown in ("I agree to offers by text.", "form", "203.0.113.7", ME.name, "request-7"):
        assert shown in event.evidence
    [entry] = audited(house)
    assert (entry.actor, entry.request_id) == (ME.name, "request-7")
    assert entry.details["left_by"] == reason
    assert str(ANN) not in f"{entry.about}{entry.details}"


@pytest.mark.parametrize("reason", LIFTED)
@pytest.mark.parametrize("ago", [DAY, 2 * DAY])
def test_a_form_never_brings_back_by_a_consent_that_is_older(house, left, reason, ago):
    left(reason)
    outcome = join(house, consent(house, ago=ago))
    assert (outcome.resubscribed, list(outcome.notices)) == (
        False,
        [SignUpNotice.CONTACT_UNSUBSCRIBED],
    )
    assert not is_on(house)
    assert audited(house) == []


@pytest.mark.parametrize("reason", OptOutReason)
def test_a_sign_up_without_consent_lifts_nothing(house, left, reason):
    left(reason)
    outcome = join(house)
    assert list(outcome.notices) == [SignUpNotice.CONTACT_UNSUBSCRIBED]
    assert not is_on(house)


def test_after_a_complaint_nothing_brings_back_and_nothing_changes(house, left):
    left(OptOutReason.COMPLAINT)
    refused = join(house, consent(house), first_name="Ada")
    assert isinstance(refused, InvalidInput)
    assert refused.code == "contact_complained"
    with pytest.raises(InvalidInput) as again:
        bring_back(house, consent(house, by=WE))
    assert again.value.code == "contact_complained"
    contact = house.do(house.contacts.show(house.us, parsed(LIST), ANN))
    assert (contact.active, contact.first_name) == (False, "")
    assert audited(house) == []


def test_a_complaint_that_comes_after_the_leaving_counts_as_well(house, left):
    left(OptOutReason.MESSAGE)
    house.write(
        lambda tx: tx.contacts.unsubscribe(
            1, ANN, OptOutReason.COMPLAINT, source="t", evidence="", now=house.now
        )
    )
    house.now += DAY
    assert join(house, consent(house)).code == "contact_complained"


@pytest.mark.parametrize(
    ("reason", "ago", "comes"),
    [
        (OptOutReason.API, 10 * DAY, True),
        (OptOutReason.MANUAL, 10 * DAY, True),
        (OptOutReason.MESSAGE, 0, True),
        (OptOutReason.MESSAGE, DAY, False),
        (OptOutReason.BAD_RESPONSE, 0, True),
        (OptOutReason.INVALID_CONTACT, 10 * DAY, False),
    ],
)
def test_an_operator_undoes_a_mistake_by_any_consent(house, left, reason, ago, comes):
    left(reason)
    given = consent(house, ago=ago, by=WE, source="paper 17")
    if comes:
        assert bring_back(house, given).active
        event = last_event(house)
        assert event.source == "cli"
        assert "paper 17" in event.evidence
        [entry] = audited(house)
        assert entry.actor == WE.name
    else:
        with pytest.raises(Conflict) as refused:
            bring_back(house, given)
        assert refused.value.code == "contact_unsubscribed"
    assert is_on(house) is comes


def test_only_who_has_left_is_brought_back(house):
    with pytest.raises(NotFound):
        bring_back(house, consent(house))
    join(house)
    with pytest.raises(Conflict) as already:
        bring_back(house, consent(house))
    assert already.value.code == "contact_subscribed"
    join(house, consent(house, ago=-DAY), BEN)
    assert len(house.do(house.contacts.history(house.us, parsed(LIST), BEN))) == 1
    assert audited(house) == []


def test_another_accounts_list_is_no_list(house, left):
    left(OptOutReason.MANUAL)
    with pytest.raises(NotFound):
        bring_back(house, consent(house), account=house.them)
    assert not is_on(house)


@pytest.mark.parametrize(
    "more",
    [{"text": " "}, {"source": ""}, {"text": "x" * 2_001}, {"source": "x" * 256},
     {"at": 1_900_000_000_000}, {"at": -1}],
)  # fmt: skip
def test_evidence_is_whole_or_none(house, left, more):
    left(OptOutReason.MANUAL)
    with pytest.raises(InvalidInput) as refused:
        bring_back(house, consent(house, **more))
    assert refused.value.param == "consent"
    assert not is_on(house)


def test_an_erased_person_comes_back_by_nothing_but_their_start(house, left):
    left(OptOutReason.MANUAL)
    house.do(house.erasure.erase(house.us, ANN, ME))
    outcome = join(house, consent(house))
    assert list(outcome.notices) == [SignUpNotice.CONTACT_UNSUBSCRIBED]
    with pytest.raises(NotFound):
        bring_back(house, consent(house, by=WE))
