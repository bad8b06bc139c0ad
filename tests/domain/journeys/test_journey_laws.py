"""What holds for every journey: each turn is the same again, goes on, and comes to an end."""

from datetime import datetime
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from sendrail.domain.journeys import graph
from sendrail.domain.journeys.conditions import (
    ComparisonOperator,
    EventCondition,
    EventSince,
    FieldCondition,
    wakes,
)
from sendrail.domain.journeys.document import (
    KINDS,
    SENDS_MAX,
    VISITS_MAX,
    Branch,
    ConditionStep,
    EnterJourneyStep,
    ExitStep,
    JourneyQuietHours,
    SendStep,
    SetFieldStep,
    SplitStep,
    StepKind,
    UnsubscribeStep,
    Version,
    WaitEventStep,
    WaitStep,
    WaitUntilStep,
    WebhookStep,
)
from sendrail.domain.journeys.facts import Event, EventKind, Facts
from sendrail.domain.journeys.migrating import migrated
from sendrail.domain.journeys.position import ENTERED, LEFT, QUEUED, EnrolmentKey
from sendrail.domain.journeys.simulate import ScriptedEvent, SimulationInput, simulate
from sendrail.domain.journeys.turn import advance, enter
from sendrail.domain.order import Refusal
from sendrail.domain.placeholders import read_template

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = 1_772_366_400_000
TEXT = read_template("hi {{first_name}}")
VERDICTS = (QUEUED, *map(str, Refusal), "unknown_macro", "message_too_long", "something_else")
questions = st.one_of(
    st.builds(
        EventCondition,
        event=st.sampled_from(EventKind),
        since=st.sampled_from(EventSince),
    ),
    st.builds(
        FieldCondition,
        field=st.just("a"),
        comparison=st.sampled_from((ComparisonOperator.EQ, ComparisonOperator.NE)),
        values=st.tuples(st.integers(0, 2)),
    ),
)


@st.composite
def versions(draw):
    """Any graph of up to eight steps, cycles without a rest included."""
    names = [f"s{n}" for n in range(draw(st.integers(1, 8)))]
    to = st.sampled_from([*names, ""])
    durations = st.sampled_from((MINUTE, 59 * MINUTE, HOUR, DAY, 20 * DAY))
    steps = {}
    for name in names:
        kind, at = draw(st.sampled_from(StepKind)), {"id": name}
        question = draw(questions)
        steps[name] = {
            StepKind.SEND: lambda at=at: SendStep(
                **at, next=draw(to), template=TEXT, exits_on_missing=draw(st.booleans())
            ),
            StepKind.WAIT: lambda at=at: WaitStep(
                **at, next=draw(to), milliseconds=draw(durations)
            ),
            StepKind.WAIT_UNTIL: lambda at=at: WaitUntilStep(
                **at,
                next=draw(to),
                minute=draw(st.integers(0, 1_439)),
                days=draw(st.frozensets(st.integers(0, 6), min_size=1)),
            ),
            StepKind.WAIT_EVENT: lambda at=at, question=question: WaitEventStep(
                **at,
                question=question,
                timeout_ms=draw(durations),
                yes=draw(to),
                no=draw(to),
                wakes=wakes(question),
            ),
            StepKind.CONDITION: lambda at=at, question=question: ConditionStep(
                **at, question=question, yes=draw(to), no=draw(to)
            ),
            StepKind.SPLIT: lambda at=at: SplitStep(
                **at, branches=(Branch(draw(st.integers(0, 10_000)), draw(to)),
                                Branch(10_000, draw(to))),
            ),
            StepKind.SET_FIELD: lambda at=at: SetFieldStep(
                **at, next=draw(to), field="a", value=draw(st.none() | st.integers(0, 2))
            ),
            StepKind.UNSUBSCRIBE: lambda at=at: UnsubscribeStep(**at),
            StepKind.WEBHOOK: lambda at=at: WebhookStep(**at, next=draw(to), endpoint_id=1),
            StepKind.ENTER_JOURNEY: lambda at=at: EnterJourneyStep(
                **at, next=draw(to), journey_id=1
            ),
            StepKind.EXIT: lambda at=at: ExitStep(**at),
        }[kind]()  # fmt: skip
    goal = draw(st.none() | questions)
    return Version(
        first=names[0],
        steps=steps,
        goal=goal,
        wakes=wakes(goal) if goal else 0,
        days_max=draw(st.sampled_from((1, 30))),
        quiet_hours=draw(st.none() | st.just(JourneyQuietHours(21 * 60, 8 * 60))),
        skip_within_ms=draw(st.sampled_from((0, HOUR))),
    )


