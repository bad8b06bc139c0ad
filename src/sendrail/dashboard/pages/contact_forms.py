"""What is done to one contact: added, changed, taken off a list, erased."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from starlette.responses import Response

from sendrail.contacts.field_columns import field_value_of
from sendrail.contacts.inputs import list_number_of, recipient_of
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.form_parts import plain_number
from sendrail.dashboard.pages.contacts import contact_page, known_number
from sendrail.dashboard.pages.messages import digits_in
from sendrail.dashboard.pages.sending import sender_of
from sendrail.dashboard.routes import PageRoute
from sendrail.domain import phone
from sendrail.domain.contact import ListContact, Scalar, SignUp, SignupFacts, SignupMethod
from sendrail.domain.errors import Conflict, InvalidInput, NotFound, SendrailError
from sendrail.domain.field_column import FieldType
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus, SendingList
from sendrail.domain.user import Permission

# A form has two hundred fields at most; a contact with more custom fields is changed by the API.
FIELDS_SHOWN_MAX: Final = 40
_NEW_FIELDS: Final = 3
_KINDS: Final = {"text": "Text", "number": "Number", "truth": "Yes or no"}
_TYPES: Final = {"number": FieldType.NUMBER, "truth": FieldType.BOOLEAN}
_NAMES: Final = ("first_name", "last_name")


class FieldRow(NamedTuple):
    """A custom field as a form shows it: its name, kind and value as text."""

    name: str
    kind: str
    value: str
    is_new: bool = False


async def add_form(ask: PageRequest) -> Response:
    """Show the form for a new contact."""
    return await _add_page(ask)


async def add(ask: PageRequest) -> Response:
    """Subscribe a contact to a list."""
    try:
        recipient = recipient_of(plain_number(ask.field("phone_number")))
        await _subscribe(ask, recipient)
    except (InvalidInput, NotFound, Conflict) as fault:
        return await _add_page(ask, fault)
    return ask.go(f"/contacts/{recipient}", "The contact is on the list.")


async def add_to_list(ask: PageRequest) -> Response:
    """Subscribe a contact that is known to one more list."""
    recipient = await known_number(ask)
    try:
        await _subscribe(ask, recipient)
    except (InvalidInput, NotFound, Conflict) as fault:
        return await contact_page(ask, fault=fault)
    return ask.go(f"/contacts/{recipient}", "The contact is on the list.")


async def change_form(ask: PageRequest) -> Response:
    """Show the names and custom fields of a contact on one list."""
    return await _change_page(ask)


async def change(ask: PageRequest) -> Response:
    """Change names and custom fields."""
    contact, owner = await _on_list(ask)
    try:
        await ask.runtime.contact_edits.change(
            ask.account,
            owner.number,
            contact.recipient,
            ask.actor,
            first_name=ask.field("first_name"),
            last_name=ask.field("last_name"),
            custom_fields=_fields_in(ask.form, contact.custom_fields),
        )
    except InvalidInput as fault:
        return await _change_page(ask, fault)
    return ask.go(f"/contacts/{contact.recipient}", "The contact is changed.")


async def opt_out_page(ask: PageRequest) -> Response:
    """Ask before a contact is taken off a list."""
    _, owner = await _on_list(ask)
    return await contact_page(ask, asks="leave", about=owner)


async def opt_out(ask: PageRequest) -> Response:
    """Take a contact off a list."""
    contact, owner = await _on_list(ask)
    try:
        left = await ask.runtime.contact_edits.opt_out(
            ask.account, owner.number, contact.recipient, ask.actor, note=ask.field("note")
        )
    except InvalidInput as fault:
        return await contact_page(ask, asks="leave", about=owner, fault=fault)
    text = "The contact is off the list." if left else "The contact was off the list already."
    return ask.go(f"/contacts/{contact.recipient}", text)


async def erase_page(ask: PageRequest) -> Response:
    """Ask before a person's data is erased."""
    await known_number(ask)
    return await contact_page(ask, asks="erase")


async def erase(ask: PageRequest) -> Response:
    """Erase a person's data, once the user has typed the number again."""
    recipient = await known_number(ask)
    if digits_in(ask.field("number")) != phone.show(recipient):
        fault = InvalidInput("This is another number than the contact’s.", param="number")  # noqa: RUF001
        return await contact_page(ask, asks="erase", fault=fault)
    await ask.runtime.erasure.erase(ask.account, recipient, ask.actor)
    return ask.go("/contacts", "The person’s data is erased. The number stays opted out.")  # noqa: RUF001


async def _subscribe(ask: PageRequest, recipient: PhoneNumber) -> None:
    signup = SignUp(
        recipient=recipient,
        method=SignupMethod.DASHBOARD,
        facts=SignupFacts(ad_network_source=ask.field("source") or None),
        first_name=ask.field("first_name"),
        last_name=ask.field("last_name"),
    )
    list_number = list_number_of(ask.field("list_number"))
    await ask.runtime.contact_edits.add(ask.account, list_number, signup, ask.actor)


