"""Each alert goes off for what it says, stays silent otherwise, and has a page that helps."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from sendrail.telemetry import Metrics

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "prometheus" / "alerts.yaml"
[GROUP] = yaml.safe_load(FILE.read_text("utf-8"))["groups"]
RULES = {rule["alert"]: rule for rule in GROUP["rules"]}
PAGES = ROOT / "docs" / "operate" / "runbooks"
# The questions somebody has whom an alert has just woken.
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Escalation"]
JOB = '{job="sendrail"}'
PROMTOOL = shutil.which("promtool")
# The counters the rules ask about that every process has from its start, at rest.
CALM = {
    f"up{JOB}": "1x480",
    f"process_start_time_seconds{JOB}": "1x480",
    f"process_open_fds{JOB}": "100x480",
    f"process_max_fds{JOB}": "65536x480",
    'sendrail_build_info{version="1"}': "1x480",
    'sendrail_accept_seconds_bucket{le="0.05"}': "0+100x480",
    'sendrail_accept_seconds_bucket{le="0.1"}': "0+100x480",
    'sendrail_accept_seconds_bucket{le="+Inf"}': "0+100x480",
    'sendrail_commit_seconds_bucket{le="0.05"}': "0+100x480",
    'sendrail_commit_seconds_bucket{le="0.1"}': "0+100x480",
    'sendrail_commit_seconds_bucket{le="+Inf"}': "0+100x480",
    'sendrail_orders_refused_total{code="duplicate_message"}': "0+50x480",
    "sendrail_messages_waiting": "500x480",
    "sendrail_queue_oldest_seconds": "5x480",
    "sendrail_messages_claimed_total": "0+1000x480",
    "sendrail_messages_sent_total": "0+1000x480",
    "sendrail_messages_uncertain_total": "0+1x480",
    'sendrail_messages_dropped_total{reason="contact_blocked"}': "0+10x480",
    'sendrail_messages_ended_total{status="delivered"}': "0+900x480",
    'sendrail_messages_ended_total{status="failed"}': "0+100x480",
    'sendrail_connector_open{connector="a"}': "1x480",
    'sendrail_connector_paused{connector="a"}': "0x480",
    'sendrail_connector_open{connector="resting"}': "0x480",
    'sendrail_connector_paused{connector="resting"}': "1x480",
    'sendrail_connector_throttles_total{connector="a"}': "0+1x480",
    "sendrail_callbacks_stored_total": "0+1000x480",
    'sendrail_receipts_total{fate="applied"}': "0+1000x480",
    'sendrail_callbacks_unproved_total{kind="twilio"}': "0+0x480",
    "sendrail_callbacks_refused_kept": "0x480",
    "sendrail_callbacks_refused_texts": "0x480",
    "sendrail_webhook_events_waiting": "50x480",
    'sendrail_webhook_endpoints_ended_total{state="paused"}': "1x480",
    "sendrail_webhook_events_given_up_total": "3x480",
    "sendrail_disk_free_bytes": "50000000000-1000000x480",
    "sendrail_clicks_lost_total": "3x480",
    # Scanners look at every host.
    "sendrail_link_misses_total": "0+20x480",
    "sendrail_storage_log_bytes": "4000000x480",
}
# A carrier that only brings replies: a counter with a label is not there before its first count.
ONLY_REPLIES = {name: series for name, series in CALM.items() if "receipts" not in name} | {
    'sendrail_replies_total{keyword="other"}': "0+10x480"
}
# What is different from the calm when an alert has to go off; a minute apart, for eight hours.
TROUBLE = {
    "SendrailDown": {f"up{JOB}": "1x400 0x80"},
    "SendrailRestarts": {f"process_start_time_seconds{JOB}": "1x470 2 3 4 5 6 7 8 9 10 11"},
    "SendrailMixedVersions": {'sendrail_build_info{version="2"}': "1x480"},
    "SendrailAcceptSlow": {
        'sendrail_accept_seconds_bucket{le="0.05"}': "0+90x480",
        'sendrail_accept_seconds_bucket{le="0.1"}': "0+90x480",
        'sendrail_accept_seconds_bucket{le="0.5"}': "0+100x480",
    },
    "SendrailOverloaded": {'sendrail_orders_refused_total{code="overloaded"}': "0+60x480"},
    "SendrailQueueLate": {"sendrail_queue_oldest_seconds": "700x480"},
    "SendrailMessagesStale": {
        'sendrail_messages_dropped_total{reason="stale"}': "0x470 0+1x10",
    },
    "SendrailNothingSent": {
        "sendrail_messages_claimed_total": "7x480",
        "sendrail_queue_oldest_seconds": "100x480",
    },
    "SendrailUncertain": {"sendrail_messages_uncertain_total": "0+20x480"},
    "SendrailMessagesFailing": {'sendrail_messages_ended_total{status="failed"}': "0+400x480"},
    "SendrailConnectorClosed": {'sendrail_connector_open{connector="a"}': "1x400 0x80"},
    "SendrailConnectorThrottled": {'sendrail_connector_throttles_total{connector="a"}': "0+3x480"},
    "SendrailInboxStalled": {'sendrail_receipts_total{fate="applied"}': "9x480"},
    "SendrailNoReceipts": {
        "sendrail_callbacks_stored_total": "9x480",
        'sendrail_receipts_total{fate="applied"}': "9x480",
    },
    "SendrailCallbacksUnproved": {'sendrail_callbacks_unproved_total{kind="twilio"}': "0+3x480"},
    "SendrailCallbacksRefused": {"sendrail_callbacks_refused_kept": "0x470 1x10"},
    "SendrailTextsRefused": {"sendrail_callbacks_refused_texts": "0x470 1x10"},
    "SendrailWebhooksLate": {"sendrail_webhook_events_waiting": "9000+10x480"},
    "SendrailWebhookEndpointEnded": {
        'sendrail_webhook_endpoints_ended_total{state="paused"}': "1x470 2x10",
    },
    "SendrailWebhookEventsGivenUp": {"sendrail_webhook_events_given_up_total": "3x470 4x10"},
    "SendrailTrackingDomainFailing": {"sendrail_tracking_domains_failing": "1x480"},
    "SendrailClicksLost": {"sendrail_clicks_lost_total": "0x460 0+2x20"},
    "SendrailClicksSetAside": {"sendrail_clicks_set_aside_total": "0x470 1x10"},
    "SendrailLinksGuessed": {"sendrail_link_misses_total": "0+90x480"},
    "SendrailJourneysHeld": {"sendrail_journey_lists_held": "0x440 1x40"},
    "SendrailJourneyTurnsFailing": {"sendrail_journey_turns_failed_total": "0x470 1x10"},
    "SendrailCommitSlow": {
        'sendrail_commit_seconds_bucket{le="0.05"}': "0+90x480",
        'sendrail_commit_seconds_bucket{le="0.1"}': "0+90x480",
        'sendrail_commit_seconds_bucket{le="0.5"}': "0+100x480",
    },
    "SendrailDiskFilling": {"sendrail_disk_free_bytes": "50000000000-50000000x480"},
    "SendrailDiskNearlyFull": {"sendrail_disk_free_bytes": "400000000x480"},
    "SendrailLogGrows": {"sendrail_storage_log_bytes": "2000000000x480"},
    "SendrailFilesRunOut": {f"process_open_fds{JOB}": "60000x480"},
}


def metrics_of(expression: str) -> set[str]:
    """Return the metrics an expression asks for."""
    return set(re.findall(r"\b(?:sendrail|process|up)(?:_\w+)?\b(?!\")", expression))


def exported() -> set[str]:
    """Return the names of all samples a process shows, of those without a child as well."""
    names = {"up"}
    for family in Metrics().registry.collect():
        ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        names |= {family.name + end for end in ends.get(family.type, [""])}
    return names


def firing(tmp_path: Path, *cases: dict[str, str]) -> list[set[str]]:
    """Return for each case of series which alerts are firing at its end, as Prometheus says."""
    found = []
    for at, series in enumerate(cases):
        test = {
            "rule_files": [str(FILE)],
            # A fifth of the work of each minute's, and of the hours nothing is left out.
            "evaluation_interval": "5m",
            "tests": [
                {
                    "interval": "1m",
                    "input_series": [{"series": s, "values": v} for s, v in series.items()],
                    "promql_expr_test": [
                        {
                            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                            "eval_time": "8h",
                            # Nothing: what there is instead is printed.
                            "exp_samples": [{"labels": "{none='of this'}", "value": 1}],
                        }
                    ],
                }
            ],
        }
        path = tmp_path / f"{at}.yaml"
        path.write_text(yaml.safe_dump(test), "utf-8")
        done = subprocess.run(
            [PROMTOOL, "test", "rules", path], capture_output=True, text=True, check=False
        )
        assert "got:" in done.stdout + done.stderr, done.stdout + done.stderr
        got = (done.stdout + done.stderr).split("got:")[1]
        found.append(set(re.findall(r'alertname="(\w+)"', got)))
    return found


@pytest.mark.parametrize("name", RULES)
def test_an_alert_asks_for_metrics_that_there_are(name):
    asked = metrics_of(RULES[name]["expr"])
    assert asked
    assert asked <= exported()


@pytest.mark.parametrize("name", RULES)
def test_an_alert_says_how_bad_it_is_and_where_help_stands(name):
    rule = RULES[name]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert ROOT / rule["annotations"]["runbook"] == PAGES / f"{name}.md"
    page = (PAGES / f"{name}.md").read_text("utf-8")
    assert page.startswith(f"# {name}\n")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == HEADINGS
    # A page that is copied from another says the wrong thing at three in the morning.
    assert rule["annotations"]["summary"].split("{{")[0].strip(" .") in page


def test_every_page_belongs_to_an_alert_and_stands_in_the_index():
    pages = {page.stem for page in PAGES.glob("*.md")} - {"README"}
    assert pages == set(RULES)
    index = (PAGES / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \|", index, re.MULTILINE)
    assert listed == [(name, name, rule["labels"]["severity"]) for name, rule in RULES.items()]


def test_every_alert_is_tried():
    assert list(TROUBLE) == list(RULES)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool, of Debian's package prometheus")
def test_on_a_calm_day_nobody_is_woken(tmp_path):
    assert firing(tmp_path, CALM, ONLY_REPLIES) == [set(), set()]


@pytest.mark.long
@pytest.mark.skipif(PROMTOOL is None, reason="promtool, of Debian's package prometheus")
def test_an_alert_goes_off_for_its_own_trouble(tmp_path):
    found = firing(tmp_path, *(CALM | trouble for trouble in TROUBLE.values()))
    silent = [name for name, fired in zip(TROUBLE, found, strict=True) if name not in fired]
    assert silent == []
    # One trouble may be seen from two sides, but not from everywhere.
    assert all(len(fired) <= 2 for fired in found), found


@pytest.mark.skipif(PROMTOOL is None, reason="promtool, of Debian's package prometheus")
def test_prometheus_takes_the_files():
    for what, file in (("config", "prometheus.yaml"), ("rules", "alerts.yaml")):
        subprocess.run([PROMTOOL, "check", what, FILE.with_name(file)], check=True)
