"""Sending lists: read as the public API does, and set up in the same style."""

from typing import Final

import msgspec

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.fields import sender
from sendrail.api.v2.queries import given
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.contacts.list_details import ListDetails
from sendrail.contacts.lists import ListChange
from sendrail.domain.answer_texts import AnswerTexts
from sendrail.domain.errors import InvalidInput
from sendrail.domain.sender import ListStatus, OnUncertain
from sendrail.domain.times import shown as shown_time

_STATUS_HELP: Final = f"`status` is one of {', '.join(ListStatus)}"
# What an owner may set by hand: suspending is the operator's, deleting has its own method.
SETTABLE: Final = (ListStatus.ACTIVE, ListStatus.PAUSED)


class NewList(msgspec.Struct, gc=False):
    """`POST /v2/lists`."""

    phone_number: str | None = None
    list_name: str | None = None
    brand_name: str | None = None
    rate: int | None = None
    connector: str | None = None
    second_connector: str | None = None
    on_uncertain: str | None = None
    answers: bool | None = None
    stop_text: str | None = None
    start_text: str | None = None
    help_text: str | None = None


class ListUpdate(msgspec.Struct, gc=False):
    """`PUT /v2/lists/{list_id}`; what is left out stays as it is."""

    status: str | None = None
    list_name: str | None = None
    brand_name: str | None = None
    rate: int | None = None
    connector: str | None = None
    second_connector: str | msgspec.UnsetType | None = msgspec.UNSET
    on_uncertain: str | None = None
    answers: bool | None = None
    stop_text: str | msgspec.UnsetType | None = msgspec.UNSET
    start_text: str | msgspec.UnsetType | None = msgspec.UNSET
    help_text: str | msgspec.UnsetType | None = msgspec.UNSET


class SendingList(msgspec.Struct):
    """A sending list."""

    id: int
    phone_number: str
    brand_name: str
    list_name: str
    list_type: str | None
    status: str
    contact_count: int
    created_at: str
    rate: int
    connector: str | None
    second_connector: str | None
    own_carrier: bool
    verified_at: str | None
    on_uncertain: str
    answers: bool
    stop_text: str | None
    start_text: str | None
    help_text: str | None


class Lists(msgspec.Struct):
    """The account's lists."""

    lists: list[SendingList]


class ListDeleted(msgspec.Struct):
    """The answer to a list that was deleted."""

    success: bool
    deleted: bool


_new: Final = msgspec.json.Decoder(NewList).decode
_update: Final = msgspec.json.Decoder(ListUpdate).decode


async def all_(runtime: Runtime, request: ApiRequest) -> Lists:
    """List the account's lists."""
    status = given(request.query, "status", _status, {"status": _STATUS_HELP})
    found = await runtime.lists.all_details(request.account, status)
    return Lists([_shown(each) for each in found])


async def show(runtime: Runtime, request: ApiRequest) -> SendingList:
    """Show one list."""
    return _shown(await runtime.lists.details(request.account, request.path_id("list_id")))


async def create(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Add a list."""
    fields = decoded(_new, request.body)
    wanted = sender("phone_number", fields.phone_number)
    return await request.guard(
        lambda guard: runtime.lists.create(
            request.account,
            wanted,
            name=fields.list_name or "",
            brand=fields.brand_name or "",
            rate=fields.rate,
            connector=fields.connector or "",
            second_connector=fields.second_connector or "",
            on_uncertain=fields.on_uncertain or OnUncertain.HOLD,
            answers=AnswerTexts(
                enabled=fields.answers is not False,
                stop=fields.stop_text,
                start=fields.start_text,
                help=fields.help_text,
            ),
            guard=guard,
        ),
        _shown,
    )


async def update(runtime: Runtime, request: ApiRequest) -> SendingList:
    """Change a list, pause it or let it send again."""
    list_id = request.path_id("list_id")
    fields = decoded(_update, request.body)
    change = ListChange(
        status=_settable(fields.status),
        name=fields.list_name,
        brand=fields.brand_name,
        rate=fields.rate,
        connector=fields.connector,
        second_connector=_or_none(fields.second_connector),
        on_uncertain=fields.on_uncertain,
        answers=fields.answers,
        stop_text=_or_none(fields.stop_text),
        start_text=_or_none(fields.start_text),
        help_text=_or_none(fields.help_text),
    )
    return _shown(await runtime.lists.update(request.account, list_id, change))


async def delete(runtime: Runtime, request: ApiRequest) -> ListDeleted:
    """Delete a list; its history and its opt-outs stay."""
    await runtime.lists.delete(request.account, request.path_id("list_id"))
    return ListDeleted(success=True, deleted=True)


ENDPOINTS: Final = (
    Endpoint("GET", "/lists", all_),
    Endpoint("POST", "/lists", create, takes_body=True),
    Endpoint("GET", "/lists/{list_id}", show),
    Endpoint("PUT", "/lists/{list_id}", update, takes_body=True),
    Endpoint("DELETE", "/lists/{list_id}", delete),
)


def _status(text: str) -> ListStatus | None:
    return ListStatus(text) if text in set(ListStatus) else None


def _settable(text: str | None) -> ListStatus | None:
    if text is None:
        return None
    if text not in SETTABLE:
        raise InvalidInput(f"`status` is {' or '.join(SETTABLE)}", param="status")
    return ListStatus(text)


def _or_none(value: str | msgspec.UnsetType | None) -> str | None:
    """Return what a change calls a field that may be taken away: nothing is empty there."""
    return None if value is msgspec.UNSET else value or ""


def _shown(found: ListDetails) -> SendingList:
    sender = found.sender
    return SendingList(
        id=sender.id,
        phone_number=sender.shown,
        brand_name=sender.brand,
        list_name=sender.name,
        list_type=None if found.connector is None else found.connector.kind,
        status=sender.status,
        contact_count=found.contacts,
        created_at=shown_time(sender.created_at),
        rate=sender.rate,
        connector=None if found.connector is None else found.connector.name,
        second_connector=None if found.second_connector is None else found.second_connector.name,
        own_carrier=sender.byoc,
        verified_at=None if sender.verified_at is None else shown_time(sender.verified_at),
        on_uncertain=sender.on_uncertain,
        answers=found.answers.enabled,
        stop_text=found.answers.stop,
        start_text=found.answers.start,
        help_text=found.answers.help,
    )
