"""What services take, as tests write it: numbers and senders, and the usual changes of a list."""

from sendrail.contacts.lists import ListChange
from sendrail.domain import sender_ids
from sendrail.domain.sender import ListStatus

PAUSE = ListChange(status=ListStatus.PAUSED)
RESUME = ListChange(status=ListStatus.ACTIVE)
DELETE = ListChange(status=ListStatus.DELETED)


def parsed(text):
    """Return what stands for a number, a short code or a name: what services take."""
    number = sender_ids.parse(text)
    assert number is not None, text
    return number
