"""A creative as one contact would get it, and what it costs as such."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sendrail.contacts.inputs import owned_list
from sendrail.domain.contact import PhoneFacts
from sendrail.domain.creative import ESTIMATED_LINK, Creative, SampleText, finished
from sendrail.domain.creative_warnings import TextWarning, text_warnings
from sendrail.domain.errors import InvalidInput
from sendrail.domain.frame import Frame, FramedSender, enclosed, framed
from sendrail.domain.ids import MESSAGE_ID_LENGTH, AccountId
from sendrail.domain.order import Fault
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.placeholders import MissingValue, read_template, values_of
from sendrail.domain.sender import SendingList
from sendrail.domain.text import measure
from sendrail.links.domains import LinkSender
from sendrail.links.texts import LinkTexts
from sendrail.storage.interface import Tx

# Stands for the letters of a short id, and for those of a message's.
_LETTER: Final = "X"
_ID: Final = _LETTER * MESSAGE_ID_LENGTH


class TextContext(NamedTuple):
    """What stands around a text: a short link of the right length, and the frame."""

    link: str
    sender: FramedSender


class LinkPreview(NamedTuple):
    """A link of a creative: its placeholder, how long it is, and where it leads."""

    key: str
    short_url: str
    destination: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A text as a contact would get it; `defaulted` are the fields that defaults stand for."""

    shown: SampleText
    links: Sequence[LinkPreview]
    defaulted: Sequence[str]
    warnings: Sequence[TextWarning]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewInput:
    """For whom a text is shown: a contact of a list, or values of its fields.

    Given values win over the contact's. Without a list the text has the account's frame.
    """

    list_number: PhoneNumber | None = None
    recipient: PhoneNumber | None = None
    values: Mapping[str, str] | None = None


def account_context(tx: Tx, account_id: AccountId) -> TextContext:
    """Return what stands around a text of which no list is known yet: the account's own."""
    default = next((each for each in tx.domains.all(account_id) if each.is_default), None)
    link = (
        _LETTER * ESTIMATED_LINK
        if default is None
        else f"https://{default.host}/{_LETTER * default.letters}"
    )
    frame = tx.accounts.own_frame(account_id).over(Frame())
    return TextContext(link, FramedSender(frame, ""))


def preview(
    tx: Tx, account_id: AccountId, found: Creative, given: PreviewInput, links: LinkTexts
) -> Preview:
    """Return a creative as one contact would get it.

    Raises `NotFound` for a list or a contact that is not the account's, and `InvalidInput` where
    there is no value for a field without a default: a campaign leaves such a contact out.
    """
    sender = None
    if given.list_number is not None:
        sender = owned_list(tx, account_id, given.list_number)
    around = account_context(tx, account_id)
    if sender is not None:
        around = list_context(tx, account_id, sender, links)
    template = read_template(found.message)
    assert not isinstance(template, Fault), "the text was checked when it was stored"
    values = _values(tx, sender, around.sender.brand, given)
    rendered = template.render(values)
    if isinstance(rendered, MissingValue):
        raise InvalidInput(
            f"There is no value for {rendered.name}; a default is written "
            f"{{{{{rendered.name}|friend}}}}",
            code="missing_field",
            param=rendered.name,
        )
    body = finished(rendered.text, dict.fromkeys(template.link_keys, around.link), _ID)
    text = (
        enclosed(body, around.sender)
        if given.recipient is None
        else framed(body, around.sender, given.recipient)
    )
    shown = SampleText(text, measure(text))
    return Preview(
        shown=shown,
        links=_link_previews(tx, account_id, found, around.link),
        defaulted=rendered.defaulted,
        warnings=text_warnings(shown, shown),
    )


def list_context(
    tx: Tx, account_id: AccountId, sender: SendingList, links: LinkTexts
) -> TextContext:
    """Return what stands around a text that a list sends."""
    host = links.host_of(tx, LinkSender(account_id, sender.id, sender.connector_id))
    link = (
        account_context(tx, account_id).link
        if host is None
        else f"{host.prefix}{_LETTER * host.letters}"
    )
    return TextContext(link, FramedSender(tx.lists.frame(account_id, sender.id), sender.brand))


def _values(
    tx: Tx, sender: SendingList | None, brand: str, given: PreviewInput
) -> Mapping[str, str]:
    values: dict[str, str] = {}
    if given.recipient is not None:
        if sender is None:
            raise InvalidInput(
                "To choose a contact, name its list as well",
                code="missing_list_number",
                param="list_number",
            )
        contact = tx.contacts.find(sender.id, given.recipient)
        if contact is None:
            raise InvalidInput(
                "The list has no such contact", code="list_contact_not_found", param="phone_number"
            )
        names = {"first_name": contact.first_name, "last_name": contact.last_name}
        known = tx.numbers.facts(sender.account_id, [given.recipient])
        facts = known.get(given.recipient, PhoneFacts())
        values = values_of(names | {"timezone": facts.timezone}, contact.custom_fields)
    if brand:
        values["brand_name"] = brand
    return values | dict(given.values or {})


def _link_previews(
    tx: Tx, account_id: AccountId, found: Creative, short_url: str
) -> list[LinkPreview]:
    previews = []
    for link in found.offer_links:
        offer = tx.offers.by_ref(account_id, link.offer_ref)
        assert offer is not None, "offers are archived, never deleted"
        previews.append(LinkPreview(link.key, short_url, link.destination(offer.tracking_url)))
    return previews
