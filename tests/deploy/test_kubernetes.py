"""On Kubernetes: what kustomize builds is what the API takes, and hangs together."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from one_server import ROOT
from tools import need

from dataflows.group.roster import PORTS
from dataflows.group.supervisor import LEAVING_SECONDS
from dataflows.settings import PREFIX, Settings, load_settings

FOLDER = ROOT / "deploy" / "kubernetes"
VERSIONS = ("1.30", "1.37")  # ReadWriteOncePod is everywhere in all of them
HINT = "see https://kubernetes.io/docs/tasks/tools/"
Manifest = dict[str, Any]


@pytest.fixture(scope="module", params=["base", "province", "group"])
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def manifests(overlay: str) -> list[Manifest]:
    return built(overlay)


@pytest.fixture(scope="module")
def group() -> list[Manifest]:
    return built("group")


def built(overlay: str) -> list[Manifest]:
    told = subprocess.run(
        [need("kubectl", HINT), "kustomize", FOLDER / overlay], capture_output=True, text=True, check=True
    )
    assert told.stderr == ""
    return list(yaml.safe_load_all(told.stdout))


@pytest.fixture
def settings(manifests: list[Manifest], tmp_path: Path) -> Settings:
    path = tmp_path / "anlan.toml"
    [found] = of_kind(manifests, "ConfigMap")
    path.write_text(found["data"]["anlan.toml"], encoding="utf-8")
    return load_settings(str(path), {})


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [each for each in manifests if each["kind"] in kinds]


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """The pods that are made, by the name of who makes them."""
    makers = of_kind(manifests, "StatefulSet", "Deployment")
    return {each["metadata"]["name"]: each["spec"]["template"] for each in makers}


def container(pod: Manifest) -> Manifest:
    [found] = pod["spec"]["containers"]
    return dict(found)


def ports(pod: Manifest) -> dict[str, int]:
    return {each["name"]: each["containerPort"] for each in container(pod)["ports"]}


def selected(manifests: list[Manifest], labels: dict[str, str]) -> list[str]:
    """Which pods a selector selects."""
    return [name for name, pod in pods(manifests).items() if labels.items() <= pod["metadata"]["labels"].items()]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_api_takes_every_manifest(manifests: list[Manifest], version: str) -> None:
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_manifest_with_an_unknown_field_would_be_told(manifests: list[Manifest]) -> None:
    wrong = {**manifests[0], "colour": "blue"}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("overlay", ["base", "province"], indirect=True)
def test_there_is_one_flow_and_its_old_self_has_ended_before_its_new_one_begins(manifests: list[Manifest]) -> None:
    """What a StatefulSet promises and a Deployment does not."""
    [run] = of_kind(manifests, "StatefulSet")
    [claim] = run["spec"]["volumeClaimTemplates"]

    assert run["metadata"]["name"] == "anlan-run"
    assert run["spec"]["replicas"] == 1
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert run["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > Settings().stop_seconds


def test_hosts_of_a_group_begin_together_and_each_is_on_a_node_of_its_own(group: list[Manifest]) -> None:
    [run] = of_kind(group, "StatefulSet")
    [apart] = run["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]

    assert run["spec"]["replicas"] == 3
    assert run["spec"]["podManagementPolicy"] == "Parallel"
    assert run["spec"]["updateStrategy"] == {"type": "OnDelete"}, "of two releases the fewer hosts never become ready"
    assert apart["topologyKey"] == "kubernetes.io/hostname"
    assert selected(group, apart["labelSelector"]["matchLabels"]) == ["anlan-run"]


def test_hosts_of_a_group_share_one_folder_that_all_may_write(group: list[Manifest]) -> None:
    [run], [claim] = of_kind(group, "StatefulSet"), of_kind(group, "PersistentVolumeClaim")
    [state] = [each for each in run["spec"]["template"]["spec"]["volumes"] if each["name"] == "state"]

    assert "volumeClaimTemplates" not in run["spec"]
    assert state["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_a_host_of_a_group_knows_its_name_and_address_and_has_the_time_to_leave(group: list[Manifest]) -> None:
    settings, pod = Settings(), pods(group)["anlan-run"]
    told = {each["name"]: each["valueFrom"]["fieldRef"]["fieldPath"]
            for each in container(pod)["env"] if "valueFrom" in each}  # fmt: skip
    leaves = settings.group_lease_seconds + settings.stop_seconds + LEAVING_SECONDS

    assert told == {"ANLAN_GROUP_HOST": "metadata.name", "ANLAN_GROUP_ADDRESS": "status.podIP"}
    assert pod["spec"]["terminationGracePeriodSeconds"] > leaves


def test_a_host_that_waits_for_its_group_lives_and_one_that_works_is_ready(group: list[Manifest]) -> None:
    asked = {name: probe["httpGet"]["port"] for name, probe in container(pods(group)["anlan-run"]).items()
             if name.endswith("Probe")}  # fmt: skip
    [headless] = [each["spec"] for each in of_kind(group, "Service") if each["spec"].get("clusterIP") == "None"]

    assert asked == {"startupProbe": "host", "livenessProbe": "host", "readinessProbe": "metrics"}
    assert headless["publishNotReadyAddresses"] is True


def test_ports_of_a_group_are_reached_by_its_pods_alone(group: list[Manifest]) -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in of_kind(group, "NetworkPolicy")}
    own = policies["anlan-group"]
    among, watched = own["ingress"]
    [out] = own["egress"]
    port = Settings().group_port

    assert selected(group, own["podSelector"]["matchLabels"]) == ["anlan-run"]
    assert among["ports"] == out["ports"] == [{"port": port, "endPort": port + PORTS}]
    assert among["from"] == out["to"] == [{"podSelector": own["podSelector"]}]
    assert watched["ports"] == [{"port": "host"}]
    open_to_others = [each for policy in policies.values() for each in policy.get("ingress", []) if each != among]
    assert not {"group"} & {port["port"] for each in open_to_others for port in each["ports"]}


def test_what_scales_by_itself_is_what_keeps_nothing(manifests: list[Manifest], overlay: str) -> None:
    [scaler] = of_kind(manifests, "HorizontalPodAutoscaler")
    [scaled] = of_kind(manifests, "Deployment")
    target = scaler["spec"]["scaleTargetRef"]

    assert (target["kind"], target["name"]) == (scaled["kind"], scaled["metadata"]["name"])
    assert "replicas" not in scaled["spec"], "or each `kubectl apply` would undo what was scaled"
    assert "persistentVolumeClaim" not in str(scaled)
    assert container(scaled["spec"]["template"])["resources"]["requests"]["cpu"], "a share of nothing is not known"
    assert 2 <= scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"]


def test_a_pod_is_as_restricted_as_the_standard_asks(manifests: list[Manifest]) -> None:
    for pod in pods(manifests).values():
        whole, one = pod["spec"]["securityContext"], container(pod)["securityContext"]
        assert whole["runAsNonRoot"] is True
        assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert one == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
        }  # fmt: skip


def test_pods_run_the_image_of_this_version(manifests: list[Manifest]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

    assert {container(pod)["image"] for pod in pods(manifests).values()} == {f"anlan:{version}"}


def test_ports_and_commands_are_those_of_the_settings(
    manifests: list[Manifest], settings: Settings, overlay: str
) -> None:
    run, serve = pods(manifests)["anlan-run"], pods(manifests)["anlan-serve"]
    of_hosts = {"host": settings.group_metrics_port, "group": settings.group_port} if overlay == "group" else {}

    assert ports(run) == {"push": 8440, "metrics": settings.metrics_port, **of_hosts}
    assert ports(serve) == {"api": settings.api_port, "metrics": settings.api_metrics_port}
    for name, pod in (("group" if of_hosts else "run", run), ("serve", serve)):
        assert container(pod)["args"] == ["-v", name, "--config", "/etc/anlan/anlan.toml"]
        assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(ports(pod)["metrics"])
    assert {settings.http_address, settings.api_address, settings.metrics_address} == {"0.0.0.0"}


def test_a_process_is_somebody_whom_the_servers_know(manifests: list[Manifest]) -> None:
    for name, pod in pods(manifests).items():
        told = {each["name"]: each.get("value") for each in container(pod)["env"]}
        assert told.keys() <= {PREFIX + setting.upper() for setting in Settings.__struct_fields__}
        assert {told["ANLAN_KAFKA_USER"], told["ANLAN_REDIS_USER"]} == {name}, "as `anlan access process` calls them"


def test_probes_ask_ports_that_are_there_for_pages_that_are_there(manifests: list[Manifest]) -> None:
    pages = {"metrics": {"/metrics"}, "host": {"/metrics"}, "api": {"/health/live", "/health/ready"}}
    for pod in pods(manifests).values():
        probes = [probe["httpGet"] for name, probe in container(pod).items() if name.endswith("Probe")]
        assert len(probes) >= 2
        for probe in probes:
            assert probe["port"] in ports(pod)
            assert probe["path"] in pages[probe["port"]]
            assert probe["scheme"] == "HTTPS"


def test_every_file_that_the_settings_name_is_mounted(manifests: list[Manifest], settings: Settings) -> None:
    places = [each["mountPath"] for each in container(pods(manifests)["anlan-run"])["volumeMounts"]]
    named = [value for value in map(str, settings_values(settings)) if value.startswith("/")]

    assert len(named) > 8
    assert [path for path in named if not any(path.startswith(place) for place in places)] == []
    for pod in pods(manifests).values():
        mounts = {each["name"] for each in container(pod)["volumeMounts"]}
        kept = {"state"} if "state" in mounts else set()
        assert mounts == {each["name"] for each in pod["spec"]["volumes"]} | kept


def settings_values(settings: Settings) -> Iterator[object]:
    return (getattr(settings, name) for name in Settings.__struct_fields__)


def test_each_process_has_its_own_secrets(manifests: list[Manifest]) -> None:
    named = {
        name: [each["secret"]["secretName"] for each in pod["spec"]["volumes"] if "secret" in each]
        for name, pod in pods(manifests).items()
    }

    assert named == {"anlan-run": ["anlan-run", "anlan-tls"], "anlan-serve": ["anlan-serve", "anlan-tls"]}


@pytest.mark.parametrize("process", ["run", "serve"])
def test_the_page_makes_every_secret_that_a_process_reads(settings: Settings, process: str) -> None:
    page = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8").replace("\\\n", "")
    [command] = re.findall(rf"create secret generic anlan-{process} .*", page)
    made = set(re.findall(r"--from-file=([\w.-]+)", command))
    named = {Path(str(value)).name for value in settings_values(settings) if str(value).startswith("/run/secrets/")}

    others = {"run": {"tokens.yaml"}, "serve": {"keyring", "seal.private"}}
    assert made == named - others[process]


def test_services_budgets_and_policies_select_the_pods_they_are_for(manifests: list[Manifest]) -> None:
    for service in of_kind(manifests, "Service"):
        [name] = selected(manifests, service["spec"]["selector"])
        headless = service["spec"].get("clusterIP") == "None"
        assert service["metadata"]["name"] == ("anlan-group" if headless else name)
        assert {each["targetPort"] for each in service["spec"]["ports"]} <= ports(pods(manifests)[name]).keys()
    for budget in of_kind(manifests, "PodDisruptionBudget"):
        assert selected(manifests, budget["spec"]["selector"]["matchLabels"]) == [budget["metadata"]["name"]]
        assert budget["spec"]["maxUnavailable"] == 1
    for policy in of_kind(manifests, "NetworkPolicy"):
        is_groups = policy["metadata"]["name"] == "anlan-group"
        assert len(selected(manifests, policy["spec"]["podSelector"]["matchLabels"])) == (1 if is_groups else 2)


def test_what_goes_out_is_what_the_settings_name(manifests: list[Manifest], settings: Settings) -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in of_kind(manifests, "NetworkPolicy")}
    out = {port["port"] for rule in policies["anlan-servers"]["egress"] for port in rule["ports"]}
    kafka = {int(place.rpartition(":")[2]) for place in settings.kafka.split(",")}
    others = {int(url.rpartition(":")[2].split("/")[0]) for url in (settings.redis, settings.clickhouse)}

    assert out == {53} | kafka | others
    assert policies["anlan-nothing"].keys() == {"podSelector", "policyTypes"}


def test_a_province_is_the_base_with_more(tmp_path: Path) -> None:
    """A setting that is added to the base is not forgotten in the province."""
    base, province = (tomllib.loads((FOLDER / name / "anlan.toml").read_text()) for name in ("base", "province"))
    changed = {name for name in base if province.get(name) != base[name]}

    assert base.keys() <= province.keys()
    assert changed == {"kafka", "redis", "clickhouse"}
