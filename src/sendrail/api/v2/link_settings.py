"""Link settings: how an account's short links treat visitors, in the style of the public API."""

from typing import Annotated, Final

import msgspec

from sendrail.api.v2.decoding import decoded
from sendrail.api.v2.field_types import about, schema
from sendrail.api.v2.operation import CHANGING, READING
from sendrail.api.v2.request import ApiRequest, Endpoint
from sendrail.app import Runtime
from sendrail.domain import filter_page, link_settings

_FILTER: Final = about(
    "Whether a click that looks like a machine's sees a page first; an offer may say otherwise."
)
_TITLE: Final = about("The title of that page.")
_TEXT: Final = about("The sentence on that page.")
_BUTTON: Final = about("The text of its button, which leads on.")
_LANGUAGE: Final = about("The language of these texts, such as `en` or `pt-BR`.")
_Gone = msgspec.UnsetType
_Title = Annotated[str, schema(maxLength=filter_page.TITLE_LENGTH_MAX), _TITLE]
_Text = Annotated[str, schema(maxLength=filter_page.TEXT_LENGTH_MAX), _TEXT]
_Button = Annotated[str, schema(maxLength=filter_page.BUTTON_LENGTH_MAX), _BUTTON]
_Language = Annotated[str, _LANGUAGE]


class LinkSettingsUpdate(msgspec.Struct, gc=False):
    """`PUT /v2/link-settings`; what is left out stays as it is, and null is the usual text."""

    filter_bots: Annotated[bool | None, _FILTER] = None
    page_title: _Title | _Gone | None = msgspec.UNSET
    page_text: _Text | _Gone | None = msgspec.UNSET
    page_button: _Button | _Gone | None = msgspec.UNSET
    page_language: _Language | _Gone | None = msgspec.UNSET


class LinkSettings(msgspec.Struct):
    """How the account's short links treat visitors."""

    filter_bots: Annotated[bool, _FILTER]
    page_title: _Title
    page_text: _Text
    page_button: _Button
    page_language: _Language


_update: Final = msgspec.json.Decoder(LinkSettingsUpdate).decode
_PAGE_FIELDS: Final = ("title", "text", "button", "language")


async def show(runtime: Runtime, request: ApiRequest) -> LinkSettings:
    """Show the account's link settings."""
    return _shown(await runtime.tracking.link_settings.show(request.account))


async def update(runtime: Runtime, request: ApiRequest) -> LinkSettings:
    """Change the account's link settings."""
    fields = decoded(_update, request.body)
    given = {name: getattr(fields, f"page_{name}") for name in _PAGE_FIELDS}
    words = {name: text or "" for name, text in given.items() if text is not msgspec.UNSET}
    changed = await runtime.tracking.link_settings.change(
        request.account, request.actor, filter_bots=fields.filter_bots, **words
    )
    return _shown(changed)


ENDPOINTS: Final = (
    Endpoint(
        "GET /link-settings",
        show,
        id="getLinkSettings",
        summary="Show the link settings",
        description="Returns whether machines see the filter page, and what it says.",
        answer=LinkSettings,
        codes=READING,
    ),
    Endpoint(
        "PUT /link-settings",
        update,
        id="updateLinkSettings",
        summary="Change the link settings",
        description="Changes what is given and leaves the rest.",
        request=LinkSettingsUpdate,
        answer=LinkSettings,
        codes=CHANGING,
        examples={
            "filter": {
                "filter_bots": True,
                "page_title": "Nearly there",
                "page_button": "To the shop",
            }
        },
    ),
)


def _shown(found: link_settings.LinkSettings) -> LinkSettings:
    words = found.words
    return LinkSettings(
        filter_bots=found.filter_bots,
        page_title=words.title,
        page_text=words.text,
        page_button=words.button,
        page_language=words.language,
    )
