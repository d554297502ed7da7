"""What is wrong with a rule that could run: against people's privacy, without sense, or without proof.

An error keeps a rule from being loaded. A warning is for its author.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

from msgspec import Struct

from alerts.authoring import lint_bounds, lint_privacy
from alerts.authoring.remark import Remark, Severity, Where, error, warning
from alerts.judges import WINDOW_KINDS
from alerts.model import Kind, Text
from alerts.rule import Rule
from alerts.rule_file import RuleFile
from alerts.select import nearest

# what an `explain` may name in braces, besides the fields of the key and what its kind adds
EXPLAINED = (
    "count", "steps", "branches", "path", "gaps", "span", "window.size", "channels", "unit",
    "subcategory", "title",
)  # fmt: skip
EXPLAINED_BY_KIND: dict[Kind, tuple[str, ...]] = {
    "distinct": ("distinct",),
    "score": ("score", "parts"),
    "ratio": ("ratio", "of", "among"),
    "new_value": ("value",),
    "obligation": ("used", "due", "stage", "deadline", "breach"),
    "surge": ("ratio", "areas", "median", "mad", "score", "slots", "expected", "p", "city_scale"),
    "silence": ("quiet", "expected"),
}
NUMBERS = ("violence", "unit_level", "channel_rank", "hour_of_day")
# which rungs, which constructs and which parts of the file a kind reads
_RUNGS: dict[Kind, tuple[str, ...]] = {
    "threshold": ("gte",),
    "distinct": ("gte",),
    "sequence": ("steps",),
    "progression": ("steps", "measure_gte"),
    "match": ("event",),
    "score": ("gte",),
    "ratio": ("ratio",),
    "new_value": ("gte",),
    "surge": ("ratio",),
    "silence": ("ratio",),
}
_WHEN: dict[Kind, tuple[str, ...]] = {
    "sequence": ("steps", "within", "gap_max", "eager"),
    "progression": ("chain", "any", "eager"),
    "score": ("score",),
    "ratio": ("ratio", "eager"),
    "new_value": ("new_value", "within", "eager"),
    "surge": ("all", "hold"),
}
_PARTS: dict[str, tuple[Kind, ...]] = {
    "of": ("distinct", "new_value"),
    "obligation": ("obligation",),
    "stages": ("obligation",),
    "bump": ("obligation",),
    "baseline": ("surge",),
    "roll_up": ("surge",),
    "silence": ("silence",),
}
_ALL: tuple[Kind, ...] = get_args(Kind)
# which settings that have a default a kind reads
_SETTINGS: dict[str, tuple[Kind, ...]] = {
    "select": tuple(kind for kind in _ALL if kind != "silence"),
    "key": tuple(kind for kind in _ALL if kind != "obligation"),
    "key_fallback": tuple(kind for kind in _ALL if kind != "silence"),
    "levels": tuple(kind for kind in _ALL if kind != "obligation"),
    "distinct": ("distinct",),
    "window.size": tuple(kind for kind in _ALL if kind not in ("obligation", "silence")),
    "window.lateness": tuple(kind for kind in _ALL if kind != "silence"),
    "lifecycle.quiet_close": tuple(kind for kind in _ALL if kind not in ("surge", "silence")),
    "lifecycle.aftercare": tuple(kind for kind in _ALL if kind in WINDOW_KINDS),
    "lifecycle.close_when": ("surge",),
    "lifecycle.close_on": ("obligation",),
    "lifecycle.retract_on": ("obligation",),
}
_ENDS_BY_ITSELF: tuple[Kind, ...] = ("obligation", "surge", "silence")
_EMPTY = RuleFile("rules/v1", "", 1, "threshold", Text("", ""), "", "operations", [])
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)+")
_BRACES = re.compile(r"\{([\w.-]+)\}")
_NAME = re.compile(r"[A-Za-z_][\w-]*")


class Lint(Struct, frozen=True):
    """One remark on one rule: a code for machines, a sentence for people, the path of keys to the place."""

    rule: str
    code: str
    severity: Severity
    sentence: str
    path: Where = ()


def is_id(text: str) -> bool:
    """Is it a dotted id in small letters, such as `rc.repeat-contact`?"""
    return _ID.fullmatch(text) is not None


def lint(rule: Rule) -> list[Lint]:
    """Everything there is to say about a rule, errors first."""
    remarks = [remark for check in _CHECKS for remark in check(rule)]
    found = [Lint(rule.id, r.code, r.severity, f"rule `{rule.id}` {r.sentence}", r.path) for r in remarks]
    return sorted(found, key=lambda remark: remark.severity)


def _unread(rule: Rule) -> Iterator[Remark]:
    """Keys that its kind does not read: the author believes they do something."""
    spec = rule.spec
    kind = spec.kind
    for name, kinds in _PARTS.items():
        if getattr(spec, name) and kind not in kinds:
            yield _without_effect(name, kind, name)
    if spec.window.slide is not None and kind != "surge":
        yield _without_effect("window.slide", kind, "window", "slide")
    for name in ("chain", "any", "steps", "within", "gap_max", "eager", "score", "ratio", "new_value", "all"):
        if getattr(spec.when, name, None) and name not in _WHEN.get(kind, ()):
            yield _without_effect(f"when.{name}", kind, "when", name)
    for index, rung in enumerate(spec.levels):
        for name in ("gte", "steps", "measure_gte", "ratio", "event"):
            if getattr(rung, name) is not None and name not in _RUNGS.get(kind, ()):
                yield _without_effect(f"levels.{name}", kind, "levels", index, name)
    for name, kinds in _SETTINGS.items():
        part, _, setting = name.partition(".")
        own, default = getattr(spec, part), getattr(_EMPTY, part)
        said, unsaid = (getattr(own, setting), getattr(default, setting)) if setting else (own, default)
        if said != unsaid and kind not in kinds:
            yield _without_effect(name, kind, *name.split("."))
    if kind == "progression" and spec.levels and spec.when is not None and spec.when.chain is None:
        yield warning("no-effect", "should have no `levels` without `when.chain`: each branch names its own", "levels")


def _without_effect(name: str, kind: str, *path: str | int) -> Remark:
    return warning("no-effect", f"should not have `{name}`: a {kind} rule does not read it", *path)


def _names(rule: Rule) -> Iterator[Remark]:
    """Names that lead nowhere: a map that no condition uses, a measure that is none, a word nobody fills."""
    spec = rule.spec
    if not is_id(spec.id):
        yield warning("id", f"should have a dotted id, such as `rc.repeat-contact`; got `{spec.id}`", "id")
    used = set(_NAME.findall(spec.select.get("condition", "")))
    for name in spec.select:
        if used and name != "condition" and name not in used:
            yield warning(
                "unused-map",
                f"should name every map of `select` in its condition; `{name}` is not in it",
                "select",
                name,
            )
    when = spec.when
    chains = [when.chain, *(branch.chain for branch in when.any or ())] if when is not None else []
    for chain in chains:
        if chain is not None and chain.measure not in NUMBERS and not chain.measure.startswith("attrs."):
            yield error(
                "measure",
                f"must measure a number ({', '.join(NUMBERS)} or attrs.<name>); got `{chain.measure}`",
                "when",
            )


def _explain(rule: Rule) -> Iterator[Remark]:
    said = (rule.explain.zh, rule.explain.en)
    if not any(said):
        yield warning("no-explain", "should say in `explain` what it found; got nothing", "explain")
    known = _known_words(rule.spec)
    for name in sorted({name for sentence in said for name in _BRACES.findall(sentence)}):
        if name not in known:
            yield warning(
                "unknown-word",
                f"should name in `explain` what its alerts know; got `{{{name}}}`{nearest(name, known)}",
                "explain",
            )


def _known_words(spec: RuleFile) -> list[str]:
    owed = spec.obligation.id if spec.obligation is not None and spec.kind == "obligation" else []
    fields = [*spec.key, *spec.key_fallback, *owed]
    top = [f"top.{name}" for name in spec.evidence.top_k] if spec.kind == "surge" else []
    return [*EXPLAINED, *EXPLAINED_BY_KIND.get(spec.kind, ()), *fields, *top]


def _care(rule: Rule) -> Iterator[Remark]:
    """Somebody answers for it, and its alerts end."""
    spec = rule.spec
    for name in ("owner", "runbook"):
        if spec.status == "live" and not getattr(spec, name):
            yield warning(f"no-{name}", f"should name its `{name}`; got nothing", name)
    if spec.lifecycle.quiet_close is None and spec.kind not in _ENDS_BY_ITSELF:
        yield warning(
            "no-quiet-close",
            "should say in `lifecycle.quiet_close` when its alerts close; got nothing, so they never do",
            "lifecycle",
        )


def _tests(rule: Rule) -> Iterator[Remark]:
    tests = rule.spec.tests
    for fires, code, wanted in ((True, "no-firing-test", "fires"), (False, "no-silent-test", "stays quiet")):
        if any(bool(test.get("expect")) is fires for test in tests):
            continue
        got = f"{len(tests)} and all {'stay quiet' if fires else 'fire'}" if tests else "none"
        yield warning(code, f"must have a test that {wanted}; got {got}", "tests")


_CHECKS = (
    lint_privacy.keys,
    lint_privacy.selects,
    lint_privacy.evidence,
    lint_privacy.sentence,
    lint_privacy.readers,
    lint_bounds.windows,
    lint_bounds.constructs,
    lint_bounds.patterns,
    lint_bounds.state,
    lint_bounds.caps,
    _unread,
    _names,
    _explain,
    _care,
    _tests,
)
