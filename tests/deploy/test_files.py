"""The deploy files agree with the code: settings, ports, paths, commands, the time of a stop."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
import yaml

from sendrail import __version__
from sendrail.cli.main import app
from sendrail.drain import CLOSING_SECONDS
from sendrail.settings import Settings, load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "sendrail"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
VALUES = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
OURS = {
    name: service
    for name, service in COMPOSE["services"].items()
    if service["image"].startswith("sendrail")
}
# The roles come with the same release as these files; until they are there, theirs is the only word
# that may be unknown.
COMING = {"--role"}
# What Kubernetes grants when nobody tells it otherwise.
GRANTED_SECONDS = 30
# A thousand connections want more files than a shell gives.
FILES_MIN = 4_096
# Above this systemd-analyze calls a unit exposed.
EXPOSURE_MAX = 20


def settings_in(text: str) -> set[str]:
    """Return the settings a file gives by environment variables."""
    names = re.findall(r"\bSENDRAIL_([A-Z_]+)\b", text)
    return {name.removesuffix("_FILE").lower() for name in names if not name.endswith("_")}


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def directives(unit: Path) -> dict[str, str]:
    lines = re.findall(r"^(\w+)=(.*)$", unit.read_text("utf-8"), re.MULTILINE)
    return dict(lines)


@pytest.mark.parametrize(
    "file",
    [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()],
    ids=lambda path: path.relative_to(DEPLOY).as_posix(),
)
def test_every_setting_a_file_gives_is_one(file):
    unknown = settings_in(file.read_text("utf-8")) - set(Settings.__slots__)
    assert unknown <= COMING


def test_a_misspelt_setting_is_noticed():
    assert settings_in("SENDRAIL_PROT=1 SENDRAIL_DATABASE_URL_FILE=x") - {"database_url"} == {
        "prot"
    }


# Units


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_grants_the_time_that_a_stop_takes(unit):
    assert Settings().drain_seconds + CLOSING_SECONDS < int(directives(unit)["TimeoutStopSec"])
    assert int(directives(unit)["TimeoutStopSec"]) <= GRANTED_SECONDS


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_says_what_must_not_be_forgotten(unit):
    said = directives(unit)
    assert said["NoNewPrivileges"] == "yes"
    assert said["ProtectSystem"] == "strict"
    assert said["Restart"] == "on-failure"
    assert int(said["LimitNOFILE"]) >= FILES_MIN
    # The data folder is the one that systemd makes for it.
    assert said["StateDirectory"] == "sendrail"
    assert "SENDRAIL_DATA_DIR=/var/lib/sendrail " in said["Environment"] + " "
    # A first start announces a key on standard output, which must not be kept in a journal.
    assert said["StandardOutput"] == "null"


def test_the_units_differ_only_by_the_role():
    one, many = (
        re.sub(r"^#.*\n", "", unit.read_text("utf-8"), flags=re.MULTILINE) for unit in UNITS
    )
    for added in (" --role %i", ": %i", "EnvironmentFile=-/etc/sendrail/%i.env\n"):
        assert added in many
        many = many.replace(added, "")
    assert many == one


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze, of systemd")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_unit_and_finds_little_exposed(unit, tmp_path):
    text = unit.read_text("utf-8").replace("/opt/sendrail/bin/sendrail", "/bin/true")
    path = tmp_path / unit.name.replace("@", "@api")
    path.write_text(text, "utf-8")
    verified = subprocess.run(
        ["systemd-analyze", "verify", path], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout


def test_the_settings_file_of_the_units_is_empty_until_somebody_fills_it():
    text = (DEPLOY / "systemd" / "sendrail.env").read_text("utf-8")
    assert all(line.startswith("#") for line in text.splitlines() if line)
    # What it proposes can be taken as it stands.
    proposed = dict(re.findall(r"^#(SENDRAIL_\w+)=(.*)$", text, re.MULTILINE))
    assert load(proposed).public_url == "https://sms.example.com"


# The image


def test_the_image_takes_what_others_wrote_by_its_hash_and_runs_as_nobody():
    installs = re.findall(r"/pip (?:install|wheel) (.+?)(?: \\\\)?$", DOCKERFILE, re.MULTILINE)
    assert len(installs) == 4
    # By hash, or from nowhere at all: neither a package nor what builds one comes unseen.
    for words in installs:
        assert "--require-hashes" in words or "--no-index" in words
        assert "--no-build-isolation" in words or not words.endswith(" .")
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    # The last words for a process: no shell between it and its signals.
    for word in ("ENTRYPOINT", "CMD"):
        assert all(
            rest.startswith("[")
            for rest in re.findall(rf"^\s*{word} (.*)$", DOCKERFILE, re.MULTILINE)
        )
    assert DOCKERFILE.count("\nFROM ") == 2


def test_the_image_has_all_that_installing_needs_and_no_more():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert allowed == {each for line in copied for each in line.split()}
    assert all((ROOT / each).exists() for each in allowed)


def test_the_image_listens_where_its_health_is_asked_for():
    given = dict(re.findall(r"\b(SENDRAIL_\w+)=(\S+)", DOCKERFILE))
    settings = load(given)
    assert settings.port == Settings().port
    assert settings.allow_public_bind
    assert f"EXPOSE {settings.port}\n" in DOCKERFILE
    assert f"http://127.0.0.1:{settings.port}/readyz" in DOCKERFILE
    assert f"VOLUME {settings.data_dir}\n" in DOCKERFILE
    assert f"install -d -m 0700 -o sendrail -g sendrail {settings.data_dir}\n" in DOCKERFILE


# Compose


def test_a_container_is_granted_the_time_that_a_stop_takes():
    for service in OURS.values():
        assert Settings().drain_seconds + CLOSING_SECONDS < seconds(service["stop_grace_period"])


def test_a_container_has_no_right_it_does_not_need():
    for service in OURS.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["ulimits"]["nofile"] >= FILES_MIN


def test_nothing_is_published_to_the_world_unasked():
    published = [
        port for service in COMPOSE["services"].values() for port in service.get("ports", [])
    ]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert COMPOSE["networks"]["inside"]["internal"]


def test_compose_runs_both_sizes():
    assert [name for name, service in OURS.items() if service["profiles"] == ["single"]] == [
        "sendrail"
    ]
    roles = {
        name: service for name, service in OURS.items() if "--role" in service.get("command", [])
    }
    assert set(roles) == set(VALUES["roles"])
    for name, service in roles.items():
        assert service["command"] == ["serve", "--role", name]
        assert service["depends_on"] == {"postgres": {"condition": "service_healthy"}}
        assert service.get("deploy", {}).get("replicas", 1) == VALUES["roles"][name]["replicas"]


# The chart


def test_the_chart_is_of_this_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["appVersion"] == __version__


def test_a_pod_is_granted_the_time_that_a_stop_takes():
    template = (CHART / "templates" / "deployments.yaml").read_text("utf-8")
    [more] = re.findall(r"GracePeriodSeconds: {{ add .+?Seconds .+?Seconds (\d+) }}", template)
    assert int(more) > CLOSING_SECONDS
    assert VALUES["endpointsLagSeconds"] + VALUES["drainSeconds"] + int(more) <= GRANTED_SECONDS


# Commands


def commands():
    """Yield every command of ours that a deploy file starts."""
    for unit in UNITS:
        yield directives(unit)["ExecStart"].split()[1:]
    yield from (service["command"] for service in OURS.values() if "command" in service)
    for template in sorted((CHART / "templates").glob("*.yaml")):
        for words in re.findall(r"^ +args: \[(.+)\]$", template.read_text("utf-8"), re.MULTILINE):
            yield words.split(", ")
    yield re.findall(r'^CMD \["(\w+)"\]$', DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_a_command_is_one_of_ours(words):
    name, *options = words
    command = typer.main.get_command(app).commands[name]
    known = {option for each in command.params for option in each.opts}
    assert {option for option in options if option.startswith("--")} <= known | COMING
