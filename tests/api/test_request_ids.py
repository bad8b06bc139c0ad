"""Request ids: UUIDs of version 7 (RFC 9562), each once, in the order they are made."""

import uuid

from sendrail.api.request_ids import new_request_id, request_id


def test_ids_are_uuids_of_version_7_in_their_order():
    made = [new_request_id() for _ in range(20_000)]
    assert len(set(made)) == len(made)
    assert made == sorted(made)
    read = [uuid.UUID(each) for each in made[::97]]
    assert {each.version for each in read} == {7}
    assert {each.variant for each in read} == {uuid.RFC_4122}
    assert [str(each) for each in read] == made[::97]


def test_an_id_begins_with_its_millisecond():
    first, last = (uuid.UUID(new_request_id()).int >> 80 for _ in range(2))
    # Of November 2023 and later, whatever the clock of the machine: no seconds and no microseconds.
    assert 1_700_000_000_000 < first <= last < first + 60_000


def test_the_callers_own_id_is_kept_where_it_is_sane():
    assert request_id(b"order-17_a") == "order-17_a"
    for odd in (b"", b"a b", b"x" * 65, "é".encode()):
        assert uuid.UUID(request_id(odd)).version == 7
