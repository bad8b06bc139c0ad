"""Magic numbers: recipients that make the simulator behave in a given way.

`MAGIC` is the only definition: the simulator acts on it, and the table in `docs/simulator.md` is
generated from it. Any other number is an ordinary handset, and a message to it is delivered.
"""

import sys
from dataclasses import dataclass, replace
from typing import Final

from sendrail.carriers.details import Detail
from sendrail.domain.delivery import Failed, Outcome, Rejected, Throttled, Uncertain
from sendrail.domain.message import Status
from sendrail.domain.phone import PhoneNumber

# Unassigned numbers: in the North American plan no exchange code, here 010, begins with 0 or 1.
BLOCK: Final = "1555010"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedReceipt:
    """One receipt for the message.

    `after_ms` counts from the answer, in addition to the connector's receipt delay. `known` is
    False for a reference that no answer contained; `echo` is False when the receipt omits our
    message id.
    """

    status: Status | None
    detail: str
    after_ms: int = 0
    known: bool = True
    echo: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text the handset sends back; `after_ms` counts as in `SimulatedReceipt`."""

    body: str
    after_ms: int = 500


_DELIVERED: Final = SimulatedReceipt(status=Status.DELIVERED, detail=Detail.DELIVERED)
_BY_REFERENCE: Final = replace(_DELIVERED, echo=False)
_ABSENT: Final = SimulatedReceipt(status=Status.UNDELIVERED, detail=Detail.ABSENT_SUBSCRIBER)
_NO_ANSWER_MS: Final = 2_000
_NO_ANSWER: Final = Uncertain("no answer within 2 seconds")
_TRY_LATER: Final = Failed("the carrier is out of order for a moment")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberBehaviour:
    """What follows a submit to one number.

    Successive submits get the outcomes of `first`, then `answer`, and then start over. `answer` is
    None when the carrier accepts the message with an id. Callbacks follow only when the message
    reached the handset: the receipts `early` before the answer; the unreadable callback `noise`,
    `receipts` and `replies` after it.
    """

    first: tuple[Outcome, ...] = ()
    answer: Outcome | None = None
    answer_ms: int = 0
    early: tuple[SimulatedReceipt, ...] = ()
    noise: bytes = b""
    receipts: tuple[SimulatedReceipt, ...] = (_DELIVERED,)
    replies: tuple[Text, ...] = ()


ORDINARY: Final = NumberBehaviour()


@dataclass(frozen=True, slots=True, kw_only=True)
class MagicNumber:
    """A row of the table: a number's last four digits, and its behaviour."""

    suffix: str
    name: str
    says: str
    does: NumberBehaviour = ORDINARY

    @property
    def number(self) -> PhoneNumber:
        """The whole number."""
        return PhoneNumber(int(BLOCK + self.suffix))


