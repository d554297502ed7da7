"""The rules for on-call: Prometheus takes them, each is tried at its edge, and each has a page that says what to do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
import yaml
from promtool import (
    RULES,
    Expected,
    Moment,
    Scrape,
    alert_rules,
    all_rules,
    firing,
    judge,
    metrics_read,
    promtool,
)
from tools import need

from connectors.metrics import Metrics
from dataflows.cli import main
from dataflows.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY, DOCS = RULES.parent, ROOT / "docs"
CASES = Path(__file__).parent / "anlan.rules.test.yaml"
ALERTMANAGER = DEPLOY / "alertmanager.yaml"
HEADINGS = ["这条告警说明什么", "值班人员会看到什么", "先看什么", "怎么办", "何时算好", "In English"]
CHINESE = re.compile(r"[\u4e00-\u9fff]")

ALERTS = alert_rules()
PAGES = {name: DOCS / rule["annotations"]["runbook_url"] for name, rule in ALERTS.items()}
TESTS = yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]


def amtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = need("amtool", "Debian has it in `prometheus-alertmanager`: apt-get install prometheus-alertmanager")
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_prometheus_takes_the_rules_and_its_configuration() -> None:
    for kind, name in (("rules", "anlan.rules.yaml"), ("config", "prometheus.yaml")):
        said = promtool("check", kind, DEPLOY / name)

        assert said.returncode == 0, said.stdout + said.stderr


def test_every_alert_is_quiet_under_its_edge_and_fires_over_it() -> None:
    said = promtool("test", "rules", CASES)

    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_case_in_which_it_is_quiet_fires_and_is_over(alert: str) -> None:
    cases = [test["promql_expr_test"] for test in TESTS if test["name"].startswith(f"{alert}: ")]
    answers = [[bool(check["exp_samples"]) for check in checks if alert in check["expr"]] for checks in cases]

    assert [False, True, False] in answers


def test_what_alerts_say_is_whole_sentences(tmp_path: Path) -> None:
    """promtool shows what it did not expect: here, every alert with its words filled in."""
    shown = [
        {**test, "promql_expr_test": [], "alert_rule_test": [{**fires(test), "exp_alerts": []}]}
        for test in TESTS
        if any(check["exp_samples"] for check in test["promql_expr_test"])
    ]
    path = tmp_path / "shown.yaml"
    told = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": shown}
    path.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")

    said = promtool("test", "rules", path).stderr

    assert said.count("Annotations:{") >= len(shown)
    assert not re.findall(r"<error.*|<no value>|\{\{.*|%!.*|NaN", said)


def fires(test: dict[str, Any]) -> dict[str, Any]:
    at = next(check["eval_time"] for check in test["promql_expr_test"] if check["exp_samples"])
    return {"eval_time": at, "alertname": test["name"].partition(":")[0]}


def test_every_metric_in_the_rules_exists() -> None:
    declared = {metric.name for metric in Metrics().declared}
    buckets = {f"{metric.name}_bucket" for metric in Metrics().declared if metric.type == "histogram"}

    assert metrics_read() <= declared | buckets
    assert len(metrics_read()) > 15


def test_every_label_in_the_rules_exists() -> None:
    labels = {label for metric in Metrics().declared for label in metric.labels} | {"job", "instance", "le"}
    text = "\n".join(rule["expr"] for rule in all_rules())
    named = re.findall(r"(?:by|on) \(([^)]+)\)", text) + re.findall(r"(\w+)=~?\"", text)

    assert {label.strip() for group in named for label in group.split(",")} <= labels


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_in_chinese_what_it_means_and_whom_it_wakes(alert: str) -> None:
    rule = ALERTS[alert]

    assert rule["labels"]["severity"] in ("page", "ticket")
    assert CHINESE.search(rule["annotations"]["summary"])
    assert rule["annotations"]["description"].endswith("。")
    assert len(rule["annotations"]["summary"]) <= 40


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_page_of_its_own_with_the_same_headings(alert: str) -> None:
    kebab = re.sub(r"(?<!^)([A-Z])", r"-\1", alert.removeprefix("Anlan")).lower()
    text = PAGES[alert].read_text(encoding="utf-8")
    severity = ALERTS[alert]["labels"]["severity"]

    assert PAGES[alert] == DOCS / "runbooks" / "oncall" / f"{kebab}.md"
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == HEADINGS
    assert f"告警：`{alert}`" in text
    assert f"（{severity}）" in text
    assert len(text.splitlines()) < 45


def test_no_page_is_left_over() -> None:
    assert set((DOCS / "runbooks" / "oncall").glob("*.md")) == set(PAGES.values())


@pytest.mark.parametrize("alert", ALERTS)
def test_what_a_page_names_exists(alert: str) -> None:
    """Metrics, settings, log lines and commands, and the pages it leads to."""
    text = PAGES[alert].read_text(encoding="utf-8")
    code = source_code()
    for name in re.findall(r"`((?!anlan_)[a-z]+(?:_[a-z]+)+)", text):
        assert name in code or re.sub("^(catch_up|rebuild)", "%s", name) in code, name
    for metric in re.findall(r"\banlan_\w+", text):
        assert any(declared.name.startswith(metric) for declared in Metrics().declared), metric
    shown = "\n".join(f"{declared.name}_sum {declared.name}_count" for declared in Metrics().declared)
    for pattern in re.findall(r"grep '?([^`']+)", text):
        assert all(part in shown for part in pattern.split("\\|")), pattern
    for words in re.findall(r"`anlan ([a-z]+(?: [a-z]+)?)", text):
        assert has_command(words.split()), words
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (PAGES[alert].parent / link).exists(), link


def source_code() -> str:
    packages = ("alerts", "connectors", "dataflows")
    return "\n".join(path.read_text(encoding="utf-8") for name in packages for path in (ROOT / name).rglob("*.py"))


def has_command(words: list[str]) -> bool:
    command: click.Command | None = main
    for word in words:
        if not isinstance(command, click.Group):
            return command is not None  # the rest are arguments
        command = command.get_command(click.Context(command), word)
    return command is not None


def test_the_index_names_every_alert_with_its_page_and_severity() -> None:
    rows = re.findall(r"^\| \[`(\w+)`\]\(([^)]+)\) \| (\w+) \|", (DOCS / "oncall.md").read_text("utf-8"), re.MULTILINE)

    assert rows == [
        (name, rule["annotations"]["runbook_url"], rule["labels"]["severity"]) for name, rule in ALERTS.items()
    ]


def test_prometheus_asks_the_ports_that_the_settings_name() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text(encoding="utf-8"))
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}

    assert targets["anlan-run"] == [f"127.0.0.1:{Settings().metrics_port}"]
    assert targets["anlan-serve"] == [f"127.0.0.1:{Settings().api_metrics_port}"]


def test_alertmanager_takes_its_configuration_and_routes_by_severity() -> None:
    checked = amtool("check-config", ALERTMANAGER)
    assert checked.returncode == 0, checked.stdout + checked.stderr

    for severity in ("page", "ticket"):
        routed = amtool("config", "routes", "test", f"--config.file={ALERTMANAGER}", f"severity={severity}")

        assert routed.stdout.strip() == f"oncall-{severity}"


def test_what_is_inhibited_is_alerts_that_exist() -> None:
    rules = yaml.safe_load(ALERTMANAGER.read_text(encoding="utf-8"))["inhibit_rules"]
    named = set(re.findall(r"Anlan\w+", str(rules)))

    assert named <= ALERTS.keys()
    assert len(named) > 5


def test_a_mail_says_what_and_where_to_read_on(tmp_path: Path) -> None:
    alert = {
        "status": "firing",
        "labels": {"alertname": "AnlanFlowGone"},
        "annotations": {**ALERTS["AnlanFlowGone"]["annotations"]},
        "startsAt": "2026-03-02T01:00:00Z",
    }
    data = tmp_path / "data.json"
    data.write_bytes(
        msgspec.json.encode({"status": "firing", "commonLabels": {"severity": "page"}, "alerts": [alert, alert]})
    )

    def rendered(name: str) -> str:
        told = f'--template.text={{{{ template "{name}" . }}}}'
        said = amtool("template", "render", f"--template.glob={DEPLOY / 'anlan.tmpl'}", f"--template.data={data}", told)
        assert said.returncode == 0, said.stderr
        return said.stdout.strip()

    assert rendered("anlan.subject") == "[安澜紧急] 主流程停了，没有任何预警产生（共 2 条）"
    assert (
        rendered("anlan.text").count("处置：https://docs.example/anlan/runbooks/oncall/flow-gone.md\nAnlanFlowGone")
        == 2
    )


def test_the_judge_would_see_an_alert_that_does_not_fire(tmp_path: Path) -> None:
    """What the provoked tests rely on: an expectation that does not hold is told."""
    page = "# TYPE anlan_disk_filled_state gauge\nanlan_disk_filled_state 1.0\n"
    film = [Moment(Scrape(0.0, {"anlan-run": page}), 3)]
    alert = "AnlanDiskFull"

    assert judge(tmp_path, film, [Expected(2, f"count({firing(alert)})", 1)], alert) == ""
    assert 'got: {alertname="AnlanDiskFull"}' in judge(tmp_path, film, [Expected(2, firing(alert), 0)], alert)
