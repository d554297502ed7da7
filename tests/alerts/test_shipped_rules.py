"""The rule book that comes with Anlan: it loads, has nothing to be said against it, and does what its tests say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec import Struct
from msgspec.structs import fields

from alerts import rule_file
from alerts.authoring.lint import lint
from alerts.authoring.rule_test import run_tests
from alerts.desk.routing import Routing
from alerts.model import Kind
from alerts.rule import Rule, compile_rule
from alerts.rule_file import RuleFile
from connectors.calendars import load_calendars
from connectors.registry import load_channels
from connectors.routing_file import ROUTING_FILE, load_routing
from connectors.rulebook import RULES_FOLDER, find_rule_files, load_rules, read_rule
from connectors.yaml_file import loads

CHANNELS = load_channels()
FILES = find_rule_files([RULES_FOLDER])
RULES = {file: read_rule(file, CHANNELS).rule for file in FILES}
ROUTING = Routing(load_routing(ROUTING_FILE, load_calendars()), load_calendars())
DOCS = Path(__file__).parents[2] / "docs"
KEYS = DOCS / "rule-keys.md"
RUNBOOKS = {f"rb/{page.stem}": page for page in (DOCS / "runbooks").glob("*.md")}
STRUCTS = [each for each in vars(rule_file).values() if isinstance(each, type) and issubclass(each, Struct)]
# what an example of the page on keys leaves out
SKELETON = {
    "apiVersion": "rules/v1",
    "id": "my.example",
    "version": 1,
    "title": {"zh": "示例", "en": "example"},
    "owner": "duty-rules",
    "purpose": "situational-awareness",
    "channels": ["hotline", "police"],
    "key": ["township", "subcategory"],
    "window": {"size": "7d"},
}

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
    events = [test.get("events", []) for test in tests]
    arrivals = [event["id"] for each in events for event in each if "arrive" in event]
    twice = [each for each in events if len({event["id"] for event in each}) < len(each)]

    assert sum(1 for test in tests if test["expect"]) >= 2
    assert sum(1 for test in tests if not test["expect"]) >= 2
    assert arrivals
    assert twice


@pytest.mark.parametrize(("file", "rule"), RULES.items(), ids=lambda each: getattr(each, "id", ""))
def test_a_rule_lives_in_the_folder_of_its_purpose_and_is_called_after_its_id(file: Path, rule: Rule) -> None:
    assert file.parent.name == rule.spec.purpose
    assert file.stem == rule.id.partition(".")[2].replace("-", "_")


def test_every_kind_is_used_by_a_rule_that_comes_with_anlan() -> None:
    assert {rule.spec.kind for rule in RULES.values()} == set(get_args(Kind))


@every_rule
def test_a_budget_names_every_level_that_the_rule_can_reach(rule: Rule) -> None:
    budget = rule.spec.budget

    assert not budget or set(budget) == _levels_of(rule.spec)


@every_rule
def test_the_runbook_of_a_rule_is_there_and_names_it(rule: Rule) -> None:
    assert f"`{rule.id}`" in RUNBOOKS[rule.spec.runbook].read_text(encoding="utf-8")


def test_every_runbook_belongs_to_a_rule() -> None:
    assert set(RUNBOOKS) == {rule.spec.runbook for rule in RULES.values()}


@pytest.mark.parametrize("page", RUNBOOKS.values(), ids=lambda page: page.stem)
def test_a_runbook_says_what_it_means_what_to_do_and_when_it_ends_in_two_languages(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    headings = ["## 这条预警说明什么", "## 先看什么", "## 怎么办", "## 何时关闭，如何处置", "## In English"]
    assert re.findall(r"^## .*", text, re.MULTILINE) == headings
    assert text.partition("## In English\n")[2].strip()


def test_the_page_on_rules_lists_every_shipped_rule() -> None:
    text = (DOCS / "rules.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z]+\.[a-z-]+)`(?: \(shadow\))? \|", text, re.MULTILINE)

    assert sorted(listed) == sorted(rule.id for rule in RULES.values())


@every_rule
def test_the_page_on_rules_says_which_rules_are_in_shadow(rule: Rule) -> None:
    is_marked = f"| `{rule.id}` (shadow) |" in (DOCS / "rules.md").read_text(encoding="utf-8")

    assert is_marked == (rule.spec.status == "shadow")


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_the_page_on_keys_names_every_key(struct: type[Struct]) -> None:
    words = set(re.findall(r"\w+", KEYS.read_text(encoding="utf-8")))

    assert {field.encode_name for field in fields(struct)} <= words | {"strictly"}  # it has one value only


def test_every_example_of_the_page_on_keys_can_be_compiled() -> None:
    texts = re.findall(r"```yaml\n(.*?)```", KEYS.read_text(encoding="utf-8"), re.DOTALL)
    examples = [loads(text).data for text in texts]
    rules = [each for each in examples if "holidays" not in each]

    compiled = {compile_rule(_completed(each), CHANNELS, 0, load_calendars()).spec.kind for each in rules}

    assert compiled >= {"obligation", "surge", "silence", "match", "score", "ratio", "new_value", "sequence"}


def test_the_calendar_of_the_page_on_keys_is_the_beginning_of_a_real_one(tmp_path: Path) -> None:
    text = KEYS.read_text(encoding="utf-8").rpartition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "cn-2026.yaml").write_text(text, encoding="utf-8")
    real = load_calendars()["cn-2026"]

    calendar = load_calendars(tmp_path)["cn-2026"]

    assert calendar.holidays < real.holidays
    assert calendar.workdays < real.workdays


def test_the_first_rule_of_the_page_loads_and_passes_its_tests(tmp_path: Path) -> None:
    text = (DOCS / "rules.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    file = tmp_path / "first.yaml"
    file.write_text(text, encoding="utf-8")

    rule = read_rule(file, CHANNELS).rule

    assert loads(text).data["id"] == rule.id
    assert [outcome.problems for outcome in run_tests(rule, CHANNELS)] == [[], []]
    assert lint(rule) == []


def _levels_of(spec: RuleFile) -> set[str]:
    """Every level that a rule can open at or rise to; what raises it makes it red."""
    levels = {rung.level for rung in spec.levels} | {stage.level for stage in spec.stages}
    if spec.when is not None and spec.when.any is not None:
        levels |= {branch.level for branch in spec.when.any}
    return {*levels, "red"} if spec.bump is not None else {*levels}


def _completed(example: dict[str, Any]) -> dict[str, Any]:
    """A whole rule from what an example shows of it."""
    when = example.get("when", {})
    kinds: list[Kind] = ["obligation", "silence", "score", "ratio", "new_value"]
    kind = next((kind for kind in kinds if kind in example or kind in when), None)
    if kind is None:
        kind = "surge" if "all" in when else "sequence" if "steps" in when else "progression" if when else "match"
    own = {"obligation": ("key", "window"), "new_value": ("window",), "match": ("window",)}.get(kind, ())
    skeleton = {name: value for name, value in SKELETON.items() if name not in own}
    return {**skeleton, "kind": kind, **example}


@every_rule
def test_every_role_that_a_rule_names_may_do_something(rule: Rule) -> None:
    named = {*rule.spec.route.roles, *rule.spec.privacy.reveal}

    assert [role for role in sorted(named) if not ROUTING.powers(role).may] == []
