"""People as the audit log names them: an erasure leaves no number in it."""

from sendrail.domain.phone import PhoneNumber
from sendrail.storage.interface import Tx


def person_shown(tx: Tx, recipient: PhoneNumber) -> str:
    """Return a person by the digest of their number."""
    return f"person {tx.erased.digest(recipient) & 0xFFFF_FFFF_FFFF_FFFF:016x}"
