"""A dry run says of a file what bringing it in says, whatever the file repeats, on every database.

Batches are of two rows, so that most of what is repeated lies in another batch. The beginning of a
file is a file as well: where all files are counted the same, each row of theirs became the same.
"""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stores import BACKENDS
from written import parsed

from sendrail.contacts import files
from sendrail.contacts.imports import ImportOptions, Pace, RowOutcome
from sendrail.domain.audit import Actor

ME = Actor(name="a test")
ELSEWHERE, THEIRS = "+15550100010", "+15550100020"
# What the account had to do with a number before the file named it.
PASTS = {
    "unknown": lambda house, number, listed: None,  # noqa: ARG005 - as the others
    "listed": lambda house, number, listed: house.contacts.add(
        house.us, parsed(listed), parsed(number)
    ),
    "known": lambda house, number, _: house.contacts.add(
        house.us, parsed(ELSEWHERE), parsed(number)
    ),
    "theirs": lambda house, number, _: house.contacts.add(
        house.them, parsed(THEIRS), parsed(number)
    ),
    "left": lambda house, number, listed: house.contacts.remove(
        house.us, parsed(listed), parsed(number), source="test"
    ),
    "left_another": lambda house, number, _: house.contacts.remove(
        house.us, parsed(ELSEWHERE), parsed(number), source="test"
    ),
    "blocked": lambda house, number, _: house.blocks.add(house.us, parsed(number)),
    "erased": lambda house, number, _: house.erasure.erase(house.us, parsed(number), ME),
}
PEOPLE = 4
SERIAL = itertools.count()

pasts = st.lists(st.sampled_from(list(PASTS)), min_size=PEOPLE, max_size=PEOPLE)
rows = st.lists(
    st.tuples(
        st.integers(0, PEOPLE), st.sampled_from(["", "true", "no"]), st.sampled_from(["", "Ann"])
    ),
    max_size=12,
)
tried = settings(
    # An example is four imports and as many changes before them, and each database has its own.
    max_examples=settings.default.max_examples // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(params=BACKENDS)
def backend(request, tmp_path):
    return BACKENDS[request.param](tmp_path)


@pytest.fixture
def in_twos(house, monkeypatch):
    """The house, with files brought in two rows at a time."""
    monkeypatch.setattr(files, "BESIDE", Pace(rows=2, rest=0))
    house.do(house.lists.add(house.us, parsed(ELSEWHERE)))
    house.do(house.lists.add(house.them, parsed(THEIRS)))
    return house


def people_with(house, pasts, listed):
    """Return one number for each past, after that has happened, and one that is none."""
    numbers = [f"+1557{next(SERIAL):07}" for _ in pasts]
    for past, number in zip(pasts, numbers, strict=True):
        if (happened := PASTS[past](house, number, listed)) is not None:
            house.do(happened)
    return [*numbers, "nobody"]


def said(bring_in, *about, dry_run):
    """Return all that an import tells: the counts, what was refused, and each row passed over."""
    told = []
    report = bring_in(*about, dry_run=dry_run, tell=told.append)
    assert report.dry_run is dry_run
    return report.counts, report.refused, report.reasons, told


@tried
@given(pasts, rows)
def test_of_contacts_it_says_what_becomes_of_them(in_twos, pasts, rows):
    house, listed = in_twos, f"+1556{next(SERIAL):07}"
    house.do(house.lists.add(house.us, parsed(listed)))
    people = people_with(house, pasts, listed)
    lines = [f"{people[who]},{active},{name}\n" for who, active, name in rows]
    content = "".join(["phone,active,first_name\n", *lines]).encode()

    before = house.export_contacts(listed, with_left=True)
    expected = said(house.import_contacts, listed, content, dry_run=True)
    assert house.export_contacts(listed, with_left=True) == before
    assert said(house.import_contacts, listed, content, dry_run=False) == expected


@tried
@given(pasts, rows)
def test_of_blocks_it_says_what_becomes_of_them(in_twos, pasts, rows):
    house = in_twos
    people = people_with(house, pasts, ELSEWHERE)
    content = "".join(["phone\n", *(f"{people[who]}\n" for who, *_ in rows)]).encode()

    before = house.export_blocks()
    expected = said(house.import_blocks, content, dry_run=True)
    assert house.export_blocks() == before
    assert said(house.import_blocks, content, dry_run=False) == expected


def test_what_is_repeated_in_another_batch_is_new_once(in_twos):
    house, number = in_twos, "+15570000000"
    content = f"phone\n{number}\n+15570000001\n{number}\n{number}\n".encode()
    report = house.import_contacts(ELSEWHERE, content, dry_run=True)
    assert (report.counts[RowOutcome.CREATED], report.counts[RowOutcome.MERGED]) == (2, 2)
    report = house.import_blocks(content, dry_run=True)
    assert (report.counts[RowOutcome.CREATED], report.counts[RowOutcome.ALREADY_THERE]) == (2, 2)


def test_who_opts_out_meanwhile_is_told_so(in_twos):
    house, number = in_twos, "+15570000000"

    async def leaving():
        yield f"phone\n{number}\n+15570000001\n".encode()
        yield f"{number}\n".encode()
        await house.contacts.remove(house.us, parsed(ELSEWHERE), parsed(number), source="test")
        yield f"{number}\n{number}\n".encode()

    report = house.do(
        house.files.import_contacts(
            house.us, parsed(ELSEWHERE), leaving(), ImportOptions(dry_run=True), ME
        )
    )
    assert report.counts[RowOutcome.OPTED_OUT] == 3