MAGIC: Final = (
    MagicNumber(
        suffix="0001",
        name="delivered",
        says="Delivered, as every number that is not in this table.",
    ),
    MagicNumber(
        suffix="0002",
        name="handset_off",
        says="The handset is switched off: `undelivered`.",
        does=NumberBehaviour(receipts=(_ABSENT,)),
    ),
    MagicNumber(
        suffix="0003",
        name="unknown_subscriber",
        says="The number does not exist: `undelivered`.",
        does=NumberBehaviour(
            receipts=(SimulatedReceipt(status=Status.UNDELIVERED, detail=Detail.DESTINATION),)
        ),
    ),
    MagicNumber(
        suffix="0004",
        name="filtered_as_spam",
        says="The carrier accepts the message and then filters it as spam: `failed`.",
        does=NumberBehaviour(
            receipts=(SimulatedReceipt(status=Status.FAILED, detail=Detail.SPAM),)
        ),
    ),
    MagicNumber(
        suffix="0010",
        name="slow_receipt",
        says="The receipt comes after 30 seconds.",
        does=NumberBehaviour(receipts=(replace(_DELIVERED, after_ms=30_000),)),
    ),
    MagicNumber(
        suffix="0011",
        name="no_receipt",
        says="No receipt ever comes: the message stays `sent`.",
        does=NumberBehaviour(receipts=()),
    ),
    MagicNumber(
        suffix="0012",
        name="early_receipt",
        says="The receipt comes before the carrier has answered the submit.",
        does=NumberBehaviour(answer_ms=200, early=(_DELIVERED,), receipts=()),
    ),
    MagicNumber(
        suffix="0013",
        name="early_receipt_by_reference",
        says="As 0012, and the receipt names only a reference that we do not know yet.",
        does=NumberBehaviour(answer_ms=200, early=(_BY_REFERENCE,), receipts=()),
    ),
    MagicNumber(
        suffix="0014",
        name="receipt_by_reference",
        says="The receipt names only the carrier's reference, not our message id.",
        does=NumberBehaviour(receipts=(_BY_REFERENCE,)),
    ),
    MagicNumber(
        suffix="0015",
        name="two_receipts",
        says="The same receipt comes twice.",
        does=NumberBehaviour(receipts=(_DELIVERED, replace(_DELIVERED, after_ms=200))),
    ),
    MagicNumber(
        suffix="0016",
        name="contradicting_receipts",
        says="First a receipt says `delivered`, then another `undelivered`: the first counts.",
        does=NumberBehaviour(receipts=(_DELIVERED, replace(_ABSENT, after_ms=200))),
    ),
    MagicNumber(
        suffix="0017",
        name="en_route_receipt",
        says="A receipt says that the message is on its way, a second later it is `delivered`.",
        does=NumberBehaviour(
            receipts=(
                SimulatedReceipt(status=None, detail=Detail.ENROUTE),
                replace(_DELIVERED, after_ms=1_000),
            )
        ),
    ),
    MagicNumber(
        suffix="0018",
        name="unknown_receipt",
        says="The receipt is for a message that does not exist: yours stays `sent`.",
        does=NumberBehaviour(receipts=(replace(_BY_REFERENCE, known=False),)),
    ),
    MagicNumber(
        suffix="0019",
        name="unreadable_callback",
        says="A callback of garbage comes first, then the receipt: `delivered`.",
        does=NumberBehaviour(
            noise=b'\xff\xfe{"results": [',
            receipts=(replace(_DELIVERED, after_ms=200),),
        ),
    ),
    MagicNumber(
        suffix="0020",
        name="rejected",
        says="The carrier refuses the number for good: `failed`.",
        does=NumberBehaviour(answer=Rejected(Detail.DESTINATION), receipts=()),
    ),
    MagicNumber(
        suffix="0021",
        name="throttled_first",
        says="The first two submits are throttled for a second, the third is accepted.",
        does=NumberBehaviour(first=(Throttled(1_000), Throttled(1_000))),
    ),
    MagicNumber(
        suffix="0022",
        name="fails_once",
        says="The first submit fails, the second is accepted.",
        does=NumberBehaviour(first=(_TRY_LATER,)),
    ),
    MagicNumber(
        suffix="0023",
        name="fails_always",
        says="Every submit fails, until the attempts are used up: `failed`.",
        does=NumberBehaviour(answer=_TRY_LATER, receipts=()),
    ),
    MagicNumber(
        suffix="0024",
        name="lost_answer",
        says=(
            "The handset gets the message, but the carrier's answer is lost: after 2 seconds it is "
            "uncertain, until a receipt with our message id reports `delivered`."
        ),
        does=NumberBehaviour(
            answer=_NO_ANSWER,
            answer_ms=_NO_ANSWER_MS,
            receipts=(replace(_DELIVERED, after_ms=1_000),),
        ),
    ),
    MagicNumber(
        suffix="0025",
        name="lost_answer_no_receipt",
        says="As 0024, but no receipt ever comes.",
        does=NumberBehaviour(answer=_NO_ANSWER, answer_ms=_NO_ANSWER_MS, receipts=()),
    ),
    MagicNumber(
        suffix="0026",
        name="slow_answer",
        says="The carrier takes 5 seconds to answer.",
        does=NumberBehaviour(answer_ms=5_000),
    ),
    MagicNumber(
        suffix="0030",
        name="replies_stop",
        says="Delivered, and the handset replies STOP.",
        does=NumberBehaviour(replies=(Text(body="STOP"),)),
    ),
    MagicNumber(
        suffix="0031",
        name="replies_start",
        says="Delivered, and the handset replies START.",
        does=NumberBehaviour(replies=(Text(body="START"),)),
    ),
    MagicNumber(
        suffix="0032",
        name="replies_help",
        says="Delivered, and the handset replies HELP.",
        does=NumberBehaviour(replies=(Text(body="HELP"),)),
    ),
    MagicNumber(
        suffix="0033",
        name="replies_text",
        says="Delivered, and the handset replies with an ordinary text.",
        does=NumberBehaviour(replies=(Text(body="Thanks, see you at 8 😊"),)),
    ),
)

BEHAVIOURS: Final = {row.number: row.does for row in MAGIC}


def table() -> str:
    """Return the table of the docs page, in Markdown."""
    rows = [f"| `+{row.number}` | `{row.name}` | {row.says} |" for row in MAGIC]
    return "\n".join(("| number | name | what happens |", "|---|---|---|", *rows))


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
