"""Tracking domains: the hosts that short links stand on, in the style of the public API."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import (
    Always,
    Required,
    RowId,
    Sender,
    Time,
    about,
    one_of,
    schema,
)
from sendrail.api.v2.fields import cleared_by_null, sender
from sendrail.api.v2.operation import CHANGING, DELETING, FINDING, POSTING, READING, in_path
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.domain.destinations import URL_CHARACTERS_MAX
from sendrail.domain.errors import InvalidInput
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.times import shown as shown_time
from sendrail.domain.tracking_domain import LETTERS, DomainStatus
from sendrail.tracking.domains import DomainDetails
from sendrail.tracking.verifying import PATH

_LISTS_MAX: Final = 10_000
_URL: Final = schema(maxLength=URL_CHARACTERS_MAX)
_HOME: Final = about("Where a visitor of the host's first page is led; null is a page of ours.")
_FALLBACK: Final = about("Where links lead that have no destination any more.")
_Letters = Annotated[
    int,
    schema(enum=list(LETTERS)),
    about("How many letters a link's id has; 10 are harder to guess."),
]
_Gone = msgspec.UnsetType


class NewDomain(msgspec.Struct, gc=False):
    """`POST /v2/domains`."""

    domain: Annotated[
        Required[str], schema(maxLength=253), about("A host, such as `go.example.com`.")
    ] = None
    home_url: Annotated[str | None, _URL, _HOME] = None
    fallback_url: Annotated[str | None, _URL, _FALLBACK] = None
    short_id_letters: Annotated[_Letters | None, schema(default=LETTERS[0])] = None


class DomainUpdate(msgspec.Struct, gc=False):
    """`PUT /v2/domains/{domain_id}`; what is left out stays as it is."""

    home_url: Annotated[str | _Gone | None, _URL, _HOME] = msgspec.UNSET
    fallback_url: Annotated[str | _Gone | None, _URL, _FALLBACK] = msgspec.UNSET
    is_default: Annotated[
        bool | None, about("True makes it the default of all lists that name no domain.")
    ] = None
    lists: Annotated[
        list[str] | None,
        schema(maxItems=_LISTS_MAX),
        about("All lists whose links stand on this domain in place of the default."),
    ] = None


class TrackingDomain(msgspec.Struct):
    """A tracking domain."""

    id: RowId
    domain: str
    home_url: str | None
    fallback_url: str | None
    short_id_letters: _Letters
    is_default: bool
    lists: Annotated[list[Sender], about("The lists that name it.")]
    status: Annotated[
        str,
        one_of(DomainStatus),
        about(
            "`verified` once HTTPS on the host has led here; `failing` where it no longer does. "
            "Links that were sent are used all the same."
        ),
    ]
    problem: Annotated[str | None, about("What went wrong the last time it was checked.")]
    verification_url: Annotated[str, about("What is asked, over the internet, to verify it.")]
    verified_at: Time | None
    checked_at: Time | None
    created_at: Time


class DomainList(msgspec.Struct):
    """The account's tracking domains."""

    domains: list[TrackingDomain]


class DomainRemoved(msgspec.Struct):
    """The answer to a tracking domain that was removed."""

    success: Always
    deleted: Always


_new: Final = msgspec.json.Decoder(NewDomain).decode
_update: Final = msgspec.json.Decoder(DomainUpdate).decode


async def all_(runtime: Runtime, request: ApiRequest) -> DomainList:
    """List tracking domains."""
    return DomainList(
        [_shown(each) for each in await runtime.tracking.domains.all(request.account)]
    )


async def show(runtime: Runtime, request: ApiRequest) -> TrackingDomain:
    """Show one tracking domain."""
    return _shown(
        await runtime.tracking.domains.show(request.account, request.path_id("domain_id"))
    )


async def create(runtime: Runtime, request: ApiRequest) -> msgspec.Struct:
    """Add a tracking domain."""
    fields = decoded(_new, request.body)
    letters = fields.short_id_letters
    return await request.guard(
        lambda guard: runtime.tracking.domains.add(
            request.account,
            fields.domain or "",
            request.actor,
            home_url=fields.home_url or "",
            fallback_url=fields.fallback_url or "",
            letters=LETTERS[0] if letters is None else letters,
            guard=guard,
        ),
        _shown,
    )