def expected_after(turn, was, now):
    """What every turn must hold, whatever it was asked."""
    position = turn.position
    assert position.seq == was.seq + 1
    assert position.visits >= was.visits
    assert position.sends - was.sends in {0, 1}
    assert (position.entered_at, position.ends_at) == (was.entered_at, was.ends_at)
    if turn.ended is None and turn.send is None:
        assert now <= position.due_at <= position.ends_at
        # It goes on, or rests until later.
        assert position.due_at > now or position.visits > was.visits


@settings(max_examples=100, deadline=None)
@given(versions(), st.integers(0, 2**32))
def test_any_way_through_any_graph_ends_and_is_the_same_again(version, seed):
    # Of its own: a way has thousands of choices, and is the same for a seed.
    chance = Random(seed)
    key = EnrolmentKey(1, seed)
    position, now = enter(version, NOW), NOW
    facts = Facts({"a": 1}, timezone="Europe/Berlin")
    counts = {}
    for _ in range(3_000):
        # Most turns are due; some come early, because something happened.
        if chance.random() < 0.1:
            now = min(now + chance.randrange(DAY), max(position.due_at, now))
            event = Event(chance.choice(list(EventKind)), now)
            facts = facts._replace(events=(*facts.events[-3:], event))
        else:
            now = max(position.due_at, now)
        turn = advance(version, position, facts, now, key)
        assert advance(version, position, facts, now, key) == turn
        expected_after(turn, position, now)
        for count in turn.counts:
            counts[count] = counts.get(count, 0) + 1
        if turn.send is not None:
            # One verdict in ten is not what an order hopes for.
            rare = chance.random() < 0.1
            verdict = chance.choice(VERDICTS) if rare else QUEUED
            asked = turn
            turn = advance(version, asked.position, asked.facts, now, key, verdict)
            assert advance(version, asked.position, asked.facts, now, key, verdict) == turn
            expected_after(turn, asked.position, now)
            assert turn.send is None, "one message at a turn"
            for count in turn.counts:
                counts[count] = counts.get(count, 0) + 1
        position, facts = turn.position, turn.facts
        if turn.ended is not None:
            break
    else:
        raise AssertionError("it does not end")
    assert position.sends <= SENDS_MAX
    assert position.visits <= VISITS_MAX
    # Whoever came to a step has left it.
    for name in version.steps:
        assert counts.get((name, ENTERED), 0) == counts.get((name, LEFT), 0)


scripts = st.lists(
    st.builds(ScriptedEvent, st.integers(0, 31 * DAY), st.sampled_from(EventKind)), max_size=6
)


@settings(max_examples=60, deadline=None)
@given(versions(), scripts)
def test_any_journey_can_be_simulated_and_takes_thirty_days_at_most(version, events):
    given = SimulationInput(facts=Facts({}), starts_at=NOW, events=events)
    found = simulate(version, given)
    assert simulate(version, given) == found
    assert NOW <= found.ended_at <= NOW + version.duration_ms
    times = [each.at for each in found.path]
    assert times == sorted(times)
    for each in found.path:
        assert each.kind == KINDS[type(version.steps[each.step])]
        assert each.until is None or each.until > each.at


# An hour's rest, by a rule of its own for each kind of step.


def ways(step):
    """Yield (next step, whether one surely rests an hour on the way)."""
    if isinstance(step, WaitEventStep):
        long = step.timeout_ms >= HOUR
        anew = isinstance(step.question, EventCondition) and step.question.since in {
            EventSince.STEP, EventSince.LAST_SEND,
        }  # fmt: skip
        yield step.yes, long and anew
        yield step.no, long
    elif isinstance(step, ConditionStep):
        yield from ((step.yes, False), (step.no, False))
    elif isinstance(step, SplitStep):
        yield from ((branch.next, False) for branch in step.branches)
    elif isinstance(step, WaitStep):
        yield step.next, step.milliseconds >= HOUR
    elif isinstance(step, WaitUntilStep):
        yield step.next, True
    elif not isinstance(step, ExitStep | UnsubscribeStep):
        yield step.next, False


