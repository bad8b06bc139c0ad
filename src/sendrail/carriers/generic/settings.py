"""The settings of a connector of kind `http`; `docs/carriers/http.md` explains each.

All secrets are at the top level, where they are masked; nested settings contain none.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from sendrail.carriers.details import Detail
from sendrail.carriers.http.proofs import ProofSettings
from sendrail.carriers.sdk import Secret
from sendrail.domain.text import Encoding

Path = Annotated[str, Meta(min_length=1, max_length=200)]
# Requests carry credentials: plain HTTP is allowed only to the local machine. No placeholder may
# set the host.
Url = Annotated[
    str,
    Meta(
        pattern=r"^(https://[^\s/?#@{}]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?)"
        r"([/?][^\s#]*)?\Z"
    ),
]
HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do when a submit gets one of the vendor's codes, and our detail for it."""

    then: Literal["throttle", "retry", "stop", "refuse"]
    word: Detail | None = None


class AnswerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The paths of the fields in an answer."""

    id: Path
    status: Path | None = None
    taken: list[str] = []
    code: Path | None = None


class ReceiptSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The paths of a receipt's fields in a callback."""

    id: Path
    status: Path
    statuses: dict[str, Literal["enroute", "delivered", "undelivered", "expired", "failed"]]
    message_id: Path | None = None
    code: Path | None = None
    when: dict[Path, str] = {}


class ReplySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The paths of a reply's fields in a callback."""

    sender: Path = field(name="from")
    list_number: Path = field(name="to")
    text: Path
    id: Path | None = None
    answered_words: list[str] = []
    when: dict[Path, str] = {}


class GenericSettings(ProofSettings, frozen=True, kw_only=True):
    """The settings of a connector of kind `http`."""

    url: Url
    answer: AnswerSettings
    method: Literal["POST", "PUT", "GET"] = "POST"
    headers: dict[HeaderName, str] = field(default_factory=dict)
    content_type: Literal["json", "form"] = "json"
    body: dict[str, Any] | list[Any] | None = None
    basic_auth: bool = False
    username: Annotated[str, Meta(pattern=r"^[^:]+\Z")] | None = None
    password: Secret | None = None
    api_key: Secret | None = None
    encodings: dict[Encoding, str | None] = field(default_factory=dict)
    codes: dict[str, Rule] = field(default_factory=dict)
    http_statuses: dict[Annotated[str, Meta(pattern=r"^[3-5][0-9]{2}\Z")], Rule] = field(
        default_factory=dict
    )
    other_codes: Rule | None = None
    check_url: Url | None = None
    trust_callback_url: bool = False
    callback_answer: str = ""
    events: str = ""
    receipts: ReceiptSettings | None = None
    replies: ReplySettings | None = None
