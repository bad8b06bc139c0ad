"""Schedules over HTTP, as the public API has them and beyond."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from asking import refused, told
from marketer import A_MONDAY, FILTER, MONDAY, Marketer
from written import parsed

from sendrail.campaigns.preflight import TextRules
from sendrail.campaigns.schedule_reading import ScheduleInput
from sendrail.campaigns.schedules import ScheduleService
from sendrail.campaigns.trial_runs import TrialMaker
from sendrail.domain.audit import Actor
from sendrail.domain.destinations import ANYWHERE
from sendrail.domain.schedule import AUDIENCES_MAX, BLASTS_MAX, NAME_LENGTH_MAX
from sendrail.domain.sender import ListStatus

DAY_MS = 86_400_000
WEEKLY = {
    "is_repeating": True,
    "start_date": A_MONDAY,
    "end_date": f"{MONDAY + timedelta(weeks=12)}T00:00:00Z",
    "days_of_week": {"monday": True, "friday": True},
}


@pytest.fixture
def us(fast_door):
    return Marketer(fast_door)


def test_a_schedule_is_made_with_the_documented_fields_and_defaults(us):
    made = us.make()
    documented = {
        "name": "Deals", "send_type": "blast", "is_repeating": False, "send_time": "10:00",
        "send_date": A_MONDAY, "start_date": None, "end_date": None,
        "audiences": [us.audience], "source_lists": [], "skip_within_hours": 0,
        "use_local_time": False, "filter_bots": None, "is_mms": False, "is_cto": False,
        "automated_percent": 100, "ir_revenue": None, "status": "draft",
        "days_of_week": dict.fromkeys(made["days_of_week"], False),
        "blasts": [
            {
                "message": "Hi, deals! Reply STOP to opt out.", "percent_audience": 100,
                "offer_links": [], "variant_name": None, "mms_image_url": None,
            }
        ],
    }  # fmt: skip
    ours = {
        "frequency_cap": None, "late_zones": "skip", "late_minutes": 60, "overlap": "skip",
        "outside_hours": "hold", "send_until": None, "holdout_percent": 0, "next_run_at": None,
    }  # fmt: skip
    assert len(made["days_of_week"]) == 7
    fresh = {name: made[name] for name in ("id", "created_at", "updated_at")}
    assert made == documented | ours | fresh
    assert len(made["id"]) == 24
    assert told(us.ask("GET", f"schedules/{made['id']}")) == made
    assert us.actions()[0] == ("schedule.added", {})


def test_every_field_is_kept_and_changed(us):
    offer = us.offer()
    fields = WEEKLY | {
        "source_lists": [us.list.id],
        "skip_within_hours": 24,
        "use_local_time": True,
        "filter_bots": True,
        "is_cto": True,
        "automated_percent": 80,
        "ir_revenue": 0.25,
        "frequency_cap": {"messages": 3, "days": 7},
        "late_zones": "next_day",
        "late_minutes": 90,
        "overlap": "queue",
        "outside_hours": "skip",
        "send_until": "20:30",
        "holdout_percent": 5,
        "blasts": [
            {
                "message": "Hi {{link1}}",
                "percent_audience": 70,
                "offer_links": [{"key": "link1", "offer_id": offer, "url_params": {"s": "x"}}],
                "variant_name": "A",
                "mms_image_url": "https://shop.example/a.png",
            },
            {
                "message": "Hi",
                "percent_audience": 30,
                "offer_links": [],
                "variant_name": None,
                "mms_image_url": None,
            },
        ],
    }
    first = us.make()
    changed = told(us.put(first, **fields))["schedule"]
    days = {name: name in WEEKLY["days_of_week"] for name in first["days_of_week"]}
    expected = first | fields | {"days_of_week": days, "updated_at": changed["updated_at"]}
    assert changed == expected
    assert us.actions()[0] == (
        "schedule.changed",
        {"fields": sorted({*fields, "weekdays"} - {"days_of_week"})},
    )
    assert told(us.put(changed))["schedule"] == changed
    taken_away = told(us.put(changed, send_until="", frequency_cap={"messages": 0}))["schedule"]
    assert (taken_away["send_until"], taken_away["frequency_cap"]) == (None, None)


def test_whole_shares_may_have_a_decimal_point_and_other_numbers_say_that_they_may_not(us):
    halves = [{"message": each, "percent_audience": 50.0} for each in "ab"]
    first = us.make()
    changed = told(us.put(first, blasts=halves))["schedule"]
    assert [each["percent_audience"] for each in changed["blasts"]] == [50, 50]
    refused = us.put(first, skip_within_hours=24.0).json()
    assert refused["error"] == (
        "skip_within_hours must be a whole number, not one with a decimal point"
    )


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"name": " "}, "missing_name", "name"),
        ({"name": None}, "missing_name", "name"),
        ({"send_type": None}, "missing_send_type", "send_type"),
        ({"send_type": "drip"}, "invalid_send_type", "send_type"),
        ({"is_repeating": None}, "missing_is_repeating", "is_repeating"),
        ({"send_time": ""}, "missing_send_time", "send_time"),
        ({"audiences": []}, "missing_audiences", "audiences"),
        ({"status": "complete"}, "invalid_status", "status"),
        ({"send_date": None}, "missing_send_date", "send_date"),
        (WEEKLY | {"start_date": None}, "missing_start_date", "start_date"),
        (WEEKLY | {"end_date": None}, "missing_end_date", "end_date"),
        (WEEKLY | {"days_of_week": {}}, "no_days_selected", "days_of_week"),
        (WEEKLY | {"days_of_week": None}, "no_days_selected", "days_of_week"),
        (WEEKLY | {"end_date": A_MONDAY, "days_of_week": {"sunday": True}}, "no_days_selected",
         "days_of_week"),
        ({"blasts": []}, "missing_blasts", "blasts"),
        ({"blasts": None}, "missing_blasts", "blasts"),
        ({"blasts": [{"message": "a", "percent_audience": 99}]}, "invalid_blast_percent", "blasts"),
        ({"blasts": [{"message": each, "percent_audience": 33.33} for each in "abc"]},
         "invalid_blast_percent", "blasts[0].percent_audience"),
        ({"blasts": [{"message": "a", "percent_audience": 0.5}, {"message": "b", "percent_audience":
         99.5}]}, "invalid_blast_percent", "blasts[0].percent_audience"),
        ({"skip_within_hours": 1.5}, "invalid_field", "skip_within_hours"),
        ({"blasts": [{"message": "a"}, {"message": "b"}]}, "invalid_blast_percent",
         "blasts[0].percent_audience"),
        ({"blasts": [{"message": "a", "percent_audience": 50}, {"percent_audience": 50}]},
         "missing_blast_message", "blasts[1].message"),
        ({"audiences": ["0" * 24]}, "audience_not_found", "audiences"),
        ({"audiences": ["x"]}, "audience_not_found", "audiences"),
        ({"source_lists": [2**40]}, "source_list_not_found", "source_lists"),
        # Ours.
        ({"name": "x" * (NAME_LENGTH_MAX + 1)}, "name_too_long", "name"),
        ({"send_time": "24:00"}, "invalid_field", "send_time"),
        ({"send_date": "tomorrow"}, "invalid_field", "send_date"),
        (WEEKLY | {"end_date": str(MONDAY - timedelta(days=1))}, "invalid_field", "end_date"),
        ({"skip_within_hours": -1}, "invalid_field", "skip_within_hours"),
        ({"automated_percent": 101}, "invalid_field", "automated_percent"),
        ({"ir_revenue": -0.1}, "invalid_field", "ir_revenue"),
        ({"late_minutes": 721}, "invalid_field", "late_minutes"),
        ({"late_zones": "later"}, "invalid_field", "late_zones"),
        ({"holdout_percent": 51}, "invalid_field", "holdout_percent"),
        ({"frequency_cap": {"messages": 9, "days": 1}}, "invalid_field", "frequency_cap"),
        ({"audiences": [f"{n:024x}" for n in range(AUDIENCES_MAX + 1)]}, "invalid_field",
         "audiences"),
        ({"blasts": [{"message": "a", "percent_audience": 1}] * (BLASTS_MAX + 1)}, "invalid_field",
         "blasts"),
        ({"blasts": [{"message": "x" * 1_601}]}, "message_too_long", "blasts[0].message"),
        ({"blasts": [{"message": "\ud83d"}]}, "invalid_field", "blasts[0].message"),
        ({"blasts": [{"message": "a\0"}]}, "invalid_field", "blasts[0].message"),
        ({"blasts": [{"message": 1}]}, "invalid_field", "blasts[0].message"),
        ({"blasts": [{"message": "a", "mms_image_url": "ftp://x"}]}, "invalid_url",
         "blasts[0].mms_image_url"),
        ({"blasts": [{"message": "a", "offer_links": [{"key": "link1"}]}]},
         "missing_offer_link_offer_id", "blasts[0].offer_links"),
    ],
)  # fmt: skip
def test_a_fault_is_told_by_its_documented_code_and_the_way_to_it(us, change, code, param):
    refused(us.post(**change), code, param)


def test_an_offer_that_is_not_there_is_the_schedules_fault(us):
    blast = {"message": "a", "offer_links": [{"key": "link1", "offer_id": "0" * 24}]}
    error = told(us.post(blasts=[blast]), 400)
    assert error["code"] == "offer_not_found"
    assert error["param"] == "blasts[0].offer_links[0].offer_id"


def test_a_change_leaves_a_whole_schedule(us):
    made = us.make()
    refused(us.put(made, is_repeating=True), "missing_start_date", "start_date")
    refused(us.put(made, blasts=[]), "missing_blasts", "blasts")
    refused(us.put(made, audiences=[]), "missing_audiences", "audiences")
    assert told(us.put(made, send_type="automated"))["schedule"]["send_type"] == "automated"


def test_a_schedule_is_switched_on_completed_and_then_stays(us):
    made = us.make(status="on")
    assert made["next_run_at"] == f"{MONDAY}T15:00:00Z"
    assert told(us.put(made, send_time="11:00"))["schedule"]["next_run_at"].startswith(
        f"{MONDAY}T16"
    )
    refused(us.put(made, status="draft"), "invalid_status", "status")
    off = told(us.put(made, status="off"))["schedule"]
    assert (off["status"], off["next_run_at"]) == ("off", None)
    assert told(us.put(made, status="complete"))["schedule"]["status"] == "complete"
    refused(us.put(made, name="Other"), "schedule_complete")
    refused(us.put(made, status="on"), "schedule_complete")


def test_schedules_are_listed_and_an_archived_one_comes_back(us):
    first, second = us.make(), us.make(status="on")
    listed = lambda query="": told(us.ask("GET", f"schedules{query}"))["schedules"]  # noqa: E731
    assert listed() == [second, first]
    assert listed("?status=on") == [second]
    path = f"schedules/{second['id']}"
    for _ in range(2):
        assert told(us.ask("DELETE", path)) == {"success": True, "archived": True}
    assert listed() == [first]
    [archived] = listed("?status=archive")
    assert (archived["id"], archived["next_run_at"]) == (second["id"], None)
    assert [each[0] for each in us.actions()].count("schedule.archived") == 1
    assert told(us.put(second, status="draft"))["schedule"]["status"] == "draft"
    refused(us.ask("GET", "schedules?status=gone"), "invalid_parameter", "status")
    refused(us.ask("GET", f"schedules/{'0' * 24}"), "not_found")


def test_an_account_has_so_many_schedules(us):
    runtime = us.door.runtime
    rules = TextRules(10, 1_600)
    trials = TrialMaker(runtime.links, runtime.limits, runtime.openings)
    few = ScheduleService(runtime.store, trials, rules, ANYWHERE, lambda: 1, most=1)
    us.make()
    given = ScheduleInput(
        name="x", send_type="automated", is_repeating=False, send_time="10:00",
        send_date=str(MONDAY), audiences=[us.audience],
    )  # fmt: skip
    with pytest.raises(Exception, match="at most 1 schedules"):
        us.door.do(few.add(us.id, given, Actor(name="a test")))


def test_what_a_schedule_had_may_go_and_what_is_new_must_be_there(us):
    made = us.make()
    told(us.ask("DELETE", f"audiences/{us.audience}"))
    assert told(us.put(made, name="Renamed"))["schedule"]["audiences"] == [us.audience]
    refused(us.post(), "audience_not_found", "audiences")
    refused(us.put(made, status="on"), "audience_not_found", "audiences")
    # It has no members and no lists either, but that is not what is to be mended.
    [error] = us.checked(made)["errors"]
    assert error["code"] == "audience_not_found"


def errors(us, **more):
    found = us.checked(us.make(**more))
    assert found["ok"] is (not found["errors"])
    return [(each["code"], each["param"]) for each in found["errors"]]


def test_a_good_schedule_passes_and_its_first_run_is_told(us):
    found = us.checked(us.make())
    assert (found["errors"], found["first_run_at"]) == ([], f"{MONDAY}T15:00:00Z")
    assert found["warnings"] == []
    local = us.make(use_local_time=True)
    # Puerto Rico may have contacts any time.
    assert us.checked(local)["first_run_at"] == f"{MONDAY}T14:00:00Z"
    guam = parsed(f"+1671{us.door.recipient()[-7:]}")
    us.door.do(us.door.runtime.contacts.add(us.id, us.list.number, guam))
    assert us.checked(local)["first_run_at"] == f"{MONDAY}T00:00:00Z"
    us.door.write(lambda tx: tx.accounts.set_timezone(us.id, "Europe/Oslo"))
    assert us.checked(us.make())["first_run_at"] == f"{MONDAY}T09:00:00Z"


def test_a_preflight_names_every_error_and_refuses_to_switch_on(us):
    paused, offer = us.offer(status="paused"), us.offer()
    link = lambda ref: [{"key": "link1", "offer_id": ref}]  # noqa: E731
    text = lambda message, links=(): {  # noqa: E731
        "blasts": [{"message": message, "offer_links": list(links)}]
    }
    message = "blasts[0].message"
    links = "blasts[0].offer_links"
    for more, code, param in (
        ({"send_date": "2020-01-01"}, "send_time_passed", "send_date"),
        (text("{{link1}}", link(paused)), "offer_paused", links),
        (text("{{link1}}"), "missing_offer_links_for_placeholders", links),
        (text("Hi", link(offer)), "missing_link_placeholder", message),
        (text("{{link1"), "unknown_macro", message),
        (text("Hi {{first_name}}"), "missing_default", message),
        (text("a" * 1_600), "message_too_long", message),
        ({"send_type": "automated"}, "no_creatives", "send_type"),
        ({"is_mms": True}, "mms_unsupported", "is_mms"),
    ):
        assert errors(us, **more) == [(code, param)], more
        refused(us.post(status="on", **more), code, param)
    assert errors(us, **text("Hi {{plan}}")) == []


def test_a_preflight_looks_at_lists_audiences_and_words(us):
    empty = told(
        us.ask("POST", "audiences", {"name": "None", "filter": {
            "operator": "AND", "conditions": [FILTER["conditions"][0] | {"value": "none"}]}})
    )["id"]  # fmt: skip
    assert errors(us, audiences=[empty]) == [("audience_empty", "audiences")]
    other = us.door.do(
        us.door.runtime.lists.add(us.id, parsed(us.door.recipient()), connector="sandbox")
    ).sender
    assert errors(us, source_lists=[other.id]) == [("audience_empty", "audiences")]
    us.door.write(lambda tx: tx.accounts.set_blocked_words(us.id, "deals"))
    assert errors(us) == [("blocked_content", "blasts[0].message")]
    us.door.write(lambda tx: tx.accounts.set_blocked_words(us.id, ""))
    us.door.write(lambda tx: tx.lists.change(us.id, us.list.id, status=ListStatus.PAUSED))
    assert ("list_inactive", "source_lists") in errors(us, source_lists=[us.list.id])


def test_warnings_stand_in_the_answer_and_hinder_nothing(us):
    saved = told(us.post(status="on", send_time="22:00", blasts=[{"message": "Größe \u2019"}]))
    codes = {each["code"] for each in saved["warnings"]}
    assert {"quiet_hours_overlap", "not_gsm7"} <= codes
    assert told(us.post())["warnings"] == []


def test_what_is_switched_on_after_its_hour_begins_with_the_next_day(us):
    now = datetime.fromtimestamp(us.door.runtime.clock.now() / 1000, ZoneInfo("America/New_York"))
    daily = WEEKLY | {
        "start_date": "2026-01-01",
        "end_date": f"{now.year + 2}-01-01",
        "days_of_week": dict.fromkeys(
            ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), True
        ),
    }
    earlier = us.make(status="on", send_time=f"{now:%H:%M}", **daily)
    begins = datetime.fromisoformat(earlier["next_run_at"])
    # A day has 23 hours at the least, and the minute has begun.
    assert 23 * 3600 - 60 < (begins - now).total_seconds() <= 25 * 3600
