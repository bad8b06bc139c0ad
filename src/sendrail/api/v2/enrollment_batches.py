"""Many contacts put on a journey by one call, each number read on its own."""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import Count, GivenNumber, Index, Required, RowId, batch_of, one_of
from sendrail.api.v2.fields import number
from sendrail.api.v2.journeys import Enrollment, EnrollmentKey, shown_enrollment
from sendrail.api.v2.number_batches import read_each
from sendrail.api.v2.operation import POSTING, RECIPIENT, in_path
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.contacts.journeys import KEPT_OUT, EnrolmentBatch
from sendrail.domain import phone
from sendrail.domain.errors import InvalidInput, missing
from sendrail.domain.phone import PhoneNumber

ENROLLMENTS_MAX: Final = 1_000
_CODES: Final = ("missing_phone_number", "invalid_phone", "invalid_field", *KEPT_OUT)


class EnrollmentBatch(msgspec.Struct, gc=False):
    """`POST /v2/journeys/{journey_id}/enrollments/bulk`; each contact is read on its own."""

    enrollments: Annotated[
        Required[list[msgspec.Raw]], batch_of(EnrollmentKey, ENROLLMENTS_MAX)
    ] = None


class EnrollmentError(msgspec.Struct, omit_defaults=True):
    """One contact of a batch that was not put on the journey, and why."""

    index: Index
    phone_number: GivenNumber
    code: Annotated[str, one_of(sorted(_CODES))]
    error: str
    param: str | None = None


class EnrollmentBatchAnswer(msgspec.Struct):
    """The answer to a batch of contacts."""

    success_count: Count
    error_count: Count
    errors: list[EnrollmentError]
    enrollments: list[Enrollment]


_batch: Final = msgspec.json.Decoder(EnrollmentBatch).decode
_key: Final = msgspec.json.Decoder(EnrollmentKey).decode


async def enrol_many(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Put many contacts on a journey, each judged on its own."""
    raws = [bytes(raw) for raw in decoded(_batch, request.body).enrollments or ()]
    if not raws:
        raise missing("enrollments")
    if len(raws) > ENROLLMENTS_MAX:
        raise InvalidInput(
            f"A batch holds at most {ENROLLMENTS_MAX:,} contacts",
            code="too_many_enrollments",
            param="enrollments",
        )
    wanted, errors = read_each("enrollments", raws, _read, _key, EnrollmentError)
    journey_id = request.path_id("journey_id")
    unread = {each.index for each in errors}
    places = [index for index in range(len(raws)) if index not in unread]
    return await request.guard(
        lambda guard: runtime.journeys.enrol_many(request.account, journey_id, wanted, guard=guard),
        lambda done: _answer(dict(zip(places, wanted, strict=True)), errors, done),
    )


def _answer(
    wanted: Mapping[int, PhoneNumber], unread: list[EnrollmentError], done: EnrolmentBatch
) -> EnrollmentBatchAnswer:
    """Return what became of the contacts, by their place in the batch."""
    kept_out = [
        EnrollmentError(index, phone.show(each), code, KEPT_OUT[code])
        for index, each in wanted.items()
        if (code := done.kept_out.get(each))
    ]
    errors = sorted(unread + kept_out, key=lambda each: each.index)
    started = [shown_enrollment(each) for each in done.enrolments]
    return EnrollmentBatchAnswer(len(wanted) - len(kept_out), len(errors), errors, started)


def _read(raw: bytes) -> PhoneNumber:
    return number("phone_number", decoded(_key, raw).phone_number)


ENDPOINTS: Final = (
    Endpoint(
        "POST /journeys/{journey_id}/enrollments/bulk",
        enrol_many,
        id="createEnrollments",
        summary="Put many contacts on a journey",
        description=(
            f"Starts the journey for up to {ENROLLMENTS_MAX:,} contacts, anew for those who are on "
            "it already. Each number is judged on its own. Those who may not be texted, whom an "
            "exclusive journey keeps off, or who are on too many, are among the errors."
        ),
        request=EnrollmentBatch,
        answer=EnrollmentBatchAnswer,
        codes=(
            *POSTING,
            "missing_enrollments",
            "too_many_enrollments",
            "journey_paused",
            "journey_not_active",
            "not_found",
        ),
        parameters=(in_path("journey_id", RowId, "The journey's id."),),
        examples={"one": {"enrollments": [{"phone_number": RECIPIENT}]}},
    ),
)
