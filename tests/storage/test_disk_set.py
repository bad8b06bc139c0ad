"""Numbers that were seen: a set, however many there are, and advice where they find no room."""

import subprocess
import sys
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from sendrail.storage.disk_set import SeenNumbers

numbers = st.lists(st.integers(1_000_000, 999_999_999_999_999), max_size=20)

# In a process of its own: nobody else's memory is counted, and nobody else's files are kept small.
MANY = """
import resource
from contextlib import closing
from psutil import Process
from sendrail.domain.errors import StorageUnavailable
from sendrail.storage.disk_set import SeenNumbers

def used():
    return Process().memory_info().rss

with closing(SeenNumbers()) as seen:
    began = used()
    {limit}
    try:
        for start in range(0, 300_000, 1_000):
            seen.add(n * 7_919 % 9_999_991 + 15_550_000_000 for n in range(start, start + 1_000))
        print((used() - began) // 2**20)
    except StorageUnavailable as error:
        print(error)
"""
SMALL_FILES = "resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))"


def many(limit="pass"):
    """Put many numbers in; return how many megabytes that took, or what went wrong."""
    program = [sys.executable, "-c", MANY.format(limit=limit)]
    return subprocess.run(program, capture_output=True, text=True, check=True).stdout.strip()


@given(st.lists(st.tuples(numbers, numbers)))
def test_they_are_a_set(batches):
    expected = set()
    with closing(SeenNumbers()) as seen:
        for new, others in batches:
            seen.add(new)
            expected.update(new)
            asked = {*new, *others}
            assert seen.among(asked) == expected & asked


def test_two_sets_know_nothing_of_each_other():
    with closing(SeenNumbers()) as ours, closing(SeenNumbers()) as theirs:
        ours.add([15550100001])
        assert theirs.among([15550100001]) == set()


def test_hundreds_of_thousands_take_a_few_megabytes():
    # A set in memory would need three times as much.
    assert int(many()) <= 8


def test_where_there_is_no_room_that_is_said():
    assert "Make room in the folder of temporary files" in many(limit=SMALL_FILES)
