"""Where the links of the sandbox's lists lead: the server's own address, as far as it is known."""

import pytest

from sendrail.addresses import sandbox_url
from sendrail.settings import load

SHARED = {"database_url": "postgresql://db/x"}


@pytest.mark.parametrize(
    ("given", "port", "url"),
    [
        ({}, 8025, "http://127.0.0.1:8025"),
        ({"host": "localhost"}, 9000, "http://localhost:9000"),
        ({"host": "::1"}, 8025, "http://[::1]:8025"),
        # What stands for all addresses is none that a browser can ask.
        ({"host": "0.0.0.0"}, 8025, "http://127.0.0.1:8025"),
        ({"host": "::"}, 8025, "http://[::1]:8025"),
        # A port that is not chosen yet.
        ({}, 0, None),
        ({"public_url": "https://sms.example.com"}, 0, "https://sms.example.com"),
        # Who serves no links leads nobody to itself.
        (SHARED | {"roles": "deliver"}, 8025, None),
        (SHARED | {"roles": "deliver", "public_url": "https://a.example"}, 8, "https://a.example"),
        (SHARED | {"roles": "receipts, api"}, 8025, "http://127.0.0.1:8025"),
        (SHARED | {"roles": "clicks"}, 8025, "http://127.0.0.1:8025"),
    ],
)
def test_the_sandboxs_links_lead_to_where_the_server_is_reached(tmp_path, given, port, url):
    assert sandbox_url(load({}, data_dir=tmp_path, **given), port) == url
