"""`anlan rules test` under trial: other orders, everything twice, restarts, and mutants."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.rulebook import RULES_FOLDER
from dataflows.cli.rules import rules

RULE = """\
apiVersion: rules/v1
id: {id}
version: 1
kind: threshold
status: {status}
title: {{zh: 测试, en: Test}}
owner: duty-rules
purpose: service-quality
channels: [police]
select:
  contact: {{action: [received]}}
key: [matter]
window: {{size: 7d}}
levels:
  - {{gte: 2, level: blue}}
waivers: [{waivers}]
tests:
  - name: two are enough
    events:
      - {{id: a, at: "+0d 09:00", channel: police, action: received, matter: m}}
      - {{id: b, at: "+0d 10:00", channel: police, action: received, matter: m}}
    expect:
      - {{rev: 1, level: blue}}
  - name: one is not, nor one that is closed
    events:
      - {{id: a, at: "+0d 09:00", channel: police, action: received, matter: m}}
      - {{id: b, at: "+0d 10:00", channel: police, action: closed, matter: m}}
    expect: []
"""
LESS, MORE = "window.size 7d -> 6d23h59m", "window.size 7d -> 7d1m"


def write(path: Path, status: str = "live", id: str = "a.one", waive: tuple[str, ...] = ()) -> Path:
    waivers = ", ".join(f"{{mutant: {mutant}, reason: r}}" for mutant in waive)
    path.parent.mkdir(exist_ok=True)
    path.write_text(RULE.format(id=id, status=status, waivers=waivers), encoding="utf-8")
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(rules, ["test", *(str(argument) for argument in arguments)])


def test_what_was_tried_is_counted(tmp_path: Path) -> None:
    result = run("--shuffle", "--dup", "--restart", "--runs", "600", write(tmp_path / "one.yaml"))

    assert result.output.splitlines() == [
        "✓ a.one: two are enough",
        "✓ a.one: one is not, nor one that is closed",
        "2 tests passed in 1 file (with 1,200 shuffled, 2 doubled, 2 restarted runs)",
    ]
    assert result.exit_code == 0


def test_a_test_that_fails_under_trial_is_named_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.authoring.rule_trial._twice", lambda arrivals: list(arrivals)[:1])

    result = run("--dup", write(tmp_path / "one.yaml"))

    assert result.output.splitlines() == [
        "✓ a.one: two are enough",
        "✓ a.one: one is not, nor one that is closed",
        "✗ a.one: two are enough",
        "    every event twice: must publish 1 revisions; got 0: []",
        "1 of 2 tests failed in 1 file (with 2 doubled runs)",
    ]
    assert result.exit_code == 1


def test_a_survivor_of_a_live_rule_fails(tmp_path: Path) -> None:
    file = write(tmp_path / "one.yaml")

    result = run("--mutate", file)

    assert result.output.splitlines()[-4:] == [
        "2 tests passed in 1 file",
        f"survivor a.one: {LESS} ({file}:13)",
        f"survivor a.one: {MORE} ({file}:13)",
        "mutants: 3 killed, 0 waived, 2 survived",
    ]
    assert result.exit_code == 1


def test_a_survivor_of_a_shadow_rule_is_only_named(tmp_path: Path) -> None:
    result = run("--mutate", write(tmp_path / "one.yaml", status="shadow"))

    assert "mutants: 3 killed, 0 waived, 2 survived" in result.output
    assert result.exit_code == 0


def test_a_waived_survivor_passes(tmp_path: Path) -> None:
    result = run("--mutate", write(tmp_path / "one.yaml", waive=(LESS, MORE)))

    assert result.output.splitlines()[-1] == "mutants: 3 killed, 2 waived, 0 survived"
    assert result.exit_code == 0


def test_a_stale_waiver_fails(tmp_path: Path) -> None:
    file = write(tmp_path / "one.yaml", waive=(LESS, MORE, "levels.0.gte 2 -> 3"))

    result = run("--mutate", file)

    assert result.output.splitlines()[-2] == (
        "✗ a.one: a waiver must name a mutant that survives; got `levels.0.gte 2 -> 3`, which a test kills; "
        f"take it out ({file}:16)"
    )
    assert result.exit_code == 1


def test_who_noticed_a_change_is_told_on_demand(tmp_path: Path) -> None:
    result = run("--mutate", "--verbose", write(tmp_path / "one.yaml"))

    assert "killed a.one: levels.0.gte 2 -> 3 by `two are enough`" in result.output


def test_two_paths_may_hold_the_same_rule_and_share_its_waivers(tmp_path: Path) -> None:
    book = write(tmp_path / "book" / "one.yaml")
    copy = write(tmp_path / "copy" / "one.yaml", waive=(LESS, MORE))

    result = run("--mutate", book, copy)

    assert result.output.splitlines()[-2:] == [
        "4 tests passed in 2 files",
        "mutants: 3 killed, 2 waived, 0 survived",
    ]
    assert result.exit_code == 0


def test_the_rules_that_come_with_anlan_hold_under_trial_and_leave_no_survivor() -> None:
    result = run("--shuffle", "--dup", "--restart", "--mutate", "--runs", "5", RULES_FOLDER)

    assert result.output.splitlines()[-1].endswith(" 0 survived")
    assert result.exit_code == 0