async def _add_page(ask: PageRequest, fault: SendrailError | None = None) -> Response:
    lists = [
        (sender_of(each), each.name)
        for each in await ask.runtime.lists.all(ask.account)
        if each.status is not ListStatus.DELETED
    ]
    return ask.page(
        "contact_add.html",
        status=400 if fault else 200,
        lists=lists,
        fault=fault,
        given=ask.form if fault else ask.query,
    )


async def _on_list(ask: PageRequest) -> tuple[ListContact, SendingList]:
    """Return a contact and the list of an address. Raises `NotFound`."""
    recipient = phone.parse(f"+{ask.path('number')}")
    if recipient is None:
        raise NotFound("There is no such contact.")
    owner = await ask.runtime.lists.find_sender(ask.account, ask.number("list_id"))
    return await ask.runtime.contacts.show(ask.account, owner.number, recipient), owner


async def _change_page(ask: PageRequest, fault: SendrailError | None = None) -> Response:
    contact, owner = await _on_list(ask)
    rows = _rows(contact.custom_fields)
    names = {name: getattr(contact, name) for name in _NAMES}
    if fault is not None:
        names = {name: ask.form.get(name, "") for name in _NAMES}
        rows = [
            FieldRow(
                ask.form.get(f"name.{at}", row.name),
                ask.form.get(f"kind.{at}", row.kind),
                ask.form.get(f"value.{at}", row.value),
                row.is_new,
            )
            for at, row in enumerate(rows)
        ]
    return ask.page(
        "contact_change.html",
        status=400 if fault else 200,
        contact=contact,
        list_name=owner.name,
        number=phone.show(contact.recipient),
        names=names,
        rows=rows,
        kinds=_KINDS,
        hidden=max(0, len(contact.custom_fields) - FIELDS_SHOWN_MAX),
        fault=fault,
    )


def _rows(fields: Mapping[str, Scalar]) -> list[FieldRow]:
    known = [
        FieldRow(name, _kind_of(value), _shown(value))
        for name, value in sorted(fields.items())[:FIELDS_SHOWN_MAX]
    ]
    return known + [FieldRow("", "text", "", is_new=True)] * _NEW_FIELDS


def _kind_of(value: Scalar) -> str:
    if isinstance(value, bool):
        return "truth"
    return "text" if isinstance(value, str) else "number"


def _shown(value: Scalar) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _fields_in(form: Mapping[str, str], known: Mapping[str, Scalar]) -> dict[str, Scalar | None]:
    """Return the custom fields that a form changes. Raises `InvalidInput` beside the field."""
    changed: dict[str, Scalar | None] = {}
    for at in range(FIELDS_SHOWN_MAX + _NEW_FIELDS):
        name, text = form.get(f"name.{at}", "").strip(), form.get(f"value.{at}", "").strip()
        if not name:
            if text:
                raise InvalidInput("A field needs a name.", param=f"name.{at}")
            continue
        if not text:
            changed[name] = None
        elif name not in known or not _is_same(known[name], text, form.get(f"kind.{at}")):
            changed[name] = _value_in(form, at, text)
    return changed


def _is_same(value: Scalar, text: str, kind: str | None) -> bool:
    return _shown(value).strip() == text and kind in {None, _kind_of(value)}


def _value_in(form: Mapping[str, str], at: int, text: str) -> Scalar:
    kind = _TYPES.get(form.get(f"kind.{at}", ""), FieldType.TEXT)
    return field_value_of(text, kind, f"value.{at}")


_ONE: Final = "/contacts/{number}"
_ON_LIST: Final = "/contacts/{number}/lists/{list_id}"

ROUTES: Final = (
    PageRoute(route="GET /contacts/add", answer=add_form, permission=Permission.SEND),
    PageRoute(route="POST /contacts/add", answer=add, permission=Permission.SEND),
    PageRoute(route=f"POST {_ONE}/lists", answer=add_to_list, permission=Permission.SEND),
    PageRoute(route=f"GET {_ON_LIST}", answer=change_form, permission=Permission.SEND),
    PageRoute(route=f"POST {_ON_LIST}", answer=change, permission=Permission.SEND),
    PageRoute(route=f"GET {_ON_LIST}/leave", answer=opt_out_page, permission=Permission.SEND),
    PageRoute(route=f"POST {_ON_LIST}/leave", answer=opt_out, permission=Permission.SEND),
    PageRoute(
        route=f"GET {_ONE}/erase", answer=erase_page, permission=Permission.MANAGE, confirmed=True
    ),
    PageRoute(
        route=f"POST {_ONE}/erase", answer=erase, permission=Permission.MANAGE, confirmed=True
    ),
)
