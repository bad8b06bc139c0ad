"""The account itself: what holds for all that it sends, in the style of the public API."""

from typing import Annotated, Final

import msgspec

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import about, schema
from sendrail.api.v2.fields import cleared_by_null
from sendrail.api.v2.lists import frame_change
from sendrail.api.v2.operation import CHANGING, READING
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.campaigns.account_settings import AccountSettings, AccountSettingsChange
from sendrail.domain.frame import FRAME_LENGTH_MAX

_NAME: Final = about("What the account is called.")
_TIMEZONE: Final = about(
    "The IANA name of the clock that schedules and reports go by where no recipient's counts."
)
_COUNTRY: Final = about(
    "The country, by its two letters of ISO 3166, of numbers without a plus in files; null is none."
)
_PREPEND: Final = about(
    "What stands before texts to American numbers, unless the list has its own; an empty text is "
    "none, and null brings the usual one back."
)
_APPEND: Final = about("What stands after them, likewise.")
_QUIET: Final = about(
    "Quiet hours of lists that have none of their own, such as `21:00-08:00`; the installation's "
    "count as well. Null is none."
)
_BLOCKED: Final = about("Words that no text may contain.")
_STOPS: Final = about("Words of replies that mean STOP, beside the usual ones.")
_LENGTH: Final = schema(maxLength=FRAME_LENGTH_MAX)
_Unset = msgspec.UnsetType


class AccountUpdate(msgspec.Struct, gc=False):
    """`PUT /v2/account`; what is left out stays as it is."""

    name: Annotated[str | None, _NAME] = None
    timezone: Annotated[str | None, _TIMEZONE] = None
    country: Annotated[str | _Unset | None, _COUNTRY] = msgspec.UNSET
    prepend_text: Annotated[str | _Unset | None, _LENGTH, _PREPEND] = msgspec.UNSET
    append_text: Annotated[str | _Unset | None, _LENGTH, _APPEND] = msgspec.UNSET
    quiet_hours: Annotated[str | _Unset | None, _QUIET] = msgspec.UNSET
    blocked_words: Annotated[list[str] | None, _BLOCKED] = None
    stop_words: Annotated[list[str] | None, _STOPS] = None


class Account(msgspec.Struct):
    """An account, and what holds for all that it sends."""

    name: Annotated[str, _NAME]
    timezone: Annotated[str, _TIMEZONE]
    country: Annotated[str | None, _COUNTRY]
    prepend_text: Annotated[str, _PREPEND]
    append_text: Annotated[str, _APPEND]
    quiet_hours: Annotated[str | None, _QUIET]
    blocked_words: Annotated[list[str], _BLOCKED]
    stop_words: Annotated[list[str], _STOPS]


_update: Final = msgspec.json.Decoder(AccountUpdate).decode


async def show(runtime: Runtime, request: ApiRequest) -> Account:
    """Show the account of the key."""
    return _shown(await runtime.account_settings.show(request.account))


async def update(runtime: Runtime, request: ApiRequest) -> Account:
    """Change the account of the key."""
    fields = decoded(_update, request.body)
    change = AccountSettingsChange(
        name=fields.name,
        timezone=fields.timezone,
        country=cleared_by_null(fields.country),
        frame=frame_change(fields.prepend_text, fields.append_text),
        quiet_hours=cleared_by_null(fields.quiet_hours),
        blocked_words=fields.blocked_words,
        stop_words=fields.stop_words,
    )
    found = await runtime.account_settings.change(request.account, change, request.actor)
    return _shown(found)


ENDPOINTS: Final = (
    Endpoint(
        "GET /account",
        show,
        id="getAccount",
        summary="Show the account",
        description="Returns the account of the key, and what holds for all that it sends.",
        answer=Account,
        codes=READING,
    ),
    Endpoint(
        "PUT /account",
        update,
        id="updateAccount",
        summary="Change the account",
        description=(
            "Changes what is given and leaves the rest. Schedules that are on go by another clock "
            "from then on; what has passed by it is not made up for."
        ),
        request=AccountUpdate,
        answer=Account,
        codes=(
            *CHANGING,
            "invalid_timezone",
            "invalid_country",
            "unknown_macro",
            "invalid_quiet_hours",
            "invalid_name",
            "account_exists",
        ),
        examples={
            "clock": {"timezone": "Europe/Oslo", "append_text": " Text STOP to end."},
            "quiet": {"quiet_hours": "20:00-09:00"},
        },
    ),
)


def _shown(found: AccountSettings) -> Account:
    return Account(
        name=found.name,
        timezone=found.timezone,
        country=found.country or None,
        prepend_text=found.frame.prepend,
        append_text=found.frame.append,
        quiet_hours=found.quiet_hours or None,
        blocked_words=list(found.blocked_words),
        stop_words=list(found.stop_words),
    )
