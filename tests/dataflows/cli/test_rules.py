"""`anlan rules`: what it prints, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dataflows.cli.rules import rules

RULE = """\
apiVersion: rules/v1
id: {id}
version: 1
kind: threshold
title: {{zh: 测试, en: Test}}
owner: duty-rules
runbook: rb/test
purpose: service-quality
channels: [police]
select:
  contact: {{action: [received]}}
key: [{key}]
window: {{size: 7d}}
levels:
  - {{gte: 2, level: blue}}
lifecycle: {{quiet_close: 7d}}
explain: {{zh: "{{count}}次", en: "{{count}} times"}}
tests:
  - name: two are enough
    events:
      - {{id: a, at: "+0d 09:00", channel: police, action: received, matter: m}}
      - {{id: b, at: "+1d 09:00", channel: police, action: received, matter: m}}
    expect:
      - {{rev: 1, level: {level}}}
  - name: one is not
    events:
      - {{id: a, at: "+0d 09:00", channel: police, action: received, matter: m}}
    expect: []
"""


def write(path: Path, id: str = "a.one", key: str = "matter", level: str = "blue") -> Path:
    path.write_text(RULE.format(id=id, key=key, level=level), encoding="utf-8")
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(rules, [str(argument) for argument in arguments])


def test_passed_tests_are_ticked_and_end_with_0(tmp_path: Path) -> None:
    result = run("test", write(tmp_path / "one.yaml"))

    assert result.output.splitlines() == [
        "✓ a.one: two are enough",
        "✓ a.one: one is not",
        "2 tests passed in 1 file",
    ]
    assert result.exit_code == 0


def test_a_failed_test_is_explained_and_ends_with_1(tmp_path: Path) -> None:
    result = run("test", write(tmp_path / "one.yaml", level="red"))

    assert result.output.splitlines() == [
        "✗ a.one: two are enough",
        "    revision 1: `level` must be `red`; got `blue`",
        "✓ a.one: one is not",
        "1 of 2 tests failed in 1 file",
    ]
    assert result.exit_code == 1


def test_a_file_that_cannot_be_read_fails_and_the_rest_goes_on(tmp_path: Path) -> None:
    write(tmp_path / "one.yaml")
    other = tmp_path / "other.yaml"
    other.write_text("apiVersion: rules/v1\nid: b.two\nlevls: []\n")

    result = run("test", tmp_path)

    assert result.output.splitlines()[-2:] == [
        f"✗ a key of a rule must be known; got `levls`; did you mean `levels` ({other}:3)",
        "2 tests passed in 2 files; 1 could not be tried",
    ]
    assert result.exit_code == 1


def test_a_test_that_cannot_be_read_fails_with_its_line(tmp_path: Path) -> None:
    file = write(tmp_path / "one.yaml")
    file.write_text(file.read_text(encoding="utf-8").replace("+1d 09:00", "tomorrow"), encoding="utf-8")

    result = run("test", file)

    assert f"a time must be `+<days>d HH:MM`; got `tomorrow` ({file}:22)" in result.output
    assert result.exit_code == 1


def test_the_same_id_twice_fails(tmp_path: Path) -> None:
    write(tmp_path / "one.yaml")
    write(tmp_path / "two.yaml")

    result = run("test", tmp_path)

    assert "a rule id must stand in one file; got `a.one` again" in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize("command", ["test", "lint"])
def test_the_same_id_in_two_paths_is_a_rule_and_its_copy(command: str, tmp_path: Path) -> None:
    one = write(tmp_path / "one.yaml")
    two = write(tmp_path / "two.yaml")

    assert run(command, one, two).exit_code == 0
    assert run(command, tmp_path, one).exit_code == 1


@pytest.mark.parametrize("command", ["test", "lint"])
def test_a_path_that_is_not_there_and_a_folder_without_rules_are_wrong_usage(command: str, tmp_path: Path) -> None:
    assert run(command, tmp_path / "none.yaml").exit_code == 2
    assert "must hold `*.yaml` files" in run(command, tmp_path).output
    assert run(command, tmp_path).exit_code == 2


def test_without_a_path_the_rules_that_come_with_anlan_are_tried() -> None:
    result = run("lint")

    assert result.output.endswith("files: 0 errors, 0 warnings\n")
    assert result.exit_code == 0


def test_lint_ends_with_0_where_it_only_warns(tmp_path: Path) -> None:
    file = write(tmp_path / "one.yaml")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("runbook: rb/test\n", ""), encoding="utf-8")

    result = run("lint", file)

    assert result.output.splitlines() == [
        f"warning rule `a.one` should name its `runbook`; got nothing ({file}:1)",
        "1 file: 0 errors, 1 warning",
    ]
    assert result.exit_code == 0


def test_lint_ends_with_1_where_a_rule_must_not_be_loaded(tmp_path: Path) -> None:
    file = write(tmp_path / "one.yaml", key="reporter")

    result = run("lint", file)

    assert "error   rule `a.one` must have `matter` or `case` in its `key`" in result.output
    assert f"({file}:12)" in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize("command", ["new", "test", "lint"])
def test_the_help_teaches_with_an_example(command: str) -> None:
    result = run(command, "--help")

    assert f"$ anlan rules {command} " in result.output
    assert result.exit_code == 0
