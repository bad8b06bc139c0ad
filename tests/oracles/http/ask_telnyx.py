"""Asks Telnyx's own SDK what a request looks like, and how it proves and reads a webhook."""

import base64

from calls import answer_calls, recorder
from nacl.signing import SigningKey
from telnyx import Telnyx
from telnyx.lib import webhook_verification


def record(answer, api_key, call):
    with recorder(200, answer) as server:
        with Telnyx(api_key=api_key, base_url=f"{server.url}/v2", max_retries=0) as client:
            call(client)
        [request] = server.requests
        return request


def create(api_key, message):
    return record({"data": {"id": "m1"}}, api_key, lambda sdk: sdk.messages.send(**message))


def balance(api_key):
    return record({"data": {"balance": "1.00"}}, api_key, lambda sdk: sdk.balance.retrieve())


def sign(seed, body, signed_at):
    """Sign with the library that the SDK verifies with."""
    signed = SigningKey(bytes.fromhex(seed)).sign(f"{signed_at}|{body}".encode())
    return base64.b64encode(signed.signature).decode()


class TimeAt:
    def __init__(self, now):
        self.time = lambda: now


def verify(public_key, body, headers, now):
    webhook_verification.time = TimeAt(now)
    try:
        webhook_verification.verify_webhook_signature(body.encode(), headers, public_key)
    except webhook_verification.WebhookVerificationError:
        return False
    return True


def parse(body):
    """Return what the SDK makes of a webhook, as its own type and JSON."""
    with Telnyx(api_key="key") as client:
        event = client.webhooks.unsafe_unwrap(body)
    return [
        type(event.data).__name__,
        event.data.model_dump(mode="json", by_alias=True, exclude_none=True),
    ]


if __name__ == "__main__":
    answer_calls(
        {"create": create, "balance": balance, "sign": sign, "verify": verify, "parse": parse}
    )
