"""One sentence for people, made from the numbers, in Chinese and English."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from alerts.duration import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from alerts.entry import Entry, Verdict
from alerts.episode import Episode, Facts
from alerts.fields import LOCAL_OFFSET_HOURS
from alerts.model import Kind, Text
from alerts.rule import Rule
from alerts.rule_file import RuleFile
from alerts.topics import topic

Words = dict[str, tuple[str, str]]  # a name in braces -> the Chinese and the English for it; empty if not known

_PLACE = re.compile(r"\{([\w.-]+)\}")
# what may be left out where nothing in it is known: a pair of brackets, then a clause after a semicolon
_OPTIONAL = (re.compile(r"\s*(?:（[^（）]*）|\([^()]*\))"), re.compile(r"[；;][^；;]*"))
_UNKNOWN = "–"
_UNITS_ZH = ((DAY_US, "天"), (HOUR_US, "小时"), (MINUTE_US, "分钟"), (SECOND_US, "秒"))
_UNITS_EN = ((DAY_US, "d"), (HOUR_US, "h"), (MINUTE_US, "min"), (SECOND_US, "s"))
_DEFAULT_ZH: dict[Kind, str] = {
    "distinct": "{title}：{window.size}内{distinct}人（{subcategory}），经{channels}",
    "sequence": "{title}：{span}内依次{path}（{subcategory}），经{channels}",
    "score": "{title}：{window.size}内累计{score}分（{parts}），经{channels}",
    "ratio": "{title}：{window.size}内占{ratio}（{among}件中{of}件），经{channels}",
    "new_value": "{title}：首次出现{value}，经{channels}",
    "match": "{title}（{subcategory}），经{channels}",
    "obligation": "{title}：时限{due}，已用{used}（应于{deadline}前办结）；超期{breach}；承办单位{unit}",
    "surge": "{title}：{count}件，为平时的{ratio}倍；主要在{areas}",
    "silence": "{title}：{channels}已{quiet}无数据（平时不超过{expected}）",
}
_COUNTED_ZH = "{title}：{window.size}内{count}次（{subcategory}），经{channels}"


def sentence(rule: Rule, key: Mapping[str, str], episode: Episode, best: Verdict, entries: list[Entry]) -> Text:
    """The rule's `explain` with its braces filled; a Chinese one is made where the rule has none."""
    words = _words(rule, key, episode, best, entries)
    english = _fill(rule.explain.en, words, 1) or rule.spec.title.en
    chinese = _fill(rule.explain.zh or _DEFAULT_ZH.get(rule.spec.kind, _COUNTED_ZH), words, 0)
    return Text(chinese, english)


def span(us: int, units: tuple[tuple[int, str], ...] = _UNITS_ZH) -> str:
    """About how long, in the greatest unit of which there are two: `20天`, `36小时`, `90分钟`."""
    for unit, name in units:
        if us >= 2 * unit or us == unit:
            return f"{us // unit}{name}"
    return f"{us // units[-1][0]}{units[-1][1]}"


def window(us: int, units: tuple[tuple[int, str], ...] = _UNITS_ZH) -> str:
    """Exactly how long, in the greatest unit that fits: `7天`, `36小时`."""
    for unit, name in units:
        if us >= unit and us % unit == 0:
            return f"{us // unit}{name}"
    return span(us, units)


def _words(rule: Rule, key: Mapping[str, str], episode: Episode, best: Verdict, entries: list[Entry]) -> Words:
    """Each name an `explain` may use; what a kind says itself in its facts comes before what is made here."""
    titles = _titles(rule.spec)
    last = entries[-1][6]
    subcategory = (topic(last.subcategory), last.subcategory or "")
    return {
        **{name: (value, value) for name, value in key.items()},
        "title": (rule.spec.title.zh, rule.spec.title.en),
        "count": _same(best.count),
        "distinct": _same(best.distinct),
        "steps": _same(episode.steps),
        "branches": _branches(rule, titles, sorted(episode.branches)),
        "path": _listed((titles.get(str(each), _same(each)) for each in best.path), "→", " -> "),
        "span": _length(entries[-1][0] - entries[0][0]),
        "window.size": (window(rule.size), window(rule.size, _UNITS_EN)) if rule.size else ("", ""),
        "channels": _listed((_label(rule, name) for name in sorted(episode.channels)), "、", ", "),
        "unit": _same(episode.unit),
        "subcategory": subcategory,
        "value": _branches(rule, titles, best.branches),
        **_measured(best, titles),
        **_stated(episode.facts),
    }


