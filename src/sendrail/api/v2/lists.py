"""Sending lists: read as the public API does, and set up in the same style."""

from typing import Annotated, Final

import msgspec

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import (
    Always,
    Count,
    Required,
    RowId,
    Sender,
    Time,
    about,
    one_of,
    schema,
)
from sendrail.api.v2.fields import cleared_by_null, nonblank, sender
from sendrail.api.v2.operation import CHANGING, DELETING, FINDING, POSTING, READING, in_path, query
from sendrail.api.v2.queries import given
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.contacts.frames import FrameChange
from sendrail.contacts.inputs import NAME_LENGTH_MAX, choice_of
from sendrail.contacts.list_details import ListDetails
from sendrail.contacts.lists import RATE_MAX, ListChange
from sendrail.domain import sender_ids
from sendrail.domain.answer_texts import AnswerTexts
from sendrail.domain.errors import InvalidInput
from sendrail.domain.frame import FRAME_LENGTH_MAX
from sendrail.domain.quiet_hours import QuietScope
from sendrail.domain.sender import ListStatus, OnUncertain
from sendrail.domain.times import shown as shown_time

_STATUS_HELP: Final = f"`status` is one of {', '.join(ListStatus)}"
# What an owner may set by hand: suspending is the operator's, deleting has its own method.
SETTABLE: Final = (ListStatus.ACTIVE, ListStatus.PAUSED)


_Name = Annotated[str | None, schema(maxLength=NAME_LENGTH_MAX)]
_Rate = Annotated[int | None, schema(minimum=1, maximum=RATE_MAX), about("Messages per minute.")]
_Connector = Annotated[
    str | None, about("The carrier connector's name; may be left out when there is only one.")
]
_SECOND: Final = about("The connector that takes over while the first one is away.")
_OnUncertain = Annotated[str, one_of(OnUncertain)]
_WhenUncertain = Annotated[
    _OnUncertain | None, about("What to do when it is not known whether a message left.")
]
_Answers = Annotated[bool | None, about("Whether STOP, START and HELP are answered.")]
_OWN_TEXT: Final = about("A text of the list's own; null is the default one.")
_Text = Annotated[str | None, _OWN_TEXT]
_TextChange = Annotated[str | msgspec.UnsetType | None, _OWN_TEXT]
_FRAME_LENGTH: Final = schema(maxLength=FRAME_LENGTH_MAX)
_PREPEND: Final = about(
    "What stands before its texts to American numbers, such as `{{brand_name}}: `; null is the "
    "account's."
)
_APPEND: Final = about(
    "What stands after its texts to American numbers; null is the account's, and an empty text is "
    "none."
)
_FRAME_SENDS: Final = about(
    "Whether texts by `/send` get both as well; those by `/send-raw` never do."
)
_QUIET_SCOPE: Final = about(
    "Which of its messages wait for the end of quiet hours: those of `campaigns` and journeys, "
    "`all`, or `none`, for a list that sends no marketing."
)
_QUIET_HOURS: Final = about(
    "Quiet hours of its own, such as `21:00-08:00`, for recipients everywhere; the installation's "
    "count as well. Null is the account's, and `none` is none."
)
_Scope = Annotated[str, one_of(QuietScope)]
_ScopeChange = Annotated[_Scope | None, _QUIET_SCOPE]
_Prepend = Annotated[str | None, _FRAME_LENGTH, _PREPEND]
_Append = Annotated[str | None, _FRAME_LENGTH, _APPEND]
_PrependChange = Annotated[str | msgspec.UnsetType | None, _FRAME_LENGTH, _PREPEND]
_AppendChange = Annotated[str | msgspec.UnsetType | None, _FRAME_LENGTH, _APPEND]


class NewList(msgspec.Struct, gc=False):
    """`POST /v2/lists`."""

    phone_number: Required[Sender] = None
    list_name: _Name = None
    brand_name: _Name = None
    rate: _Rate = None
    connector: _Connector = None
    second_connector: Annotated[str | None, _SECOND] = None
    on_uncertain: _WhenUncertain = None
    answers: _Answers = None
    stop_text: _Text = None
    start_text: _Text = None
    help_text: _Text = None
    prepend_text: _Prepend = None
    append_text: _Append = None
    frame_sends: Annotated[bool | None, schema(default=False), _FRAME_SENDS] = None
    quiet_scope: _ScopeChange = None
    quiet_hours: Annotated[str | None, _QUIET_HOURS] = None


