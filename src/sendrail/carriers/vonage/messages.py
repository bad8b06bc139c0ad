"""Vonage by its Messages API: one POST of JSON per message; errors are HTTP statuses.

https://developer.vonage.com/en/api/messages
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sendrail.carriers.http.carrier import BaseUrl
from sendrail.carriers.http.exchange import Answer, Request, post_json
from sendrail.carriers.reading import read_json
from sendrail.carriers.sdk import ConnectorContext, about, read_settings
from sendrail.carriers.vonage.account import AccountProblem, VonageAccount, VonageSettings
from sendrail.domain import phone
from sendrail.domain.delivery import OutboundMessage, Outcome, Submitted
from sendrail.domain.text import Encoding


class MessagesSettings(VonageSettings, frozen=True, kw_only=True):
    """The settings of a connector by the Messages API; the account API is on another host."""

    base_url: Annotated[BaseUrl, about("The address of the Messages API.")] = (
        "https://api.nexmo.com"
    )
    account_url: Annotated[
        BaseUrl,
        about(
            "The address of the account API, which `sendrail connectors test` asks for the balance."
        ),
    ] = "https://rest.nexmo.com"


class _Taken(msgspec.Struct):
    message_uuid: Annotated[str, Meta(min_length=1)]


class VonageMessagesCarrier(VonageAccount):
    """A connector to one Vonage account, by the Messages API."""

    Settings = MessagesSettings

    def __init__(self, settings: Mapping[str, Any], context: ConnectorContext) -> None:
        chosen = read_settings("vonage_messages", settings, MessagesSettings)
        super().__init__(chosen, context, account_url=chosen.account_url)
        self._base_url = chosen.base_url

    def compose(self, messages: Sequence[OutboundMessage]) -> Request:
        """Return the POST that sends one message."""
        [message] = messages
        value: dict[str, Any] = {
            "channel": "sms",
            "message_type": "text",
            "from": phone.bare(message.sender),
            "to": str(message.recipient),
            "text": message.body,
            "client_ref": message.message_id,
            "sms": {"encoding_type": "unicode" if message.encoding is Encoding.UCS2 else "text"},
        }
        if self.callback_url is not None:
            value["webhook_url"] = self.callback_url
        if self.validity_seconds is not None:
            value["ttl"] = self.validity_seconds
        return post_json(f"{self._base_url}/v1/messages", value, self.headers)

    def read_answer(self, messages: Sequence[OutboundMessage], answer: Answer) -> Outcome:
        """Return the outcome of one message."""
        del messages
        if answer.is_success:
            return Submitted(read_json(answer.body, _Taken).message_uuid)
        return self.codes.outcome(answer, read_json(answer.body, AccountProblem).code)
