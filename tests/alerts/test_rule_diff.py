"""What a change of a rule means: text, status, ladder or structure, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_city import make_rule

from alerts.rule import semantic_hash
from alerts.rule_diff import ChangeClass, classify, compare
from alerts.rule_file import RuleFile

LADDER = [{"gte": 3, "level": "blue"}]
BASE: dict[str, Any] = {"levels": LADDER, "lifecycle": {"quiet_close": "7d"}}


def spec(kind: str = "threshold", **parts: Any) -> RuleFile:
    return make_rule(kind, **{**BASE, "version": 2, **parts}).spec


OLD = spec(version=1)
CHANGES: list[tuple[str, dict[str, Any], ChangeClass, list[str]]] = [
    ("nothing", {"version": 1}, "same", []),
    ("owner", {"owner": "others", "version": 1}, "text", ["owner"]),
    ("words", {"title": {"zh": "新", "en": "new"}}, "text", ["title.zh", "title.en", "version"]),
    ("route", {"route": {"roles": ["duty"]}}, "text", ["route.roles", "version"]),
    ("a test", {"tests": [{"name": "one", "events": []}]}, "text", ["tests.one", "version"]),
    ("shadow", {"status": "shadow"}, "status", ["status", "version"]),
    ("a rung", {"levels": [{"gte": 4, "level": "blue"}]}, "ladder", ["levels[0].gte", "version"]),
    ("one rung more", {"levels": [*LADDER, {"gte": 9, "level": "red"}]}, "ladder", ["levels[1]", "version"]),
    ("life", {"lifecycle": {"quiet_close": "9d"}}, "ladder", ["lifecycle.quiet_close", "version"]),
    ("life and status", {"lifecycle": {}, "status": "shadow"}, "ladder",
     ["lifecycle.quiet_close", "status", "version"]),
    ("key", {"key": ["matter"]}, "structure", ["key", "version"]),
    ("window", {"window": {"size": "3d", "lateness": "6h"}}, "structure", ["version", "window.size"]),
    ("select", {"select": {"contact": {"action": ["urged"]}}}, "structure", ["select.contact.action", "version"]),
    ("key and ladder", {"key": ["matter"], "levels": [{"gte": 4, "level": "blue"}]}, "structure",
     ["key", "levels[0].gte", "version"]),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "of", "paths"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_change_is_as_weighty_as_its_weightiest_path(
    parts: dict[str, Any], of: ChangeClass, paths: list[str]
) -> None:
    change = classify(OLD, spec(**parts))

    assert change.of == of
    assert sorted(path.path for path in change.paths) == sorted(paths)
    assert change.refusal is None


def test_each_path_says_what_it_was_and_is_and_of_which_class_it_is() -> None:
    change = classify(OLD, spec(levels=[{"gte": 4, "level": "blue"}], owner="others"))

    assert {(p.path, p.of, p.before, p.after) for p in change.paths} == {
        ("levels[0].gte", "ladder", 3, 4),
        ("owner", "text", "tests", "others"),
        ("version", "text", 1, 2),
    }


@pytest.mark.parametrize(
    ("before", "after", "got"), [(3, 3, "got 3 again"), (3, 2, "got 2 after 3")], ids=["the same", "an older one"]
)
def test_another_meaning_needs_a_greater_version(before: int, after: int, got: str) -> None:
    change = classify(spec(version=before), spec(version=after, key=["matter"]))

    assert change.refusal == (
        f"rule `test.threshold` must get a version above 3 when its meaning changes; {got} (structure)"
    )
    assert classify(spec(version=before), spec(version=after, owner="others")).refusal is None


def test_the_levels_of_a_match_are_structure_since_they_are_kept_with_each_event() -> None:
    old = make_rule("match", levels=[{"level": "blue"}]).spec
    new = make_rule("match", levels=[{"level": "red"}], version=2).spec

    assert classify(old, new).of == "structure"


def test_a_level_of_a_branch_is_structure_since_it_stands_in_when() -> None:
    def branch(level: str, version: int) -> RuleFile:
        when = {"any": [{"name": "cue", "event": {"cues": ["weapon"]}, "level": level}]}
        return make_rule("progression", when=when, version=version).spec

    assert classify(branch("blue", 1), branch("red", 2)).of == "structure"


def test_books_are_compared_rule_by_rule() -> None:
    changes = compare({"a": OLD, "b": OLD}, {"b": OLD, "c": OLD})

    assert [(change.rule, change.of) for change in changes] == [("a", "gone"), ("test.threshold", "same"), ("c", "new")]


parts = st.fixed_dictionaries(
    {},
    optional={
        "owner": st.sampled_from(["one", "two"]),
        "status": st.sampled_from(["live", "shadow"]),
        "levels": st.sampled_from([LADDER, [{"gte": 4, "level": "blue"}]]),
        "lifecycle": st.sampled_from([{"quiet_close": "7d"}, {}]),
        "key": st.sampled_from([["pair"], ["matter"]]),
        "window": st.sampled_from([{"size": "2d"}, {"size": "3d"}]),
    },
)


@given(old=parts, new=parts)
def test_text_and_status_mean_the_same_and_nothing_else_does(old: dict[str, Any], new: dict[str, Any]) -> None:
    before, after = spec(**old), spec(**new)

    change = classify(before, after)

    assert (change.of in ("same", "text", "status")) == (semantic_hash(before) == semantic_hash(after))
    assert (change.refusal is None) == (change.of in ("same", "text", "status"))
    assert bool(change.paths) == (before != after)
