"""`anlan rules new`: every template is a rule that could run."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner, Result

from alerts.authoring.lint import lint
from alerts.authoring.rule_test import run_tests
from alerts.model import Kind, Purpose
from alerts.rule_file import read
from connectors.registry import load_channels
from connectors.rulebook import read_rule
from connectors.yaml_file import loads
from dataflows.cli.rules import rules
from dataflows.cli.rules_new import filled

CHANNELS = load_channels()


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(rules, ["new", *(str(argument) for argument in arguments)])


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_has_a_template_that_passes_its_tests_and_the_lint(kind: Kind, tmp_path: Path) -> None:
    result = run("my.noise-again", "--kind", kind, "--folder", tmp_path)

    assert result.exit_code == 0
    file = next(tmp_path.rglob("noise_again.yaml"))
    rule = read_rule(file, CHANNELS).rule
    assert rule.spec.purpose == file.parent.name
    assert [bool(test["expect"]) for test in rule.spec.tests] == [True, False]
    assert [outcome.problems for outcome in run_tests(rule, CHANNELS)] == [[], []]
    assert [remark.sentence for remark in lint(rule)] == []


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_a_template_has_the_structure_of_a_rule_file(kind: Kind, purpose: Purpose) -> None:
    spec = read(loads(filled("my.noise-again", kind, purpose)).data)

    assert (spec.id, spec.kind, spec.purpose, spec.runbook) == ("my.noise-again", kind, purpose, "rb/noise-again")
    assert spec.status == "shadow"


def test_it_says_where_the_file_is_and_what_to_do_next(tmp_path: Path) -> None:
    result = run("my.noise-again", "--folder", tmp_path)

    file = tmp_path / "service-quality" / "noise_again.yaml"
    assert result.output.splitlines() == [
        f"wrote {file}",
        "next: put your own words and numbers in the lines that end in `change`, then",
        f"  anlan rules lint {file}",
        f"  anlan rules test {file}",
    ]


def test_the_purpose_can_be_chosen(tmp_path: Path) -> None:
    assert run("my.noise", "--purpose", "life-safety", "--folder", tmp_path).exit_code == 0
    assert (tmp_path / "life-safety" / "noise.yaml").exists()


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    run("my.noise", "--folder", tmp_path)
    file = tmp_path / "service-quality" / "noise.yaml"
    file.write_text("mine", encoding="utf-8")

    result = run("my.noise", "--folder", tmp_path)

    assert f"a new rule must have a file of its own; got `{file}`, which is there" in result.output
    assert result.exit_code == 2
    assert file.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("id", ["noise", "my.Noise", "my.", "../my.noise", "my/noise.again"])
def test_an_id_that_is_none_is_refused(id: str, tmp_path: Path) -> None:
    result = run(id, "--folder", tmp_path)

    assert f"ID must be dotted, in small letters, such as `rc.repeat-contact`; got `{id}`" in result.output
    assert result.exit_code == 2
    assert list(tmp_path.rglob("*.yaml")) == []


def test_a_purpose_that_the_kind_must_not_have_is_refused(tmp_path: Path) -> None:
    result = run("my.noise", "--kind", "surge", "--purpose", "service-quality", "--folder", tmp_path)

    assert "must have `matter` or `case` in its `key`" in result.output
    assert "choose another --purpose" in result.output
    assert result.exit_code == 2
