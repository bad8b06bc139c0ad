"""Audiences: saved filters, how many they reach, and who some of those are."""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from sendrail.api.v2.audience_shapes import (
    EXAMPLE_FILTER,
    Audience,
    AudienceArchived,
    AudienceExplanation,
    AudienceList,
    AudiencePreview,
    AudiencePreviewRequest,
    AudienceSample,
    AudienceSize,
    AudienceUpdate,
    NewAudience,
    SavedAudience,
    shown,
    shown_member,
)
from sendrail.api.v2.decoding import decoded, free_form
from sendrail.api.v2.field_types import ObjectId, schema
from sendrail.api.v2.operation import (
    CHANGING,
    DELETING,
    FINDING,
    POSTING,
    READING,
    in_path,
    page_parameters,
    query,
)
from sendrail.api.v2.queries import boolean, given, pagination, read_page
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.contacts.audience_counts import AudienceEstimate
from sendrail.contacts.audiences import AudienceChange
from sendrail.domain import audience
from sendrail.domain.audience import AudienceStatus
from sendrail.domain.audience_filter import FilterGroup
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.errors import missing
from sendrail.domain.times import shown as shown_time

_HELP: Final[Mapping[str, str]] = {
    "status": f"`status` is one of {', '.join(AudienceStatus)}",
    "exact": "`exact` is true or false",
}
_new: Final = msgspec.json.Decoder(NewAudience).decode
_update: Final = msgspec.json.Decoder(AudienceUpdate).decode
_preview: Final = msgspec.json.Decoder(AudiencePreviewRequest).decode


async def page(runtime: Runtime, request: ApiRequest) -> AudienceList:
    """List audiences."""
    at, per_page = read_page(request.query)
    status = given(request.query, "status", _status, _HELP) or AudienceStatus.ACTIVE
    found = await runtime.audiences.page(request.account, status, page=at, per_page=per_page)
    audiences = [shown(each) for each in found.audiences]
    return AudienceList(audiences, pagination(at, per_page, found.total))


async def show(runtime: Runtime, request: ApiRequest) -> Audience:
    """Show one audience."""
    return shown(await runtime.audiences.show(request.account, request.path["audience_id"]))


