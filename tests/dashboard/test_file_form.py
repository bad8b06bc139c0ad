"""A form with a file in it: what a client has written is read, however it comes in pieces."""

import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.dashboard.file_form import FileForm, is_file_form
from sendrail.domain.errors import InvalidInput

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


def written(fields, name, content):
    """Return the type and the body of a form as another library writes them."""
    request = httpx.Request("POST", "http://x/", data=fields, files={"file": (name, content)})
    return request.headers["content-type"], request.read()


async def read(kind, body, size):
    async def chunks():
        for at in range(0, len(body), size):
            yield body[at : at + size]

    form = FileForm(kind, chunks())
    await form.read_fields()
    return form.fields, form.file_name, b"".join([piece async for piece in form.file()])


@given(
    fields=st.dictionaries(
        NAMES.map(lambda name: f"f{name.encode().hex()}"), st.text(max_size=30), max_size=50
    ),
    content=st.binary(max_size=300).map(lambda some: some + b"\r\n--" + some),
    size=st.integers(1, 400),
)
def test_a_form_is_read_as_it_was_written(fields, content, size):
    fields = {name: text.replace("\0", "") for name, text in fields.items()}
    kind, body = written(fields, 'my "best" Ünits.csv', content)
    assert is_file_form(kind)
    assert asyncio.run(read(kind, body, size)) == (fields, 'my "best" Ünits.csv', content)


@pytest.mark.parametrize(
    "change",
    [
        lambda kind, body: (kind.partition(";")[0], body),
        lambda kind, body: (kind, body[: len(body) // 2]),
        lambda kind, _: (kind, b""),
        lambda kind, _: (kind, b"x" * 100_000),
        lambda kind, body: (kind, body.replace(b'name="a"', b'nome="a"')),
        lambda kind, body: (kind, body.replace(b"Content-Disposition", b"X: " + b"y" * 9_000)),
        lambda kind, body: (kind, body.replace(b"one", b"z" * 17_000)),
        lambda kind, body: (kind, body.replace(b"one", b"\xff")),
    ],
    ids=["no boundary", "cut", "empty", "no form", "no name", "head", "field", "encoding"],
)
def test_what_is_no_form_is_refused(change):
    kind, body = change(*written({"a": "one"}, "a.csv", b"content" * 100))
    with pytest.raises(InvalidInput, match="cannot be read"):
        asyncio.run(read(kind, body, 1_000))


def test_a_form_has_at_most_fifty_fields():
    kind, body = written({f"f{n}": "" for n in range(50)}, "a.csv", b"")
    assert len(asyncio.run(read(kind, body, 1_000))[0]) == 50
    kind, body = written({f"f{n}": "" for n in range(51)}, "a.csv", b"")
    with pytest.raises(InvalidInput):
        asyncio.run(read(kind, body, 1_000))
