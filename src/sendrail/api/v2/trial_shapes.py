"""The bodies of what tries a schedule without a run: test messages and dry runs."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Struct

from sendrail.api.v2.field_types import (
    Count,
    Phone,
    Positive,
    PublicId,
    Time,
    about,
    one_of,
    schema,
)
from sendrail.campaigns.dry_runs import DryRun, TrialCount
from sendrail.campaigns.trial_sends import NUMBERS_MAX, TrialInput
from sendrail.domain import phone
from sendrail.domain.text import Encoding
from sendrail.domain.times import shown as shown_time
from sendrail.intake.verdicts import Accepted, Verdict


class TestMessages(Struct, kw_only=True):
    """Where test messages go, and what they are."""

    phone_numbers: Annotated[
        list[str], schema(minItems=1, maxItems=NUMBERS_MAX), about("The numbers that get the text.")
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


class DryRunCount(Struct, kw_only=True):
    """How many there are, from `low` to `high` with a confidence of 95 %."""

    size: Count
    low: Count
    high: Count


class DryRunField(Struct, kw_only=True):
    """A field for which defaults stand."""

    field: str
    messages: Annotated[DryRunCount, about("Those with its default.")]
    percent: Annotated[float, about("Their share of all messages.")]


class DryRunExample(Struct, kw_only=True):
    """A message of a dry run."""

    kind: Annotated[
        str,
        one_of(("longest", "shortest", "defaults", "not_gsm7")),
        about("Why it is shown."),
    ]
    phone_number: Phone
    variant: Positive
    body: Annotated[str, about("With links of the right length; `{{messageId}}` is filled later.")]
    encoding: Annotated[str, one_of(Encoding)]
    segments: Positive
    defaulted: Annotated[list[str], about("The fields for which defaults stand.")]


class ScheduleDryRun(Struct, kw_only=True):
    """What the next run of a schedule would do, by what is known now."""

    is_exact: Annotated[
        bool, about("Whether every contact was looked at; else counts come from a sample.")
    ]
    examined: Annotated[Count, about("The contacts that were looked at.")]
    recipients: Annotated[DryRunCount, about("Those that get a message.")]
    held_out: Annotated[DryRunCount, about("Those of the holdout.")]
    opted_out: Annotated[
        DryRunCount | None, about("Those who have opted out; null from a sample, which has none.")
    ]
    left_out: Annotated[
        dict[str, DryRunCount], about("The others that get nothing, by reason, as a run has them.")
    ]
    defaults: list[DryRunField]
    segments_mean: Annotated[float, about("Segments for each message.")]
    segments_max: Count
    duration_seconds: Annotated[
        Count, about("How long the slowest of its lists takes by its rate.")
    ]
    finishes_at: Annotated[
        Time | None,
        about("When the last message leaves, quiet hours counted; null where there is none."),
    ]
    out_of_time: Annotated[
        DryRunCount, about("Those of the recipients for whom the run ends too early.")
    ]
    examples: Annotated[list[DryRunExample], about("Ten at most, no two alike.")]
    first_run_at: Annotated[
        Time | None, about("When the run is due; null where it was tried as of now.")
    ]
    counted_at: Time


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


def shown_dry_run(found: DryRun) -> ScheduleDryRun:
    """Return a dry run as answers have it."""
    return ScheduleDryRun(
        is_exact=found.is_exact,
        examined=found.examined,
        recipients=_count(found.recipients),
        held_out=_count(found.held_out),
        opted_out=None if found.opted_out is None else _count(found.opted_out),
        left_out={reason: _count(each) for reason, each in found.left_out.items()},
        defaults=[
            DryRunField(field=name, messages=_count(each), percent=found.default_percents[name])
            for name, each in found.defaulted.items()
        ],
        segments_mean=found.segments_mean,
        segments_max=found.segments_max,
        duration_seconds=found.duration_seconds,
        finishes_at=None if found.finishes_at is None else shown_time(found.finishes_at),
        out_of_time=_count(found.out_of_time),
        examples=[
            DryRunExample(
                kind=each.kind,
                phone_number=phone.show(each.text.recipient),
                variant=each.text.variant,
                body=each.text.text,
                encoding=each.text.encoding,
                segments=each.text.segments,
                defaulted=list(each.text.defaulted),
            )
            for each in found.examples
        ],
        first_run_at=None if found.first_run_at is None else shown_time(found.first_run_at),
        counted_at=shown_time(found.counted_at),
    )


def _count(found: TrialCount) -> DryRunCount:
    return DryRunCount(**found._asdict())
