"""The bodies of audiences, as requests give them and answers show them."""

from typing import Annotated, Any, Final

import msgspec

from sendrail.api.v2.decoding import Scalar
from sendrail.api.v2.field_types import (
    Always,
    ContactId,
    Count,
    ObjectId,
    Phone,
    Required,
    RowId,
    Time,
    about,
    one_of,
    schema,
    up_to,
)
from sendrail.api.v2.queries import Pagination
from sendrail.domain import audience, phone
from sendrail.domain.audience import AudienceStatus
from sendrail.domain.audience_filter_json import shown_filter
from sendrail.domain.contact import ListContact
from sendrail.domain.ids import AccountId, ContactIds
from sendrail.domain.times import shown as shown_time

EXAMPLE_FILTER: Final = {
    "operator": "AND",
    "conditions": [
        {
            "condition_type": "time",
            "field": "last_clicked_at",
            "operator": "within",
            "value": 30,
            "unit": "days",
        },
        {
            "condition_type": "custom_field",
            "field": "custom_fields.plan",
            "operator": "in",
            "value": ["pro", "team"],
        },
    ],
}
_GROUP: Final = {
    "type": "object",
    "required": ["operator"],
    "properties": {
        "operator": {"enum": ["AND", "OR"]},
        "conditions": {"type": ["array", "null"], "items": {"type": "object"}},
        "groups": {"type": ["array", "null"], "items": {"type": "object"}},
    },
}
_Name = Annotated[str, schema(minLength=1, maxLength=audience.NAME_LENGTH_MAX, pattern=r"\S")]
_DESCRIPTION: Final = up_to(audience.DESCRIPTION_LENGTH_MAX, "For people.")
_Lists = Annotated[
    list[RowId],
    schema(maxItems=audience.SOURCE_LISTS_MAX),
    about("The ids of its lists; none is all lists of the account."),
]
_Filter = Annotated[
    msgspec.Raw | msgspec.UnsetType,
    schema(**_GROUP),
    about("Conditions and groups, of which all must hold (`AND`) or one (`OR`)."),
]
_FilterChange = Annotated[
    msgspec.Raw | msgspec.UnsetType,
    schema(**_GROUP | {"type": ["object", "null"]}),
    about("Conditions and groups, of which all must hold (`AND`) or one (`OR`)."),
]


class NewAudience(msgspec.Struct, gc=False):
    """`POST /v2/audiences`."""

    name: Required[_Name] = None
    description: Annotated[str | None, _DESCRIPTION] = None
    source_lists: _Lists | None = None
    filter: Annotated[_Filter, msgspec.Meta(extra={"required": True})] = msgspec.UNSET


class AudienceUpdate(msgspec.Struct, gc=False):
    """`PUT /v2/audiences/{audience_id}`; what is left out stays as it is."""

    name: _Name | None = None
    description: Annotated[str | None, _DESCRIPTION] = None
    source_lists: _Lists | None = None
    filter: _FilterChange = msgspec.UNSET
    status: Annotated[str, one_of(AudienceStatus)] | None = None


class AudiencePreviewRequest(msgspec.Struct, gc=False):
    """`POST /v2/audiences/preview`."""

    source_lists: _Lists | None = None
    filter: Annotated[_Filter, msgspec.Meta(extra={"required": True})] = msgspec.UNSET


class Audience(msgspec.Struct):
    """An audience."""

    id: ObjectId
    name: str
    description: str
    source_lists: list[RowId]
    filter: Annotated[
        dict[str, Any],
        about("As it was given, but for `conditionType`, `listId` and `audienceId`."),
    ]
    cached_size: Annotated[Count | None, about("Null until its members were counted.")]
    cached_size_updated_at: Time | None
    status: Annotated[str, one_of(AudienceStatus)]
    created_at: Time
    updated_at: Time


class SavedAudience(Audience):
    """An audience that was made or changed: its fields, and once more as `audience`."""

    success: Always
    audience: Audience


class AudienceList(msgspec.Struct):
    """A page of audiences, newest first."""

    audiences: list[Audience]
    pagination: Pagination


class AudienceArchived(msgspec.Struct):
    """The answer to an audience that was archived."""

    success: Always
    archived: Always


class AudiencePreview(msgspec.Struct):
    """How many a filter matches."""

    size: Count
    low: Annotated[Count, about("The lower bound, with a confidence of 95 %.")]
    high: Annotated[Count, about("The upper bound.")]
    is_exact: Annotated[bool, about("If so, all three are the same.")]
    calculated_at: Time


class AudienceSize(AudiencePreview):
    """How many members an audience has."""

    audience_id: ObjectId


class AudienceMember(msgspec.Struct):
    """A contact that is in an audience."""

    phone_number: Phone
    contact_id: ContactId
    list_contact_id: ContactId
    list_id: Annotated[RowId, about("The list by which it is: the first, where several match.")]
    first_name: str
    last_name: str
    custom_fields: dict[str, Scalar]
    signup_date: Time


class AudienceSample(msgspec.Struct):
    """Some members of an audience."""

    contacts: Annotated[list[AudienceMember], schema(maxItems=20)]


class AudienceExplanation(msgspec.Struct):
    """Whom an audience would reach."""

    audience_id: ObjectId
    matching: Annotated[Count, about("Numbers that match, subscribed or not.")]
    opted_out: Count
    blocked: Count
    on_journey: Annotated[Count, about("On a journey now, which holds other messages back.")]
    reachable: Annotated[Count, about("What is left.")]
    in_quiet_hours: Annotated[
        Count, about("Those of the reachable for whom quiet hours are now: they wait for the end.")
    ]
    calculated_at: Time


def shown(found: audience.Audience) -> Audience:
    """Return an audience as the public API shows it."""
    counted_at = found.cached_size_updated_at
    return Audience(
        id=found.ref,
        name=found.name,
        description=found.description,
        source_lists=list(found.source_lists),
        filter=shown_filter(found.filter),
        cached_size=found.cached_size,
        cached_size_updated_at=None if counted_at is None else shown_time(counted_at),
        status=found.status,
        created_at=shown_time(found.created_at),
        updated_at=shown_time(found.updated_at),
    )


def shown_member(contact: ListContact, ids: ContactIds, account_id: AccountId) -> AudienceMember:
    """Return a member as the public API shows it."""
    return AudienceMember(
        phone_number=phone.show(contact.recipient),
        contact_id=ids.contact(account_id, contact.recipient),
        list_contact_id=ids.list_contact(contact.list_id, contact.recipient),
        list_id=contact.list_id,
        first_name=contact.first_name,
        last_name=contact.last_name,
        custom_fields=dict(contact.custom_fields),
        signup_date=shown_time(contact.signup_at),
    )
