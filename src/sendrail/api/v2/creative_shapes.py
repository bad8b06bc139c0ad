"""The bodies of the creatives' endpoints, and how creatives are shown in them."""

from typing import Annotated, Final

import msgspec

from sendrail.api.v2.field_types import (
    Always,
    Count,
    ObjectId,
    Phone,
    Positive,
    Required,
    RowId,
    Sender,
    Time,
    about,
    one_of,
    schema,
)
from sendrail.api.v2.orders import ContactData
from sendrail.api.v2.queries import Pagination
from sendrail.campaigns import reading
from sendrail.campaigns.creatives import CreativeDetails
from sendrail.campaigns.previews import Preview
from sendrail.domain import creative
from sendrail.domain.creative import CreativeStatus, CreativeType
from sendrail.domain.creative_warnings import WarningCode
from sendrail.domain.destinations import URL_CHARACTERS_MAX
from sendrail.domain.placeholders import LINK_KEYS
from sendrail.domain.text import Encoding
from sendrail.domain.times import shown as shown_time

_Name = Annotated[str, schema(minLength=1, maxLength=creative.NAME_LENGTH_MAX, pattern=r"\S")]
_Message = Annotated[
    str,
    schema(minLength=1, maxLength=creative.MESSAGE_LENGTH_MAX, pattern=r"\S"),
    about(
        "The text. `{{link1}}` to `{{link4}}` become short links, `{{first_name|there}}` a field "
        "of the contact or its default, `{{messageId}}` the message's id."
    ),
]
_Type = Annotated[str, one_of(CreativeType)]
_Key = Annotated[str, one_of(LINK_KEYS)]
_URL: Final = about("Where the link leads in place of the offer's URL; null is the offer's.")
_Url = Annotated[str | None, schema(maxLength=URL_CHARACTERS_MAX), schema(format="uri"), _URL]
_Params = Annotated[
    dict[str, str],
    schema(maxProperties=creative.PARAMS_MAX),
    about("Appended to the URL; a value may be a macro such as `{{click_id}}`."),
]


class OfferLink(msgspec.Struct, gc=False):
    """Where a `{{linkN}}` of the message leads."""

    key: Required[_Key] = None
    offer_id: Required[ObjectId] = None
    url: _Url = None
    url_params: _Params | None = None


class NewCreative(msgspec.Struct, gc=False):
    """`POST /v2/creatives`."""

    name: Required[_Name] = None
    message: Required[_Message] = None
    offer_links: Required[Annotated[list[OfferLink], schema(minItems=1)]] = None
    status: Annotated[
        Annotated[str, one_of(reading.NEW_STATUSES)] | None,
        schema(default=str(CreativeStatus.ACTIVE)),
    ] = None
    creative_type: Annotated[_Type | None, schema(default=str(CreativeType.AUTOMATED))] = None


class CreativeUpdate(msgspec.Struct, gc=False):
    """`PUT /v2/creatives/{creative_id}`; what is left out stays as it is."""

    name: _Name | None = None
    message: _Message | None = None
    offer_links: Annotated[list[OfferLink], schema(minItems=1)] | None = None
    status: Annotated[
        Annotated[str, one_of(CreativeStatus)] | None,
        about("`active` brings an archived creative back."),
    ] = None
    creative_type: _Type | None = None


class PreviewRequest(msgspec.Struct, gc=False):
    """`POST /v2/creatives/{creative_id}/preview`."""

    list_number: Annotated[
        Sender | None, about("The list that would send; without one, the account's frame is shown.")
    ] = None
    phone_number: Annotated[Phone | None, about("A contact of that list.")] = None
    contact_data: Annotated[
        ContactData | None, about("Values of fields; they win over the contact's own.")
    ] = None


class ShownLink(msgspec.Struct):
    """Where a `{{linkN}}` of the message leads."""

    key: _Key
    offer_id: ObjectId
    url: _Url
    url_params: _Params


