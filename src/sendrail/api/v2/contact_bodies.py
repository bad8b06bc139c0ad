"""The bodies of contacts: from bytes to sign-ups, or to the first fault in them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from sendrail.api.v2.contact_shapes import (
    ADDRESS_LENGTH_MAX,
    CONTACT_BYTES_MAX,
    URL_LENGTH_MAX,
    GivenConsent,
    NewContact,
)
from sendrail.api.v2.decoding import UNREADABLE, decoded
from sendrail.api.v2.fields import numbers
from sendrail.contacts.contacts import SignUpRequest
from sendrail.contacts.inputs import (
    AHEAD_MAX_MS,
    NAME_LENGTH_MAX,
    SOURCE_LENGTH_MAX,
    email_of,
    text_of,
    zone_name_of,
)
from sendrail.contacts.returning import checked
from sendrail.domain.audit import Actor
from sendrail.domain.contact import Consent, SignUp, SignupFacts, SignupMethod
from sendrail.domain.errors import InvalidInput
from sendrail.domain.times import read_instant


class _Numbered(msgspec.Struct, gc=False):
    phone_number: str | None = None


_new: Final = msgspec.json.Decoder(NewContact).decode
_numbered: Final = msgspec.json.Decoder(_Numbered).decode


def read_contact(body: bytes, now: int, actor: Actor) -> SignUpRequest:
    """Return the sign-up of a body. Raises `InvalidInput` for its first fault."""
    fields = decoded(_new, body)
    recipient, number = numbers(fields.phone_number, fields.list_number)
    if len(body) > CONTACT_BYTES_MAX:
        raise InvalidInput(
            f"A contact takes at most {CONTACT_BYTES_MAX:,} bytes", code="payload_too_large"
        )
    skips = fields.skip_journey_if_exists
    return SignUpRequest(
        number,
        SignUp(
            recipient=recipient,
            method=SignupMethod.API,
            at=_signup_at(fields.signup_date, now),
            facts=SignupFacts(
                ip_address=text_of("ip_address", fields.ip_address, ADDRESS_LENGTH_MAX),
                url=text_of("url", fields.url, URL_LENGTH_MAX),
                ad_network_source=text_of(
                    "ad_network_source", fields.ad_network_source, SOURCE_LENGTH_MAX
                ),
                ad_network_id=text_of("ad_network_id", fields.ad_network_id, SOURCE_LENGTH_MAX),
            ),
            first_name=text_of("first_name", fields.first_name, NAME_LENGTH_MAX) or "",
            last_name=text_of("last_name", fields.last_name, NAME_LENGTH_MAX) or "",
            email=email_of(fields.email),
            timezone=zone_name_of(fields.timezone),
            custom_fields=fields.custom_fields or {},
            replace_custom_fields=bool(fields.replace_custom_fields),
            use_journeys=fields.use_journeys,
            skip_journey_if_exists=skips is not False,
            consent=_consent(fields.consent, now, actor),
        ),
        wants_facts=bool(fields.use_validation),
    )


@contextmanager
def custom_fields_at_fault() -> Iterator[None]:
    """Give a fault of the custom fields the code that the public API has for a change of them."""
    try:
        yield
    except InvalidInput as invalid:
        param = invalid.param or ""
        if invalid.code != InvalidInput.code or param.partition(".")[0] != "custom_fields":
            raise
        raise InvalidInput(invalid.message, code="invalid_custom_fields", param=param) from None


def contact_or_fault(body: bytes, now: int, actor: Actor) -> SignUpRequest | InvalidInput:
    """Return the sign-up of a part of a batch, or what is wrong with it."""
    try:
        return read_contact(body, now, actor)
    except InvalidInput as invalid:
        if invalid.code == "invalid_json":
            return InvalidInput("Each of `contacts` must be a JSON object", param="contacts")
        return invalid


def _signup_at(given_date: str | None, now: int) -> int | None:
    if given_date is None or not given_date.strip():
        return None
    at = read_instant(given_date.strip())
    if at is None or at < 0:
        raise InvalidInput(
            "`signup_date` must be an ISO 8601 time, such as 2026-01-31T08:00:00Z",
            param="signup_date",
        )
    if at > now + AHEAD_MAX_MS:
        raise InvalidInput("`signup_date` is in the future", param="signup_date")
    return at


def _consent(given_one: GivenConsent | None, now: int, actor: Actor) -> Consent | None:
    if given_one is None:
        return None
    at = read_instant((given_one.at or "").strip())
    if at is None:
        raise InvalidInput(
            "consent needs `at`, the time at which it was given, such as 2026-01-31T08:00:00Z",
            param="consent",
        )
    given_consent = Consent(
        text=given_one.text or "", source=given_one.source or "", at=at, by=actor
    )
    return checked(given_consent, now)


def number_in(contact: bytes) -> str | None:
    """Return what the caller wrote as `phone_number`, where that is text."""
    try:
        return _numbered(contact).phone_number
    except UNREADABLE:
        return None
