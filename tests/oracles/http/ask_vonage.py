"""Asks Vonage's own SDK what a request looks like, and whether a signature is right."""

from unittest.mock import patch

import jwt
import requests
from calls import answer_calls, recorder
from vonage import Auth, HttpClientOptions, Vonage
from vonage_jwt import verify_signature
from vonage_messages import Sms
from vonage_sms import SmsMessage

TAKEN = {
    "message-count": "1",
    "messages": [{"to": "15552340001", "message-id": "A1", "status": "0"}],
}


def record(answer, credentials, call):
    with recorder(200, answer) as server:
        host = server.url.removeprefix("http://")
        sdk = Vonage(Auth(**credentials), HttpClientOptions(rest_host=host, api_host=host))
        real = requests.Session.request

        def without_tls(session, method, url, **options):
            return real(session, method, url.replace("https://", "http://", 1), **options)

        with patch.object(requests.Session, "request", without_tls):
            call(sdk)
        [request] = server.requests
        return request


def send(credentials, message):
    return record(TAKEN, credentials, lambda sdk: sdk.sms.send(SmsMessage(**message)))


def send_message(credentials, message):
    answer = {"message_uuid": "00000000-0000-4000-8000-000000000001"}
    return record(answer, credentials, lambda sdk: sdk.messages.send(Sms(**message)))


def balance(credentials):
    answer = {"value": 10.0, "autoReload": False}
    return record(answer, credentials, lambda sdk: sdk.account.get_balance())


def auth(secret, method):
    return Auth(api_key="k", signature_secret=secret, signature_method=method)


def sign(secret, method, fields):
    return auth(secret, method).sign_params(dict(fields))


def verify(secret, method, fields):
    return auth(secret, method).check_signature(dict(fields))


def sign_token(secret, claims):
    """Return a token by the library that the SDK verifies with."""
    return jwt.encode(claims, secret, algorithm="HS256")


def verify_token(secret, token):
    return verify_signature(token, secret)


if __name__ == "__main__":
    answer_calls(
        {
            "send": send,
            "send_message": send_message,
            "balance": balance,
            "sign": sign,
            "verify": verify,
            "sign_token": sign_token,
            "verify_token": verify_token,
        }
    )