class TextMeasures(msgspec.Struct):
    """What a text takes on the air."""

    encoding: Annotated[str, one_of(Encoding)]
    characters: Count
    units: Annotated[Count, about("Septets in GSM-7, UTF-16 code units in UCS-2.")]
    segments: Positive


class TextNotice(msgspec.Struct):
    """Something to change before the text goes to many."""

    code: Annotated[str, one_of(WarningCode)]
    text: Annotated[str, about("Names the place and the remedy.")]


class ShownCreative(msgspec.Struct):
    """A creative."""

    id: RowId
    slug: str
    name: str
    message: _Message
    offer_links: list[ShownLink]
    offers: Annotated[list[ObjectId], about("The offers of its links, each once.")]
    status: Annotated[str, one_of(CreativeStatus)]
    creative_type: _Type
    character_count: Annotated[
        Count, about("The documented estimate: 23 characters a link, and 34 for the frame.")
    ]
    segment_count: Annotated[
        Positive, about("The documented estimate: 1 up to 160 characters, else 153 to each.")
    ]
    size: Annotated[
        TextMeasures,
        about(
            "The true size with the account's frame, with links as long as they will be, and with "
            "the defaults of its fields."
        ),
    ]
    longest: Annotated[
        TextMeasures, about("The same, with a value of 21 characters for each of its fields.")
    ]
    warnings: list[TextNotice]
    created_at: Time
    updated_at: Time


class SavedCreative(ShownCreative):
    """A creative that was made or changed: its fields, and once more as `creative`."""

    success: Always
    creative: ShownCreative


class CreativeList(msgspec.Struct):
    """A page of creatives, oldest first."""

    creatives: list[ShownCreative]
    pagination: Pagination


class CreativeArchived(msgspec.Struct):
    """The answer to a creative that was archived."""

    success: Always
    archived: Always


class PreviewedLink(msgspec.Struct):
    """A link of the text: what stands for it here, and where it leads."""

    key: _Key
    short_url: Annotated[str, about("As long as it will be; its letters are not known yet.")]
    destination: str


class CreativePreview(msgspec.Struct):
    """A creative as one contact would get it."""

    text: str
    size: TextMeasures
    links: list[PreviewedLink]
    defaulted: Annotated[list[str], about("The fields for which defaults stand.")]
    warnings: list[TextNotice]


def shown(found: CreativeDetails) -> ShownCreative:
    """Return a creative as answers have it."""
    made = found.creative
    return ShownCreative(
        id=made.id,
        slug=made.slug,
        name=made.name,
        message=made.message,
        offer_links=[
            ShownLink(
                key=link.key,
                offer_id=link.offer_ref,
                url=link.url,
                url_params=dict(link.url_params),
            )
            for link in made.offer_links
        ],
        offers=made.offer_refs,
        status=made.status,
        creative_type=made.creative_type,
        character_count=found.estimate.characters,
        segment_count=found.estimate.segments,
        size=_measures(found.shortest),
        longest=_measures(found.longest),
        warnings=[TextNotice(each.code, each.text) for each in found.warnings],
        created_at=shown_time(made.created_at),
        updated_at=shown_time(made.updated_at),
    )


def saved(found: CreativeDetails) -> SavedCreative:
    """Return a creative that was made or changed."""
    plain = shown(found)
    return SavedCreative(**msgspec.structs.asdict(plain), success=True, creative=plain)


def shown_preview(found: Preview) -> CreativePreview:
    """Return a preview as answers have it."""
    return CreativePreview(
        text=found.shown.text,
        size=_measures(found.shown),
        links=[PreviewedLink(*link) for link in found.links],
        defaulted=list(found.defaulted),
        warnings=[TextNotice(each.code, each.text) for each in found.warnings],
    )


def _measures(of: creative.SampleText) -> TextMeasures:
    return TextMeasures(of.size.encoding, len(of.text), of.size.units, of.size.segments)
