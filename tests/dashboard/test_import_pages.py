"""Import: a file is judged before anything is stored, brought in when it was seen, and followed."""

import re

import pytest
from dashboard_site import ME, Elements
from written import parsed

from sendrail.api.limits import FORM_BYTES_MAX
from sendrail.contacts.uploads import SILENT_MS_MAX
from sendrail.domain.upload import (
    UPLOAD_BYTES_MAX,
    UPLOAD_NAME_LENGTH_MAX,
    UPLOAD_REASONS_MAX,
    UPLOADS_MAX,
)
from sendrail.domain.user import Role

LIST = "+15557000001"
FILE = (
    "phone_number,first_name,consent_date,shoe_size\n"
    "+15557100001,Ana,2026-01-31,9\n"
    "+15557100002,Ben,,9\n"
    "12,Bad,,9\n"
    "+15557100003,Left,,9\n"
    "+15557100004,Blocked,,9\n"
)


class Importer:
    def __init__(self, site):
        self.site, self.runtime = site, site.runtime
        site.do(self.runtime.lists.add(site.us, parsed(LIST), connector="sandbox"))
        contacts = self.runtime.contacts
        left = parsed("+15557100003")
        site.do(contacts.add(site.us, parsed(LIST), left))
        site.do(contacts.remove(site.us, parsed(LIST), left, source="test"))
        site.do(self.runtime.blocks.add(site.us, parsed("+15557100004")))
        self.browser = site.signed_in("importer@example.com", Role.MEMBER)

    def choose(self, content, name="spring.csv", **fields):
        """Send the form as a browser does: fields first, then the file."""
        form = {"form_token": self.browser.token, "list": LIST, "source": "", "country": ""}
        return self.browser.ask(
            "POST", "/contacts/import", data=form | fields, files={"file": (name, content)}
        )

    def chosen(self, content=FILE, name="spring.csv", **fields):
        answer = self.choose(content, name, **fields)
        assert answer.status_code == 303, answer.text[-600:]
        return answer.headers["location"].removeprefix("/dashboard")

    def bring_in(self, path):
        answer = self.browser.post(f"{path}/start")
        assert answer.status_code == 303, answer.text[-600:]
        self.site.do(self.runtime.uploads.step())

    def contact(self, number):
        return self.site.do(self.runtime.contacts.show(self.site.us, parsed(LIST), parsed(number)))


@pytest.fixture(scope="module")
def importer(site):
    return Importer(site)


def outcomes(page):
    """Return the counts of a report by their titles."""
    rows = re.findall(r'<span class="status \w+">([^<]+)</span></th><td class="num">(\d+)', page)
    return {title: int(count) for title, count in rows}


def test_a_file_is_judged_first_and_brought_in_once_that_was_seen(importer):
    path = importer.chosen(source="shop checkout")
    page = importer.browser.page(path)
    judged = {
        "New contacts": 2,
        "Known contacts, new to the list": 0,
        "On the list already, brought up to date": 0,
        "Opted out, passed over": 1,
        "Blocked, passed over": 1,
        "Refused": 1,
    }
    assert outcomes(page) == judged
    assert "What would happen to the rows" in page
    # The row that cannot be used, by its line, and the column that has no place.
    assert re.search(r'<th scope="row" class="num">4</th>', page)
    assert "<code>shoe_size</code>" in page
    with pytest.raises(Exception, match="no contact"):
        importer.contact("+15557100001")
    importer.bring_in(path)
    page = importer.browser.page(path)
    assert outcomes(page) == judged
    assert "2 rows are in" in page
    found = importer.contact("+15557100001")
    assert (found.first_name, found.facts.ad_network_source) == ("Ana", "shop checkout")
    past = Elements(importer.browser.page("/contacts/import")).text
    assert "Past imports" in past
    assert "user importer@example.com" in past
    again = importer.browser.post(f"{path}/start")
    assert again.status_code == 409


def test_columns_go_into_custom_fields_as_somebody_says(importer):
    path = importer.chosen(FILE.replace("+155571", "+155573"), name="fields.csv")
    text = Elements(importer.browser.page(path)).text
    assert "first_name First name" in text
    assert "Custom field for shoe_size" in text
    columns = f"{path}/columns"
    refused = importer.browser.post(columns, column="shoe_size", field="x" * 101, type="number")
    assert refused.status_code == 400
    assert "The columns were not set" in refused.text
    # What was chosen stands there again.
    assert '<option value="number" selected>' in refused.text
    odd = importer.browser.post(columns, column="shoe_size", field="x", type="<b>")
    assert odd.status_code == 400
    assert "The types are text, number, boolean." in odd.text
    assert "<b>" not in odd.text.split("The columns were not set")[1].split("</div>")[0]
    with pytest.raises(Exception, match="no contact"):
        importer.contact("+15557300001")
    answer = importer.browser.post(columns, column="shoe_size", field=" size ", type="number")
    assert answer.status_code == 303, answer.text[-500:]
    page = importer.browser.page(path)
    assert 'value="size"' in page
    assert '<option value="number" selected>Number' in page
    assert outcomes(page)["New contacts"] == 4
    importer.bring_in(path)
    assert importer.contact("+15557300001").custom_fields == {"size": 9}
    assert "Custom field size Number" in Elements(importer.browser.page(path)).text
    assert (
        importer.browser.post(columns, column="shoe_size", field="x", type="text").status_code
        == 409
    )


