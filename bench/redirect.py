"""What does a redirect cost, its click judged and durable, beside a constant one of the same lane?

By turns, each on a fresh data folder. Processor time is what neighbours disturb least, so the ratio
is of that; the rates stand beside it. Then messages are accepted, with 500 clicks a second and
without, by turns.
"""

import argparse
import asyncio
import json
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import kit
from kit import Figure, Section
from sendrail.api.server import announce_server, calm_collector, listen, make_server
from sendrail.app import Runtime, open_runtime
from sendrail.domain.audit import Actor
from sendrail.domain.ids import lane_of
from sendrail.domain.short_ids import ShortIds, message_slot
from sendrail.settings import Settings
from sendrail.storage.data_folder import Folder
from sendrail.tracking.link_requests import LinkAnswer, LinkRequest

HOST = "go.bench.example"
METHOD = """
{options.runs} pairs; in each the server answers 64 keep-alive connections for {options.seconds:g} s
after 1 s: with a constant 302, then with links of {options.links:,} messages in scattered order,
deciphered, found, judged and durable, by turns, each on a folder of its own. Server on core 0, load
on core 1. The ratio is of the processor time of a request. Then both at a steady 2,000 requests a
second, and at 70 % of their rate, by an open loop. Where nginx is installed, its constant 302 takes
its turn as well, by one worker without a log. Accepting: 64 connections at full rate,
by turns with 500 clicks a second beside them and without.
"""
SHOP = b"https://shop.example/summer/sale?from=sms"
CONSTANT = LinkAnswer(302, SHOP)
PHONE = 15_552_000_000
# Since then the messages were sent: nobody follows their links too soon.
AGE_MS = 60_000
CLICKS_A_SECOND = 500
FEW_A_SECOND = 2_000
STEADY_SHARE = 0.7


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=3, seconds=5)
    options.add_argument("--links", type=int, default=100_000, help="links to follow (100,000)")
    options.add_argument("--serve", choices=("constant", "full"), help=argparse.SUPPRESS)
    options.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("Redirect", METHOD.format(options=options))
    runs = [
        (followed(options, section, "constant"), followed(options, section, "full"))
        for _ in range(options.runs)
    ]
    if shutil.which("nginx"):
        others = [followed(options, section, "nginx")["cpu_us"] for _ in range(options.runs)]
        shares = [other / full["cpu_us"] for other, (_, full) in zip(others, runs, strict=True)]
        section.figures += [
            Figure("nginx, constant 302", "µs of processor", others),
            Figure("**nginx's constant / durable**", "", shares, at_least=0.17),
        ]
    constants, fulls = zip(*runs, strict=True)
    ratios = [constant["cpu_us"] / full["cpu_us"] for constant, full in runs]
    section.figures += [
        Figure("**constant / durable, processor** (aim: 0.45)", "", ratios, at_least=0.30),
        Figure("constant 302", "µs of processor", [run["cpu_us"] for run in constants]),
        Figure("durable redirect", "µs of processor", [run["cpu_us"] for run in fulls]),
        Figure("constant 302", "answers/s", [run["rate"] for run in constants]),
        Figure("durable redirect", "answers/s", [run["rate"] for run in fulls]),
        Figure("durable redirect at full rate, p50", "ms", [run["p50"] for run in fulls]),
        Figure("durable redirect at full rate, p99", "ms", [run["p99"] for run in fulls]),
        Figure(
            f"durable redirect at {STEADY_SHARE:.0%} of that, p99", "ms",
            [run["steady_p99"] for run in fulls], at_most=10,
        ),
        Figure(
            f"p50 at {FEW_A_SECOND:,} a second, more than the constant's", "ms",
            [full["few_p50"] - constant["few_p50"] for constant, full in runs], at_most=1,
        ),
    ]  # fmt: skip
    beside = [accepted(options, section, clicks_first=run % 2 == 1) for run in range(options.runs)]
    section.figures += [
        Figure(
            f"accepting beside {CLICKS_A_SECOND} clicks a second / without",
            "ratio of rates",
            [with_clicks / without for without, with_clicks in beside],
            at_least=0.85,
        )
    ]
    return section


def followed(options: argparse.Namespace, section: Section, kind: str) -> dict[str, Any]:
    """Follow links of one kind of server at its full rate."""
    with served(options, kind) as server:
        before = kit.cpu_seconds(server.process)
        shape = {"key": HOST, "links": server.ready["links"], "seconds": options.seconds}
        result = kit.load(server.url, kit.LOAD_CORE, **shape)
        spent = kit.cpu_seconds(server.process) - before
        kept = kit.metrics(server.url).get("sendrail_clicks_total") if kind == "full" else None
        few = kit.load(server.url, kit.LOAD_CORE, rate=FEW_A_SECOND, **shape)
        steady = kit.load(server.url, kit.LOAD_CORE, rate=result["rate"] * STEADY_SHARE, **shape)
    for each, where in ((result, kind), (few, f"{kind}, few"), (steady, f"{kind}, steady")):
        section.troubles += kit.troubles_of(each, where)
    result["few_p50"], result["steady_p99"] = few["p50"], steady["p99"]
    answers = result["accepted"]
    if kept not in {None, answers}:
        section.troubles.append(f"{answers:,} were redirected, and {kept:,.0f} clicks kept")
    result["cpu_us"] = spent / answers * 1e6
    kit.say(f"{kind}: {result['rate']:,.0f}/s, {result['cpu_us']:.1f} µs")
    return result


