"""Bandwidth's own SDK: it makes the requests it would send and sends none, and reads events."""

from bandwidth import ApiClient, Configuration, MediaApi, MessagesApi
from bandwidth.models.inbound_callback import InboundCallback
from bandwidth.models.message_request import MessageRequest
from bandwidth.models.status_callback import StatusCallback
from calls import answer_calls


def client(credentials):
    return ApiClient(Configuration(**credentials))


def request(parts):
    method, url, headers, body, _ = parts
    return {
        "method": method,
        "url": url,
        "headers": {name.lower(): value for name, value in headers.items()},
        "body": body,
    }


def create(credentials, account, message):
    api = MessagesApi(client(credentials))
    value = MessageRequest.from_dict(message)
    return request(api._create_message_serialize(account, value, None, None, None, 0))


def media(credentials, account):
    api = MediaApi(client(credentials))
    return request(api._list_media_serialize(account, None, None, None, None, 0))


def read(event):
    """Return what the SDK makes of an event, after its own checks."""
    kind = InboundCallback if event["type"] == "message-received" else StatusCallback
    read_event = kind.from_dict(event)
    assert not read_event.additional_properties, read_event.additional_properties
    return read_event.model_dump(mode="json", by_alias=True)


if __name__ == "__main__":
    answer_calls({"create": create, "media": media, "read": read})
