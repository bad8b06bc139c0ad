"""Good callbacks of every carrier, as they lie in the inbox, for the suite that spoils them.

In each set stands a text of a handset to a list, and word of a message.
"""

import fake_bandwidth
import fake_cm
import fake_infobip
import fake_plivo
import fake_sinch
import fake_telnyx
import fake_twilio
import fake_vonage
from fake_gateways import EXAMPLES, JSON, signed

from sendrail.carriers.hostile import ValidCallback
from sendrail.carriers.http.callbacks import pack
from sendrail.carriers.sdk import CallbackRequest
from sendrail.carriers.smpp import pdu

URL = "https://sms.example.com/callbacks/k3"
ABOUT = f"{URL}?message=x7y8z9w0"
FROM, TO = "15552340001", "15559870000"


def _good(request, batch=None):
    return ValidCallback(raw=pack(request), batch=batch)


def _by_get(query):
    return CallbackRequest(method="GET", url=f"{URL}?{query}", headers={}, body=b"")


def _of_cm(*reports):
    return {"messages": {"msg": [fake_cm.report(*each)["messages"]["msg"] for each in reports]}}


_TEXT_OF_SINCH = {
    "type": "mo_text",
    "id": "01FC66622",
    "from": FROM,
    "to": TO,
    "body": "STOP",
    "received_at": "2026-11-25T02:00:00.000Z",
}
_TEXT_OF_PLIVO = {"MessageUUID": "db3d", "Type": "sms", "From": FROM, "To": TO, "Text": "STOP"}
_TEXT_OF_TWILIO = {
    "MessageSid": "SM2",
    "SmsStatus": "received",
    "NumMedia": "0",
    "From": f"+{FROM}",
    "To": f"+{TO}",
    "Body": "STOP",
}
_TEXT_OF_TELNYX = {
    "id": "40385f65",
    "from": {"phone_number": f"+{FROM}", "carrier": "T"},
    "to": [{"phone_number": f"+{TO}"}],
    "text": "STOP",
}
_WORD_OF_TELNYX = {
    "id": "40385f64",
    "to": [{"phone_number": f"+{FROM}", "status": "delivery_failed"}],
    "errors": [{"code": "40001", "title": "no"}],
    "webhook_url": ABOUT,
}
_PART = {"concat": "true", "concat-ref": "7", "concat-total": "2", "concat-part": "1"}


def _deliver_sm(text, esm_class):
    message = pdu.Message(
        source_addr=FROM,
        destination_addr=TO,
        source_addr_ton=1,
        source_addr_npi=1,
        dest_addr_ton=1,
        dest_addr_npi=1,
        esm_class=esm_class,
        short_message=text,
    )
    return ValidCallback(raw=pdu.frame(pdu.Command.DELIVER_SM, 7, pdu.write_body(message)))


CALLBACKS = {
    "bandwidth": (
        _good(
            fake_bandwidth.callback(URL, fake_bandwidth.event("message-failed", errorCode=4720)), ""
        ),
        _good(
            fake_bandwidth.callback(
                URL,
                fake_bandwidth.received("STOP"),
                fake_bandwidth.event("message-delivered"),
                fake_bandwidth.received("Thanks", sender="+15552340002"),
            ),
            "",
        ),
    ),
    "cm": (
        _good(fake_cm.callback(URL, fake_cm.report("x7y8z9w0", "2"))),
        _good(fake_cm.callback(URL, fake_cm.incoming("STOP"))),
        _good(
            fake_cm.callback(
                URL, _of_cm(("x7y8z9w0", "2"), ("m0000001", "3", 24), ("m0000002", 1, "305"))
            ),
            "messages.msg",
        ),
    ),
    "http": (
        _good(
            signed(URL, EXAMPLES["json: callback"].encode(), JSON["signature_secret"]), "results"
        ),
    ),
    "http by GET": (
        _good(_by_get("msgid=4711&dlr=2")),
        _good(_by_get(f"from=00{FROM}&to={TO}&text=STOP")),
    ),
    "infobip": (
        _good(
            fake_infobip.callback(
                URL, [fake_infobip.report("x7y8z9w0-9e69db10", "DELIVERED_TO_HANDSET")]
            ),
            "results",
        ),
        _good(
            fake_infobip.callback(
                URL,
                [
                    fake_infobip.report(
                        "m0000001-0123abcd", "REJECTED_DESTINATION", "EC_UNKNOWN_SUBSCRIBER"
                    ),
                    fake_infobip.incoming("STOP"),
                    fake_infobip.report("m0000002-0123abcd", "PENDING_ENROUTE"),
                ],
            ),
            "results",
        ),
    ),
    "plivo": (
        _good(
            fake_plivo.callback(
                ABOUT, {"MessageUUID": "db3c", "To": FROM, "Status": "failed", "ErrorCode": "50"}
            )
        ),
        _good(fake_plivo.callback(URL, _TEXT_OF_PLIVO)),
    ),
    "simulator": (
        ValidCallback(
            raw=b'{"results": [{"ref": "a-1", "status": "DELIVERED", "detail": "ok"},'
            b' {"ref": "a-2", "messageId": "x7y8z9w0", "status": "FAILED", "detail": "no"},'
            b' {"ref": "a-3", "status": "ENROUTE", "detail": "on"}]}',
            batch="results",
        ),
        ValidCallback(
            raw=b'{"replies": [{"from": "+15552340001", "to": "+15559870000", "text": "STOP"},'
            b' {"from": "+15552340002", "to": "+15559870000", "text": "Hi"}]}',
            batch="replies",
        ),
    ),
    "sinch": (
        _good(
            fake_sinch.callback(
                URL,
                fake_sinch.report("01FC66621", "Failed", 400, client_reference="x7y8z9w0"),
            )
        ),
        _good(fake_sinch.callback(URL, _TEXT_OF_SINCH)),
    ),
    "smpp": (
        _deliver_sm(
            b"id:M1 sub:001 dlvrd:000 submit date:2601011000 done date:2601011001 stat:UNDELIV"
            b" err:001 text:Hi",
            esm_class=4,
        ),
        _deliver_sm(b"STOP", esm_class=0),
        # The first of two parts.
        _deliver_sm(b"\x05\x00\x03\x07\x02\x01ST", esm_class=0x40),
    ),
    "telnyx": (
        _good(fake_telnyx.callback(URL, fake_telnyx.event("message.finalized", _WORD_OF_TELNYX))),
        _good(fake_telnyx.callback(URL, fake_telnyx.event("message.received", _TEXT_OF_TELNYX))),
    ),
    "twilio": (
        _good(
            fake_twilio.callback(
                ABOUT, {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30003"}
            )
        ),
        _good(fake_twilio.callback(URL, _TEXT_OF_TWILIO)),
    ),
    "vonage": (
        _good(fake_vonage.in_json(URL, fake_vonage.receipt("A1", "failed", "6"))),
        _good(fake_vonage.form(URL, fake_vonage.receipt("A1", "delivered"))),
        _good(fake_vonage.in_json(URL, fake_vonage.incoming("STOP"))),
        _good(fake_vonage.by_get(URL, fake_vonage.incoming("STOP"))),
        _good(fake_vonage.form(URL, fake_vonage.incoming("ST", **_PART))),
    ),
    "vonage_messages": (
        _good(
            fake_vonage.in_json(
                URL, fake_vonage.status("aaaa-1", "rejected", 1050, client_ref="x7y8z9w0")
            )
        ),
        _good(fake_vonage.in_json(URL, fake_vonage.message_in("STOP"))),
    ),
}