def _measured(best: Verdict, titles: Words) -> Words:
    """The words of what a kind has measured."""
    measures: dict[str, Any] = dict(best.measures)
    found = {name: _number(value) for name, value in measures.items() if isinstance(value, int | float)}
    if "ratio" in measures and "among" in measures:
        found["ratio"] = _same(f"{measures['ratio']:.0%}")
    if "parts" in measures:
        found["parts"] = _listed(_parts(measures["parts"].items(), titles), "、", ", ")
    if "gaps" in measures:
        found["gaps"] = _listed((_length(seconds * SECOND_US) for seconds in measures["gaps"]), "、", ", ")
    return found


def _parts(parts: Iterable[tuple[str, int]], titles: Words) -> Iterator[tuple[str, str]]:
    for name, points in parts:
        chinese, english = titles.get(name, (name, name))
        yield f"{chinese}{points}分", f"{english} {points}"


def _stated(facts: Facts) -> Words:
    """The words that a kind gives itself: text, a pair [Chinese, English], or seconds of quiet."""
    found: Words = {}
    if facts.due is not None:
        local = facts.due + timedelta(hours=LOCAL_OFFSET_HOURS)
        found["deadline"] = (f"{local.month}月{local.day}日{local:%H:%M}", f"{local:%m-%d %H:%M}")
    if facts.breach_seconds:
        found["breach"] = _length(facts.breach_seconds * SECOND_US)
    for name, value in facts.words.items():
        if isinstance(value, list | tuple):
            found[name] = (str(value[0]), str(value[1]))
        elif name in ("quiet", "expected") and isinstance(value, int):
            found[name] = _length(value * SECOND_US)
        else:
            found[name] = _number(value) if isinstance(value, float) else _same(value)
    return found


def _titles(spec: RuleFile) -> Words:
    """What the branches, steps and cues of a rule are called."""
    when = spec.when
    named = [*(when.any or ()), *(when.steps or ()), *(when.score or ())] if when is not None else []
    return {each.name: (each.title.zh, each.title.en) for each in named if each.title is not None}


def _branches(rule: Rule, titles: Words, names: Iterable[str]) -> tuple[str, str]:
    """Branches by their titles; a new value by what people call it."""
    labels: Words = {**{name: (label.zh, label.en) for name, label in rule.labels.items()}, **titles}
    return _listed((labels.get(name, (topic(name), name)) for name in names), "、", ", ")


def _label(rule: Rule, channel: str) -> tuple[str, str]:
    label = rule.labels[channel]
    return label.zh, label.en


def _listed(pairs: Iterable[tuple[str, str]], chinese: str, english: str) -> tuple[str, str]:
    both = list(pairs)
    return chinese.join(pair[0] for pair in both), english.join(pair[1] for pair in both)


def _length(us: int) -> tuple[str, str]:
    return span(us), span(us, _UNITS_EN)


def _number(value: float) -> tuple[str, str]:
    return _same(f"{value:g}" if isinstance(value, float) else value)


def _same(value: object) -> tuple[str, str]:
    return ("", "") if value is None else (str(value), str(value))


def _fill(template: str, words: Words, side: int) -> str:
    """The braces filled; brackets and last clauses of which nothing is known are left out."""
    known = {name: pair[side] for name, pair in words.items()}
    for optional in _OPTIONAL:
        template = optional.sub(lambda match: "" if _is_empty(match.group(), known) else match.group(), template)
    return _PLACE.sub(lambda match: known.get(match[1]) or _UNKNOWN, template)


def _is_empty(part: str, known: Mapping[str, str]) -> bool:
    """Does a part of a sentence name words, none of which is known?"""
    names = _PLACE.findall(part)
    return bool(names) and not any(known.get(name) for name in names)