async def create(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Add an audience."""
    change = _change(decoded(_new, request.body))
    return await request.guard(
        lambda guard: runtime.audiences.add(request.account, change, request.actor, guard=guard),
        _saved,
    )


async def update(runtime: Runtime, request: ApiRequest) -> SavedAudience:
    """Change an audience, archive it or bring it back."""
    fields = decoded(_update, request.body)
    return _saved(
        await runtime.audiences.change(
            request.account,
            request.path["audience_id"],
            _change(fields, status=fields.status),
            request.actor,
        )
    )


async def archive(runtime: Runtime, request: ApiRequest) -> AudienceArchived:
    """Archive an audience."""
    await runtime.audiences.archive(request.account, request.path["audience_id"], request.actor)
    return AudienceArchived(success=True, archived=True)


async def size(runtime: Runtime, request: ApiRequest) -> AudienceSize:
    """Count an audience, or estimate it."""
    is_exact = given(request.query, "exact", boolean, _HELP)
    audience_id = request.path["audience_id"]
    counts = runtime.audience_counts
    counting = counts.estimate if is_exact is False else counts.size
    found = await counting(request.account, audience_id)
    return AudienceSize(
        audience_id=audience_id,
        size=found.size,
        low=found.low,
        high=found.high,
        is_exact=found.is_exact,
        calculated_at=shown_time(found.counted_at),
    )


async def sample(runtime: Runtime, request: ApiRequest) -> AudienceSample:
    """Show some members."""
    found = await runtime.audience_counts.some(request.account, request.path["audience_id"])
    ids, account = runtime.contact_ids, request.account
    return AudienceSample([shown_member(each, ids, account) for each in found])


async def explain(runtime: Runtime, request: ApiRequest) -> AudienceExplanation:
    """Tell what would become of the matching contacts."""
    audience_id = request.path["audience_id"]
    found = await runtime.audience_counts.explain(request.account, audience_id)
    return AudienceExplanation(
        audience_id=audience_id,
        matching=found.counts.matching,
        opted_out=found.counts.opted_out,
        blocked=found.counts.blocked,
        on_journey=found.counts.on_journey,
        reachable=found.reachable,
        in_quiet_hours=found.in_quiet_hours,
        calculated_at=shown_time(found.counted_at),
    )


async def preview(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Estimate a filter that is not stored."""
    fields = decoded(_preview, request.body)
    group = _filter(fields.filter)
    if group is None:
        raise missing("filter")
    counts, lists = runtime.audience_counts, fields.source_lists or ()
    return await request.guard(
        lambda guard: counts.preview(request.account, lists, group, guard=guard), _previewed
    )


_ID: Final = (in_path("audience_id", ObjectId, "The audience's id."),)
_FIELD_CODES: Final = (
    "invalid_filter",
    "empty_filter_group",
    "filter_too_large",
    "audience_cycle",
    "not_found",
)
_COUNTING: Final = (
    *FINDING, "filter_too_large", "audience_changed", "query_too_broad", "overloaded",
)  # fmt: skip
_PREVIEW: Final = {"filter": EXAMPLE_FILTER}

ENDPOINTS: Final = (
    Endpoint(
        "GET /audiences",
        page,
        id="listAudiences",
        summary="List audiences",
        description="Returns the audiences, newest first; archived ones if they are asked for.",
        answer=AudienceList,
        codes=READING,
        parameters=(
            *page_parameters(),
            query(
                "status",
                Annotated[
                    str, schema(type="string", enum=list(AudienceStatus), default="active")
                ],
                "Those of this status.",
            ),
        ),
    ),
    Endpoint(
        "POST /audiences",
        create,
        id="createAudience",
        summary="Add an audience",
        description=(
            "An audience is a saved filter over the contacts of some lists. It holds no contacts: "
            "a contact is in it while it matches."
        ),
        request=NewAudience,
        answer=SavedAudience,
        codes=(*POSTING, "missing_name", "name_too_long", "missing_filter", *_FIELD_CODES,
               "too_many_audiences"),
        examples={"clickers": {"name": "Clicked lately, pro", "filter": EXAMPLE_FILTER}},
    ),
    Endpoint(
        "POST /audiences/preview",
        preview,
        id="previewAudience",
        summary="Estimate a filter that is not stored",
        description=(
            "Up to about 100,000 contacts the number is exact. Above that it is projected from a "
            "sample, and lies between `low` and `high` with a confidence of 95 %."
        ),
        request=AudiencePreviewRequest,
        answer=AudiencePreview,
        codes=(*POSTING, "missing_filter", *_FIELD_CODES, "query_too_broad"),
        examples={"clickers": _PREVIEW},
    ),
    Endpoint(
        "GET /audiences/{audience_id}",
        show,
        id="getAudience",
        summary="Show an audience",
        description="Returns one audience; another account's looks like no audience.",
        answer=Audience,
        codes=FINDING,
        parameters=_ID,
    ),
    Endpoint(
        "PUT /audiences/{audience_id}",
        update,
        id="updateAudience",
        summary="Change an audience",
        description=(
            "Changes what is given and leaves the rest. Another filter, or other lists, clear "
            "`cached_size`."
        ),
        request=AudienceUpdate,
        answer=SavedAudience,
        codes=(
            *CHANGING, "missing_name", "name_too_long", "invalid_status", *_FIELD_CODES,
        ),
        parameters=_ID,
        examples={"named": {"name": "Clicked lately, pro", "filter": EXAMPLE_FILTER}},
    ),
    Endpoint(
        "DELETE /audiences/{audience_id}",
        archive,
        id="deleteAudience",
        summary="Archive an audience",
        description=(
            "Hides the audience. Audiences that name it still ask it, and `PUT` with "
            '`{"status": "active"}` brings it back.'
        ),
        answer=AudienceArchived,
        codes=DELETING,
        parameters=_ID,
    ),
    Endpoint(
        "GET /audiences/{audience_id}/size",
        size,
        id="getAudienceSize",
        summary="Count an audience",
        description=(
            "Counts every member, a number on several lists once, and keeps the result as "
            "`cached_size`. A million contacts take a second or more; `exact=false` answers at "
            "once from a sample, and keeps nothing."
        ),
        answer=AudienceSize,
        codes=(*_COUNTING, "invalid_parameter"),
        parameters=(
            *_ID,
            query(
                "exact",
                Annotated[bool, schema(default=True)],
                "`false` for an estimate, with the bounds in which it lies.",
            ),
        ),
    ),
    Endpoint(
        "GET /audiences/{audience_id}/sample",
        sample,
        id="sampleAudience",
        summary="Show twenty members",
        description="Returns up to twenty members, spread over all of them; the same each time.",
        answer=AudienceSample,
        codes=FINDING,
        parameters=_ID,
    ),
    Endpoint(
        "GET /audiences/{audience_id}/explain",
        explain,
        id="explainAudience",
        summary="Tell whom an audience would reach",
        description=(
            "Counts the numbers that match the filter, and what keeps some of them from being "
            "sent to now: an opt-out, a block, a journey. Each number stands under the first."
        ),
        answer=AudienceExplanation,
        codes=_COUNTING,
        parameters=_ID,
    ),
)  # fmt: skip


def _status(text: str) -> AudienceStatus | None:
    return AudienceStatus(text) if text in set(AudienceStatus) else None


def _change(fields: NewAudience | AudienceUpdate, status: str | None = None) -> AudienceChange:
    return AudienceChange(
        name=fields.name,
        description=fields.description,
        source_lists=fields.source_lists,
        filter=_filter(fields.filter),
        status=status,
    )


def _filter(raw: msgspec.Raw | msgspec.UnsetType) -> FilterGroup | None:
    if raw is msgspec.UNSET or bytes(raw) == b"null":
        return None
    return read_filter(free_form("filter", raw, code="invalid_filter", deep="filter_too_large"))


def _saved(found: audience.Audience) -> SavedAudience:
    plain = shown(found)
    return SavedAudience(**msgspec.structs.asdict(plain), success=True, audience=plain)


def _previewed(found: AudienceEstimate) -> AudiencePreview:
    return AudiencePreview(
        size=found.size,
        low=found.low,
        high=found.high,
        is_exact=found.is_exact,
        calculated_at=shown_time(found.counted_at),
    )
