"""A process with the role `clicks` alone serves links, and nothing of the API.

Its own two lanes differ here, and not the ways into the server beside it.
"""

import asyncio
import uuid

import httpx
import pytest
from asking import ask, told
from following import PHONE, LinkMaker
from written import parsed

from sendrail.api.openapi import OPERATIONS
from sendrail.api.server import listen, make_server
from sendrail.api.v2.sending import BASES
from sendrail.workers import Role

SHOP = "https://shop.example/sale"


@pytest.fixture(params=[True, False], ids=["lane", "asgi"])
def links(door, request):
    """A client of a second server over the same services, which has that role alone."""
    server = make_server(door.runtime, fast=request.param, roles=frozenset({Role.CLICKS}))

    async def start():
        listener = listen("127.0.0.1", 0)
        serving = asyncio.create_task(server.serve([listener]))
        await server.listening(serving)
        return listener.getsockname()[1], serving

    async def stop(serving):
        server.leave()
        await serving

    port, serving = door.do(start())
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", verify=False) as client:
        yield client
    door.do(stop(serving))


@pytest.fixture
def host(door):
    """An account's tracking domain, and a link on it."""
    account = door.do(door.runtime.accounts.add(f"clicks {uuid.uuid4()}"))
    name = f"go-{uuid.uuid4().hex[:12]}.example"
    key, number = door.new_key(account), door.recipient()
    told(ask(door, "POST", "domains", {"domain": name}, x_api_key=key))
    sender = door.do(door.runtime.lists.add(account, parsed(number), connector="sandbox")).sender
    return name, LinkMaker(door.runtime, door.write).link(sender, SHOP)


def test_it_leads_links_on(links, host):
    name, link = host
    answer = links.get(f"/{link}", headers={"host": name, "user-agent": PHONE})
    assert (answer.status_code, answer.headers["location"]) == (302, SHOP)
    assert links.get("/robots.txt", headers={"host": name}).status_code == 200
    assert links.get("/0000000", headers={"host": name}).status_code == 404
    assert links.get("/pixel/0000000.gif", headers={"host": name}).status_code == 200


def test_it_answers_its_probes_and_the_proxys_question(links, host):
    name, _ = host
    assert links.get("/healthz").status_code == links.get("/readyz").status_code == 200
    assert "sendrail_clicks_total" in links.get("/metrics").text
    assert links.get(f"/internal/tls?domain={name}").status_code == 200
    assert links.get("/internal/tls?domain=other.example").status_code == 404


def test_it_serves_nothing_of_the_api(links, host, door):
    name, _ = host
    for operation in OPERATIONS:
        for base in BASES:
            path = base + operation.path.format_map(Ones())
            for headers in ({}, {"host": name}):
                answer = links.request(
                    operation.method, path, json={}, headers=headers | {"x-api-key": door.key}
                )
                assert answer.status_code == 404, (operation.method, path, headers)
    assert links.get("/docs").status_code == links.get("/openapi.json").status_code == 404


class Ones(dict):
    def __missing__(self, name):
        return "1"
