"""What callers type, turned into domain values or refused with a code and the field's name."""

import json
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from sendrail.domain import phone, sender_ids
from sendrail.domain.errors import InvalidInput, NotFound, missing
from sendrail.domain.ids import AccountId, is_row_id
from sendrail.domain.json_text import DEPTH_MAX, nests_deeper
from sendrail.domain.local_time import zone_of
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus, SendingList
from sendrail.domain.storable import holds_nul, text_fault
from sendrail.storage.interface import Tx

Choice = TypeVar("Choice", bound=StrEnum)

NAME_LENGTH_MAX: Final = 100
# Where a contact signed up, and their id there, by an advertising network's names.
SOURCE_LENGTH_MAX: Final = 255
# RFC 5321, 4.5.3.1.
EMAIL_LENGTH_MAX: Final = 254
# Clocks differ; a sign-up or a consent further ahead than this is a mistake.
AHEAD_MAX_MS: Final = 5 * 60_000
PAGE_SIZE: Final = 50
PAGE_SIZE_MAX: Final = 1_000
# Further pages would read and throw away everything before them.
PAGE_MAX: Final = 10_000

_E164: Final = "in E.164 form: a plus, the country code and the number, such as +15550100000"


def recipient_of(text: str) -> PhoneNumber:
    """Return the number of a contact."""
    if not text.strip():
        raise InvalidInput(
            "A phone number is required.", code="missing_phone_number", param="phone_number"
        )
    number = phone.parse(text.strip())
    if number is None:
        raise InvalidInput(
            f"The phone number must be {_E164}.", code="invalid_phone", param="phone_number"
        )
    return number


def list_number_of(text: str) -> PhoneNumber:
    """Return the number of a sending list, or what stands for its short code or its name."""
    if not text.strip():
        raise InvalidInput(
            "list_number is required", code="missing_list_number", param="list_number"
        )
    number = sender_ids.parse(text.strip())
    if number is None:
        raise InvalidInput(
            f"list_number must be {sender_ids.FORM}",
            code="invalid_list_number",
            param="list_number",
        )
    return number


def title_of(text: str | None, length_max: int) -> str | None:
    """Return what an account calls a thing of its own; None is none given."""
    if text is None:
        return None
    title = text.strip()
    if not title:
        raise missing("name")
    if len(title) > length_max:
        raise InvalidInput(
            f"`name` has at most {length_max} characters", code="name_too_long", param="name"
        )
    return title


def name_of(text: str, param: str = "name") -> str:
    """Return a name that fits a row of a table on a screen."""
    name = text.strip()
    if not name or len(name) > NAME_LENGTH_MAX:
        raise InvalidInput(
            f"A name has 1 to {NAME_LENGTH_MAX} characters.", code="invalid_name", param=param
        )
    return name


def text_of(name: str, value: str | None, length_max: int) -> str | None:
    """Return a text without the blanks around it; a blank one is none. Raises `InvalidInput`."""
    if value is None or not (kept := value.strip()):
        return None
    if len(kept) > length_max:
        raise InvalidInput(f"`{name}` has at most {length_max:,} characters", param=name)
    return kept


def email_of(value: str | None) -> str | None:
    """Return an e-mail address of a contact; a blank one is none. Raises `InvalidInput`."""
    address = text_of("email", value, EMAIL_LENGTH_MAX)
    if address is None:
        return None
    user, at, host = address.rpartition("@")
    if not (user and at and host) or any(map(str.isspace, address)):
        raise InvalidInput(
            "`email` must be an e-mail address, such as ann@example.com", param="email"
        )
    return address


def zone_name_of(value: str | None) -> str | None:
    """Return the name of a time zone; a blank one is none. Raises `InvalidInput`."""
    name = (value or "").strip()
    return zone_of(name).key if name else None


def json_in(text: str) -> Any:
    """Return what JSON that a person wrote says, read as the body of a call is.

    Raises `ValueError` with the place: for what is no JSON, such as NaN, for half a character, for
    a NUL, for a number out of range, and for what is nested more deeply than is kept.
    """
    octets = text.encode()
    if nests_deeper(octets, DEPTH_MAX):
        raise ValueError(f"it is nested more than {DEPTH_MAX} levels deep")
    # This one says the line of a fault, but takes more than there is in JSON.
    value = json.loads(text, parse_constant=_no_constant)
    try:
        found = msgspec.json.decode(octets)
    except msgspec.DecodeError as error:
        fault = text_fault(json.dumps(value, ensure_ascii=False))
        raise ValueError(f"it {fault}" if fault else str(error)) from None
    if holds_nul(found):
        raise ValueError("it must not contain the NUL character")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not valid JSON")


def choice_of(kind: type[Choice], text: str, param: str) -> Choice:
    """Return the value of a word, which must be one of a kind's."""
    try:
        return kind(text)
    except ValueError:
        raise InvalidInput(f"`{param}` must be {' or '.join(kind)}.", param=param) from None


def slice_of(page: int, per_page: int) -> tuple[int, int]:
    """Return the offset and the limit of a page; the first page is 1."""
    if not 1 <= page <= PAGE_MAX:
        raise InvalidInput(f"Pages are counted from 1 to {PAGE_MAX:,}.", param="page")
    if not 1 <= per_page <= PAGE_SIZE_MAX:
        raise InvalidInput(f"A page has 1 to {PAGE_SIZE_MAX:,} rows.", param="per_page")
    return (page - 1) * per_page, per_page


def owned_list(tx: Tx, account_id: AccountId, number: PhoneNumber) -> SendingList:
    """Return the account's list of a number; another's list, or a deleted one, is no list."""
    found = tx.lists.find(account_id, number)
    if found is None or found.status is ListStatus.DELETED:
        raise no_list(number)
    return found


def owned_list_by_id(tx: Tx, account_id: AccountId, list_id: int) -> SendingList:
    """Return the account's list of an id; another's list, or a deleted one, is no list."""
    found = find_list_by_id(tx, account_id, list_id)
    if found is None or found.status is ListStatus.DELETED:
        raise no_list_here()
    return found


def find_list_by_id(tx: Tx, account_id: AccountId, list_id: int) -> SendingList | None:
    """Return the account's list of an id, whatever its status."""
    return tx.lists.find_id(account_id, list_id) if is_row_id(list_id) else None


def no_list_here() -> NotFound:
    """Return the error for an id that is no list of the caller's."""
    return NotFound("There is no such list, or it is not yours.")


def no_list(number: PhoneNumber) -> NotFound:
    """Return the error for a number that is no list of the caller's."""
    called = (
        f"list {phone.show(number)}" if sender_ids.takes_replies(number) else "list of this name"
    )
    return NotFound(
        f"The account has no {called}. `GET /v2/lists` and `sendrail lists list` "
        "name those it has.",
        code="list_not_found",
        param="list_number",
    )
