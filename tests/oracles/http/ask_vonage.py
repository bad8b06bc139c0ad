"""Asks Vonage's own SDK what a request looks like, and whether a signature is right."""

from unittest.mock import patch

import requests
from calls import answer_calls, recorder
from vonage import Auth, HttpClientOptions, Vonage
from vonage_sms import SmsMessage

TAKEN = {
    "message-count": "1",
    "messages": [{"to": "15552340001", "message-id": "A1", "status": "0"}],
}


def record(answer, credentials, call):
    with recorder(200, answer) as server:
        host = server.url.removeprefix("http://")
        sdk = Vonage(Auth(**credentials), HttpClientOptions(rest_host=host))
        real = requests.Session.request

        def without_tls(session, method, url, **options):
            return real(session, method, url.replace("https://", "http://", 1), **options)

        with patch.object(requests.Session, "request", without_tls):
            call(sdk)
        [request] = server.requests
        return request


def send(credentials, message):
    return record(TAKEN, credentials, lambda sdk: sdk.sms.send(SmsMessage(**message)))


def balance(credentials):
    answer = {"value": 10.0, "autoReload": False}
    return record(answer, credentials, lambda sdk: sdk.account.get_balance())


def auth(secret, method):
    return Auth(api_key="k", signature_secret=secret, signature_method=method)


def sign(secret, method, fields):
    return auth(secret, method).sign_params(dict(fields))


def verify(secret, method, fields):
    return auth(secret, method).check_signature(dict(fields))


if __name__ == "__main__":
    answer_calls({"send": send, "balance": balance, "sign": sign, "verify": verify})