class ListUpdate(msgspec.Struct, gc=False):
    """`PUT /v2/lists/{list_id}`; what is left out stays as it is."""

    status: Annotated[
        Annotated[str, one_of(SETTABLE)] | None,
        about("`paused` stops it from sending; `active` brings a deleted one back."),
    ] = None
    list_name: _Name = None
    brand_name: _Name = None
    rate: _Rate = None
    connector: _Connector = None
    second_connector: Annotated[str | msgspec.UnsetType | None, _SECOND] = msgspec.UNSET
    on_uncertain: _WhenUncertain = None
    answers: _Answers = None
    stop_text: _TextChange = msgspec.UNSET
    start_text: _TextChange = msgspec.UNSET
    help_text: _TextChange = msgspec.UNSET
    prepend_text: _PrependChange = msgspec.UNSET
    append_text: _AppendChange = msgspec.UNSET
    frame_sends: Annotated[bool | None, _FRAME_SENDS] = None
    quiet_scope: _ScopeChange = None
    quiet_hours: Annotated[str | msgspec.UnsetType | None, _QUIET_HOURS] = msgspec.UNSET


class SendingList(msgspec.Struct):
    """A sending list."""

    id: RowId
    phone_number: Sender
    brand_name: str
    list_name: str
    list_type: Annotated[str | None, about("The kind of its carrier, such as `infobip` or `smpp`.")]
    status: Annotated[str, one_of(ListStatus)]
    contact_count: Annotated[Count, about("How many of its contacts are active.")]
    created_at: Time
    rate: Annotated[int, about("Messages per minute.")]
    connector: str | None
    second_connector: str | None
    own_carrier: Annotated[bool, about("Whether it goes by a carrier of your own.")]
    verified_at: Time | None
    on_uncertain: _OnUncertain
    answers: bool
    stop_text: _Text
    start_text: _Text
    help_text: _Text
    prepend_text: _Prepend
    append_text: _Append
    frame_sends: Annotated[bool, _FRAME_SENDS]
    quiet_scope: Annotated[_Scope, _QUIET_SCOPE]
    quiet_hours: Annotated[str | None, _QUIET_HOURS]


class Lists(msgspec.Struct):
    """The account's lists."""

    lists: list[SendingList]


class ListDeleted(msgspec.Struct):
    """The answer to a list that was deleted."""

    success: Always
    deleted: Always


_new: Final = msgspec.json.Decoder(NewList).decode
_update: Final = msgspec.json.Decoder(ListUpdate).decode


async def all_(runtime: Runtime, request: ApiRequest) -> Lists:
    """List the account's lists."""
    status = given(request.query, "status", _status, {"status": _STATUS_HELP})
    found = await runtime.lists.all_details(request.account, status)
    return Lists([_shown(each) for each in found])


async def show(runtime: Runtime, request: ApiRequest) -> SendingList:
    """Show one list."""
    return _shown(await runtime.lists.find_by_id(request.account, request.path_id("list_id")))


