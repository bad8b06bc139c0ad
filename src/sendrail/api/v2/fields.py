"""Fields that several resources take: phone numbers and texts, checked as the public API does."""

from typing import Final

import msgspec

from sendrail.domain import phone, sender_ids
from sendrail.domain.errors import InvalidInput, missing
from sendrail.domain.phone import PhoneNumber

_E164: Final = "must be an E.164 phone number, such as +15550100000"
_CODES: Final = {"phone_number": "invalid_phone", "list_number": "invalid_list_number"}


def numbers(phone_number: str | None, list_number: str | None) -> tuple[PhoneNumber, PhoneNumber]:
    """Return a contact's number and that of a list.

    Raises `InvalidInput` for what is missing before what is wrong.
    """
    contact = _present("phone_number", phone_number)
    from_whom = _present("list_number", list_number)
    return _number("phone_number", contact), _sender("list_number", from_whom)


def number(name: str, text: str | None) -> PhoneNumber:
    """Return the phone number in a field; absent, null and blank count as missing."""
    return _number(name, _present(name, text))


def sender(name: str, text: str | None) -> tuple[PhoneNumber, str]:
    """Return what a list sends from, as it is kept and as text.

    Absent, null and blank count as missing.
    """
    given = _present(name, text)
    return _sender(name, given), given


def cleared_by_null(value: str | msgspec.UnsetType | None) -> str | None:
    """Return what a change calls a field that may be taken away: None leaves it as it is.

    Null and a blank text take it away, and are an empty text.
    """
    return None if value is msgspec.UNSET else nonblank(value) or ""


def nonblank(value: str | None) -> str | None:
    """Return a text; a blank one is none, as an empty one and null are."""
    return None if value is None or not value.strip() else value


def word(value: str | None) -> str | None:
    """Return a word of a field without the blanks around it; a blank one is none."""
    found = nonblank(value)
    return None if found is None else found.strip()


def _present(name: str, text: str | None) -> str:
    if (found := nonblank(text)) is None:
        raise missing(name)
    return found


def _sender(name: str, given: str) -> PhoneNumber:
    parsed = sender_ids.parse(given)
    if parsed is None:
        raise InvalidInput(f"{name} must be {sender_ids.FORM}", code=_CODES[name], param=name)
    return parsed


def _number(name: str, given: str) -> PhoneNumber:
    parsed = phone.parse(given)
    if parsed is None:
        raise InvalidInput(f"`{name}` {_E164}", code=_CODES[name], param=name)
    return parsed
