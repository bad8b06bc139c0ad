"""Asks Twilio's own SDK what a request looks like, and whether a signature is right."""

from calls import answer_calls, recorder
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

BASE = "https://api.twilio.com"


class ToRecorder(TwilioHttpClient):
    def __init__(self, url):
        super().__init__()
        self.recorder_url = url

    def request(self, method, url, *arguments, **options):
        assert url.startswith(BASE), url
        return super().request(method, self.recorder_url + url[len(BASE) :], *arguments, **options)


def record(status, answer, credentials, call):
    with recorder(status, answer) as server:
        client = Client(**credentials, http_client=ToRecorder(server.url))
        call(client)
        client.http_client.session.close()
        [request] = server.requests
        return request


def create(credentials, message):
    return record(201, {"sid": "SM1"}, credentials, lambda sdk: sdk.messages.create(**message))


def latest(credentials):
    answer = {"messages": [], "page": 0, "page_size": 1}
    return record(200, answer, credentials, lambda sdk: sdk.messages.list(limit=1))


class Repeated(dict):
    """Fields with a list of values each, in the way web frameworks hand them over."""

    getall = dict.__getitem__


def sign(token, url, fields, algorithm):
    return RequestValidator(token).compute_signature(url, fields, algorithm)


def sign_repeated(token, url, fields, algorithm):
    return sign(token, url, Repeated(fields), algorithm)


def verify(token, url, fields, signature, algorithm):
    return RequestValidator(token).validate(url, fields, signature, algorithm)


if __name__ == "__main__":
    answer_calls(
        {
            "create": create,
            "latest": latest,
            "sign": sign,
            "sign_repeated": sign_repeated,
            "verify": verify,
        }
    )