async def update(runtime: Runtime, request: ApiRequest) -> TrackingDomain:
    """Change a tracking domain, and which lists name it."""
    domain_id = request.path_id("domain_id")
    fields = decoded(_update, request.body)
    lists = fields.lists
    numbers = None if lists is None else _numbers(lists)
    changed = await runtime.tracking.domains.change(
        request.account,
        domain_id,
        request.actor,
        home_url=cleared_by_null(fields.home_url),
        fallback_url=cleared_by_null(fields.fallback_url),
        is_default=fields.is_default,
        lists=numbers,
    )
    return _shown(changed)


async def verify(runtime: Runtime, request: ApiRequest) -> TrackingDomain:
    """Ask a tracking domain over HTTPS now."""
    return _shown(
        await runtime.tracking.domains.verify(request.account, request.path_id("domain_id"))
    )


async def remove(runtime: Runtime, request: ApiRequest) -> DomainRemoved:
    """Remove a tracking domain."""
    await runtime.tracking.domains.remove(
        request.account, request.path_id("domain_id"), request.actor
    )
    return DomainRemoved(success=True, deleted=True)


_ID: Final = (in_path("domain_id", RowId, "The domain's id."),)

ENDPOINTS: Final = (
    Endpoint(
        "GET /domains",
        all_,
        id="listDomains",
        summary="List tracking domains",
        description="Returns the hosts that the account's short links may stand on.",
        answer=DomainList,
        codes=READING,
    ),
    Endpoint(
        "POST /domains",
        create,
        id="createDomain",
        summary="Add a tracking domain",
        description=(
            "The account's first domain is its default. It is verified once its certificate is "
            "there and HTTPS leads here, which is tried every hour until it does, and daily then."
        ),
        request=NewDomain,
        answer=TrackingDomain,
        codes=(
            *POSTING,
            "missing_domain",
            "invalid_domain",
            "invalid_url",
            "domain_taken",
            "too_many_domains",
        ),
        examples={"short": {"domain": "go.shop.example", "home_url": "https://shop.example/"}},
    ),
    Endpoint(
        "GET /domains/{domain_id}",
        show,
        id="getDomain",
        summary="Show a tracking domain",
        description="Returns one domain; another account's looks like no domain.",
        answer=TrackingDomain,
        codes=FINDING,
        parameters=_ID,
    ),
    Endpoint(
        "PUT /domains/{domain_id}",
        update,
        id="updateDomain",
        summary="Change a tracking domain",
        description="Changes what is given and leaves the rest.",
        request=DomainUpdate,
        answer=TrackingDomain,
        codes=(
            *CHANGING,
            "invalid_url",
            "missing_list_number",
            "invalid_list_number",
            "list_not_found",
            "not_found",
        ),
        parameters=_ID,
        examples={"default": {"is_default": True, "fallback_url": None}},
    ),
    Endpoint(
        "POST /domains/{domain_id}/verify",
        verify,
        id="verifyDomain",
        summary="Verify a tracking domain now",
        description="Asks the host over HTTPS, and answers with what came of it.",
        answer=TrackingDomain,
        codes=(*DELETING, "invalid_idempotency_key"),
        parameters=_ID,
    ),
    Endpoint(
        "DELETE /domains/{domain_id}",
        remove,
        id="deleteDomain",
        summary="Remove a tracking domain",
        description="Links on the host lead nowhere from then on, also those that were sent.",
        answer=DomainRemoved,
        codes=(*DELETING, "domain_in_use"),
        parameters=_ID,
    ),
)


def _numbers(lists: Sequence[str]) -> list[PhoneNumber]:
    """Return what lists send from. Raises `InvalidInput` with the place of one that is at fault."""
    numbers = []
    for at, text in enumerate(lists):
        try:
            numbers.append(sender("list_number", text)[0])
        except InvalidInput as error:
            raise InvalidInput(error.message, code=error.code, param=f"lists[{at}]") from None
    return numbers


def _shown(found: DomainDetails) -> TrackingDomain:
    domain = found.domain
    return TrackingDomain(
        id=domain.id,
        domain=domain.host,
        home_url=domain.home_url,
        fallback_url=domain.fallback_url,
        short_id_letters=domain.letters,
        is_default=domain.is_default,
        lists=list(found.lists),
        status=domain.status,
        problem=domain.problem,
        verification_url=f"https://{domain.host}{PATH}{domain.token}",
        verified_at=None if domain.verified_at is None else shown_time(domain.verified_at),
        checked_at=None if domain.checked_at is None else shown_time(domain.checked_at),
        created_at=shown_time(domain.created_at),
    )
