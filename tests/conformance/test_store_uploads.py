"""Uploaded files: kept in pieces while they are of use, and each account's its own."""

from stores import NOW, house

from sendrail.domain.upload import UploadReport, UploadState

__all__ = ["house"]
HOUR = 3_600_000


def upload(house, account=None, now=NOW, pieces=(b"one", b"three")):
    def write(tx):
        us = account or house.us
        about = {"list_id": house.list.id, "source": "shop", "country": "", "created_by": "a test"}
        made = tx.uploads.add(us, now, name="a.csv", **about)
        assert all(tx.uploads.add_piece(us, made, at, each) for at, each in enumerate(pieces))
        return made

    return house.write(write)


def found(house, upload_id, account=None):
    return house.read(lambda tx: tx.uploads.find(account or house.us, upload_id))


def test_a_file_is_kept_in_pieces_and_judged_once(house):
    made = upload(house)
    assert (found(house, made).state, found(house, made).size) == (UploadState.COMING, 8)
    pieces = [house.read(lambda tx, at=at: tx.uploads.piece(house.us, made, at)) for at in range(3)]
    assert pieces == [b"one", b"three", b""]
    report = UploadReport(counts={"created": 2}, refused=1, reasons=[(4, "bad")])
    assert house.write(lambda tx: tx.uploads.judged(house.us, made, report))
    assert not house.write(lambda tx: tx.uploads.judged(house.us, made, report))
    assert not house.write(lambda tx: tx.uploads.add_piece(house.us, made, 2, b"late"))
    kept = found(house, made)
    assert (kept.state, kept.report.rows, list(kept.report.reasons)) == (
        UploadState.JUDGED, 3, [(4, "bad")],
    )  # fmt: skip
    assert house.read(lambda tx: tx.uploads.waiting(house.us)) == [made]


def test_one_process_begins_an_import_and_another_once_that_is_silent(house):
    made = upload(house)

    def start(now, silent_since):
        return house.write(lambda tx: tx.uploads.start(house.us, made, now, silent_since))

    assert not start(NOW, NOW)
    house.write(lambda tx: tx.uploads.judged(house.us, made, UploadReport()))
    assert start(NOW, NOW - 1)
    assert not start(NOW + 1, NOW - 1)
    house.write(lambda tx: tx.uploads.beat(house.us, made, 3, NOW + 5))
    assert not start(NOW + 9, NOW + 4)
    assert start(NOW + 9, NOW + 5)
    assert found(house, made).done == 0
    assert house.write(lambda tx: tx.uploads.end(house.us, made, UploadState.DONE, NOW + 10))
    assert not house.write(lambda tx: tx.uploads.end(house.us, made, UploadState.FAILED, NOW))
    assert not start(NOW + 11, NOW + 99)
    assert house.read(lambda tx: tx.uploads.count_open(house.us)) == 0


def test_what_is_over_or_left_is_deleted_and_reports_some_time_later(house):
    over, left, fresh = upload(house), upload(house, now=NOW - HOUR), upload(house)
    house.write(lambda tx: tx.uploads.end(house.us, over, UploadState.DISCARDED, NOW))

    def forget(open_before, ended_before):
        rounds = 0
        while house.write(lambda tx: tx.uploads.forget(open_before, ended_before)):
            rounds += 1
        return rounds

    assert forget(NOW, NOW - 2 * HOUR) > 0
    pieces = [
        house.read(lambda tx, i=i: tx.uploads.piece(house.us, i, 0)) for i in (over, left, fresh)
    ]
    assert pieces == [b"", b"", b"one"]
    assert found(house, left).state is UploadState.DISCARDED
    assert forget(NOW, NOW - 2 * HOUR) == 0
    assert forget(NOW, NOW) == 1
    assert found(house, left) is None
    assert found(house, over) is not None


def test_a_file_is_of_one_account(house):
    made = upload(house)
    theirs = house.them
    assert found(house, made, theirs) is None
    assert house.read(lambda tx: tx.uploads.piece(theirs, made, 0)) == b""
    assert not house.write(lambda tx: tx.uploads.add_piece(theirs, made, 2, b"x"))
    assert not house.write(lambda tx: tx.uploads.judged(theirs, made, UploadReport()))
    assert not house.write(lambda tx: tx.uploads.start(theirs, made, NOW, NOW))
    assert not house.write(lambda tx: tx.uploads.end(theirs, made, UploadState.DONE, NOW))
    house.write(lambda tx: tx.uploads.beat(theirs, made, 7, NOW + 9))
    assert found(house, made).done == 0
    assert house.read(lambda tx: tx.uploads.newest(theirs, 9)) == []