async def create(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Add a list."""
    fields = decoded(_new, request.body)
    number, text = sender("phone_number", fields.phone_number)
    policy = _policy(fields.on_uncertain)
    return await request.guard(
        lambda guard: runtime.lists.add(
            request.account,
            number,
            sender_name=sender_ids.text_beside(text),
            name=fields.list_name or "",
            brand=fields.brand_name or "",
            rate=fields.rate,
            connector=nonblank(fields.connector) or "",
            second_connector=nonblank(fields.second_connector) or "",
            on_uncertain=policy or OnUncertain.HOLD,
            answers=AnswerTexts(
                enabled=fields.answers is not False,
                stop=fields.stop_text,
                start=fields.start_text,
                help=fields.help_text,
            ),
            frame=FrameChange(prepend=fields.prepend_text, append=fields.append_text),
            frames_sends=bool(fields.frame_sends),
            quiet_scope=_quiet_scope(fields.quiet_scope) or QuietScope.CAMPAIGNS,
            quiet_hours=fields.quiet_hours or "",
            actor=request.actor,
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
        connector=nonblank(fields.connector),
        second_connector=cleared_by_null(fields.second_connector),
        on_uncertain=_policy(fields.on_uncertain),
        answers=fields.answers,
        stop_text=cleared_by_null(fields.stop_text),
        start_text=cleared_by_null(fields.start_text),
        help_text=cleared_by_null(fields.help_text),
        frame=frame_change(fields.prepend_text, fields.append_text),
        frames_sends=fields.frame_sends,
        quiet_scope=_quiet_scope(fields.quiet_scope),
        quiet_hours=cleared_by_null(fields.quiet_hours),
    )
    return _shown(await runtime.lists.update_by_id(request.account, list_id, change, request.actor))


async def delete(runtime: Runtime, request: ApiRequest) -> ListDeleted:
    """Delete a list; its history and its opt-outs stay."""
    await runtime.lists.update_by_id(
        request.account,
        request.path_id("list_id"),
        ListChange(status=ListStatus.DELETED),
        request.actor,
    )
    return ListDeleted(success=True, deleted=True)


_ID: Final = (in_path("list_id", RowId, "The list's id."),)
_SETTING_CODES: Final = (
    "invalid_name",
    "invalid_rate",
    "invalid_connector",
    "unknown_macro",
    "invalid_quiet_hours",
)

ENDPOINTS: Final = (
    Endpoint(
        "GET /lists",
        all_,
        id="listLists",
        summary="List sending lists",
        description="Returns all lists, but for the deleted ones unless they are asked for.",
        answer=Lists,
        codes=READING,
        parameters=(
            query(
                "status",
                Annotated[str, schema(type="string", enum=list(ListStatus))],
                "Only of this status.",
            ),
        ),
    ),
    Endpoint(
        "POST /lists",
        create,
        id="createList",
        summary="Add a sending list",
        description=(
            "A list on a carrier of your own sends only after it is verified; on the "
            "installation's it sends at once."
        ),
        request=NewList,
        answer=SendingList,
        codes=(
            *POSTING,
            "missing_phone_number",
            "invalid_phone",
            *_SETTING_CODES,
            "list_exists",
            "sender_taken",
            "too_many_lists",
        ),
        examples={
            "news": {
                "phone_number": "+15550001007",
                "list_name": "News",
                "brand_name": "Acme",
                "rate": 600,
                "connector": "sandbox",
            }
        },
    ),
    Endpoint(
        "GET /lists/{list_id}",
        show,
        id="getList",
        summary="Show a sending list",
        description=("Returns one list; a deleted one, or another account's, looks like no list."),
        answer=SendingList,
        codes=FINDING,
        parameters=_ID,
    ),
    Endpoint(
        "PUT /lists/{list_id}",
        update,
        id="updateList",
        summary="Change, pause or resume a sending list",
        description=(
            "Changes what is given and leaves the rest. While a list is paused, what waits in "
            "its queue is dropped when its turn comes."
        ),
        request=ListUpdate,
        answer=SendingList,
        codes=(*CHANGING, *_SETTING_CODES, "list_suspended", "sender_taken", "not_found"),
        parameters=_ID,
        examples={"slower": {"rate": 300, "list_name": "News", "stop_text": None}},
    ),
    Endpoint(
        "DELETE /lists/{list_id}",
        delete,
        id="deleteList",
        summary="Delete a sending list",
        description=(
            "Hides the list. Its contacts, its history and its opt-outs are kept, its number "
            'stays taken, and `PUT` with `{"status": "active"}` brings it back.'
        ),
        answer=ListDeleted,
        codes=DELETING,
        parameters=_ID,
    ),
)


def _status(text: str) -> ListStatus | None:
    return ListStatus(text) if text in set(ListStatus) else None


def _settable(text: str | None) -> ListStatus | None:
    if text is None:
        return None
    if text not in SETTABLE:
        raise InvalidInput(f"`status` must be {' or '.join(SETTABLE)}", param="status")
    return ListStatus(text)


def _policy(text: str | None) -> OnUncertain | None:
    return None if text is None else choice_of(OnUncertain, text, "on_uncertain")


def _quiet_scope(text: str | None) -> QuietScope | None:
    return None if text is None else choice_of(QuietScope, text, "quiet_scope")


def frame_change(
    prepend: str | msgspec.UnsetType | None, append: str | msgspec.UnsetType | None
) -> FrameChange:
    """Return a change of a frame, of which null is what stands above it."""
    given = {"prepend": prepend, "append": append}
    return FrameChange(
        prepend=prepend if isinstance(prepend, str) else None,
        append=append if isinstance(append, str) else None,
        inherited=frozenset(name for name, text in given.items() if text is None),
    )


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
        prepend_text=found.own_frame.prepend,
        append_text=found.own_frame.append,
        frame_sends=sender.frames_sends,
        quiet_scope=sender.quiet_scope,
        quiet_hours=sender.own_quiet_hours,
    )
