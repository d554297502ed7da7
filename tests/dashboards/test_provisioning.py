"""What Grafana is given when it starts: data sources, a folder of boards, where reminders go, and the reminders."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_boards import CLICKHOUSE, PROMETHEUS, REDIS, committed, panels

from dashboards.__main__ import BOARDS, FOLDER
from dashboards.queries import CLICKHOUSE as OF_POOL
from dashboards.queries import PROMETHEUS as OF_METRICS
from dashboards.queries import REDIS as OF_FEEDS
from dashboards.reminders import FOLDER as TITLE

GRAFANA = FOLDER.parent.parent / "deploy" / "grafana"
AUTHORITY = "$__file{/etc/anlan/tls/ca.pem}"  # no secret: those who vouch for the servers
PAGE = (FOLDER.parent.parent / "docs" / "boards.md").read_text(encoding="utf-8")


def provisioned(name: str) -> Any:
    return yaml.safe_load((GRAFANA / "provisioning" / name).read_text(encoding="utf-8"))


def test_every_data_source_that_a_board_asks_is_there() -> None:
    found = {each["uid"]: each["type"] for each in provisioned("datasources/anlan.yaml")["datasources"]}

    assert found == {source.uid: source.type_val for source in (OF_POOL, OF_METRICS, OF_FEEDS)}
    assert set(found.values()) == {CLICKHOUSE, PROMETHEUS, REDIS}


def test_addresses_and_passwords_come_from_the_environment_and_stand_on_the_page() -> None:
    files = [path.read_text(encoding="utf-8") for path in (GRAFANA / "provisioning").rglob("*.yaml")]
    named = {name for text in files for name in re.findall(r"\$(ANLAN_\w+)", text)}
    datasources = provisioned("datasources/anlan.yaml")["datasources"]

    assert named == set(re.findall(r"`(ANLAN_\w+)`", PAGE))
    for each in datasources:
        secrets = each.get("secureJsonData", {})
        assert all(text.startswith("$ANLAN_") for name, text in secrets.items() if name != "tlsCACert")
        assert secrets.get("tlsCACert", AUTHORITY) == AUTHORITY


def test_boards_are_read_from_where_the_page_says() -> None:
    [provider] = provisioned("dashboards/anlan.yaml")["providers"]
    settings = configparser.ConfigParser()
    settings.read(GRAFANA / "grafana.ini", encoding="utf-8")

    path = provider["options"]["path"]
    assert provider["folder"] == TITLE
    assert provider["allowUiUpdates"] is False
    assert path in PAGE
    assert Path(settings["dashboards"]["default_home_dashboard_path"]).parent == Path(path)
    assert Path(settings["dashboards"]["default_home_dashboard_path"]).stem in BOARDS


def test_nothing_is_asked_of_the_outside() -> None:
    settings = configparser.ConfigParser()
    settings.read(GRAFANA / "grafana.ini", encoding="utf-8")

    assert settings["analytics"]["reporting_enabled"] == settings["analytics"]["check_for_updates"] == "false"
    assert settings["news"]["news_feed_enabled"] == "false"
    assert settings["plugins"]["preinstall_disabled"] == "true"


def test_reminders_go_to_somebody() -> None:
    [policy] = provisioned("alerting/policies.yaml")["policies"]
    points = {each["name"] for each in provisioned("alerting/contact-points.yaml")["contactPoints"]}

    assert {policy["receiver"], *(route["receiver"] for route in policy["routes"])} <= points


@pytest.mark.parametrize("rule", provisioned("alerting/rules.yaml")["groups"][0]["rules"], ids=lambda rule: rule["uid"])
def test_a_reminder_is_whole(rule: dict[str, Any]) -> None:
    asked, judged = rule["data"]
    boards = {board["uid"]: {panel["id"] for panel in panels(board)} for board in committed().values()}

    assert rule["panelId"] in boards[rule["dashboardUid"]]
    assert rule["condition"] == judged["refId"]
    assert judged["datasourceUid"] == "__expr__"
    assert judged["model"]["expression"] == asked["refId"] == asked["model"]["refId"]
    assert asked["datasourceUid"] == OF_POOL.uid
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    assert "county" not in asked["model"]["rawSql"].split("WHERE")[-1]


def test_the_page_says_how_boards_ask_for_the_keys_of_a_named_installation(tmp_path: Path) -> None:
    (line,) = re.findall(r"^sed -E -i .+$", PAGE, re.MULTILINE)
    for file in FOLDER.glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())

    subprocess.run(["bash", "-c", line.replace("/etc/anlan/boards", str(tmp_path))], check=True)

    asked = [
        target.get("query") or target["keyName"]
        for file in tmp_path.glob("*.json")
        for panel in panels(json.loads(file.read_text(encoding="utf-8")))
        for target in panel.get("targets", [])
        if target["datasource"]["type"] == REDIS
    ]
    assert len(asked) == 5
    assert all(text.split()[-1].startswith("{lanzhou}:") for text in asked), asked
