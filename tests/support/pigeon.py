"""A carrier kind of somebody else's: found by entry point, it signs callbacks, keeps a diary."""

import hmac
import importlib.metadata
from importlib.metadata import EntryPoint

import msgspec
import pytest

from sendrail.carriers import registry
from sendrail.carriers.sdk import CallbackAnswer, Secret, read_settings
from sendrail.domain.delivery import Submitted, Throttled
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply

SECRET = "correct-horse-battery"
LOFT = "loft 7"
GIVEN = {"password": SECRET, "loft": LOFT}

# What the pigeons of this process have done, newest last; a test empties it.
diary = []


def sign(secret, url, body):
    return hmac.digest(secret.encode(), url.encode() + body, "sha256").hex()


class PigeonSettings(msgspec.Struct, frozen=True, kw_only=True):
    password: Secret
    loft: str
    birds: int = 3
    swift: bool = False
    routes: list[str] = []
    headers: dict[str, Secret] = {}


class Pigeon:
    """Takes everything. `loft` chooses its moods: `unsound`, `burnt`, `chatty`, `tired`.

    A tired one throttles the second message once.
    """

    Settings = PigeonSettings

    def __init__(self, settings, context):
        self.settings = read_settings("pigeon", settings, PigeonSettings)
        self.context = context
        # How many messages it takes before it is tired.
        self.strength = 1 if self.settings.loft == "tired" else None
        if self.settings.loft == "unsound":
            raise CarrierTrouble("The setting loft names no sound loft.", param="loft")

    async def start(self, deliver):
        self.deliver = deliver
        if self.settings.loft == "burnt":
            raise RuntimeError(f"burnt down, with {self.settings.password}")
        diary.append(("start", self.context.name, self.settings.loft, self.context.callback_url))

    async def submit(self, messages, report):
        for message in messages:
            if self.is_tired():
                report(message, Throttled(retry_after_ms=0))
                continue
            diary.append(("submit", self.context.name, message.recipient, message.body))
            report(message, Submitted(f"p-{message.message_id}"))

    def is_tired(self):
        if self.strength is None:
            return False
        self.strength -= 1
        if self.strength >= 0:
            return False
        self.strength = None
        return True

    def parse(self, raw):
        said = msgspec.json.decode(raw)
        if "reply" in said:
            return [Reply(sender=said["from"], list_number=said["to"], body=said["reply"])]
        return [Receipt(carrier_ref=said["ref"], status=Status(said["status"]), detail="cooed")]

    def read_callback(self, request):
        proof = request.headers.get("x-ring", "")
        if not hmac.compare_digest(proof, sign(self.settings.password, request.url, request.body)):
            return CallbackAnswer(status=401)
        if request.method == "GET":
            return CallbackAnswer(content=b"coo")
        return CallbackAnswer(raws=[request.body], content=b"<coo/>", content_type="text/xml")

    async def check(self):
        if self.settings.loft == "chatty":
            raise CarrierTrouble(f"The password {self.settings.password} is wrong.")
        if self.settings.loft == "burnt":
            raise RuntimeError(self.settings.password)
        return f"{self.settings.birds} birds are at home."

    async def stop(self):
        diary.append(("stop", self.context.name, self.settings.loft))


class TrustingPigeon(Pigeon):
    """Counts on its unguessable URL, and proves nothing."""

    def read_callback(self, request):
        return CallbackAnswer(raws=[request.body])


class DeafPigeon(Pigeon):
    read_callback = None


@pytest.fixture
def pigeons(monkeypatch):
    """Install the kinds `pigeon`, `trusting`, `deaf` and the broken `dodo` beside our own."""
    ours = list(registry.entry_points(group=registry.GROUP))
    more = [
        EntryPoint(name="pigeon", value="pigeon:Pigeon", group=registry.GROUP),
        EntryPoint(name="trusting", value="pigeon:TrustingPigeon", group=registry.GROUP),
        EntryPoint(name="deaf", value="pigeon:DeafPigeon", group=registry.GROUP),
        EntryPoint(name="dodo", value="no_such_module:Dodo", group=registry.GROUP),
    ]
    for place in (registry, importlib.metadata):
        monkeypatch.setattr(place, "entry_points", lambda **_: [*ours, *more])
    diary.clear()
    yield diary
    diary.clear()
