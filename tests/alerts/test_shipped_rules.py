"""The rule book that comes with Anlan: it loads, has nothing to be said against it, and does what its tests say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import fields

from alerts.authoring.lint import lint
from alerts.authoring.rule_test import run_tests
from alerts.rule import Rule
from alerts.rule_file import ChainWhen, GapsWhen, Lifecycle, RouteSettings, RuleFile, When, Window
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, find_rule_files, load_rules, read_rule
from connectors.yaml_file import loads

CHANNELS = load_channels()
FILES = find_rule_files([RULES_FOLDER])
RULES = {file: read_rule(file, CHANNELS).rule for file in FILES}
DOCS = Path(__file__).parents[2] / "docs" / "rules.md"

every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)


def test_the_whole_book_loads() -> None:
    assert len(load_rules([RULES_FOLDER], CHANNELS)) == len(FILES)


@every_rule
def test_every_inline_test_passes(rule: Rule) -> None:
    assert {outcome.name: outcome.problems for outcome in run_tests(rule, CHANNELS) if outcome.problems} == {}


@every_rule
def test_the_lint_has_nothing_to_say(rule: Rule) -> None:
    assert [remark.sentence for remark in lint(rule)] == []


@every_rule
def test_a_rule_says_why_and_speaks_two_languages(rule: Rule) -> None:
    assert "starting value" in rule.spec.description
    assert re.search(r"[一-鿿]", rule.explain.zh)
    assert rule.explain.en.isascii()


@every_rule
def test_the_edges_are_tested(rule: Rule) -> None:
    tests = rule.spec.tests
    arrivals = [event["id"] for test in tests for event in test["events"] if "arrive" in event]
    twice = [test for test in tests if len({e["id"] for e in test["events"]}) < len(test["events"])]

    assert sum(1 for test in tests if test["expect"]) >= 2
    assert sum(1 for test in tests if not test["expect"]) >= 2
    assert arrivals
    assert twice


@pytest.mark.parametrize(("file", "rule"), RULES.items(), ids=lambda each: getattr(each, "id", ""))
def test_a_rule_lives_in_the_folder_of_its_purpose_and_is_called_after_its_id(file: Path, rule: Rule) -> None:
    assert file.parent.name == rule.spec.purpose
    assert file.stem == rule.id.partition(".")[2].replace("-", "_")


def test_the_page_on_rules_lists_every_shipped_rule() -> None:
    listed = re.findall(r"^\| `([a-z]+\.[a-z-]+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(listed) == sorted(rule.id for rule in RULES.values())


@pytest.mark.parametrize("struct", [RuleFile, Lifecycle, Window, When, ChainWhen, GapsWhen, RouteSettings])
def test_the_page_on_rules_names_every_key(struct: type[Struct]) -> None:
    words = set(re.findall(r"\w+", DOCS.read_text(encoding="utf-8")))

    assert {field.encode_name for field in fields(struct)} <= words | {"strictly"}  # it has one value only


def test_the_first_rule_of_the_page_loads_and_passes_its_tests(tmp_path: Path) -> None:
    text = DOCS.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    file = tmp_path / "first.yaml"
    file.write_text(text, encoding="utf-8")

    rule = read_rule(file, CHANNELS).rule

    assert loads(text).data["id"] == rule.id
    assert [outcome.problems for outcome in run_tests(rule, CHANNELS)] == [[], []]
    assert lint(rule) == []
