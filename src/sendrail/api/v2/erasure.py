"""A person's data deleted on their request."""

from typing import Annotated, Final

import msgspec

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import Always, Count, Phone, Required, about
from sendrail.api.v2.fields import number
from sendrail.api.v2.operation import POSTING
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.contacts.erasure import ErasureReport


class Erase(msgspec.Struct, gc=False):
    """`POST /v2/contacts/erase`."""

    phone_number: Annotated[Required[Phone], about("Whose data is to be deleted.")] = None


class PersonErased(msgspec.Struct):
    """The answer to a person's data deleted: how much that was."""

    success: Always
    lists: Count
    consent_events: Count
    blocks: Count
    messages: Annotated[Count, about("That lost number, text and metadata.")]
    replies: Annotated[Count, about("That lost number and text.")]
    callbacks: Annotated[Count, about("Of carriers, kept because they were unreadable.")]


_decode: Final = msgspec.json.Decoder(Erase).decode


async def erase(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Delete all that is kept of a number but that it stays out."""
    wanted = number("phone_number", decoded(_decode, request.body).phone_number)
    return await request.guard(
        lambda guard: runtime.erasure.erase(request.account, wanted, request.actor, guard=guard),
        _shown,
    )


ENDPOINTS: Final = (
    Endpoint(
        "POST /contacts/erase",
        erase,
        id="eraseContact",
        summary="Delete a person's data",
        description=(
            "Deletes all that the account keeps of a number: its contacts, custom fields and "
            "consent, its blocks and enrolments. Its messages and replies keep their place and "
            "lose number, text and metadata. What is left is a digest, by which the number stays "
            "out of every list until it writes START itself. Nothing brings the data back.\n\n"
            "This takes about a second for each million messages of the installation, and can "
            "be repeated."
        ),
        request=Erase,
        answer=PersonErased,
        codes=(*POSTING, "missing_phone_number", "invalid_phone"),
        examples={"a number": {"phone_number": "+15550100009"}},
    ),
)


def _shown(report: ErasureReport) -> PersonErased:
    return PersonErased(
        success=True,
        lists=report.lists,
        consent_events=report.consent_events,
        blocks=report.blocks,
        messages=report.messages,
        replies=report.replies,
        callbacks=report.callbacks,
    )
