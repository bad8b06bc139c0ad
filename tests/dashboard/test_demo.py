"""`sendrail demo`, asked over the API for what it promises."""

import shutil

import httpx
import pytest
from dashboard_site import Site
from demo_folder import demo, small_demo


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    made, folder = small_demo(tmp_path_factory)
    site = Site(shutil.copytree(folder, tmp_path_factory.mktemp("asked") / "data"))
    transport = httpx.ASGITransport(app=site.app, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    def get(path, **query):
        answer = site.do(
            client.get(f"/api/v2/{path}", params=query, headers={"X-Api-Key": made["api_key"]})
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    yield get
    site.do(client.aclose())
    site.close()


def test_people_were_written_to_and_some_of_it_failed(ask):
    def count(status):
        return ask("messages", status=status, per_page=1)["pagination"]["total"]

    assert count("delivered") > 100
    assert count("undelivered") + count("failed") > 0
    # Some are left for a server to deliver.
    assert count("queued") >= 4
    contacts = ask("contacts")
    assert contacts["pagination"]["total"] >= 150


def test_campaigns_have_run_and_one_is_paused_and_one_is_coming(ask):
    schedules = ask("schedules", per_page=100)["schedules"]
    names = {each["name"]: each for each in schedules}
    assert names["Spring cleaning"]["status"] == "draft"
    assert names["Holiday preview"]["status"] == "on"
    [paused] = ask(f"schedules/{names['Tents, last pieces']['id']}/runs")["runs"]
    assert (paused["state"], paused["planned"] > 0) == ("paused", True)
    [finished] = ask(f"schedules/{names['Boots are in']['id']}/runs")["runs"]
    assert finished["state"] == "finished"
    assert [each["planned"] > 0 for each in finished["variants"]] == [True, True]


def test_contacts_are_on_journeys(ask):
    journeys = {each["name"]: each for each in ask("journeys", per_page=100)["journeys"]}
    assert journeys["Birthday"]["status"] == "draft"
    welcome = ask(f"journeys/{journeys['Welcome series']['id']}/stats")
    assert sum(step["here"] for step in welcome["steps"]) > 0


def test_the_same_folder_is_not_filled_twice(tmp_path_factory, tmp_path):
    _, folder = small_demo(tmp_path_factory)
    folder = shutil.copytree(folder, tmp_path / "data")
    answer, code = demo("--data", str(folder), "--days", "2")
    assert (code, answer["code"]) == (1, "not_fresh")
