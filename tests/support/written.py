"""Numbers and senders as tests write them."""

from sendrail.domain import sender_ids


def parsed(text):
    """Return what stands for a number, a short code or a name: what services take."""
    number = sender_ids.parse(text)
    assert number is not None, text
    return number
