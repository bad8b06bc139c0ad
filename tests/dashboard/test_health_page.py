"""The page of health: the doctor's lines with what helps, for operators only."""

import pytest
from dashboard_site import Elements
from written import parsed

from sendrail.domain.user import Role


@pytest.fixture
def site(fresh_site):
    return fresh_site


@pytest.fixture
def operator(site):
    return site.signed_in("op@example.com", Role.OWNER, is_operator=True)


def test_an_operator_sees_what_the_doctor_finds(site, operator):
    text = Elements(operator.page("/health")).text
    for check in ("version", "sqlite", "data folder", "database", "master key", "open files"):
        assert f"Well {check} " in text, check
    assert "One process does everything here" in text
    assert "Messages in the queue 0" in text
    assert "sandbox" in text
    owner = site.signed_in("owner@example.com", Role.OWNER)
    assert owner.get("/health").status_code == 404
    assert "/dashboard/health" not in Elements(owner.page("/")).links()


def test_what_is_wrong_stands_first_with_what_helps(site, operator):
    folder = site.runtime.settings.data_dir
    folder.chmod(0o755)
    try:
        text = Elements(operator.page("/health")).text
    finally:
        folder.chmod(0o700)
    assert "Look at it data folder" in text
    assert f"What helps: chmod 700 {folder}" in text
    assert text.index("Look at it data folder") < text.index("Well version")
    assert "a look" in text


def test_what_waits_is_counted_and_a_broken_connector_named(site, operator):
    number = "+15557900001"
    site.do(site.runtime.lists.add(site.us, parsed(number), connector="sandbox"))
    site.send("+15557910001", number, "Hello")
    site.write(
        lambda tx: tx.core.exec_driver_sql(
            "INSERT INTO connector_states VALUES (?, ?, ?, ?)", (1, "broken", "no such <x-evil>", 5)
        )
    )
    html = operator.page("/health")
    assert "<x-evil>" not in html
    text = Elements(html).text
    assert "Messages in the queue 1 oldest due" in text
    assert "Broken sandbox no such <x-evil>" in text
    assert "What helps: sendrail connectors test sandbox" in text
    site.do(site.runtime.connectors.pause(site.us, "sandbox"))
    text = Elements(operator.page("/health")).text
    assert "Paused sandbox" in text
    assert "What helps: sendrail connectors resume sandbox" in text
