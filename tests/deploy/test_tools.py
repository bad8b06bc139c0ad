"""Helm, Kubernetes' own schemas, Docker Compose and hadolint take the files of deploy/."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from sendrail.settings import Settings

HERE = Path(__file__).parent
DEPLOY = HERE.parents[1] / "deploy"
BIN = HERE / ".venv" / "bin"
NEEDED = {"database": {"existingSecret": "db"}, "masterKey": {"existingSecret": "key"}}
# Every switch the other way round.
ALL = NEEDED | {
    "settings": {"public_url": "https://sms.example.com", "retention_days": 30},
    "imagePullSecrets": [{"name": "registry"}],
    "autoscaling": {"enabled": False},
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "host": "sms.example.com",
        "tlsSecret": "tls",
        "annotations": {"a": "b"},
    },
    "networkPolicy": {
        "enabled": True,
        "apiFrom": [{"namespaceSelector": {"matchLabels": {"has": "proxy"}}}],
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"has": "prometheus"}}}],
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "sms", "operator": "Exists"}],
    "podAnnotations": {"x": "y"},
}
WRONG = [
    ({}, "database.existingSecret"),
    ({"database": {"existingSecret": "db"}}, "masterKey.existingSecret"),
    (NEEDED | {"ingress": {"enabled": True}}, "ingress.host"),
    (NEEDED | {"roles": {"deliverer": {"replicas": 1}}}, "deliverer"),
    (NEEDED | {"settings": {"PORT": 1}}, "PORT"),
    (NEEDED | {"drainSeconds": "long"}, "drainSeconds"),
]

pytestmark = pytest.mark.skipif(
    not BIN.exists(), reason="the tools are not installed; README.md, part Test it, says how"
)


@pytest.fixture(scope="module")
def helm():
    asked = [NEEDED, ALL, *(values for values, _ in WRONG)]
    done = subprocess.run(
        [BIN / "python", HERE / "helm_says.py", DEPLOY / "helm" / "sendrail"],
        input=json.dumps(asked), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def manifests(helm):
    """What Kubernetes is given: by default, and with everything."""
    return [
        [
            document
            for name, text in told["manifests"].items()
            if not name.endswith("NOTES.txt")
            for document in yaml.safe_load_all(text)
            if document
        ]
        for told in helm["rendered"][:2]
    ]


def of_kind(documents, kind):
    return {each["metadata"]["name"]: each for each in documents if each["kind"] == kind}


def test_helm_finds_nothing_to_complain_of(helm):
    assert helm["lint"]["errors"] == []
    # Severity 1 is a hint, such as the wish for an icon.
    assert [each for each in helm["lint"]["messages"] if each["severity"] > 1] == []


@pytest.mark.parametrize("at", range(len(WRONG)), ids=[name for _, name in WRONG])
def test_values_that_cannot_work_are_refused_by_their_name(helm, at):
    assert WRONG[at][1] in helm["rendered"][2 + at]["error"]


def test_kubernetes_takes_what_is_rendered(manifests, tmp_path):
    for at, documents in enumerate(manifests):
        path = tmp_path / f"{at}.yaml"
        # A ServiceMonitor is Prometheus' own kind, of which Kubernetes knows nothing.
        known = [each for each in documents if each["kind"] != "ServiceMonitor"]
        path.write_text(yaml.safe_dump_all(known), "utf-8")
        done = subprocess.run(
            [BIN / "kubernetes-validate", "--strict", path],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert (done.stdout + done.stderr).count("passed") == len(known)


def test_every_role_is_a_deployment_that_can_be_stopped_in_time(manifests):
    roles = {"api", "deliver", "receipts", "webhooks", "scheduler", "planner"}
    for documents in manifests:
        deployments = of_kind(documents, "Deployment")
        assert set(deployments) == {f"sms-sendrail-{role}" for role in roles}
        for role in roles:
            pod = deployments[f"sms-sendrail-{role}"]["spec"]["template"]["spec"]
            [container] = pod["containers"]
            assert container["args"] == ["serve", "--role", role]
            assert pod["terminationGracePeriodSeconds"] <= 30
            assert container["ports"] == [{"name": "http", "containerPort": Settings().port}]
            assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
            # A process that is not ready, for a full disk, is not a dead one.
            assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_secrets_are_named_and_never_written(manifests):
    for documents in manifests:
        assert of_kind(documents, "Secret") == {}
        for deployment in of_kind(documents, "Deployment").values():
            pod = deployment["spec"]["template"]["spec"]
            names = {
                volume["name"]: volume["secret"]["secretName"]
                for volume in pod["volumes"]
                if "secret" in volume
            }
            assert names == {"database": "db", "master-key": "key"}


def test_no_pod_has_a_right_it_does_not_need(manifests):
    for documents in manifests:
        pods = [
            each["spec"]["template"]["spec"]
            for each in documents
            if each["kind"] in {"Deployment", "Job"}
        ]
        assert len(pods) == 7
        for pod in pods:
            assert pod["automountServiceAccountToken"] is False
            assert pod["securityContext"]["runAsNonRoot"] is True
            [container] = pod["containers"]
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_the_api_alone_grows_and_those_that_are_several_are_not_all_taken(manifests):
    default, everything = manifests
    [autoscaler] = of_kind(default, "HorizontalPodAutoscaler").values()
    assert autoscaler["spec"]["scaleTargetRef"]["name"] == "sms-sendrail-api"
    # What an autoscaler sets must not be set by every upgrade as well.
    assert "replicas" not in of_kind(default, "Deployment")["sms-sendrail-api"]["spec"]
    assert of_kind(everything, "HorizontalPodAutoscaler") == {}
    assert of_kind(everything, "Deployment")["sms-sendrail-api"]["spec"]["replicas"] == 2
    for documents in manifests:
        several = {"sms-sendrail-api", "sms-sendrail-deliver"}
        assert set(of_kind(documents, "PodDisruptionBudget")) == several


def test_the_public_reaches_the_api_and_no_metrics(manifests):
    [ingress] = of_kind(manifests[1], "Ingress").values()
    [rule] = ingress["spec"]["rules"]
    paths = [each["path"] for each in rule["http"]["paths"]]
    assert paths == ["/api", "/v2", "/callbacks", "/docs", "/openapi.json"]
    service = of_kind(manifests[1], "Service")["sms-sendrail"]
    assert service["spec"]["selector"]["app.kubernetes.io/component"] == "api"


def test_the_monitor_finds_the_metrics_of_every_role(manifests):
    [monitor] = of_kind(manifests[1], "ServiceMonitor").values()
    service = of_kind(manifests[1], "Service")["sms-sendrail-metrics"]
    wanted = monitor["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= service["metadata"]["labels"].items()
    # The alerts and the dashboard speak of the job by this name.
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "sendrail"
    for deployment in of_kind(manifests[1], "Deployment").values():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()


@pytest.mark.parametrize("profile", ["single", "many"])
def test_docker_compose_takes_the_file(profile):
    command = [BIN / "docker-compose", "--profile", profile, "config", "-q"]
    done = subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_hadolint_finds_nothing_to_complain_of():
    done = subprocess.run(
        [BIN / "hadolint", DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
