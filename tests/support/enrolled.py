"""Enrolments as tests put them into a store: on a journey without steps, or at a step."""

from written import parsed

from sendrail.domain.contact import EnrolmentFilter
from sendrail.domain.ids import JourneyId, ListId
from sendrail.storage.journeys.enrolments import StoredEnrolment


def enrolment(list_id, recipient, journey_id, now, ends_at, **more):
    """Return one that has just begun, with what else is said of it."""
    row = StoredEnrolment(
        list_id=ListId(list_id),
        recipient=recipient,
        journey_id=JourneyId(journey_id),
        version=0,
        step="",
        seq=0,
        due_at=ends_at,
        waits=0,
        started_at=now,
        arrived_at=now,
        ends_at=ends_at,
        times=1,
        state="{}",
    )
    return row._replace(**more)


def enrol(tx, journey, recipients, now, ends_at):
    """Put contacts on a journey without steps; return how many were not on it."""
    rows = [enrolment(journey.list_id, each, journey.id, now, ends_at) for each in recipients]
    return len(tx.enrolments.enter(rows))


def asked_of_journey(house, account, list_number, name):
    """Ask the service who is on a journey of a list now."""
    which = (parsed(list_number), name)
    return house.journeys.enrolments_after(account, which, EnrolmentFilter())


def on_journey(house, account, list_number, name):
    """Return the enrolments of a journey of a list now."""
    return house.do(asked_of_journey(house, account, list_number, name)).enrolments
