"""CM.com's own SDK on our requests; it reads no answers and no callbacks."""

import json
from urllib.parse import urlsplit

from fake_cm import PRODUCT_TOKEN
from http_oracle import ask, needs_node_oracles

from sendrail.carriers.cm.carrier import CmCarrier
from sendrail.carriers.sdk import ConnectorContext
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.text import Encoding

pytestmark = needs_node_oracles

SETTINGS = {"product_token": PRODUCT_TOKEN, "callback_token": "a-token-of-callbacks"}
MESSAGES = [
    OutboundMessage(
        message_id=f"x7y8z9w{at}",
        recipient=15552340001 + at,
        sender=15559870000,
        body='Your code is 1234 & counting: 50 % of é😊 + \n"=/~',
        encoding=Encoding.UCS2,
        segments=1,
    )
    for at in range(3)
]


def theirs(message):
    """Return a message as the SDK is asked for it."""
    return {
        "to": f"00{message.recipient}",
        "from": f"00{message.sender}",
        "content": message.body,
        "reference": message.message_id,
        "channels": ["SMS"],
        "partsMin": 1,
        "partsMax": 8,
    }


def test_our_request_is_the_sdks():
    ours = CmCarrier(SETTINGS, ConnectorContext()).compose(MESSAGES)
    call = {"token": PRODUCT_TOKEN, "messages": [theirs(message) for message in MESSAGES]}
    recorded, base = ask("cm", ("send", call), ("basePath", {}))
    value = json.loads(recorded["body"])
    # It puts the token into the body; CM.com recommends the header.
    assert value["messages"].pop("authentication") == {
        "productToken": ours.headers["X-CM-PRODUCTTOKEN"]
    }
    for each in value["messages"]["msg"]:
        # It names itself, and writes the type in capitals; the gateway takes either.
        assert each.pop("customGrouping3").startswith("text-sdk")
        each["body"]["type"] = each["body"]["type"].lower()
    assert (recorded["method"], recorded["target"]) == (ours.method, urlsplit(ours.url).path)
    assert recorded["headers"]["content-type"] == ours.headers["Content-Type"]
    assert value == json.loads(ours.body)
    assert base in {"https://gw.cmtelecom.com", "https://gw.messaging.cm.com"}
