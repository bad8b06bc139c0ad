"""Endpoints shared out among processes: each tells its own, and gives none away in the midst."""

from sendrail.domain.ids import lane_of
from sendrail.webhooks.ownership import SPANS, OwningSome

OURS, THEIRS = "https://ours.example.com/", "https://theirs.example.com/"


class Share:
    """Owns some spans until told otherwise."""

    def __init__(self, spans):
        self.spans, self.busy = set(spans), []

    def owns(self, span, _):
        return span in self.spans

    def begin(self, spans):
        self.busy += spans

    def end(self, spans):
        for span in spans:
            self.busy.remove(span)


def span_of(endpoint):
    return lane_of(endpoint.id) * SPANS // 4_096


def test_each_process_tells_the_endpoints_of_its_spans(road, hooks):
    ours, theirs = hooks.add(OURS).endpoint, hooks.add(THEIRS).endpoint
    assert span_of(ours) != span_of(theirs)
    share = Share([span_of(ours)])
    hooks.start()
    hooks.worker._owning = OwningSome(share, road.clock)
    hooks.make_events(3, endpoint_id=ours.id)
    hooks.make_events(3, endpoint_id=theirs.id, first=11)
    hooks.pass_time(5)
    assert (len(hooks.receiver.of(OURS)), len(hooks.receiver.of(THEIRS))) == (3, 0)
    assert share.busy == []
    # What becomes ours is told from then on, and what goes no more.
    share.spans = {span_of(theirs)}
    hooks.make_events(2, endpoint_id=ours.id, first=21)
    hooks.pass_time(5)
    assert (len(hooks.receiver.of(OURS)), len(hooks.receiver.of(THEIRS))) == (3, 3)


def test_a_post_under_way_keeps_its_span(road, hooks):
    ours = hooks.add(OURS).endpoint
    share = Share([span_of(ours)])
    hooks.receiver.script[OURS].append(4)
    hooks.start()
    hooks.worker._owning = OwningSome(share, road.clock)
    hooks.make_events(1, endpoint_id=ours.id)
    hooks.pass_time(1)
    assert share.busy == [span_of(ours)]
    share.spans = set()
    hooks.pass_time(1)
    assert share.busy == [span_of(ours)]
    hooks.pass_time(5)
    assert share.busy == []
