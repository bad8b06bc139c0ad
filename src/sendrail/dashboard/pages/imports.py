"""Import: a CSV file of contacts is judged while it comes, and brought in once that was seen."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from sendrail.contacts.field_columns import checked_field_columns, field_type_of
from sendrail.contacts.inputs import list_number_of
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.pages.sending import sender_of
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.audit import Action
from sendrail.domain.errors import InvalidInput, SendrailError
from sendrail.domain.field_column import FieldColumn, FieldType
from sendrail.domain.sender import ListStatus
from sendrail.domain.upload import UPLOAD_BYTES_MAX, Upload, UploadState
from sendrail.domain.user import Permission

_PAST: Final = 10
_FIELDS: Final = ("list", "source", "country", "file")
# A service calls the same fields by the names of the API.
_PARAMS: Final = {"list_number": "list"}
LOOKS: Final = {
    UploadState.COMING: ("queued idle", "Coming"),
    UploadState.JUDGED: ("queued idle", "Waits for you"),
    UploadState.RUNNING: ("sent", "Importing"),
    UploadState.DONE: ("ok", "Imported"),
    UploadState.FAILED: ("bad", "Failed"),
    UploadState.DISCARDED: ("dropped idle", "Discarded"),
}
_TYPES: Final = {
    FieldType.TEXT: "Text",
    FieldType.NUMBER: "Number",
    FieldType.BOOLEAN: "Yes or no",
}
# What becomes of rows: a look, and what is said before and after the import.
_OUTCOMES: Final = {
    "created": ("ok", "New contacts"),
    "added": ("ok", "Known contacts, new to the list"),
    "merged": ("sent", "On the list already, brought up to date"),
    "opted_out": ("idle", "Opted out, passed over"),
    "blocked": ("idle", "Blocked, passed over"),
}


class OutcomeCount(NamedTuple):
    """How many rows of a file have one outcome."""

    look: str
    title: str
    rows: int


async def form(ask: PageRequest) -> Response:
    """Show the form, the files that wait and the imports so far."""
    return await _page(ask)


async def take(ask: PageRequest) -> Response:
    """Take a file, and go on to what would become of its rows."""
    try:
        upload_id = await _taken(ask)
    except SendrailError as fault:
        if ask.file_form is not None and fault.code != "payload_too_large":
            await ask.file_form.pass_over()
        return await _page(ask, fault)
    return ask.go(f"/contacts/imports/{upload_id}")


async def upload(ask: PageRequest) -> Response:
    """Show what would become of a file's rows, how far its import is, or what it brought."""
    found = await ask.runtime.uploads.show(ask.account, ask.number("upload_id"))
    return ask.page("upload.html", found=found, **await _shown(ask, found))


async def map_columns(ask: PageRequest) -> Response:
    """Let columns go into custom fields, and judge the file anew."""
    upload_id = ask.number("upload_id")
    fields: dict[str, FieldColumn] = {}
    try:
        fields |= _field_columns(ask)
        await ask.runtime.uploads.map_columns(
            ask.account, upload_id, checked_field_columns(fields), ask.actor
        )
    except InvalidInput as fault:
        found = await ask.runtime.uploads.show(ask.account, upload_id)
        given = await _shown(ask, found) | {"fields": fields, "fault": fault}
        return ask.page("upload.html", status=400, found=found, **given)
    return ask.go(f"/contacts/imports/{upload_id}", "The columns are set, and each row is judged.")


async def start(ask: PageRequest) -> Response:
    """Bring a judged file in."""
    await ask.runtime.uploads.start(ask.account, ask.number("upload_id"), ask.actor)
    return ask.go(f"/contacts/imports/{ask.number('upload_id')}")


async def discard(ask: PageRequest) -> Response:
    """Give a file up."""
    had_begun = await ask.runtime.uploads.discard(ask.account, ask.number("upload_id"))
    stored = "What its import has stored stays." if had_begun else "Nothing of it was stored."
    return ask.go("/contacts/import", f"The file is discarded. {stored}")


