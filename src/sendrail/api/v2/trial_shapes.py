"""The bodies of what tries a schedule without a run: test messages and dry runs."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Struct

from sendrail.api.v2.field_types import (
    Phone,
    PublicId,
    about,
    schema,
)
from sendrail.campaigns.trial_sends import NUMBERS_MAX, TrialInput
from sendrail.intake.verdicts import Accepted, Verdict


class TestMessages(Struct, kw_only=True):
    """Where test messages go, and what they are."""

    phone_numbers: Annotated[
        list[str], schema(minItems=1, maxItems=NUMBERS_MAX), about("Whoever is to see the text.")
    ]
    variant: Annotated[int, schema(minimum=1), about("Which of the texts, from 1.")] = 1
    contact: Annotated[
        Phone | None,
        about(
            "A contact of one of its lists, for whom the text is filled. Without one, fields have "
            "their defaults, or else their names."
        ),
    ] = None


class TestMessage(Struct, kw_only=True):
    """What became of one test message: its id, or the code of why there is none."""

    phone_number: Annotated[str, about("As it was given.")]
    message_id: PublicId | None
    code: str | None
    error: Annotated[str | None, about("What the code means.")]


class ScheduleTest(Struct, kw_only=True):
    """What became of test messages, in the order of their numbers."""

    results: list[TestMessage]


def given_test(fields: TestMessages) -> TrialInput:
    """Return what a body asks for."""
    return TrialInput(
        phone_numbers=fields.phone_numbers, variant=fields.variant, contact=fields.contact
    )


def shown_test(fields: TestMessages, verdicts: Sequence[Verdict]) -> ScheduleTest:
    """Return what became of test messages, as answers have it."""
    return ScheduleTest(
        results=[
            TestMessage(phone_number=number, message_id=each.message_id, code=None, error=None)
            if isinstance(each, Accepted)
            else TestMessage(phone_number=number, message_id=None, code=each.code, error=each.text)
            for number, each in zip(fields.phone_numbers, verdicts, strict=True)
        ]
    )
