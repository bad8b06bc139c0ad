"""What a list sends from, as an SMSC is told it."""

import pytest

from sendrail.carriers.smpp import pdu, settings
from sendrail.carriers.smpp.pdu import Command
from sendrail.carriers.smpp.text import SubmitComposer
from sendrail.domain.delivery import OutboundMessage


# SMPP 3.4, 5.2.5 and 5.2.6: TON 1 is international, 3 network specific, 5 alphanumeric; NPI 1 is
# E.164, 0 unknown.
@pytest.mark.parametrize(
    ("sender", "address", "ton", "npi"),
    [
        ("+15559870000", "15559870000", 1, 1),
        ("72345", "72345", 3, 0),
        ("Acme", "Acme", 5, 0),
        ("My Shop 24", "My Shop 24", 5, 0),
    ],
)
def test_a_sender_has_its_type_and_its_plan(sender, address, ton, npi):
    chosen = settings.read({"host": "127.0.0.1", "system_id": "esme", "password": "secret"})
    message = OutboundMessage(
        message_id="m0000001",
        recipient=15552340001,
        sender=sender,
        body="Hello",
        encoding="gsm7",
        segments=1,
    )
    [body] = SubmitComposer(chosen, first_reference=1).bodies(message)
    sent = pdu.read(pdu.frame(Command.SUBMIT_SM, 1, body)).body
    assert (sent.source_addr, sent.source_addr_ton, sent.source_addr_npi) == (address, ton, npi)
