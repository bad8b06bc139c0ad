"""The dashboard asks for what there is, in expressions that Prometheus understands."""

import itertools
import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from .test_alerts import exported, metrics_of

FILE = Path(__file__).parents[2] / "deploy" / "grafana" / "sendrail.json"
DASHBOARD = json.loads(FILE.read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
PROMTOOL = shutil.which("promtool")


def test_it_can_be_imported():
    assert DASHBOARD["uid"]
    assert DASHBOARD["schemaVersion"] >= 36
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    # Whoever imports it chooses the data source; none of ours is named.
    sources = {json.dumps(panel["datasource"]) for panel in PANELS}
    assert sources == {json.dumps({"type": "prometheus", "uid": "${datasource}"})}
    assert {"datasource", "instance"} == {each["name"] for each in DASHBOARD["templating"]["list"]}


def test_no_panel_lies_on_another():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = set(
            itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"]))
        )
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_and_shows_what_there_is(panel):
    assert panel["description"]
    for target in panel["targets"]:
        asked = metrics_of(target["expr"])
        assert asked
        assert asked <= exported()


def test_every_metric_of_ours_is_shown():
    shown = set().union(*(metrics_of(expression) for expression in EXPRESSIONS))
    families = {name.removesuffix("_bucket") for name in shown}
    # Of a histogram its buckets are enough; how large groups are concerns only who tunes them, and
    # an endpoint that ended is an event, for which there is an alert.
    unshown = {
        name
        for name in exported()
        if name.startswith("sendrail_") and not name.endswith(("_sum", "_count", "_bucket"))
    }
    assert unshown - families == {"sendrail_webhook_endpoints_ended_total"}


@pytest.mark.skipif(PROMTOOL is None, reason="promtool, of Debian's package prometheus")
def test_prometheus_understands_every_expression(tmp_path):
    rules = [
        {
            "record": f"panel:{at}",
            "expr": expression.replace("$__rate_interval", "5m").replace("$instance", ".*"),
        }
        for at, expression in enumerate(EXPRESSIONS)
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    done = subprocess.run(
        [PROMTOOL, "check", "rules", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "duplicate" not in done.stdout
