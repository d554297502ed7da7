"""What a rule must not know of people: the grievance is judged, not who brings it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from alerts.authoring.remark import Remark, Where, error, warning
from alerts.authoring.rule_maps import maps_of
from alerts.fields import known_fields
from alerts.rule import Rule
from alerts.rule_file import RuleFile

PEOPLE = ("reporter", "pair", "household")
ONE_GRIEVANCE = ("matter", "case")
WORDS_AND_SPOTS = ("text", "lat", "lon")

# what nobody is selected for: parts of the name of an attribute, and words inside a wanted value
_NAMES = {
    "religion": ("religion", "religious", "faith", "belief", "church", "mosque", "宗教", "信仰", "信教"),
    "ethnicity": ("ethnic", "ethnicity", "race", "nationality", "minority", "民族", "族别"),
    "politics": ("politics", "political", "party", "政治面貌", "党派"),
    "health": (
        "health", "disease", "illness", "diagnosis", "disability", "disabled", "mental", "psychiatric", "hiv",
        "疾病", "病史", "病情", "残疾", "精神障碍",
    ),
    "petition history": ("petition", "petitions", "petitioner", "信访次数", "上访", "信访人"),
}  # fmt: skip
_VALUES = {
    "religion": ("宗教", "信教", "穆斯林", "基督徒", "佛教", "伊斯兰", "法轮"),
    "ethnicity": (
        "ethnic_religious",
        "民族",
        "回族",
        "藏族",
        "维吾尔",
        "蒙古族",
        "哈萨克",
        "东乡族",
        "裕固族",
    ),
    "politics": ("政治面貌", "党派", "异见"),
    "health": ("精神病", "精神障碍", "艾滋", "病史"),
    "petition history": ("信访老户", "上访户", "上访人员", "缠访", "闹访", "重点人员"),
}


def keys(rule: Rule) -> Iterator[Remark]:
    """Service quality looks at one grievance; people alone are a key only where a life may be at stake."""
    spec = rule.spec
    owed = spec.obligation.id if spec.obligation is not None else []
    for name, key in (("key", spec.key), ("key_fallback", spec.key_fallback), ("obligation.id", owed)):
        if not key or any(field in ONE_GRIEVANCE for field in key):
            continue
        shown = ", ".join(key)
        if spec.purpose == "service-quality":
            yield error(
                "grievance-key",
                f"must have `matter` or `case` in its `{name}`, as its purpose is service-quality; got "
                f"`{shown}`; a person's contacts on different matters are never added up",
                *name.split("."),
            )
        elif spec.purpose != "life-safety" and any(field in PEOPLE for field in key):
            yield error(
                "people-key",
                f"must have purpose life-safety to group by people; got {spec.purpose} with `{name}` "
                f"`{shown}`; add `matter`, or group by place or subject",
                *name.split("."),
            )


def selects(rule: Rule) -> Iterator[Remark]:
    """Nobody is selected for religion, ethnicity, politics, health or having petitioned."""
    for where, field, wanted in _conditions(rule.spec):
        sort = _forbidden(field, wanted)
        if sort:
            got = f"`{field}`" if wanted is None else f"`{field}: {wanted}`"
            yield error("forbidden-select", f"must not look at {sort}; got {got}; take it out", *where)


def evidence(rule: Rule) -> Iterator[Remark]:
    """Evidence is ids and numbers; who most events came from is a list of people."""
    spec = rule.spec
    for where, field in _shown(spec):
        if field in WORDS_AND_SPOTS:
            yield error(
                "evidence-words",
                f"must not carry people's words or the exact spot as evidence; got `{field}`; take it out",
                *where,
            )
    for name in spec.evidence.top_k:
        if name in PEOPLE:
            yield error(
                "people-list", f"must not rank people in `top_k`; got `{name}`; take it out", "evidence", "top_k"
            )
    if spec.kind == "new_value" and spec.of in PEOPLE:
        yield error("people-list", f"must not name people as new values; got `{spec.of}`; count them instead", "of")
    if spec.purpose != "life-safety":
        for name in spec.evidence.fields:
            if name in PEOPLE:
                yield error(
                    "people-list",
                    f"must have purpose life-safety to show people as evidence; got {spec.purpose} with `{name}`",
                    "evidence",
                    "fields",
                )


def sentence(rule: Rule) -> Iterator[Remark]:
    """An alert's sentence is read by many who may not see a person's token."""
    said = rule.spec.explain
    texts = {"": said} if isinstance(said, str) else {"zh": said.zh, "en": said.en}
    for language, text in texts.items():
        for name in re.findall(r"\{(\w+)", text):
            if name in PEOPLE:
                yield error(
                    "people-sentence",
                    f"must not name a person's token in its `explain`; got `{{{name}}}`; take it out",
                    *(("explain", language) if language else ("explain",)),
                )


def readers(rule: Rule) -> Iterator[Remark]:
    """What is known of people has its readers, and an end that somebody has thought of."""
    spec = rule.spec
    if spec.purpose == "life-safety" and not (spec.privacy.reveal and spec.privacy.retain):
        yield warning(
            "no-privacy",
            "should say who may ask who is meant and how long that should be kept (`privacy.reveal`, "
            "`privacy.retain`); got one of them or neither",
            "privacy",
        )


def _conditions(spec: RuleFile) -> Iterator[tuple[Where, str, Any]]:
    """Every field that a rule looks at, with what it must be where that is said: (path, field, wanted)."""
    for where, wants in maps_of(spec):
        yield from (((*where, field), field, wanted) for field, wanted in wants.items())
    if spec.when is not None:
        chains = [spec.when.chain, *(branch.chain for branch in spec.when.any or ())]
        yield from ((("when",), chain.measure, None) for chain in chains if chain is not None)
    for where, field in _shown(spec):
        is_attribute = where[-1] == "top_k" and field not in known_fields() and not field.startswith("attrs.")
        yield where, f"attrs.{field}" if is_attribute else field, None


def _shown(spec: RuleFile) -> Iterator[tuple[Where, str]]:
    """Every field whose values an alert carries."""
    owed = spec.obligation.id if spec.obligation is not None else []
    shown: tuple[tuple[Where, Iterable[str]], ...] = (
        (("evidence", "fields"), spec.evidence.fields),
        (("evidence", "top_k"), spec.evidence.top_k),
        (("key",), spec.key),
        (("key_fallback",), spec.key_fallback),
        (("obligation", "id"), owed),
        (("of",), [spec.of] if spec.of is not None else []),
    )
    yield from ((where, field) for where, fields in shown for field in fields)


def _forbidden(field: str, wanted: Any) -> str | None:
    """What is forbidden about a condition, or None. Leaving a topic out with `|not` selects nobody."""
    name, *modifiers = field.split("|")
    if name.startswith("attrs."):
        own = name.removeprefix("attrs.").lower()
        parts = set(re.split(r"[^a-z]+", own))
        for sort, words in _NAMES.items():
            if any(word in (parts if word.isascii() else own) for word in words):
                return sort
    if "not" in modifiers:
        return None
    values = [str(value) for value in (wanted if isinstance(wanted, list) else [wanted])]
    for sort, words in _VALUES.items():
        if any(word in value for word in words for value in values):
            return sort
    return None
