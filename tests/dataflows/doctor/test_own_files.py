"""The doctor on the files of an installation: each line is provoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from examined import said, verdicts
from installation import Installation

from alerts.model import to_us
from connectors.calendars import covered_until, load_calendars
from dataflows.api.tokens import make_token
from dataflows.doctor.own_files import SECRETS, look_at_calendars
from dataflows.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Installation(tmp_path).settings


def changed(settings: Settings, **changes: object) -> Settings:
    return msgspec.structs.replace(settings, **changes)


@pytest.mark.parametrize("area", ["keyring", "seal key", "rules", "mappings"])
def test_what_is_as_it_should_be_is_well(settings: Settings, area: str) -> None:
    assert set(verdicts(said(area, settings))) == {"ok"}


@pytest.mark.parametrize(("area", "name"), [("keyring", "keyring"), ("seal key", "seal_key")])
@pytest.mark.parametrize(("mode", "verdict"), [(0o604, "broken"), (0o640, "attention"), (0o600, "ok")])
def test_a_secret_is_read_by_its_owner_alone(settings: Settings, area: str, name: str, mode: int, verdict: str) -> None:
    path = Path(getattr(settings, name))
    path.chmod(mode)

    (line,) = said(area, settings)

    assert line.verdict == verdict
    assert line.remedy == ("" if verdict == "ok" else f"chmod 600 {path}")


@pytest.mark.parametrize(("area", "name"), [("keyring", "keyring"), ("seal key", "seal_key")])
def test_a_secret_that_is_not_set_missing_or_wrong_is_broken(settings: Settings, area: str, name: str) -> None:
    path = Path(getattr(settings, name))
    path.write_text("nonsense\n")
    wrong, missing = said(area, settings), said(area, changed(settings, **{name: str(path) + ".gone"}))
    unset = said(area, changed(settings, **{name: ""}))

    assert verdicts([*wrong, *missing, *unset]) == ["broken"] * 3
    assert unset[0].says.startswith(f"`{name}` must be set")
    assert "anlan keys make" in unset[0].remedy


@pytest.mark.parametrize("name", SECRETS)
def test_a_password_or_private_key_is_read_by_its_owner_alone(settings: Settings, tmp_path: Path, name: str) -> None:
    path = tmp_path / "secret"
    path.write_text("secret")
    path.chmod(0o644)
    open_to_all = said("passwords", changed(settings, **{name: str(path)}))
    path.chmod(0o600)
    closed = said("passwords", changed(settings, **{name: str(path)}))
    path.unlink()

    assert [(line.area, line.verdict, line.remedy) for line in open_to_all] == [
        (f"`{name}`", "broken", f"chmod 600 {path}")
    ]
    assert verdicts(closed) == ["ok"]
    assert verdicts(said("passwords", changed(settings, **{name: str(path)}))) == ["broken"]
    assert said("passwords", settings) == []


def test_a_file_of_tokens_must_be_right_where_there_is_one(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(f"apiVersion: tokens/v1\ntokens:\n{make_token('li', 'viewer', '')[1]}\n")
    with_tokens = changed(settings, api_tokens=str(path))
    right = said("tokens", with_tokens)
    path.write_text("tokens: 7\n")
    wrong = said("tokens", with_tokens)

    assert [line.says for line in right] == ["1 token can be read"]
    assert verdicts(wrong) == ["broken"]
    assert "anlan tokens make" in wrong[0].remedy
    assert said("tokens", settings) == []


def test_a_rule_or_a_routing_that_cannot_be_read_is_broken(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "rule.yaml").write_text("id: broken\n")
    rules = said("rules", changed(settings, rules=(str(tmp_path / "rule.yaml"),)))
    routing = said("rules", changed(settings, routing=str(tmp_path / "rule.yaml")))

    assert verdicts(rules) == ["broken"]
    assert "rule.yaml" in rules[0].says
    assert verdicts(routing) == ["ok", "broken"]
    assert "anlan routing check" in routing[1].remedy


def test_a_mapping_that_is_wrong_or_not_there_is_broken(settings: Settings) -> None:
    unknown = said("mappings", changed(settings, raw_mappings={"raw.hotline": "dask"}))
    (Path(settings.mappings[0]) / "desk.yaml").write_text("id: desk\n")

    assert verdicts(unknown) == ["ok", "broken"]
    assert "got `dask`" in unknown[1].says
    assert verdicts(said("mappings", settings)) == ["broken"]


@pytest.mark.parametrize(("days", "verdict"), [(-3, "broken"), (3, "attention"), (300, "ok")])
def test_a_calendar_that_ends_is_said_in_time(settings: Settings, days: int, verdict: str) -> None:
    now = covered_until(load_calendars()) - timedelta(days=days, hours=1)
    then = changed(settings, clock_start=to_us(now), clock_origin=datetime.now(UTC).timestamp())

    (line,) = look_at_calendars(then)

    assert line.verdict == verdict
    assert bool(line.remedy) == (verdict != "ok")
