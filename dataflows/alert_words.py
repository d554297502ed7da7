"""How an alert is said to people on a terminal or a page: levels, states, lengths of time, places, in Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from alerts.model import Disposition, Level, Region, Revision, State
from connectors.pseudonym import veiled
from connectors.tables import Tables, load_tables
from dataflows.api.answers import SilenceShown
from dataflows.history_origin import LOCAL

LEVEL_WORDS: dict[Level, str] = {"red": "紧急", "yellow": "预警", "blue": "关注"}  # the highest first
LEVEL_STYLES: dict[Level, str] = {"red": "bold red", "yellow": "yellow", "blue": "blue"}
STATE_WORDS: dict[State, str] = {
    "open": "待签收", "acked": "已签收", "closed": "已关闭", "retracted": "已撤回", "merged": "已并入",
    "split": "已拆分", "expired": "已过期",
}  # fmt: skip
DISPOSITION_WORDS: dict[Disposition, str] = {
    "true_positive": "属实", "benign": "属实无碍", "false_positive": "误报", "already_handled": "已在处置",
    "wrong_identity": "对象有误",
}  # fmt: skip
RUNG_WORDS = {"grid": "网格", "village": "村社区", "township": "镇街", "county": "县区", "city": "市"}
REASON_WORDS = {
    "opened": "新开", "level_up": "升级", "reopened": "重开", "escalated": "上报", "acked": "签收", "unacked": "退回",
    "ack_expired": "签收到期", "unmuted": "恢复推送", "quiet": "平息", "resolved_by_user": "人工关闭",
    "supervised": "督办", "supervision_overdue": "督办逾期", "asked": "重发",
}  # fmt: skip
SHORT_ID = 8  # characters of an id that people see and may type
_UNITS = ((timedelta(days=1), "天"), (timedelta(hours=1), "小时"), (timedelta(minutes=1), "分钟"))


def in_words(length: timedelta) -> str:
    """A length of time in its two greatest units: `2天3小时`, `5分钟`."""
    found: list[str] = []
    begun = False
    for unit, name in _UNITS:
        count, length = divmod(length, unit)
        if count > 0:
            found.append(f"{count}{name}")
        if begun:
            break
        begun = count > 0
    return "".join(found) or "不到1分钟"


def until_words(at: datetime, now: datetime) -> str:
    """How far away an instant is: `还有3小时`, `已过5分钟`."""
    return f"还有{in_words(at - now)}" if at >= now else f"已过{in_words(now - at)}"


def local(at: datetime) -> str:
    """An instant as clocks here show it, to the minute."""
    return at.astimezone(LOCAL).strftime("%m-%d %H:%M")


def short(alert_id: str) -> str:
    """The beginning of an id, as `list` shows it and every command takes it."""
    return alert_id[:SHORT_ID]


def handle(revision: Revision) -> str:
    """An alert and the revision that was seen, as the commands take them: `1f3a9c2e@3`."""
    return f"{short(revision.alert_id)}@{revision.revision}"


def printable(text: str) -> str:
    """A text of people for a terminal or a page: no sign in it that moves a cursor, no whole token."""
    return veiled("".join(sign if sign.isprintable() else " " for sign in text))


def sentence(revision: Revision) -> str:
    """What the alert says, without a whole token."""
    return printable(revision.text.zh or revision.text.en or revision.rule)


def key_words(key: Mapping[str, str]) -> str:
    """What the rule groups by, without a whole token."""
    return printable(" ".join(f"{name}={value}" for name, value in key.items()))


def place_words(region: Region) -> str:
    """The region by its names, as far down as it is known; its code where it has none."""
    code = region.village or region.township or region.county or ""
    return (_tables().region_path(code) or code) if code else "全市"


def what_words(each: SilenceShown) -> str:
    """What a silence mutes, in a few words."""
    wanted = each.matchers
    parts: dict[str, Any] = {
        "alert": short(wanted.alert_id), "rule": wanted.rule, "region": wanted.region,
        "level": "、".join(LEVEL_WORDS[level] for level in wanted.level), **wanted.key,
    }  # fmt: skip
    found = " ".join(f"{name}={value}" for name, value in parts.items() if value)
    return printable(found) + ("，含升级" if each.mute_level_rise else "")


def end_words(each: SilenceShown, now: datetime) -> str:
    """When it ends, and what ends it before."""
    end = f"{local(each.until)}（{until_words(each.until, now)}）" if each.until else ""
    before = [words for is_so, words in ((each.on_close, "关闭即止"), (each.on_level_rise, "升级即止")) if is_so]
    return "，".join([part for part in (end, *before) if part])


def machine_now() -> datetime:
    """Now, by the machine's clock."""
    return datetime.now(UTC)


@cache
def _tables() -> Tables:
    return load_tables()