def test_faults_stand_beside_their_fields_and_keep_what_was_typed(importer):
    for content, fields, field, says in (
        (b"name\nAna\n", {}, "file", "phone_number"),
        (b"", {}, "file", "empty"),
        (FILE, {"country": "ZZ"}, "country", "two letters"),
        (FILE, {"source": "x" * 256}, "source", "at most 255"),
        (FILE, {"list": "+15550009999"}, "list", "list"),
    ):
        answer = importer.choose(content, **{"source": "a shop"} | fields)
        assert answer.status_code == 400, answer.text[-500:]
        assert f'id="w-{field}"' in answer.text, (field, answer.text[-900:])
        assert says in answer.text
        if field != "source":
            assert 'value="a shop"' in answer.text
    nothing = importer.browser.ask(
        "POST", "/contacts/import", data={"form_token": importer.browser.token, "list": LIST}
    )
    assert nothing.status_code == 400
    assert "Choose a file." in nothing.text


def test_a_form_with_a_file_needs_its_token_too(importer):
    answer = importer.choose(FILE, form_token="0" * 64)
    assert answer.status_code == 403
    assert "too old" in answer.text


def test_so_many_files_wait_at_most_and_a_discarded_one_makes_room(importer):
    paths = [importer.chosen() for _ in range(UPLOADS_MAX)]
    answer = importer.choose(FILE)
    assert answer.status_code == 400
    assert "5 files of this account wait already" in answer.text
    for path in paths:
        assert importer.browser.post(f"{path}/discard").status_code == 303
    assert "This file was discarded" in importer.browser.page(paths[0])
    assert importer.browser.post(f"{paths[0]}/start").status_code == 409


def test_an_import_that_was_cut_off_is_shown_as_that_and_can_be_begun_again(importer):
    site, path = importer.site, importer.chosen(FILE.replace("+155571", "+155572"))
    assert importer.browser.post(f"{path}/start").status_code == 303
    page = importer.browser.page(path)
    assert 'data-live="2"' in page
    assert ">0 %</progress>" in page
    assert importer.browser.post(f"{path}/start").status_code == 409
    # The process that had begun it is gone.
    site.runtime.uploads._started.clear()
    upload_id = int(path.rpartition("/")[2])
    long_ago = site.runtime.clock.now() - SILENT_MS_MAX
    site.write(lambda tx: tx.uploads.beat(site.us, upload_id, 10, long_ago))
    assert "The import was broken off" in importer.browser.page(path)
    importer.bring_in(path)
    assert "rows are in" in importer.browser.page(path)


def test_a_file_whose_import_had_begun_is_not_said_to_have_stored_nothing(importer):
    site = importer.site
    for ended, said in (("discard", "that stored stays"), ("fail", "was imported in part")):
        path = importer.chosen(FILE.replace("+155571", "+155573"))
        upload_id = int(path.rpartition("/")[2])
        importer.browser.post(f"{path}/start")
        # Its process is gone, half way.
        [(upload, _)] = site.runtime.uploads._started
        site.runtime.uploads._started.clear()
        long_ago = site.runtime.clock.now() - SILENT_MS_MAX
        site.write(lambda tx, it=upload_id, at=long_ago: tx.uploads.beat(site.us, it, 10, at))
        if ended == "discard":
            importer.browser.post(f"{path}/discard")
        else:
            site.do(site.runtime.uploads._fail(upload, "The storage did not answer."))
        page = importer.browser.page(path)
        assert said in page
        assert "Nothing of it was stored" not in page


def test_a_file_that_waits_goes_when_a_person_is_erased(importer):
    site, path = importer.site, importer.chosen()
    site.do(site.runtime.erasure.erase(site.us, parsed("+15557100009"), ME))
    page = importer.browser.page(path)
    assert "data was erased while the file waited" in page
    while site.write(lambda tx: tx.uploads.forget(0, 0)):
        pass
    left = site.write(
        lambda tx: tx.core.exec_driver_sql("SELECT count(*) FROM upload_pieces").scalar_one()
    )
    assert left == 0


def test_a_file_and_its_report_have_their_limits(importer):
    declared = {"content-length": str(UPLOAD_BYTES_MAX + FORM_BYTES_MAX + 1)}
    form = {"form_token": importer.browser.token, "list": LIST}
    answer = importer.browser.ask(
        "POST", "/contacts/import", data=form, files={"file": ("a.csv", FILE)}, headers=declared
    )
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"
    assert "larger than" in answer.text
    path = importer.chosen("phone_number\n" + "12\n" * (UPLOAD_REASONS_MAX + 1), name="x" * 300)
    page = importer.browser.page(path)
    assert "the first 200 of 201" in page
    assert "x" * UPLOAD_NAME_LENGTH_MAX in page
    assert "x" * (UPLOAD_NAME_LENGTH_MAX + 1) not in page
    assert importer.browser.post(f"{path}/discard").status_code == 303