async def _taken(ask: PageRequest) -> int:
    file = ask.file_form
    if file is None or not file.file_name:
        raise InvalidInput("Choose a file.", param="file")
    return await ask.runtime.uploads.take(
        ask.account,
        list_number_of(ask.field("list")),
        file.file(),
        ask.actor,
        name=file.file_name,
        source=ask.field("source"),
        country=ask.field("country").upper(),
    )


def _field_columns(ask: PageRequest) -> dict[str, FieldColumn]:
    """Return the columns that a field was named for. Raises `InvalidInput` for an unknown type."""
    sent = (ask.many.get(name, ()) for name in ("column", "field", "type"))
    return {
        column: FieldColumn(field.strip(), field_type_of(type_))
        for column, field, type_ in zip(*sent, strict=False)
        if field.strip()
    }


async def _page(ask: PageRequest, fault: SendrailError | None = None) -> Response:
    lists = [
        (sender_of(each), each.name)
        for each in await ask.runtime.lists.all(ask.account)
        if each.status is not ListStatus.DELETED
    ]
    country = (await ask.runtime.account_settings.show(ask.account)).country
    given = {"list": ask.query.get("list", ""), "source": "", "country": country}
    param = _PARAMS.get(fault.param or "", fault.param or "") if fault else ""
    return ask.page(
        "imports.html",
        status=400 if fault else 200,
        lists=lists,
        fault=fault,
        # What is said of no other field is said of the file.
        field_of=(param if param in _FIELDS else "file") if fault else "",
        given=given | {name: ask.form.get(name, "") for name in given} if fault else given,
        files=await ask.runtime.uploads.newest(ask.account),
        looks=LOOKS,
        past=await ask.runtime.audit.page(
            ask.account, action=Action.CONTACTS_IMPORTED, per_page=_PAST
        ),
        megabytes=UPLOAD_BYTES_MAX // 1_000_000,
    )


async def _shown(ask: PageRequest, found: Upload) -> dict[str, Any]:
    lists = await ask.runtime.lists.all(ask.account)
    is_silent = ask.runtime.uploads.is_silent(found)
    return {
        "list_name": next((each.name for each in lists if each.id == found.list_id), ""),
        "looks": LOOKS,
        "state": UploadState,
        "is_silent": is_silent,
        "is_live": found.state is UploadState.RUNNING and not is_silent,
        "percent": 100 * found.done // max(1, found.size),
        "outcomes": _outcomes(found),
        "fields": found.fields,
        "types": _TYPES,
        "fault": None,
        "known": [each for each in found.report.used_columns if each[0] not in found.fields],
        "others": [*found.fields, *found.report.ignored_columns],
        "taken": sum(found.report.counts.get(name, 0) for name in ("created", "added", "merged")),
    }


def _outcomes(found: Upload) -> Sequence[OutcomeCount]:
    counts = found.report.counts
    rows = [
        OutcomeCount(look, title, counts[name])
        for name, (look, title) in _OUTCOMES.items()
        if name in counts
    ]
    return [*rows, OutcomeCount("warn", "Refused", found.report.refused)]


_UPLOAD: Final = "/contacts/imports/{upload_id}"

ROUTES: Final = (
    PageRoute(route="GET /contacts/import", answer=form, permission=Permission.SEND),
    PageRoute(
        route="POST /contacts/import", answer=take, permission=Permission.SEND, takes_file=True
    ),
    PageRoute(route=f"GET {_UPLOAD}", answer=upload, permission=Permission.SEND),
    PageRoute(route=f"POST {_UPLOAD}/columns", answer=map_columns, permission=Permission.SEND),
    PageRoute(route=f"POST {_UPLOAD}/start", answer=start, permission=Permission.SEND),
    PageRoute(route=f"POST {_UPLOAD}/discard", answer=discard, permission=Permission.SEND),
)
