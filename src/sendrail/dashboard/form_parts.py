"""What forms have in common: numbers, links to offers, and how a fault is said at its field."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sendrail.campaigns.reading import LinkInput
from sendrail.domain import money
from sendrail.domain.creative import OfferLink
from sendrail.domain.digits import read_digits
from sendrail.domain.errors import InvalidInput, SendrailError
from sendrail.domain.ids import read_row_id
from sendrail.domain.placeholders import LINK_KEYS

_WHOLE_MAX: Final = 10**15 - 1
# Thousands begin with no zero: `0,125` is an eighth to many people.
_GROUPED: Final = re.compile(r"[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]*)?").fullmatch
# As `domain.money` reads one; people leave out the digits on one side of the point, too.
_NUMERAL: Final = re.compile(r"(?=\.?[0-9])[0-9]{0,20}(\.[0-9]*)?").fullmatch
_AMOUNT: Final = re.compile(r"(?=\.?[0-9])[0-9]{0,12}(\.[0-9]{0,18})?").fullmatch
# What people write between the digits of a number, or copy with it: blanks, dots, brackets, dashes
# of all lengths, and the unseen marks of a direction that programs put around it.
_BETWEEN: Final = r"\s().\u002d\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2066-\u2069"
# A phone number as people write it; not with the zero in brackets of who calls from inside, which
# in most countries is no part of it.
_NUMBER: Final = re.compile(
    rf"(?!.*\(\s*0\s*\))[{_BETWEEN}]*\+[0-9{_BETWEEN}]+", re.DOTALL
).fullmatch
_without_between: Final = partial(re.compile(f"[{_BETWEEN}]").sub, "")
_LINK_FIELDS: Final = ("key", "offer_id", "url", "url_params")


def said_at(fault: SendrailError) -> str:
    """Return a fault as it stands beside its field, which it need not name."""
    text = in_words(fault.code, fault.message)
    if fault.param and text.startswith(mark := f"`{fault.param}` "):
        text = f"This {text.removeprefix(mark)}"
    if fault.code == f"missing_{fault.param}":
        text = "This is needed."
    return text


def in_words(code: str, text: str) -> str:
    """Return what a fault or a note says, where the API's names would say little on a page."""
    if code == "missing_offer_links_for_placeholders":
        return f"Add a link for {text.rpartition(' define ')[2]}: nothing says where it leads."
    if code == "missing_offer_link_offer_id":
        return "Choose an offer for each link."
    return text


def plain_number(text: str) -> str:
    """Return a phone number without what people write between its digits; another text as it is."""
    return _without_between(text) if _NUMBER(text) else text


def whole(text: str, param: str) -> int | None:
    """Return a whole number, None where nothing stands. Raises `InvalidInput`."""
    plain = _ungrouped(text)
    if not plain:
        return None
    if (found := read_digits(plain, _WHOLE_MAX)) is None:
        raise InvalidInput("This is a whole number, 0 or more.", param=param)
    return found


def row_ids(texts: Iterable[str], param: str) -> list[int]:
    """Return the ids of what was ticked. Raises `InvalidInput` for what is none.

    It is not passed over: an audience of no lists is one of all lists.
    """
    found = [read_row_id(each) for each in texts]
    if None in found:
        raise InvalidInput("Choose among what the account has.", param=param)
    return [each for each in found if each is not None]


def amount(text: str, param: str) -> float | None:
    """Return an amount, None where nothing stands. Raises `InvalidInput`."""
    plain = _ungrouped(text)
    if not plain:
        return None
    if not _AMOUNT(plain):
        raise InvalidInput("This is an amount, such as 12.50.", param=param)
    return float(plain)


def money_of(text: str, param: str) -> int | None:
    """Return an amount of money in ten-thousandths, None where nothing stands.

    Raises `InvalidInput` for what is no amount, and for more than is kept.
    """
    if (given := amount(text, param)) is None:
        return None
    if (found := money.of_number(given)) is None:
        raise InvalidInput(
            f"This is an amount of at most {money.AMOUNT_MAX // money.UNIT:,}.", param=param
        )
    return found


def number(text: str) -> float | None:
    """Return a number with or without a sign or decimals; None for what is none."""
    sign, plain = _signed(text.strip())
    plain = _ungrouped(plain)
    if not _NUMERAL(plain):
        return None
    return sign * (int(plain) if plain.isdecimal() else float(plain))


def _signed(text: str) -> tuple[int, str]:
    return (-1 if text[:1] == "-" else 1), text[1:] if text[:1] in {"+", "-"} else text


def _ungrouped(text: str) -> str:
    """Return a number without the commas between its thousands; another text as it is.

    `12,50` is twelve and a half to many people: it is no number here, and never a hundred times as
    much.
    """
    plain = text.strip()
    return plain.replace(",", "") if _GROUPED(plain) else plain


def counted(fields: Mapping[str, str], path: str, mark: str) -> Iterator[str]:
    """Yield the ways to the parts of a form that are counted from 0, such as `blasts[0]`.

    Each has a field of the name `mark`.
    """
    at = 0
    while f"{path}[{at}].{mark}" in fields:
        yield f"{path}[{at}]"
        at += 1


@dataclass(slots=True)
class LinkForm:
    """Where a link of a text leads, as it is edited."""

    path: str
    fields: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str, fields: Mapping[str, str]) -> "LinkForm":
        return cls(path, {name: fields.get(f"{path}.{name}", "") for name in _LINK_FIELDS})

    @classmethod
    def of(cls, path: str, link: OfferLink) -> "LinkForm":
        """Return the form of a link that is stored."""
        params = "\n".join(f"{name}={value}" for name, value in link.url_params.items())
        return cls(
            path,
            {"key": link.key, "offer_id": link.offer_ref, "url": link.url or "",
             "url_params": params},
        )  # fmt: skip

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    def given(self) -> LinkInput:
        """Return it as a service takes it."""
        pairs = (
            line.partition("=") for line in self.get("url_params").splitlines() if line.strip()
        )
        return LinkInput(
            key=self.get("key"),
            offer_id=self.get("offer_id"),
            url=self.get("url"),
            url_params={name.strip(): value.strip() for name, _, value in pairs},
        )


def read_links(path: str, fields: Mapping[str, str]) -> list[LinkForm]:
    """Return the links of a form that was sent."""
    return [LinkForm.read(each, fields) for each in counted(fields, path, "key")]


def links_of(path: str, links: Sequence[OfferLink]) -> list[LinkForm]:
    """Return the forms of links that are stored."""
    return [LinkForm.of(f"{path}[{at}]", each) for at, each in enumerate(links)]


def add_link(path: str, links: list[LinkForm]) -> None:
    """Add a link, of the first name that is free; there are no more than names."""
    used = {each.get("key") for each in links}
    free = [key for key in LINK_KEYS if key not in used]
    if free:
        links.append(LinkForm(f"{path}[{len(links)}]", {"key": free[0]}))


def remove_link(path: str, links: list[LinkForm], gone: str) -> None:
    """Take a link out, and count the others without a gap."""
    links[:] = [each for each in links if each.path != gone]
    for at, each in enumerate(links):
        each.path = f"{path}[{at}]"
