"""Endpoints shared out among processes: each notifies its own, and keeps one that is under way."""

from shares import own, share_of

from sendrail.domain.ids import lane_of
from sendrail.workers import ENDPOINT_SPANS

OURS, THEIRS = "https://ours.example.com/", "https://theirs.example.com/"


def span_of(endpoint):
    return lane_of(endpoint.id) * ENDPOINT_SPANS // 4_096


def test_each_process_tells_the_endpoints_of_its_spans(road, hooks):
    ours, theirs = hooks.add(OURS).endpoint, hooks.add(THEIRS).endpoint
    assert span_of(ours) != span_of(theirs)
    share = share_of(span_of(ours), count=ENDPOINT_SPANS, clock=road.clock)
    hooks.start(ownership=share)
    hooks.make_events(3, endpoint_id=ours.id)
    hooks.make_events(3, endpoint_id=theirs.id, first=11)
    hooks.pass_time(5)
    assert (len(hooks.receiver.of(OURS)), len(hooks.receiver.of(THEIRS))) == (3, 0)
    # What becomes ours is told from then on, and what goes no more.
    own(share, span_of(theirs))
    hooks.make_events(2, endpoint_id=ours.id, first=21)
    hooks.pass_time(5)
    assert (len(hooks.receiver.of(OURS)), len(hooks.receiver.of(THEIRS))) == (3, 3)
    own(share, span_of(ours), span_of(theirs), goal=0)
    assert share.to_give_back() == sorted([span_of(ours), span_of(theirs)])


def test_a_post_under_way_keeps_its_span(road, hooks):
    ours = hooks.add(OURS).endpoint
    share = share_of(span_of(ours), count=ENDPOINT_SPANS, clock=road.clock)
    hooks.receiver.script[OURS].append(4)
    hooks.start(ownership=share)
    hooks.make_events(1, endpoint_id=ours.id)
    hooks.pass_time(1)
    # It is one too many from now on: it is given back once its last answer is kept.
    own(share, span_of(ours), goal=0)
    assert share.to_give_back() == []
    hooks.pass_time(1)
    assert share.to_give_back() == []
    hooks.pass_time(5)
    assert share.to_give_back() == [span_of(ours)]
