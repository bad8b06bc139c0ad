"""Two accounts made by commands: what comes from carriers for one changes nothing of the other.

A callback names things by numbers and references that are no secrets. Each row of the matrix is a
callback by a connector that one account may use, about a thing of the other's; after each, all that
the other account can see is as before. The last rows are the control: by the right connector it
counts.
"""

import itertools
import json
import time
from types import SimpleNamespace

import pytest
from stores import patient_stores
from typer.testing import CliRunner

from sendrail.carriers.simulator import wire
from sendrail.cli.main import app
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.ids import MessageId
from sendrail.domain.message import Status
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.text import Encoding

_serial = itertools.count()
APPLIED_SECONDS = 60
# A number of the simulator's for which no receipt comes.
SILENT = "+15550100011"


class Tenant:
    """An account with a list on the shared connector, a connector of its own, a contact and a
    message.
    """

    def __init__(self, door, command):
        at = next(_serial)
        self.door, self.name = door, f"Tenant {at}"
        self._command = command
        command("accounts", "add", self.name)
        self.key = self.do("keys", "create", "first")["key"]
        self.number, self.own_number = f"+1555300{at:04}", f"+1555301{at:04}"
        self.do("lists", "add", self.number, "--connector", "sandbox")
        self.do("connectors", "add", "simulator", "mine", "--own")
        self.do("lists", "add", self.own_number, "--connector", "mine")
        self.contact = door.recipient()
        self.do("contacts", "add", self.number, self.contact)
        self.silent = SILENT
        self.message = ""
        connectors = door.do(door.runtime.store.read(lambda tx: tx.connectors.all()))
        account = door.do(door.runtime.accounts.find(self.name)).id
        self.own_connector = next(each.id for each in connectors if each.account_id == account)
        self.shared_connector = next(each.id for each in connectors if each.name == "sandbox")

    def do(self, *words):
        return self._command("--account", self.name, *words)

    def send(self):
        """Send another message, and wait until the carrier has it."""
        body = f"hello {next(_serial)}"
        order = {"to": self.silent, "list_number": self.number, "body": body}
        answer = self.door.post("send-raw", order, x_api_key=self.key)
        assert answer.status_code == 200, answer.text
        self.message = answer.json()["message_id"]
        wait_until(lambda: self.look()["status"] == "sent")

    def look(self):
        """Return the message as the account sees it."""
        return self.door.get(f"messages/{self.message}", x_api_key=self.key).json()

    def sees(self):
        """Return all that the account can see which a callback might change."""
        contacts = self.door.get("contacts", x_api_key=self.key).json()["contacts"]
        for contact in contacts:
            # Counted a moment after the message was sent.
            del contact["send_count"], contact["last_sent_at"]
        return {
            "message": self.look(),
            "contacts": contacts,
            "lists": self.door.get("lists", x_api_key=self.key).json(),
            "replies": self.do("replies", "list"),
        }


@pytest.fixture(scope="module", params=["fast lane, two accounts", "postgres, two accounts"])
def tenants(request, servers):
    door = servers.door(request.param)
    settings = door.runtime.settings

    def command(*words):
        """Run a command on the server's own installation."""
        # Nothing of it is read but where the installation is.
        environment = {"SENDRAIL_DATABASE_URL": settings.database_url or None}
        words = [*words, "--data", str(settings.data_dir), "--json"]
        with patient_stores():
            result = CliRunner().invoke(app, words, env=environment)
        assert result.exit_code == 0, result.output
        # The server of this process may have logged something meanwhile.
        documents = [line for line in result.stdout.splitlines() if line.startswith("{")]
        return json.loads(documents[-1]) if documents else None

    pair = SimpleNamespace(door=door, victim=Tenant(door, command), stranger=Tenant(door, command))
    pair.victim.send()
    pair.stranger.send()
    return pair


def wait_until(holds):
    until = time.monotonic() + APPLIED_SECONDS
    while not holds():
        assert time.monotonic() < until, "it never comes to hold"
        time.sleep(0.02)


def call_back(door, connector_id, raws):
    """Let a carrier call back, and wait until that is dealt with."""
    door.do(door.runtime.inbox.put(connector_id, raws))
    backlog = lambda: door.do(  # noqa: E731
        door.runtime.store.read(lambda tx: tx.figures.backlog().callbacks)
    )
    wait_until(lambda: backlog() == 0)


def reply(sender, number, text):
    """Return the callback for a text from a number to another."""
    sent = OutboundMessage(
        message_id=MessageId(""),
        recipient=PhoneNumber(int(sender)),
        sender=PhoneNumber(int(number)),
        body="",
        encoding=Encoding.GSM7,
        segments=1,
    )
    return [wire.reply(sent, text)]


def receipt(reference, message_id):
    return wire.receipts([(reference, MessageId(message_id))], Status.DELIVERED, "ok")


CALLBACKS = {
    "a receipt with the message's id": lambda it: receipt("unheard-of", it.message),
    "a receipt with the carrier's reference": lambda it: receipt(
        it.look()["provider_message_id"], "zzzzzzzz"
    ),
    "a receipt with both": lambda it: receipt(it.look()["provider_message_id"], it.message),
    "a STOP to the list": lambda it: reply(it.contact, it.number, "STOP"),
    "a START to the list": lambda it: reply(it.silent, it.number, "START"),
    "a word to the list": lambda it: reply(it.contact, it.number, "hello"),
    "a STOP to the list on its own connector": lambda it: reply(it.contact, it.own_number, "STOP"),
}
# What of it counts by the shared connector, and is seen by the one account that it is for.
COUNTS = {name for name in CALLBACKS if "own connector" not in name}


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_strangers_own_connector_changes_nothing(tenants, name):
    victim, stranger = tenants.victim, tenants.stranger
    before = victim.sees()
    call_back(tenants.door, stranger.own_connector, CALLBACKS[name](victim))
    assert victim.sees() == before


@pytest.mark.parametrize("name", CALLBACKS)
def test_by_the_shared_connector_it_counts_for_its_account_alone(tenants, name):
    victim, stranger = tenants.victim, tenants.stranger
    victim.send()
    before, of_stranger = victim.sees(), stranger.sees()
    call_back(tenants.door, victim.shared_connector, CALLBACKS[name](victim))
    assert stranger.sees() == of_stranger
    assert (victim.sees() != before) is (name in COUNTS)


def test_a_strangers_lists_are_no_lists(tenants):
    victim, stranger = tenants.victim, tenants.stranger
    before = victim.sees()
    for path, body in (
        ("send-raw", {"to": victim.contact, "list_number": victim.number, "body": "hi"}),
        ("contacts", {"phone_number": victim.contact, "list_number": victim.number}),
    ):
        answer = stranger.door.post(path, body, x_api_key=stranger.key)
        assert (answer.status_code, answer.json()["code"]) == (400, "list_not_found")
    listed = stranger.door.get("lists", x_api_key=stranger.key).json()["lists"]
    assert {each["phone_number"] for each in listed} == {stranger.number, stranger.own_number}
    assert victim.sees() == before
