"""Asks Plivo's own SDK what a request looks like, and whether a signature is right."""

from calls import answer_calls, recorder
from plivo import RestClient
from plivo.rest import client as rest
from plivo.utils import validate_signature, validate_v3_signature


def record(status, answer, credentials, call):
    with recorder(status, answer) as server:
        rest.PLIVO_API_BASE_URI = f"{server.url}/v1/Account"
        with RestClient(*credentials) as client:
            call(client)
        [request] = server.requests
        return request


def create(credentials, message):
    answer = {"message_uuid": ["m1"], "api_id": "a1", "message": "message(s) queued"}
    return record(202, answer, credentials, lambda sdk: sdk.messages.create(**message))


def account(credentials):
    return record(200, {"auth_id": credentials[0]}, credentials, lambda sdk: sdk.account.get())


def verify_v3(method, url, fields, nonce, token, signature):
    return validate_v3_signature(method, url, nonce, token, signature, fields)


def verify_v2(url, nonce, token, signature):
    return validate_signature(url, nonce, signature, token)


if __name__ == "__main__":
    answer_calls(
        {"create": create, "account": account, "verify_v3": verify_v3, "verify_v2": verify_v2}
    )
