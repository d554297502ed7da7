"""Obligations for tests: short ways to make and drive one, and what it must say, by definition."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from alerts.calendar import Calendar, calendar_of
from alerts.duration import DAY_US, HOUR_US, Span
from alerts.entry import Entry
from alerts.episode import Episode
from alerts.kinds.owed import Obligation
from alerts.kinds.term import BUMPS, OPENS, PAUSES, RESUMES, SATISFIES, Budget, Stage
from alerts.model import ALWAYS, NEVER, Event, Text, from_us, to_us
from alerts.subject import Vouched

HALF = HOUR_US // 2
MONDAY = to_us(datetime(2026, 3, 2, tzinfo=UTC)) - 8 * HOUR_US  # midnight in Shanghai
PLAIN = calendar_of({})
FIVE_DAYS = Span(5 * DAY_US, working=True)
NAME = Text("预警", "warning")
BITS = {"opens": OPENS, "satisfies": SATISFIES, "pauses": PAUSES, "resumes": RESUMES, "bumps": BUMPS}
KEY = ("0", "w1")


def plan(due: Span = FIVE_DAYS, shares: tuple[float, ...] = (0.8, 1, 1.5), calendar: Calendar | None = PLAIN) -> Any:
    """What an obligation knows of its compiled rule; the levels rise with the stages, the first has a name."""
    stages = tuple(
        Stage(
            f"{share:.0%}",
            int(due.amount_us * share),
            level,
            share >= 1,
            NAME if level == 1 else None,
        )
        for level, share in enumerate(shares, start=1)
    )
    return SimpleNamespace(budget=Budget(due, stages, calendar), bump=1)


def rule(lateness: int = 0, quiet_close: int | None = None, reopen_within: int | None = None) -> Any:
    return SimpleNamespace(
        lateness=lateness, life=SimpleNamespace(quiet_close=quiet_close, reopen_within=reopen_within)
    )


def local(day: int, time: str = "10:00") -> int:
    """A wall time so many days after Monday, 2 March 2026."""
    hours, minutes = time.split(":")
    return MONDAY + day * DAY_US + int(hours) * HOUR_US + int(minutes) * 60_000_000


def entry(name: str, at: int, *roles: str, channel: str = "hotline", unit: str | None = None) -> Entry:
    """An event of work order w1 in some roles."""
    event = Event(name, channel, "accepted", from_us(at), case="w1", unit=unit)
    return (at, 1, name, name, sum(BITS[role] for role in roles), (), event)


def owed(*entries: Entry, the_plan: Any = None, the_rule: Any = None) -> Obligation:
    """An obligation that has heard of some events."""
    one = Obligation(the_rule or rule(), the_plan or plan(), KEY)
    for each in entries:
        assert one.add(each, NEVER)
    return one


def vouch(one: Obligation, at: int, confidence: Any = "confirmed") -> None:
    """The channel says that everything up to an event time has been sent."""
    one.reach(1, at, Vouched(confidence, ({"channel": "hotline", "watermark": at},)))


def only(one: Obligation) -> tuple[Episode, bool]:
    """Its one episode, and whether that has ended."""
    [standing] = one.all_standings()
    [found] = standing.episodes
    return found


def said(one: Obligation) -> list[tuple[int, int, bool, str]]:
    """Number, level, whether it ended, and how, of each episode."""
    [standing] = one.all_standings()
    return [(each.number, each.level, ended, each.ending[1] if ended else "") for each, ended in standing.episodes]


class Definition:
    """What must be said, from everything that is known, without any arithmetic on working time."""

    def __init__(self, the_plan: Any) -> None:
        self.budget: Budget = the_plan.budget
        self.entries: list[Entry] = []
        self.until = NEVER
        self.said: dict[int, list[str]] = {}

    def terms(self) -> list[list[Entry]]:
        """The events of each term."""
        terms: list[list[Entry]] = []
        is_open = False
        for each in sorted(self.entries):
            if is_open or each[4] & OPENS:
                if not is_open:
                    terms.append([])
                terms[-1].append(each)
                is_open = not each[4] & SATISFIES
        return terms

    def times(self, term: list[Entry]) -> list[int]:
        """When each stage, and last the due time, is reached: walk, and look at the clock that stops in pauses."""
        amounts = [stage.amount_us for stage in self.budget.stages] + [self.budget.due.amount_us]
        found = [ALWAYS] * len(amounts)
        now, used, paused = term[0][0], 0, False
        if not self._runs(now):
            used = DAY_US - (now + 8 * HOUR_US) % DAY_US  # credited with what the working day before had left
        first = True
        for _ in range(48 * 40):
            ever_runs = not paused
            for each in term:
                if each[0] == now and not each[4] & SATISFIES:
                    paused = not each[4] & RESUMES if paused else bool(each[4] & PAUSES)
                    ever_runs = ever_runs or not paused
            for place, amount in enumerate(amounts):
                is_there = used >= amount and ever_runs and (self._runs(now) or (first and used > amount))
                if found[place] == ALWAYS and is_there:
                    found[place] = now
            used += HALF if self._runs(now) and not paused else 0
            now, first = now + HALF, False
        return found

    def _runs(self, at: int) -> bool:
        if not self.budget.due.working or self.budget.calendar is None:
            return True
        return self.budget.calendar.day_class(at) in ("workday", "makeup_workday")

    def add(self, each: Entry) -> None:
        """Hear of an event."""
        self.entries.append(each)
        self.said = {number: kept for number, kept in self.said.items() if number <= len(self.terms())}
        number, _, passed = self._open()
        if number in self.said:
            del self.said[number][passed:]
            if not self.said[number]:
                del self.said[number]

    def vouch(self, at: int, confidence: str) -> None:
        """Everything up to an event time has been sent."""
        self.until = max(self.until, at)
        number, _, passed = self._open()
        if number and passed > len(self.said.get(number, [])):
            kept = self.said.setdefault(number, [])
            kept += [confidence] * (passed - len(kept))

    def confirm(self, at: int) -> None:
        """The same, beyond doubt."""
        number, times, _ = self._open()
        for place in range(len(self.said.get(number, []))):
            if times[place] <= at:
                self.said[number][place] = "confirmed"

    def _open(self) -> tuple[int, list[int], int]:
        terms = self.terms()
        if not terms or terms[-1][-1][4] & SATISFIES:
            return 0, [], 0
        times = self.times(terms[-1])
        return len(terms), times, sum(time <= self.until for time in times[:-1])

    def answer(self) -> list[Any]:
        """What must be said."""
        found = []
        for number, term in enumerate(self.terms(), start=1):
            if number in self.said:
                found.append(self._episode(number, term))
        return found

    def _episode(self, number: int, term: list[Entry]) -> Any:
        said = self.said[number]
        *times, due = self.times(term)
        end = term[-1][0] if term[-1][4] & SATISFIES else None
        held = [
            place for place in range(len(said)) if times[place] <= self.until and (end is None or times[place] < end)
        ]
        was_breached = any(stage.is_breach for stage in self.budget.stages[: len(said)])
        ending = ""
        if end is not None:
            ending = "satisfied_late" if end > due else "late_evidence" if was_breached else "satisfied"
        shown = len(said) - 1 if ending == "late_evidence" or not held else held[-1]
        stage = self.budget.stages[shown]
        overdue = [each for each in term if each[4] & BUMPS and not each[4] & SATISFIES and each[0] >= due]
        level = min(stage.level + bool(overdue and stage.is_breach), 3)
        evidence = {each[2] for each in term}
        return (number, level, ending, stage.at, said[shown], None if due == ALWAYS else from_us(due), evidence)


def answer(one: Obligation) -> list[Any]:
    """What an obligation says, to be compared with the definition."""
    [standing] = one.all_standings()
    return [
        (
            e.number,
            e.level,
            e.ending[1] if ended else "",
            e.facts.stage,
            e.facts.confidence,
            e.facts.due,
            set(e.evidence),
        )
        for e, ended in standing.episodes
    ]  # fmt: skip
