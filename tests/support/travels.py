"""Journeys on the road of `road.py`, and an engine that moves contacts when it is told to."""

import pytest

from sendrail.domain.audience import AudienceStatus
from sendrail.domain.audience_filter import CustomFieldCondition, FilterGroup, Operator
from sendrail.domain.contact import JourneyVersion, SignUp, SignupMethod
from sendrail.domain.journeys.document import Occasion
from sendrail.domain.journeys.entering import Happening
from sendrail.domain.journeys.reading import canonical, digest, read_document
from sendrail.domain.sender import ListStatus
from sendrail.intake.orders import Limits
from sendrail.journeys.engine import JourneyEngine
from sendrail.ownership import WholeOwnership
from sendrail.storage.journeys.enrolments import JourneyEvent

ANN, BEN, CID = 15550100001, 15550100002, 15550100003
# An audience, by its public id.
OURS = "0" * 24
# What stands around the texts of journeys by default.
BEFORE, BEHIND = "News: ", " Reply stop to stop. Help for help."
LIMITS = Limits(segments_max=10, characters_max=1_600)


class Journeys:
    """A list, journeys on it, and the engine that moves contacts when it is told to."""

    def __init__(self, road, sender=None):
        self.road = road
        self.sender = sender or road.add_list()
        self.engine = self.open_engine()

    def open_engine(self, **about):
        return JourneyEngine(
            self.road.store,
            self.road.intake,
            self.road.metrics,
            clock=self.road.clock,
            ownership=WholeOwnership(),
            limits=LIMITS,
            **about,
        )

    # Setting up

    def add(self, *steps, name="welcome", sender=None, **about):
        """Add an active journey of these steps."""
        sender = sender or self.sender
        document = {"name": name, "trigger": {"on": ["signup"]}, "steps": list(steps)} | about
        reading = read_document(document)
        assert not reading.faults, reading.faults
        now = self.road.clock.now()
        text = canonical(document)

        def add(tx):
            journey_id = tx.journeys.add(sender.id, name, now)
            journey = tx.journeys.by_id(self.road.account, journey_id)
            version = JourneyVersion(
                journey_id=journey_id, version=1, document=text, digest=digest(text),
                created_at=now, created_by="test",
            )  # fmt: skip
            tx.journey_versions.add(self.road.account, version)
            tx.journey_versions.change(
                self.road.account,
                journey,
                active_version=1,
                exclusive=reading.version.exclusive,
                priority=reading.version.priority,
                holds_other_sends=reading.version.holds_other_sends,
                asks_message=reading.version.asks_message,
            )
            return tx.journeys.by_id(self.road.account, journey_id)

        return self.road.write(add)

    def change(self, journey, **values):
        self.road.write(lambda tx: tx.journey_versions.change(self.road.account, journey, **values))

    def know(self, *recipients, fields=None, sender=None):
        """Make these contacts of the list."""
        sender = sender or self.sender
        rows = [
            (SignUp(recipient=each, method=SignupMethod.API, first_name="Ann"), fields or {})
            for each in recipients
        ]
        self.road.write(lambda tx: tx.signups.add(sender.id, rows, self.road.clock.now()))

    def enter(self, *recipients, occasion=Occasion.SIGNUP, detail="", **about):
        """Make these contacts of the list, by which they enter its journeys."""
        self.know(*recipients, **about)
        return self.occasion(*recipients, occasion=occasion, detail=detail)

    def occasion(self, *recipients, occasion=Occasion.SIGNUP, detail=""):
        return self.road.write(
            lambda tx: tx.passages.enter_by(
                self.road.account, self.sender.id, recipients, Happening(occasion, detail),
                self.road.clock.now(),
            )
        )  # fmt: skip

    def put(self, journey, *recipients, restarts=False):
        return self.road.write(
            lambda tx: tx.passages.put_on(
                self.road.account, journey, recipients, self.road.clock.now(), restarts=restarts
            )
        )

    # Moving

    def step(self):
        return self.road.do(self.engine.step())

    def wait(self, seconds):
        """Let time pass, then let all who are due have their turns."""
        self.road.clock.advance(seconds)
        return self.step()

    def happens(self, recipient, kind, detail="", at=None):
        event = JourneyEvent(self.sender.id, recipient, at or self.road.clock.now(), kind, detail)
        self.road.write(lambda tx: tx.passages.happened(self.road.account, event))

    def pause_list(self, status=ListStatus.PAUSED):
        self.road.change_list(self.sender, status=status.value)

    # Seeing

    def sent(self, recipient=None):
        """Return the texts that were queued, to one contact or as pairs."""
        rows = [
            (who, body.removeprefix(BEFORE).removesuffix(BEHIND))
            for who, body in self.road.sql(
                "SELECT recipient, body FROM messages ORDER BY created_at, number"
            )
        ]
        if recipient is None:
            return rows
        return [body for who, body in rows if who == recipient]

    def at(self, recipient=ANN, journey=None):
        """Return a contact's only enrolment, or that on a journey."""
        held = self.road.write(lambda tx: tx.enrolments.hold([(self.sender.id, recipient)]))
        [found] = [each for each in held if journey is None or each.journey_id == journey.id]
        return found

    def where(self, recipient=ANN, journey=None):
        """Return the step where a contact rests, or why it is over."""
        found = self.at(recipient, journey)
        return found.step if found.is_running else f"over: {found.end_reason}"

    def counts(self, journey):
        return self.road.read(lambda tx: tx.journeys.counts(journey, 1))


@pytest.fixture
def journeys(road):
    return Journeys(road)


def send(step, body="Hi {{first_name}}", **more):
    return {"id": step, "kind": "send", "body": body, **more}


def wait(step, value=1, unit="hours", **more):
    return {"id": step, "kind": "wait", "value": value, "unit": unit, **more}


def add_audience(journeys, account, ref):
    """Add the audience of those whose plan is pro."""
    pro = CustomFieldCondition(name="plan", operator=Operator.EQ, values=("pro",))
    values = {
        "ref": ref,
        "name": "Pro",
        "description": "",
        "source_lists": (),
        "filter": FilterGroup(needs_all=True, conditions=(pro,)),
        "status": AudienceStatus.ACTIVE,
        "created_at": 1,
        "updated_at": 1,
    }
    journeys.road.write(lambda tx: tx.audiences.add(account, **values))