def accepted(
    options: argparse.Namespace, section: Section, *, clicks_first: bool
) -> tuple[float, float]:
    """Return the rate of accepting without clicks, and beside them; a server is slow at first."""
    with served(options, "full") as server:
        rates, first = {}, 0
        for with_clicks in (clicks_first, not clicks_first):
            result = accept(options, section, server, first, with_clicks=with_clicks)
            rates[with_clicks], first = result["rate"], result["next"]
    kit.say(f"accept: {rates[False]:,.0f}/s alone, {rates[True]:,.0f}/s beside clicks")
    return rates[False], rates[True]


def accept(
    options: argparse.Namespace,
    section: Section,
    server: kit.Server,
    first: int,
    *,
    with_clicks: bool,
) -> dict[str, Any]:
    shape = {"key": server.ready["api_key"], "list": server.ready["list_number"]}
    shape |= {"seconds": options.seconds, "first": first}
    if not with_clicks:
        result = kit.load(server.url, kit.LOAD_CORE, **shape)
    else:
        clicking = kit.start_load(
            server.url, kit.LOAD_CORE, key=HOST, links=server.ready["links"],
            rate=CLICKS_A_SECOND, seconds=options.seconds + 1,
        )  # fmt: skip
        with clicking:
            result = kit.load(server.url, kit.LOAD_CORE, **shape)
            section.troubles += kit.troubles_of(kit.finish_load(clicking), "clicks")
    section.troubles += kit.troubles_of(result, "beside clicks" if with_clicks else "alone")
    return result


@contextmanager
def served(options: argparse.Namespace, kind: str) -> Iterator[kit.Server]:
    with TemporaryDirectory(dir=kit.scratch(), prefix="data-") as folder:
        command = nginx(Path(folder)) if kind == "nginx" else [
            sys.executable, __file__, "--serve", kind, "--data", folder,
            "--links", str(options.links),
        ]  # fmt: skip
        with kit.running(command, kit.SERVER_CORE) as server:
            yield server


def nginx(folder: Path) -> list[str]:
    """Return a command that says where nginx listens, and becomes it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    links = folder / "links"
    links.write_text("\n".join(f"{n:07}" for n in range(1_000)))
    conf = folder / "nginx.conf"
    conf.write_text(
        f"daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log stderr;\n"
        "events { worker_connections 1024; }\n"
        "http { access_log off; keepalive_requests 100000000; server {\n"
        f"listen 127.0.0.1:{port}; location / {{ return 302 {SHOP.decode()}; }} }} }}\n"
    )
    ready = json.dumps({"url": f"http://127.0.0.1:{port}", "links": str(links)})
    # It is there as soon as it has read its file; a client before that would be turned away.
    script = f"(sleep 0.5; echo '{ready}') & exec nginx -c {conf} -p {folder} -e stderr"
    return ["sh", "-c", script]


# The server


async def serve(options: argparse.Namespace) -> None:
    settings = Settings(data_dir=options.data / "data", port=0)
    async with open_runtime(settings, serving=True) as runtime:
        numbers = await prepare(runtime, options.links)
        ids = ShortIds(Folder(settings.data_dir).key("short-id"))
        texts = ids.show_many([message_slot(number, 0) for number in numbers])
        links = options.data / "links"
        links.write_text("\n".join(texts))
        if options.serve == "constant":
            runtime.tracking.redirects.offer = constant  # type: ignore[method-assign]
        server = make_server(runtime)
        listener = listen("127.0.0.1", 0)
        serving = asyncio.create_task(server.serve([listener]))
        await server.listening(serving)
        # As `sendrail serve` does: else one collection of all there is stands in every tail.
        calm_collector()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        [sender, *_] = await runtime.lists.all(runtime.default_account)

        def announce(report: Any) -> None:
            ready = {"url": url, "links": str(links), "api_key": report.api_key}
            print(json.dumps(ready | {"list_number": sender.shown}), flush=True)

        await announce_server(url, runtime, announce)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(15, server.leave)
        await serving


def constant(request: LinkRequest) -> None:
    request.resolve(CONSTANT)


async def prepare(runtime: Runtime, count: int) -> list[int]:
    """Add a tracking domain, and as many sent messages with a shared link; return their numbers."""
    account = runtime.default_account
    await runtime.tracking.domains.add(account, HOST, Actor(name="bench"))
    [sender, *_] = await runtime.lists.all(account)
    now = runtime.clock.now() - AGE_MS

    def add(tx: Any) -> list[int]:
        url = SHOP.decode()
        tx.destinations.add(account, [url], now)
        [link] = tx.destinations.find(account, [url]).values()
        first = tx.local.reserve(count)
        lane = lane_of(sender.id)
        tx.driver.each(
            "INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, skips,"
            " segments, encoding, body, links, status, attempt, epoch, resent, sent_at, ended_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, 1, 'gsm7', ?, ?, 'delivered', 1, 1, 0, ?, ?)",
            [
                (
                    first + n, lane, account, sender.id, PHONE + n, now,
                    "Everything must go, until Sunday, in all our shops and here: {{link1}}",
                    str(link), now, now,
                )
                for n in range(count)
            ],
        )  # fmt: skip
        return list(range(first, first + count))

    return await runtime.store.write(add)


if __name__ == "__main__":
    given = parser().parse_args()
    if given.serve:
        import uvloop

        asyncio.Runner(loop_factory=uvloop.new_event_loop).run(serve(given))
    else:
        kit.main(parser(), measure)
