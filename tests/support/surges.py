"""Surge rules, their boards and entries in a line each, and what a surge is by its definition, worked out slowly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import mean, median, variance
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec

from alerts.baseline import tail
from alerts.entry import Entry
from alerts.kinds.surge import compile_surge
from alerts.kinds.surge_board import Board
from alerts.kinds.surge_plan import SurgePlan
from alerts.model import Event, from_us, to_us
from alerts.rule_file import read

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LOCAL = 8 * HOUR
MIDNIGHT = to_us(datetime(2026, 3, 2, tzinfo=UTC)) - LOCAL  # a Monday in Shanghai
AREA = ("0", "620102001", "water")

RULE: dict[str, Any] = {
    "apiVersion": "rules/v1", "id": "test.surge", "version": 1, "kind": "surge", "title": {"zh": "测", "en": "t"},
    "owner": "tests", "purpose": "situational-awareness", "channels": ["hotline"], "key": ["township", "subcategory"],
    "window": {"size": "1h", "slide": "5m", "lateness": "10m"},
    "baseline": {"slot": ["hour_of_day", "day_class"], "history": "8w", "exclude": "flagged_surges"},
    "when": {"all": [{"count_gte": 8}, {"score_gte": 4}], "hold": 2},
    "levels": [{"ratio": 3, "level": "blue"}, {"ratio": 6, "level": "yellow"}],
    "lifecycle": {"close_when": {"ratio_lt": 1.5, "hold": 6}, "reopen_within": "3h"},
}  # fmt: skip
DAILY: dict[str, Any] = {
    "window": {"size": "1d", "slide": "1d", "lateness": "10m"},
    "baseline": {"stat": "negative_binomial", "history": "21d", "min_slots": 14, "exclude": "flagged_surges"},
    "when": {"all": [{"count_gte": 5}, {"ratio_gte": 2}]},
    "levels": [{"ratio": 2, "level": "blue"}, {"ratio": 10, "level": "yellow"}],
    "lifecycle": {"close_when": {"ratio_lt": 1.5, "hold": 1}},
}


class Weekdays:
    """A calendar that knows Saturdays and Sundays, and no other year than 2026."""

    def day_class(self, at: int) -> str:
        """The class of a local day."""
        local = from_us(at) + timedelta(hours=8)
        if local.year != 2026:
            raise ValueError(f"a calendar must have the year; got {local.year}")
        return "weekend" if local.weekday() >= 5 else "workday"


def plan(**parts: Any) -> SurgePlan:
    """The plan of the township rule above, unless the parts say otherwise."""
    return compile_surge(read({**RULE, **parts}), {}, {"cn": Weekdays()})


def entry(name: str, at: int, key: tuple[str, ...] = AREA, contact: str | None = None, **fields: Any) -> Entry:
    """One contact of an area, `at` microseconds after local midnight of the first day."""
    event = Event(name, "hotline", "received", from_us(MIDNIGHT + at), region=key[1], subcategory=key[-1], **fields)
    return (MIDNIGHT + at, 2, name, contact or name, 1, (key,), event)


def burst(name: str, start: int, number: int, every: int = MINUTE, key: tuple[str, ...] = AREA) -> list[Entry]:
    """Some contacts in a row."""
    return [entry(f"{name}{each}", start + each * every, key) for each in range(number)]


class Said(NamedTuple):
    """What is said of one episode at one slide; times from local midnight of the first day."""

    at: int
    key: tuple[str, ...]
    number: int
    state: str
    level: int
    count: int
    ids: frozenset[str]


class BoardRun:
    """A board under a watermark that the test moves."""

    def __init__(self, of: SurgePlan, reopen_within: int | None = 3 * HOUR) -> None:
        self.plan = of
        self.rule: Any = SimpleNamespace(life=SimpleNamespace(reopen_within=reopen_within))
        self.board = Board(self.rule, ("*", "test.surge"), of)
        self.said: list[Said] = []
        self.slides = 0

    def take(self, *entries: Entry) -> None:
        """Entries that arrive."""
        for each in entries:
            assert self.board.add(each, each[0])

    def pass_watermark(self, until: int) -> list[Said]:
        """The clock watermark goes to `until`, as a shard moves it; what is said on the way."""
        before = len(self.said)
        while (at := self.board.wants()[0]) <= MIDNIGHT + until:
            self.board.reach(0, at, None)
            self.slides += 1
            for key, episodes, _ in self.board.standings():
                for episode, has_ended in episodes:
                    best = episode.best
                    assert best is not None
                    assert has_ended is not episode.open
                    state = "open" if episode.open else episode.ending[0]
                    ids = frozenset(episode.evidence)
                    self.said.append(Said(at - MIDNIGHT, key, episode.number, state, episode.level, best.count, ids))
        return self.said[before:]

    def restart(self) -> None:
        """The process ends and another one goes on from the saved state."""
        kept = msgspec.msgpack.decode(msgspec.msgpack.encode(self.board.state()))
        self.board = Board.restored(self.rule, self.plan, kept, revived)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(self.board.state())) == kept


def revived(kept: Any) -> Entry:
    """An entry as it comes back from the saved state."""
    occurred, rank, name, contact, role, values, event = kept
    return (occurred, rank, name, contact, role, (tuple(values[0]),), msgspec.convert(event, Event))


def by_definition(of: SurgePlan, entries: Iterable[Entry], until: int, reopen_within: int) -> list[Said]:
    """What is said up to `until`, from all entries at once, every slide and every area looked at."""
    return _Definition(of, counted(entries, of.size), reopen_within).said(until)


def counted(entries: Iterable[Entry], size: int) -> list[Entry]:
    """The entries that count: not those whose contact was counted in the same area less than `size` before."""
    kept: list[Entry] = []
    for each in sorted(entries):
        if not any(e[3] == each[3] and e[5] == each[5] and e[0] > each[0] - size for e in kept):
            kept.append(each)
    return kept


class _Definition:
    def __init__(self, of: SurgePlan, entries: Sequence[Entry], reopen_within: int) -> None:
        self.plan = of
        self.entries = entries
        self.reopen_within = reopen_within
        self.flagged: set[tuple[tuple[str, ...], int]] = set()  # (area, start of a bucket)
        self.areas: dict[tuple[str, ...], dict[str, Any]] = {}
        self.alerts: dict[tuple[str, ...], dict[str, Any]] = {}
        self.out: list[Said] = []

    def said(self, until: int) -> list[Said]:
        if not self.entries:
            return []
        slide = self.plan.slide
        at = (self.entries[0][0] + LOCAL) // slide * slide - LOCAL
        while at <= MIDNIGHT + until:
            self._slide(at)
            at += slide
        return self.out

    def _count(self, key: tuple[str, ...] | None, start: int, stop: int) -> int:
        return sum(start < e[0] <= stop and (key is None or e[5][0] == key) for e in self.entries)

    def _history(self, key: tuple[str, ...], at: int, whole_city: bool) -> list[int]:
        plan = self.plan
        begin = (self.entries[0][0] + LOCAL + DAY - 1) // DAY * DAY - LOCAL
        end = at if plan.daily else -(-(at + LOCAL) // HOUR) * HOUR - LOCAL
        values = []
        for back in range(1, plan.days + 1):
            stop = end - (plan.skip + back) * DAY
            start = stop - plan.size
            flagged = any(k == key and start <= b < stop for k, b in self.flagged) and not whole_city
            classes = plan.day_classes
            other = classes is not None and classes.day_class(stop - 1) != classes.day_class(end - 1)
            if start >= begin and not flagged and not other:
                values.append(self._count(None if whole_city else key, start, stop))
        return values

    def _usual(self, key: tuple[str, ...], at: int, count: int) -> tuple[float, bool] | None:
        """(expected, is rare)"""
        plan = self.plan
        values = self._history(key, at, whole_city=False)
        if len(values) < plan.min_slots:
            return None
        if not plan.daily:
            middle = median(values)
            spread = median(abs(value - middle) for value in values)
            return middle, (count - middle) / max(1.4826 * spread, 1) >= plan.least_score
        city = self._history(key, at, whole_city=True)
        scale = self._count(None, at - plan.size, at) / max(median(city), 1)
        scale = min(max(scale, plan.scale[0]), plan.scale[1])
        middle = max(mean(values), 1 / len(values))
        spread = variance(values) if len(values) > 1 else 0.0
        return middle * scale, tail(count, middle, spread, scale) < plan.p

    def _slide(self, at: int) -> None:
        plan = self.plan
        changed = []
        for key in sorted({e[5][0] for e in self.entries if e[0] <= at}):  # type: ignore[type-var]
            area = self.areas.setdefault(key, {"firing": False, "level": 0, "held": 0, "quiet": 0, "expected": 0.0})
            area["window"] = [e for e in self.entries if e[5][0] == key and at - plan.size < e[0] <= at]
            before = area["firing"], area["level"]
            self._judge(key, area, at)
            if area["firing"] and plan.excludes_surges:
                first = (at - plan.size + LOCAL) // plan.bucket * plan.bucket - LOCAL
                self.flagged |= {(key, start) for start in range(first, at, plan.bucket)}
            if (area["firing"], area["level"]) != before:
                changed.append(key)
        for key in sorted({plan.roll.district_of(key) for key in changed} if plan.roll else set()):
            self._district(key, [each for each in changed if plan.roll and plan.roll.district_of(each) == key], at)

    def _judge(self, key: tuple[str, ...], area: dict[str, Any], at: int) -> None:
        plan, count = self.plan, len(area["window"])
        usual = self._usual(key, at, count) if area["firing"] or count >= plan.least else None
        expected, is_rare = usual or (area["expected"], False)
        area["expected"] = expected
        times = count / max(expected, 1)
        level = max([lvl for least, lvl in plan.rungs if times >= least], default=0) if usual else 0
        if area["firing"]:
            area["level"] = max(area["level"], level)
            area["quiet"] = area["quiet"] + 1 if times < plan.close_below else 0
            if area["quiet"] >= plan.close_hold:
                area.update(firing=False, level=0, held=0)
        elif is_rare and count >= plan.least and times >= plan.least_ratio:
            area["held"] += 1
            if area["held"] >= plan.hold:
                area.update(firing=True, level=level, quiet=0)
        else:
            area["held"] = 0

    def _district(self, district: tuple[str, ...], changed: list[tuple[str, ...]], at: int) -> None:
        roll = self.plan.roll
        assert roll is not None
        firing = [k for k in sorted(self.areas) if self.areas[k]["firing"] and roll.district_of(k) == district]
        alert = self.alerts.get(district, {"open": False})
        if not alert["open"] and len(firing) < roll.least:
            for key in changed:
                area = self.areas[key]
                if area["firing"]:
                    self._say(key, at, area["level"], len(area["window"]), area["window"])
                elif self.alerts.get(key, {"open": False})["open"]:
                    self._end(key, at, "closed")
            return
        if not firing:
            self._end(district, at, "closed")
            return
        level = max(self.areas[key]["level"] for key in firing)
        if not alert["open"] or level > alert["level"] or not set(firing) <= alert["areas"]:
            held = [self.alerts[k] for k in (district, *firing) if self.alerts.get(k, {"open": False})["open"]]
            window = {e for each in held for e in each["evidence"]} | {
                (e[0], e[2]) for key in firing for e in self.areas[key]["window"]
            }
            count = sum(len(self.areas[key]["window"]) for key in firing)
            self._say(district, at, level, count, sorted(window), firing)
        for key in firing:
            if self.alerts.get(key, {"open": False})["open"]:
                self._end(key, at, "merged")

    def _say(
        self, key: tuple[str, ...], at: int, level: int, count: int, window: Sequence[Any],
        areas: Sequence[tuple[str, ...]] = (),
    ) -> None:  # fmt: skip
        alert = self.alerts.setdefault(key, {"open": False, "number": 0, "until": 0})
        if not alert["open"] and at > alert["until"]:
            alert.update(number=alert["number"] + 1, level=0, areas=set())
        alert.update(open=True, level=max(alert["level"], level), count=count, areas=alert["areas"] | set(areas))
        alert["evidence"] = [each if len(each) == 2 else (each[0], each[2]) for each in window]
        self._note(key, at, "open")

    def _end(self, key: tuple[str, ...], at: int, state: str) -> None:
        self.alerts[key].update(open=False, until=at + (self.reopen_within if state == "closed" else 0))
        self._note(key, at, state)

    def _note(self, key: tuple[str, ...], at: int, state: str) -> None:
        alert: Mapping[str, Any] = self.alerts[key]
        ids = frozenset(name for _, name in alert["evidence"])
        self.out.append(Said(at - MIDNIGHT, key, alert["number"], state, alert["level"], alert["count"], ids))
