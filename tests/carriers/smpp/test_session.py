"""The state of one bind, driven by a clock of our own: tables, then random walks."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sendrail.carriers.smpp import pdu
from sendrail.carriers.smpp.pdu import Command, Tag
from sendrail.carriers.smpp.session import (
    LATE_SECONDS,
    SEQUENCE_MAX,
    UNBIND_SECONDS,
    DeliverReceived,
    Refused,
    Role,
    Session,
    SessionBound,
    SessionEnded,
    State,
    SubmitAnswered,
    SubmitTimedOut,
    Timing,
)

ANSWER, ENQUIRE = 30.0, 20.0
BIND = pdu.Bind(system_id="esme", password="secret")
DELIVERED = pdu.write_body(pdu.Message(short_message=b"STOP"))


def new(role=Role.TRANSCEIVER, window=3):
    session = Session(role, BIND, window=window, timing=Timing(answer=ANSWER, enquire=ENQUIRE))
    session.open(0.0)
    return session


def bound(role=Role.TRANSCEIVER, window=3):
    session = new(role, window)
    [request] = said(session)
    answer = pdu.frame(request.command | pdu.ANSWER, request.sequence, b"SMSC\0")
    assert session.receive(answer, 0.0) == [SessionBound("SMSC", 0x34)]
    return session


def said(session):
    """Return what the session wants written, as PDUs."""
    return [pdu.read(frame) for frame in pdu.Framer().feed(session.take())]


def answer(request, status=0, body=b"id\0"):
    return pdu.frame(request.command | pdu.ANSWER, request.sequence, body, status)


def submitted(session, *tokens, now=0.0):
    for token in tokens:
        session.submit(b"body", token, now)
    return said_raw(session)


def said_raw(session):
    headers = [pdu.read_header(frame) for frame in pdu.Framer().feed(session.take())]
    return [
        pdu.Pdu(command=command, sequence=sequence, status=status, body=pdu.HeaderPdu())
        for _, command, status, sequence in headers
    ]


# Binding


@pytest.mark.parametrize("role", Role)
def test_it_asks_to_be_let_in(role):
    session = new(role)
    [request] = said(session)
    assert (request.command, request.sequence, request.body) == (role.value, 1, BIND)
    assert (session.state, session.room) == (State.OPEN, 0)


@pytest.mark.parametrize(("role", "room"), [(Role.TRANSCEIVER, 3), (Role.TRANSMITTER, 3)])
def test_a_bind_that_submits_has_the_window_as_room(role, room):
    assert bound(role).room == room


def test_a_receiver_has_no_room():
    assert bound(Role.RECEIVER).room == 0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", SessionBound("", 0x34)),
        (b"SMSC\0", SessionBound("SMSC", 0x34)),
        (
            b"SMSC\0" + pdu.write_tlvs(((Tag.SC_INTERFACE_VERSION, b"\x50"),)),
            SessionBound("SMSC", 0x50),
        ),
        (b"not terminated", SessionBound("not terminated", 0x34)),
    ],
)
def test_a_bind_answer_of_any_shape_lets_us_in(body, expected):
    session = new()
    [request] = said(session)
    assert session.receive(answer(request, body=body), 1.0) == [expected]
    assert session.state is State.BOUND


@pytest.mark.parametrize("body", [b"", b"SMSC\0"])
def test_a_refused_bind_ends_with_its_status(body):
    session = new()
    [request] = said(session)
    refused, ended = session.receive(answer(request, 0x0E, body), 1.0)
    assert refused == Refused(0x0E)
    assert isinstance(ended, SessionEnded)
    assert session.state is State.CLOSED


def test_a_nack_refuses_a_bind():
    session = new()
    nack = pdu.frame(Command.GENERIC_NACK, 1, status=0x03)
    assert session.receive(nack, 1.0)[0] == Refused(0x03)


def test_a_bind_that_is_not_answered_ends():
    session = new()
    assert session.sweep(ANSWER - 0.1) == []
    [ended] = session.sweep(ANSWER)
    assert "no answer to the bind" in ended.reason


def test_before_the_bind_a_deliver_sm_is_refused():
    session = new()
    said(session)
    assert session.receive(pdu.frame(Command.DELIVER_SM, 5, DELIVERED), 1.0) == []
    [refusal] = said(session)
    assert (refusal.command, refusal.sequence) == (Command.DELIVER_SM_RESP, 5)
    assert refusal.status == 0x04


# Submitting


def test_answers_find_their_submits_in_any_order():
    session = bound()
    first, second, third = submitted(session, "a", "b", "c")
    assert session.room == 0
    events = session.receive(answer(third) + answer(first, 0x58, b""), 1.0)
    assert events == [SubmitAnswered("c", 0, "id", False), SubmitAnswered("a", 0x58, "", False)]
    assert session.room == 2
    assert session.receive(answer(second, body=b""), 1.0) == [SubmitAnswered("b", 0, "", False)]


def test_a_nack_answers_a_submit():
    session = bound()
    [request] = submitted(session, "a")
    nack = pdu.frame(Command.GENERIC_NACK, request.sequence, status=0x03)
    assert session.receive(nack, 1.0) == [SubmitAnswered("a", 0x03, "", False)]


def test_a_nack_without_an_error_accepts_nothing_and_refuses_nothing():
    session = bound()
    [request] = submitted(session, "a")
    assert session.receive(pdu.frame(Command.GENERIC_NACK, request.sequence), 1.0) == []
    assert session.receive(answer(request), 2.0) == [SubmitAnswered("a", 0, "id", False)]
    session = new()
    assert session.receive(pdu.frame(Command.GENERIC_NACK, 1), 1.0) == []
    assert session.state is State.OPEN


def test_an_answer_counts_once_and_for_its_own_submit():
    """Sequence numbers that are used twice, were never used, or belong to another request."""
    session = bound()
    first, second = submitted(session, "a", "b")
    again = answer(first) + answer(first, 0x58, b"") + answer(first, body=b"other\0")
    assert session.receive(again, 1.0) == [SubmitAnswered("a", 0, "id", False)]
    wrong_kinds = (Command.DATA_SM_RESP, Command.DELIVER_SM_RESP, Command.BIND_TRANSCEIVER_RESP)
    for command in wrong_kinds:
        assert session.receive(pdu.frame(command, second.sequence, b"id\0"), 1.0) == []
    assert session.in_flight == 1
    assert session.sweep(ANSWER) == [SubmitTimedOut("b")]
    twice = session.receive(answer(second) + answer(second), ANSWER + 1)
    assert twice == [SubmitAnswered("b", 0, "id", True)]


def test_an_answer_that_nobody_waits_for_is_ignored():
    session = bound()
    for command in (Command.SUBMIT_SM_RESP, Command.GENERIC_NACK, Command.UNBIND_RESP):
        assert session.receive(pdu.frame(command, 99, b""), 1.0) == []
    assert session.state is State.BOUND


def test_an_answer_whose_id_never_ends_has_it_all_the_same():
    session = bound()
    [request] = submitted(session, "a")
    events = session.receive(answer(request, body=b"never ends"), 1.0)
    assert events == [SubmitAnswered("a", 0, "never ends", False)]


def test_without_an_answer_in_time_a_submit_is_given_up():
    session = bound()
    submitted(session, "a", now=0.0)
    submitted(session, "b", now=10.0)
    assert session.sweep(ANSWER - 0.1) == []
    assert session.sweep(ANSWER) == [SubmitTimedOut("a")]
    assert session.room == 2
    assert session.sweep(ANSWER + 10.0) == [SubmitTimedOut("b")]


def test_a_late_answer_is_matched_for_a_while():
    session = bound()
    [first] = submitted(session, "a")
    [second] = submitted(session, "b")
    session.sweep(ANSWER)
    assert session.receive(answer(first), ANSWER + 1) == [SubmitAnswered("a", 0, "id", True)]
    assert session.receive(answer(first), ANSWER + 1) == []
    session.sweep(ANSWER + LATE_SECONDS)
    assert session.receive(answer(second), ANSWER + LATE_SECONDS) == []


def test_numbers_wrap_and_skip_those_in_flight():
    session = bound(window=5)
    [old] = submitted(session, "old")
    session._sequence = SEQUENCE_MAX - 1
    numbers = [each.sequence for each in submitted(session, "a", "b", "c")]
    assert old.sequence == 2
    assert numbers == [SEQUENCE_MAX, 1, 3]


@pytest.mark.parametrize(
    ("congestion", "room"), [(0, 10), (89, 10), (90, 5), (99, 5), (100, 1), (255, 1)]
)
def test_a_congested_smsc_narrows_the_window(congestion, room):
    session = bound(window=10)
    first, second = submitted(session, "a", "b")
    tlvs = pdu.write_tlvs(((Tag.CONGESTION_STATE, bytes((congestion,))),))
    events = session.receive(answer(first, body=b"id\0" + tlvs), 1.0)
    assert events == [SubmitAnswered("a", 0, "id", False)]
    assert session.room == room - 1
    session.receive(answer(second), 1.0)
    assert session.room == 10


def test_a_lost_connection_leaves_what_was_in_flight():
    session = bound()
    submitted(session, "a", "b")
    assert session.lose() == ["a", "b"]
    assert (session.state, session.in_flight) == (State.CLOSED, 0)


# What the SMSC asks


def test_what_arrives_waits_for_its_acknowledgement():
    session = bound()
    raw = pdu.frame(Command.DELIVER_SM, 7, DELIVERED)
    data = pdu.frame(Command.DATA_SM, 8, pdu.write_body(pdu.DataMessage()))
    arrived = session.receive(raw + data, 1.0)
    assert arrived == [
        DeliverReceived(Command.DELIVER_SM, 7, raw),
        DeliverReceived(Command.DATA_SM, 8, data),
    ]
    assert said(session) == []
    session.acknowledge(arrived, 0x64)
    assert [(each.command, each.sequence, each.status) for each in said(session)] == [
        (Command.DELIVER_SM_RESP, 7, 0x64),
        (Command.DATA_SM_RESP, 8, 0x64),
    ]


@pytest.mark.parametrize(
    ("command", "answered"),
    [
        (Command.ENQUIRE_LINK, (Command.ENQUIRE_LINK_RESP, 0)),
        (Command.OUTBIND, None),
        (Command.ALERT_NOTIFICATION, None),
        (0x00000111, (Command.GENERIC_NACK, 0x03)),
        (Command.SUBMIT_SM, (Command.GENERIC_NACK, 0x03)),
        (0x80000111, None),
    ],
)
def test_every_request_has_the_answer_it_asks_for(command, answered):
    session = bound()
    assert session.receive(pdu.frame(command, 9, b"whatever"), 1.0) == []
    assert [(each.command, each.status) for each in said(session)] == (
        [] if answered is None else [answered]
    )
    assert session.state is State.BOUND


def test_what_is_no_smpp_ends_the_session():
    session = bound()
    good = pdu.frame(Command.DELIVER_SM, 7, DELIVERED)
    arrived, ended = session.receive(good + b"\0\0\0\x01GET /", 1.0)
    assert isinstance(arrived, DeliverReceived)
    assert "no SMPP" in ended.reason
    [nack] = said(session)
    assert (nack.command, nack.status) == (Command.GENERIC_NACK, 0x02)


# Silence


def test_silence_is_asked_about_twice_and_then_ends_the_bind():
    session = bound()
    assert session.sweep(ENQUIRE - 0.1) == []
    assert said(session) == []
    for asked in (1, 2):
        assert session.sweep(ENQUIRE * asked) == []
        assert [each.command for each in said(session)] == [Command.ENQUIRE_LINK]
        assert session.sweep(ENQUIRE * asked + 1) == []
        assert said(session) == []
    [ended] = session.sweep(ENQUIRE * 3)
    assert "enquire_link" in ended.reason


def test_octets_in_drops_are_no_sign_of_life():
    """A PDU that never ends would else keep a dead bind, and each submit on it uncertain."""
    session = bound()
    endless = pdu.frame(Command.DELIVER_SM, 1, b"x" * 60_000)
    events, now = [], 0.0
    for at in range(0, 1_000, 4):
        now += 1.0
        events = session.receive(endless[at : at + 4], now) + session.sweep(now)
        if events:
            break
    [ended] = events
    assert "enquire_link" in ended.reason
    assert now <= 4 * ENQUIRE


def test_anything_that_is_heard_ends_the_silence():
    session = bound()
    session.sweep(ENQUIRE)
    session.sweep(ENQUIRE * 2)
    session.receive(pdu.frame(Command.ENQUIRE_LINK_RESP, 2), ENQUIRE * 2 + 1)
    assert session.sweep(ENQUIRE * 3) == []
    assert session.state is State.BOUND


# Goodbye


def test_unbind_is_said_and_ends_with_its_answer():
    session = bound()
    session.unbind(1.0)
    [goodbye] = said(session)
    assert goodbye.command == Command.UNBIND
    assert session.room == 0
    assert session.receive(answer(goodbye, body=b""), 2.0) == [SessionEnded("unbound")]


def test_an_unbind_without_an_answer_ends_all_the_same():
    session = bound()
    session.unbind(1.0)
    assert session.sweep(1.0 + UNBIND_SECONDS - 0.1) == []
    [ended] = session.sweep(1.0 + UNBIND_SECONDS)
    assert "did not answer" in ended.reason


def test_when_the_smsc_unbinds_answers_under_way_still_count():
    session = bound()
    [request] = submitted(session, "a")
    assert session.receive(pdu.frame(Command.UNBIND, 50), 1.0) == []
    assert session.room == 0
    assert session.receive(answer(request), 2.0) == [
        SubmitAnswered("a", 0, "id", False),
        SessionEnded("the SMSC unbound"),
    ]
    [farewell] = said(session)
    assert (farewell.command, farewell.sequence) == (Command.UNBIND_RESP, 50)


def test_an_smsc_that_unbinds_is_not_waited_for_long():
    session = bound()
    submitted(session, "a")
    session.receive(pdu.frame(Command.UNBIND, 50), 1.0)
    assert session.sweep(1.0 + UNBIND_SECONDS) == [SessionEnded("the SMSC unbound")]
    assert session.lose() == ["a"]


def test_after_the_end_nothing_is_heard():
    session = bound()
    end = pdu.frame(Command.UNBIND, 1)
    more = pdu.frame(Command.DELIVER_SM, 2, DELIVERED)
    assert session.receive(end, 1.0) == [SessionEnded("the SMSC unbound")]
    assert session.receive(more, 1.0) == []


# Random walks


class Walk(RuleBasedStateMachine):
    """A peer that answers as it likes, beside a model that only counts."""

    @initialize(window=st.integers(1, 4))
    def begin(self, window):
        self.window = window
        self.session = bound(window=window)
        self.now = 0.0
        self.waiting = {}
        self.given_up = {}
        self.told = []
        self.tokens = 0

    def hear(self, events):
        for event in events:
            if isinstance(event, SubmitAnswered):
                assert event.token not in self.told
                self.told.append(event.token)
            elif isinstance(event, SubmitTimedOut):
                assert event.token in self.waiting
                self.given_up[event.token] = self.waiting.pop(event.token)

    @precondition(lambda self: self.session.room > 0)
    @rule()
    def submit(self):
        self.tokens += 1
        [request] = submitted(self.session, self.tokens, now=self.now)
        assert request.sequence not in self.waiting.values()
        self.waiting[self.tokens] = request.sequence

    @precondition(lambda self: self.waiting or self.given_up)
    @rule(data=st.data(), status=st.sampled_from([0, 0x58, 0x45]))
    def answer(self, data, status):
        both = self.waiting | self.given_up
        token = data.draw(st.sampled_from(sorted(both)))
        frame = pdu.frame(Command.SUBMIT_SM_RESP, both[token], b"x\0", status)
        self.hear(self.session.receive(frame, self.now))
        assert self.told[-1] == token
        self.waiting.pop(token, None)
        self.given_up.pop(token, None)

    @rule(seconds=st.floats(0, 12))
    def wait(self, seconds):
        self.now += seconds
        self.hear(self.session.sweep(self.now))
        for request in said_raw(self.session):
            assert request.command == Command.ENQUIRE_LINK
            reply = pdu.frame(Command.ENQUIRE_LINK_RESP, request.sequence)
            self.hear(self.session.receive(reply, self.now))

    @rule()
    def deliver(self):
        raw = pdu.frame(Command.DELIVER_SM, 1, DELIVERED)
        assert self.session.receive(raw, self.now) == [DeliverReceived(Command.DELIVER_SM, 1, raw)]

    @invariant()
    def the_window_holds(self):
        assert self.session.in_flight == len(self.waiting) <= self.window
        assert self.session.room == self.window - len(self.waiting)

    def teardown(self):
        if hasattr(self, "session"):
            assert self.session.lose() == list(self.waiting)


Walk.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow]
)
TestWalk = Walk.TestCase
