"""The settings of a connector of kind `http`; `docs/carriers/http.md` explains each.

All secrets are at the top level, where they are masked; nested settings contain none.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from sendrail.carriers.details import Detail
from sendrail.carriers.http.proofs import ProofSettings
from sendrail.carriers.sdk import Secret, about
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

    url: Annotated[
        Url, about("The address for sending a message; `https`, or an address of this machine.")
    ]
    answer: Annotated[
        AnswerSettings,
        about(
            "An object of paths: `id` of the message; `status`, if the answer has one, "
            "with the list `taken` of the values that mean accepted; `code` of an "
            "error, if it is not the status. Without `status`, a message counts as "
            "accepted if there is an `id` and no code that is in `codes`."
        ),
    ]
    method: Annotated[
        Literal["POST", "PUT", "GET"], about("`POST`, `PUT` or `GET`.", shown_first=True)
    ] = "POST"
    headers: Annotated[
        dict[HeaderName, str], about("Names and values of additional headers.", shown_first=True)
    ] = field(default_factory=dict)
    content_type: Annotated[
        Literal["json", "form"], about("The format of the request body: `json` or `form`.")
    ] = "json"
    body: Annotated[
        dict[str, Any] | list[Any] | None,
        about("Any JSON value; for a form an object of texts.", shown_first=True),
    ] = None
    basic_auth: Annotated[bool, about("Send `username` and `password` as HTTP Basic.")] = False
    username: Annotated[
        Annotated[str, Meta(pattern=r"^[^:]+\Z")] | None,
        about("For `basic_auth` and as a placeholder."),
    ] = None
    password: Annotated[Secret | None, about("For `basic_auth` and as a placeholder.")] = None
    api_key: Annotated[Secret | None, about("As a placeholder.")] = None
    encodings: Annotated[
        dict[Encoding, str | None],
        about(
            "The vendor's words for `gsm7` and `ucs2`, such as "
            '`{"gsm7": "text", "ucs2": "unicode"}`.'
        ),
    ] = field(default_factory=dict)
    codes: Annotated[
        dict[str, Rule],
        about(
            "What the vendor's codes mean, such as "
            '`{"17": {"then": "refuse", "word": "REJECTED_SPAM"}}`.'
        ),
    ] = field(default_factory=dict)
    http_statuses: Annotated[
        dict[Annotated[str, Meta(pattern=r"^[3-5][0-9]{2}\Z")], Rule],
        about(
            "The same for HTTP statuses from 300 to 599, if they do not have their usual "
            "meaning; a code in `codes` takes precedence."
        ),
    ] = field(default_factory=dict)
    other_codes: Annotated[
        Rule | None,
        about(
            "The meaning of every other code in an answer with HTTP 200; without this "
            "setting the message is `uncertain`."
        ),
    ] = None
    check_url: Annotated[
        Url | None,
        about(
            "A GET without side effects that needs the credentials, such as the balance; "
            "`sendrail connectors test` uses it."
        ),
    ] = None
    trust_callback_url: Annotated[
        bool,
        about(
            "Accept every request to the connector's callback URL: for a vendor that "
            "cannot authenticate its callbacks."
        ),
    ] = False
    callback_answer: Annotated[
        str,
        about(
            "The text that the vendor expects as an answer, such as `OK`; the status is always 200."
        ),
    ] = ""
    events: Annotated[
        str,
        about(
            "The path of the list of events in a callback; without it, or if nothing is "
            "there, the callback itself is the list or the single event."
        ),
    ] = ""
    receipts: Annotated[
        ReceiptSettings | None,
        about(
            "An object of paths: `id`, the id from the answer; `status`; `message_id`, if"
            " the vendor returns Sendrail's id; `code` of an error, looked up in `codes`."
            " `statuses` says what each status means: `enroute`, `delivered`, "
            "`undelivered`, `expired` or `failed`; a receipt with any other status is "
            "refused and stored."
        ),
    ] = None
    replies: Annotated[
        ReplySettings | None,
        about(
            "An object of paths: `from`, `to`, `text`; `id` of the text, which identifies"
            " repeated callbacks. `answered_words` lists the keywords that the vendor "
            "answers itself, so that Sendrail does not."
        ),
    ] = None
