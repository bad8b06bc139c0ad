"""Asks Sinch's own SDK what a request looks like, and how it proves and reads a callback."""

from calls import answer_calls, recorder
from sinch import SinchClient
from sinch.domains.authentication.sinch_events.v1 import authentication_validation as validation
from sinch.domains.sms.sinch_events.v1.sms_sinch_event import SmsSinchEvent


def record(status, answer, plan, token, call):
    with recorder(status, answer) as server:
        client = SinchClient(service_plan_id=plan, sms_api_token=token, sms_region="us")
        client.configuration.sms_origin_with_service_plan_id = server.url
        call(client)
        client.configuration.transport.http_session.close()
        [request] = server.requests
        return request


def create(plan, token, message):
    answer = {"id": "b1", "type": "mt_text", "to": ["1"], "from": "2", "body": "x"}
    answer |= {"created_at": "2026-01-01T00:00:00Z", "modified_at": "2026-01-01T00:00:00Z"}
    return record(201, answer, plan, token, lambda sdk: sdk.sms.batches.send_sms(**message))


def latest(plan, token):
    answer = {"batches": [], "count": 0, "page": 0, "page_size": 0}
    return record(200, answer, plan, token, lambda sdk: sdk.sms.batches.list(page_size=1))


def sign(secret, body, nonce, signed_at):
    signed = validation.compute_signed_data(body, nonce, signed_at)
    return validation.calculate_sinch_event_signature(signed, secret)


def verify(secret, body, headers):
    return SmsSinchEvent(secret).validate_authentication_header(headers, body.encode())


def parse(body):
    """Return what the SDK makes of a callback, as its own type and JSON."""
    event = SmsSinchEvent("secret").parse_event(body)
    return [type(event).__name__, event.model_dump(mode="json", by_alias=True, exclude_none=True)]


if __name__ == "__main__":
    answer_calls(
        {"create": create, "latest": latest, "sign": sign, "verify": verify, "parse": parse}
    )
