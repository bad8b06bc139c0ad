"""Vonage by its SMS API: one POST per message, and an answer for each of its parts.

https://developer.vonage.com/en/api/sms
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from sendrail.carriers.http.carrier import BaseUrl
from sendrail.carriers.http.exchange import Answer, Request, post_form
from sendrail.carriers.reading import read_json
from sendrail.carriers.sdk import ConnectorContext, about, read_settings
from sendrail.carriers.vonage.account import VonageAccount, VonageSettings
from sendrail.carriers.vonage.codes import OK
from sendrail.domain import phone
from sendrail.domain.delivery import OutboundMessage, Outcome, Submitted, Uncertain
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.text import Encoding

# The longest callback URL that a message of the SMS API may carry.
CALLBACK_URL_MAX: Final = 100


class SmsSettings(VonageSettings, frozen=True, kw_only=True):
    """The settings of a connector by the SMS API."""

    base_url: Annotated[
        BaseUrl, about("The address of the SMS API, also used by `sendrail connectors test`.")
    ] = "https://rest.nexmo.com"


class _Part(msgspec.Struct, rename="kebab"):
    status: str
    message_id: str | None = None


class _Answered(msgspec.Struct):
    messages: Annotated[list[_Part], Meta(min_length=1)]


class VonageCarrier(VonageAccount):
    """A connector to one Vonage account, by the SMS API."""

    Settings = SmsSettings

    def __init__(self, settings: Mapping[str, Any], context: ConnectorContext) -> None:
        chosen = read_settings("vonage", settings, SmsSettings)
        super().__init__(chosen, context, account_url=chosen.base_url)
        self._base_url = chosen.base_url
        if self.callback_url is not None and len(self.callback_url) > CALLBACK_URL_MAX:
            raise CarrierTrouble(
                f"Vonage's SMS API takes no callback URL longer than {CALLBACK_URL_MAX} characters;"
                f" this connector's has {len(self.callback_url)}: choose a shorter callback_token"
                " or public address.",
                param="callback_token",
            )

    def compose(self, messages: Sequence[OutboundMessage]) -> Request:
        """Return the POST that sends one message."""
        [message] = messages
        fields = {
            "from": phone.bare(message.sender),
            "to": str(message.recipient),
            "text": message.body,
            "type": "unicode" if message.encoding is Encoding.UCS2 else "text",
            "client-ref": message.message_id,
            "status-report-req": "true",
        }
        if self.callback_url is not None:
            fields["callback"] = self.callback_url
        if self.validity_seconds is not None:
            fields["ttl"] = str(self.validity_seconds * 1_000)
        return post_form(f"{self._base_url}/sms/json", fields, self.headers)

    def read_answer(self, messages: Sequence[OutboundMessage], answer: Answer) -> Outcome:
        """Return the outcome of one message, each part of which has a status."""
        del messages
        if not answer.is_success:
            return self.codes.outcome(answer, None)
        parts = read_json(answer.body, _Answered).messages
        taken = [part.message_id for part in parts if part.status == OK]
        refs = [ref for ref in taken if ref]
        if len(refs) == len(parts):
            return Submitted(refs[0], tuple(refs[1:]))
        if 0 < len(taken) < len(parts):
            return Uncertain(f"Vonage took {len(taken)} of the {len(parts)} parts")
        return self.codes.outcome(answer, parts[0].status)
