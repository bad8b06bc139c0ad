"""Asks Infobip's own SDK what a request looks like, and how it reads answers and callbacks."""

import json

from calls import answer_calls, recorder
from infobip_api_client.api.sms_api import SmsApi
from infobip_api_client.api_client import ApiClient, Configuration
from infobip_api_client.models import (
    ApiError,
    SmsDeliveryResult,
    SmsInboundMessageResult,
    SmsRequest,
    SmsResponse,
)


def record(answer, key, call):
    with recorder(200, answer) as server:
        configuration = Configuration(host=server.url, api_key=key)
        with ApiClient(configuration) as client:
            call(SmsApi(client))
        [request] = server.requests
        return request


def send(key, messages):
    request = SmsRequest.from_dict({"messages": messages})
    return record({"messages": []}, key, lambda sdk: sdk.send_sms_messages(request))


def latest(key):
    return record({"results": []}, key, lambda sdk: sdk.get_outbound_sms_message_logs(limit=1))


def read(model, value):
    """Return a value as the SDK understands it: what it does not know is left out."""
    return json.loads(json.dumps(model.from_dict(value).to_dict(), default=str))


def read_answer(value):
    return read(SmsResponse, value)


def read_refusal(value):
    return read(ApiError, value)


def read_reports(value):
    return read(SmsDeliveryResult, value)


def read_texts(value):
    return read(SmsInboundMessageResult, value)


if __name__ == "__main__":
    answer_calls(
        {
            "send": send,
            "latest": latest,
            "read_answer": read_answer,
            "read_refusal": read_refusal,
            "read_reports": read_reports,
            "read_texts": read_texts,
        }
    )