def restless_walks(steps):
    """Return the steps of each cycle without a rest, found by walking every way."""
    found = []

    def walk(trail):
        for to, rests in ways(steps[trail[-1]]):
            if rests or not to:
                continue
            if to in trail:
                found.append(set(trail[trail.index(to) :]))
            else:
                walk([*trail, to])

    for name in steps:
        walk([name])
    return found


def walked(steps, first):
    seen, waiting = {first}, [first]
    while waiting:
        for to, _ in ways(steps[waiting.pop()]):
            if to and to not in seen:
                seen.add(to)
                waiting.append(to)
    return seen


@settings(max_examples=250, deadline=None)
@given(versions())
def test_a_loop_without_a_rest_is_found_exactly_where_a_walk_finds_one(version):
    steps = version.steps
    cycles, named = restless_walks(steps), graph.restless_loops(steps)
    assert bool(named) is bool(cycles)
    assert all(any(name in cycle for cycle in cycles) for name in named)
    unreached = graph.unreachable(version.first, steps)
    assert set(unreached) == set(steps) - walked(steps, version.first)


def test_who_rests_at_each_step_is_who_came_and_did_not_leave():
    # What `here` of the counters is worked out from.
    steps = {
        "a": SendStep(id="a", next="b", template=TEXT),
        "b": WaitStep(id="b", next="a", milliseconds=HOUR),
    }
    version, key, here = Version(first="a", steps=steps), EnrolmentKey(1, 2), {}
    position = enter(version, NOW)
    for now in (NOW, NOW + HOUR, NOW + 2 * HOUR):
        turn = advance(version, position, Facts({}), now, key)
        after = advance(version, turn.position, turn.facts, now, key, QUEUED)
        for name, what in (*turn.counts, *after.counts):
            here[name] = here.get(name, 0) + {ENTERED: 1, LEFT: -1}.get(what, 0)
        position = after.position
        assert here == {"a": 0, "b": 1}
    assert [a < b for a, b in pairwise((NOW, position.due_at))] == [True]


def resting(version, seed, turns):
    """Return a place where some turns lead, None where they lead to the end."""
    position, facts = enter(version, NOW), Facts({"a": 1}, timezone="Europe/Berlin")
    for _ in range(turns):
        now, key = position.due_at, EnrolmentKey(1, seed)
        turn = advance(version, position, facts, now, key)
        if turn.send is not None:
            turn = advance(version, turn.position, turn.facts, now, key, Refusal.QUEUE_FULL)
        if turn.ended is not None:
            return None
        position, facts = turn.position, turn.facts
    return position


@settings(max_examples=200, deadline=None)
@given(versions(), versions(), st.integers(0, 3), st.integers(0, 2**32))
def test_a_rest_keeps_its_meaning_in_another_version(source, target, turns, seed):
    chance = Random(seed)
    was = resting(source, seed, turns)
    if was is None:
        return
    now = was.arrived_at + chance.randrange(2 * DAY)
    to = chance.choice(list(target.steps))
    facts = Facts({}, timezone="Europe/Berlin")
    found = migrated(source, target, was, to, facts, now)
    assert (found.step, found.arrived_at, found.entered_at) == (to, was.arrived_at, was.entered_at)
    assert found.ends_at == was.entered_at + target.duration_ms
    assert (found.seq, found.sends, found.visits) == (was.seq, was.sends, was.visits)
    assert found.due_at <= found.ends_at
    step = target.steps[to]
    if was.seq and isinstance(step, WaitStep | WaitEventStep):
        length = step.milliseconds if isinstance(step, WaitStep) else step.timeout_ms
        assert found.until == max(now, was.arrived_at + length)
    elif was.seq and isinstance(step, WaitUntilStep) and found.until != now:
        shown = datetime.fromtimestamp(found.until / 1000, ZoneInfo("Europe/Berlin"))
        assert found.until > now
        assert (shown.hour * 60 + shown.minute, shown.second) == (step.minute, 0)
    else:
        assert found.until in {None, now}
    # It is a place like any other: what it leads to is a turn.
    expected = advance(target, found, facts, max(now, found.due_at), EnrolmentKey(1, seed))
    assert expected.position.seq == was.seq + 1
    # To where one is already, nothing changes but what is overdue.
    if was.until is not None and was.until > now:
        same = migrated(source, source, was, was.step, facts, now)
        assert same.until == was.until
