"""One sentence for people, made from the numbers, in Chinese and English."""

from __future__ import annotations

import re
from collections.abc import Mapping

from alerts.duration import DAY_US, HOUR_US, MINUTE_US, SECOND_US, parse_duration
from alerts.entry import Entry, Verdict
from alerts.episode import Episode
from alerts.model import DISPUTE_CLASSES, Text
from alerts.rule import Rule

_PLACE = re.compile(r"\{([\w.]+)\}")
_UNITS_ZH = ((DAY_US, "天"), (HOUR_US, "小时"), (MINUTE_US, "分钟"), (SECOND_US, "秒"))
_UNITS_EN = ((DAY_US, "d"), (HOUR_US, "h"), (MINUTE_US, "min"), (SECOND_US, "s"))
_DISPUTES_ZH = dict(
    zip(
        DISPUTE_CLASSES,
        ("婚恋家庭", "邻里", "人身", "财产", "侵权", "合同", "劳动人事", "借贷", "土地", "民事", "城建", "民政",
         "执法", "涉法涉诉", "作风", "民族宗教", "其他"),
        strict=True,
    )
)  # fmt: skip
_CHANNELS_ZH = {
    "police": "110", "hotline": "12345", "petition": "信访", "grid": "网格", "court": "法院", "helpdesk": "小兰帮办",
    "superior": "上级交办", "walkin": "线下受理", "online": "网民留言", "resident": "群众上报",
}  # fmt: skip


def sentence(rule: Rule, key: Mapping[str, str], episode: Episode, best: Verdict, entries: list[Entry]) -> Text:
    """The rule's `explain` with its braces filled; a Chinese one is made where the rule has none."""
    values = _values(rule, key, episode, best, entries)
    english = _fill(rule.explain.en, values, "en") or rule.spec.title.en
    chinese = _fill(rule.explain.zh, values, "zh") or _chinese(rule, episode, best, entries)
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


def _values(
    rule: Rule, key: Mapping[str, str], episode: Episode, best: Verdict, entries: list[Entry]
) -> dict[str, tuple[str, str]]:
    """Each name an `explain` may use, in Chinese and English."""
    last = entries[-1][6]
    length = entries[-1][0] - entries[0][0]
    size = parse_duration(rule.spec.window.size)
    path = [str(each) for each in best.path]
    measures = dict(best.measures)
    gaps = [seconds * SECOND_US for seconds in measures.get("gaps", ())]  # type: ignore[attr-defined]
    return {
        **{name: (value, value) for name, value in key.items()},
        "count": (str(best.count),) * 2,
        "distinct": (str(best.distinct),) * 2,
        "steps": (str(episode.steps),) * 2,
        "branches": ("、".join(sorted(episode.branches)), ", ".join(sorted(episode.branches))),
        "path": ("→".join(path), " -> ".join(path)),
        "gaps": ("、".join(span(g) for g in gaps), ", ".join(span(g, _UNITS_EN) for g in gaps)),
        "span": (span(length), span(length, _UNITS_EN)),
        "window.size": (window(size), window(size, _UNITS_EN)),
        "channels": _channels(episode),
        "unit": (episode.unit or "", episode.unit or ""),
        "subcategory": (
            _DISPUTES_ZH.get(last.subcategory or "", last.subcategory or ""),
            last.subcategory or "",
        ),
    }


def _channels(episode: Episode) -> tuple[str, str]:
    names = sorted(episode.channels)
    return "、".join(_CHANNELS_ZH.get(name, name) for name in names), ", ".join(names)


def _fill(template: str, values: Mapping[str, tuple[str, str]], language: str) -> str:
    side = 0 if language == "zh" else 1
    return _PLACE.sub(lambda match: values.get(match.group(1), ("–", "–"))[side] or "–", template)


def _chinese(rule: Rule, episode: Episode, best: Verdict, entries: list[Entry]) -> str:
    number = f"{best.distinct}人" if best.distinct is not None else f"{max(best.count, 1)}次"
    topic = _DISPUTES_ZH.get(entries[-1][6].subcategory or "", "")
    about = f"（{topic}）" if topic else ""
    return f"{rule.spec.title.zh}：{window(rule.size)}内{number}{about}，经{_channels(episode)[0]}"
