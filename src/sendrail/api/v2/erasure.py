"""A person's data deleted on their request."""

from typing import Final

import msgspec

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.fields import number
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.contacts.erasure import ErasureReport
from sendrail.domain import phone


class Erase(msgspec.Struct, gc=False):
    """`POST /v2/contacts/erase`."""

    phone_number: str | None = None


class PersonErased(msgspec.Struct):
    """The answer to a person's data deleted: how much that was."""

    success: bool
    lists: int
    consent_events: int
    blocks: int
    messages: int
    replies: int
    callbacks: int


_decode: Final = msgspec.json.Decoder(Erase).decode


async def erase(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Delete all that is kept of a number but that it stays out."""
    wanted = number("phone_number", decoded(_decode, request.body).phone_number)
    return await request.guard(
        lambda guard: runtime.erasure.erase(
            request.account, phone.show(wanted), request.actor, guard=guard
        ),
        _told,
    )


ENDPOINTS: Final = (Endpoint("POST", "/contacts/erase", erase, takes_body=True),)


def _told(report: ErasureReport) -> PersonErased:
    return PersonErased(
        success=True,
        lists=report.lists,
        consent_events=report.consent_events,
        blocks=report.blocks,
        messages=report.messages,
        replies=report.replies,
        callbacks=report.callbacks,
    )
