"""Callbacks of every carrier of the house, as they lie in the inbox, good ones and mutated ones."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import fake_bandwidth
import fake_cm
import fake_infobip
import fake_plivo
import fake_sinch
import fake_telnyx
import fake_twilio
import fake_vonage
import generic_connector

from sendrail.carriers.bandwidth.carrier import BandwidthCarrier
from sendrail.carriers.cm.carrier import CmCarrier
from sendrail.carriers.generic.carrier import GenericCarrier
from sendrail.carriers.infobip.carrier import InfobipCarrier
from sendrail.carriers.plivo.carrier import PlivoCarrier
from sendrail.carriers.sdk import ConnectorContext
from sendrail.carriers.simulator import wire
from sendrail.carriers.simulator.carrier import SimulatorCarrier
from sendrail.carriers.sinch.carrier import SinchCarrier
from sendrail.carriers.smpp import pdu
from sendrail.carriers.smpp.carrier import SmppCarrier
from sendrail.carriers.telnyx.carrier import TelnyxCarrier
from sendrail.carriers.twilio.carrier import TwilioCarrier
from sendrail.carriers.vonage.carrier import VonageCarrier
from sendrail.domain.message import Status

URL = "https://sms.example.com/callbacks/k3"
TOKEN = {"callback_token": "a-token-of-callbacks"}
SMSC = {"host": "127.0.0.1", "system_id": "esme", "password": "secret"}


def in_json(value):
    return b"application/json\n\n" + json.dumps(value).encode()


def in_form(fields):
    return b"application/x-www-form-urlencoded\n\n" + urlencode(fields).encode()


def deliver_sm(text, source, destination, esm_class):
    message = pdu.Message(
        source_addr=source,
        destination_addr=destination,
        source_addr_ton=1,
        source_addr_npi=1,
        dest_addr_ton=1,
        dest_addr_npi=1,
        esm_class=esm_class,
        short_message=text,
    )
    return pdu.frame(pdu.Command.DELIVER_SM, 7, pdu.write_body(message))


RECEIPT = (
    b"id:%b sub:001 dlvrd:001 submit date:2601011000 done date:2601011001 stat:DELIVRD err:000 "
    b"text:Hello"
)


@dataclass(frozen=True)
class Kind:
    """One carrier's callbacks: a receipt for a reference, a text from a number to a number."""

    carrier: Any
    receipt: Any
    text: Any


def _bandwidth_text(sender, to, body, ref):
    told = fake_bandwidth.received(body, sender=f"+{sender}", to=f"+{to}")
    told["message"]["id"] = ref
    return in_json([told])


def _in_json(context):
    return {
        "bandwidth": Kind(
            BandwidthCarrier(fake_bandwidth.SETTINGS, context),
            lambda ref: in_json([fake_bandwidth.event("message-delivered", ref=ref, tag="")]),
            _bandwidth_text,
        ),
        "cm": Kind(
            CmCarrier({"product_token": fake_cm.PRODUCT_TOKEN, **TOKEN}, context),
            lambda ref: in_json(fake_cm.report(ref, "2")),
            lambda sender, to, body, ref: in_json(
                fake_cm.incoming(
                    body,
                    **{"from": {"number": f"00{sender}"}, "to": {"number": f"00{to}"}},
                    reference=ref,
                )
            ),
        ),
        "infobip": Kind(
            InfobipCarrier({"api_key": fake_infobip.KEY, **TOKEN}, context),
            lambda ref: in_json({"results": [fake_infobip.report(ref, "DELIVERED_TO_HANDSET")]}),
            lambda sender, to, body, ref: in_json(
                {
                    "results": [
                        fake_infobip.incoming(
                            body, **{"from": str(sender), "to": str(to), "messageId": ref}
                        )
                    ]
                }
            ),
        ),
    }


def _in_more_json(context):
    return {
        "sinch": Kind(
            SinchCarrier(
                {
                    "service_plan_id": fake_sinch.PLAN,
                    "api_token": fake_sinch.TOKEN,
                    "webhook_secret": fake_sinch.SECRET,
                },
                context,
            ),
            lambda ref: in_json(fake_sinch.report(ref, "Delivered", 0)),
            lambda sender, to, body, ref: in_json(
                {"type": "mo_text", "id": ref, "from": str(sender), "to": str(to), "body": body}
            ),
        ),
        "telnyx": Kind(
            TelnyxCarrier(
                {"api_key": fake_telnyx.KEY, "public_key": fake_telnyx.public_key()}, context
            ),
            lambda ref: in_json(
                fake_telnyx.event(
                    "message.finalized",
                    {"id": ref, "to": [{"phone_number": "+15552340001", "status": "delivered"}]},
                )
            ),
            lambda sender, to, body, ref: in_json(
                fake_telnyx.event(
                    "message.received",
                    {
                        "id": ref,
                        "from": {"phone_number": f"+{sender}"},
                        "to": [{"phone_number": f"+{to}"}],
                        "text": body,
                    },
                )
            ),
        ),
    }


