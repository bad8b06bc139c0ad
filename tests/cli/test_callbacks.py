"""The commands about callbacks that could not be read, and who is told of them."""

import pytest

from sendrail.domain.receipt import CallbackSubject
from sendrail.storage.pipeline.refused import Refusal

ANN = "+15550100001"
AT = 1_800_000_000_000
XML = f"<sms from='{ANN}'>STÖP</sms>\n\x0b".encode()
JSON = b'{"text": null,\n "from": "\x1b[31m"}'


@pytest.fixture
def kept(runtime):
    """Keep two callbacks of the sandbox and one of a connector that is not there."""

    async def keep(it):
        def work(tx):
            [sandbox] = tx.connectors.all()
            tx.refused.keep(
                Refusal(sandbox.id, AT, XML, "no JSON", CallbackSubject.UNKNOWN), AT + 50
            )
            tx.refused.keep(
                Refusal(sandbox.id, AT + 60_000, b"\x80", "odd", CallbackSubject.RECEIPT), AT
            )
            tx.refused.keep(Refusal(99, AT + 120_000, JSON, "no text", CallbackSubject.REPLY), AT)

        await it.store.write(work)

    runtime(keep)


def listed(shell, *words):
    return [each["id"] for each in shell.json("callbacks", "refused", *words)["callbacks"]]


def waiting(runtime):
    async def look(it):
        return await it.store.write(lambda tx: tx.inbox.take(100, 1 << 20))

    return [(each.received_at, each.raw) for each in runtime(look)]


@pytest.mark.usefixtures("kept")
def test_refused_callbacks_are_listed_without_what_stands_in_them(shell):
    assert shell.json("callbacks", "refused")["callbacks"][2] == {
        "id": 1,
        "received_at": "2027-01-15T08:00:00Z",
        "connector": "sandbox",
        "kind": "simulator",
        "about": "unknown",
        "bytes": len(XML),
        "reason": "no JSON",
    }
    lines = shell.run("callbacks", "refused").stdout.splitlines()
    assert lines[0].split("\t") == [
        "id",
        "received_at",
        "connector",
        "kind",
        "about",
        "bytes",
        "reason",
    ]
    assert [line.split("\t")[2] for line in lines[1:]] == ["-", "sandbox", "sandbox"]
    assert ANN not in "".join(lines)


@pytest.mark.usefixtures("kept")
def test_the_list_is_narrowed_down_and_paged(shell):
    assert listed(shell) == [3, 2, 1]
    assert listed(shell, "--connector", "sandbox") == [2, 1]
    assert listed(shell, "--since", "2027-01-15T08:01Z") == [3, 2]
    assert listed(shell, "--per-page", "2", "--page", "2") == [1]
    assert listed(shell, "--connector", "another") == []
    assert "no such callbacks" in shell.run("callbacks", "refused", "--connector", "x").stderr


@pytest.mark.usefixtures("kept")
def test_one_is_shown_whole(shell):
    card = shell.json("callbacks", "show", "3")
    assert (card["encoding"], card["raw"]) == ("hex", JSON.hex())
    assert shell.json("callbacks", "show", "2")["raw"] == "80"
    assert shell.error("callbacks", "show", "4") == (1, "not_found")


def test_text_is_shown_as_text(shell, runtime):
    raw = f'{{"from": "{ANN}",\n\t"text": "STÖP \U0001f600"}}'.encode()

    async def keep(it):
        await it.store.write(
            lambda tx: tx.refused.keep(Refusal(1, AT, raw, "", CallbackSubject.REPLY), AT)
        )

    runtime(keep)
    card = shell.json("callbacks", "show", "1")
    assert (card["encoding"], card["raw"]) == ("text", raw.decode())
    assert shell.run("callbacks", "show", "1").stdout.endswith(
        f'\n\n{{"from": "{ANN}",\n\\t"text": "STÖP \U0001f600"}}\n'
    )


@pytest.mark.usefixtures("kept")
def test_one_is_put_back_with_the_time_at_which_it_came(shell, runtime):
    assert shell.json("callbacks", "retry", "1") == {"callbacks": 1}
    assert waiting(runtime) == [(AT, XML)]
    assert listed(shell) == [3, 2]
    assert shell.error("callbacks", "retry", "1") == (1, "not_found")


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("--connector", "sandbox"), 2),
        (("--since", "2027-01-15T08:01Z"), 2),
        (("--connector", "sandbox", "--since", "2027-01-15T08:01Z"), 1),
        (("--all",), 3),
    ],
)
def test_many_are_put_back_or_forgotten(shell, runtime, words, count):
    assert shell.json("callbacks", "retry", *words) == {"callbacks": count}
    assert len(waiting(runtime)) == count
    assert len(listed(shell)) == 3 - count
    assert shell.json("callbacks", "forget", "--all") == {"callbacks": 3 - count}
    assert listed(shell) == []


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("verb", ["retry", "forget"])
def test_all_are_meant_only_where_that_is_said(shell, verb):
    assert shell.run("callbacks", verb).exit_code == 2
    assert listed(shell) == [3, 2, 1]


@pytest.mark.usefixtures("kept")
def test_one_is_forgotten(shell):
    assert shell.json("callbacks", "forget", "2") == {"callbacks": 1}
    assert listed(shell) == [3, 1]
    assert shell.error("callbacks", "forget", "2") == (1, "not_found")


# Who is told


def callbacks_of(shell, code):
    found = shell.json("doctor", code=code)["checks"]
    return next(each for each in found if each["check"] == "callbacks")


def test_the_doctor_says_that_all_were_read(shell):
    assert callbacks_of(shell, 0)["level"] == "ok"


@pytest.mark.usefixtures("kept")
def test_the_doctor_says_how_many_were_not_since_when_and_from_where(shell):
    found = callbacks_of(shell, 3)
    assert found["level"] == "fail"
    assert "3 could not be parsed or applied since 2027-01-15T08:00:00Z" in found["text"]
    assert "sandbox: 2, a removed connector: 1" in found["text"]
    assert "2 of them may be replies" in found["text"]
    assert "sendrail callbacks refused" in found["fix"]
    shell.json("callbacks", "forget", "1")
    shell.json("callbacks", "forget", "3")
    found = callbacks_of(shell, 0)
    assert found["level"] == "warn"
    assert "replies" not in found["text"]


@pytest.mark.usefixtures("kept")
def test_status_says_the_same(shell):
    told = shell.json("status")
    assert told["callbacks_refused"] == 3
    assert told["refused"][0] == {
        "connector": "sandbox",
        "kind": "simulator",
        "callbacks": 2,
        "texts": 1,
        "since": "2027-01-15T08:00:00Z",
        "last": "2027-01-15T08:01:00Z",
    }
    assert "sandbox\tsimulator\t2\t1\t" in shell.run("status").stdout