def _in_forms(context):
    return {
        "http": Kind(
            GenericCarrier(generic_connector.HEARING, context),
            lambda ref: in_form({"id": ref, "state": "ok"}),
            lambda sender, to, body, _: in_form(
                {"from": f"+{sender}", "to": f"+{to}", "text": body}
            ),
        ),
        "plivo": Kind(
            PlivoCarrier({"auth_id": fake_plivo.ACCOUNT, "auth_token": fake_plivo.TOKEN}, context),
            lambda ref: in_form(
                {"MessageUUID": ref, "ParentMessageUUID": ref, "Status": "delivered"}
            ),
            lambda sender, to, body, ref: in_form(
                {"MessageUUID": ref, "Type": "sms", "From": sender, "To": to, "Text": body}
            ),
        ),
        "twilio": Kind(
            TwilioCarrier(
                {"account_sid": fake_twilio.ACCOUNT, "auth_token": fake_twilio.TOKEN}, context
            ),
            lambda ref: in_form({"MessageSid": ref, "MessageStatus": "delivered"}),
            lambda sender, to, body, ref: in_form(
                {
                    "MessageSid": ref,
                    "SmsStatus": "received",
                    "NumMedia": "0",
                    "From": f"+{sender}",
                    "To": f"+{to}",
                    "Body": body,
                }
            ),
        ),
        "vonage": Kind(
            VonageCarrier(
                {
                    "api_key": fake_vonage.API_KEY,
                    "api_secret": fake_vonage.API_SECRET,
                    **TOKEN,
                },
                context,
            ),
            lambda ref: in_json(fake_vonage.receipt(ref)),
            lambda sender, to, body, ref: in_form(
                fake_vonage.incoming(body, msisdn=str(sender), to=str(to), messageId=ref)
            ),
        ),
    }


def _otherwise_encoded():
    return {
        "simulator": Kind(
            SimulatorCarrier({}),
            lambda ref: wire.receipts([(ref, None)], Status.DELIVERED, "ok")[0],
            lambda sender, to, body, _: json.dumps(
                {"replies": [{"from": f"+{sender}", "to": f"+{to}", "text": body}]}
            ).encode(),
        ),
        "smpp": Kind(
            SmppCarrier(SMSC),
            lambda ref: deliver_sm(RECEIPT % ref.encode(), "15552340001", "15559870000", 0x04),
            lambda sender, to, body, _: deliver_sm(body.encode(), str(sender), str(to), 0),
        ),
    }


def kinds():
    """Return every carrier kind with its callbacks."""
    context = ConnectorContext(callback_url=URL)
    return {
        **_in_json(context),
        **_in_more_json(context),
        **_in_forms(context),
        **_otherwise_encoded(),
    }


# Values that somebody somewhere did not expect.
ODD_VALUES = (
    None, True, False, 0, -1, 2**31, 2**63, 2**64, 2**70, -(2**70), 1.5, 1e308, "", " ", "\0",
    "ST\0OP", "STOP\0", "\ud83d", "hi \ud83d", "\ude00", "x" * 5_000, "+" * 20, "0", "00", "-1",
    "1e9", "null", "NaN", "\u202e", "\uffff", [], {}, [[]], [None], {"": None}, ["a", 1, None],
    "15559990000", "+15559990000", "12345", "Bank", "2026-13-45T99:99:99Z",
)  # fmt: skip
ODD_BYTES = (
    b"\0", b"\xff", b"\xed\xa0\xbd", b"\xf0\x9f", b"%", b"%00", b"%ED%A0%BD", b"&", b"=", b"\n",
    b"\r\n", b'"', b"\\ud83d", b"\\u0000", b"[", b"]", b"{", b"}", b",", b":", b"1" * 25, b"-",
    b"1e400", b"null", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"STOP", b"START",
)  # fmt: skip


def mutated(raw, chance):
    """Return a callback with something wrong in it."""
    if chance.random() < 0.5 and (told := _otherwise(raw, chance)) is not None:
        raw = told
        if chance.random() < 0.5:
            return raw
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        raw = _cut(raw, chance)
    return raw


def _otherwise(raw, chance):
    """Return a body of JSON with another value somewhere, or none at all."""
    head, newline, body = raw.rpartition(b"\n")
    try:
        value = json.loads(body)
    except ValueError:
        return None
    nodes = list(_nodes(value))
    if not nodes:
        return None
    node, key = chance.choice(nodes)
    turn = chance.random()
    if turn < 0.2:
        del node[key]
    elif turn < 0.4 and isinstance(node, list):
        node.append(node[key])
    elif turn < 0.4:
        node[str(key)[:-1]] = node[key]
    else:
        node[key] = chance.choice(ODD_VALUES)
    return head + newline + json.dumps(value).encode()


def _nodes(value):
    places = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(places):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _nodes(inner)


def _cut(raw, chance):
    """Return bytes with some of them changed, gone, doubled or put in."""
    at = chance.randrange(len(raw) + 1)
    to = min(len(raw), at + chance.choice((1, 1, 2, 4, 16)))
    turn = chance.randrange(6)
    if turn == 0:
        return raw[:at]
    if turn == 1:
        return raw[:at] + raw[to:]
    if turn == 2:
        return raw[:to] + raw[at:to] + raw[to:]
    if turn == 3:
        return raw[:at] + bytes(chance.randrange(256) for _ in range(to - at)) + raw[to:]
    if turn == 4:
        return raw[:at] + chance.choice(ODD_BYTES) + raw[to:]
    return raw[:at] + chance.choice(ODD_BYTES) + raw[at:]
