"""surge: all areas of one rule together, judged slide by slide when the clock watermark passes (semantics 6).

Nothing is said before a slide is final, so nothing is taken back, and the order of arrival inside the lateness does
not matter. A slide is looked at only if something can happen at it: an event to take in, or an area that is busy.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from alerts.duration import DAY_US, MINUTE_US
from alerts.entry import Entry, Key
from alerts.episode import Episode
from alerts.kinds.surge_alert import Finding, begin, end, tell, together
from alerts.kinds.surge_area import Area
from alerts.kinds.surge_days import LOCAL_US, Days, Reading
from alerts.model import ALWAYS, NEVER
from alerts.subject import InPieces, Standing, Vouched

if TYPE_CHECKING:
    from alerts.kinds.surge_plan import SurgePlan
    from alerts.rule import Rule

TIDY_EVERY = 7 * DAY_US
STRETCH = 5 * MINUTE_US  # what waits for a slide is saved in stretches, since it may wait for hours
AREA, EPISODE, WAITING = "area", "episode", "waiting"  # the first word of the name of a piece


class Board(InPieces):
    """The state of one surge rule. `no_baseline` counts windows that were large enough and had too little history."""

    __slots__ = (
        "_due", "_next", "_waiting", "areas", "armed", "busy", "changed", "days", "episodes", "firing", "key",
        "no_baseline", "now", "numbers", "over", "plan", "rule", "slides", "touched",
    )  # fmt: skip

    def __init__(self, rule: Rule, key: Key, plan: SurgePlan) -> None:
        self.rule = rule
        self.key = key
        self.plan = plan
        self.armed = [ALWAYS]
        self.now = NEVER  # the last slide that was looked at
        self.days = Days(plan)
        self.areas: dict[Key, Area] = {}
        self.busy: set[Key] = set()  # areas at which something can happen without an event
        self.firing: dict[Key, set[Key]] = {}  # the firing areas of each district
        self.episodes: dict[Key, Episode] = {}  # of areas and districts, while they can still speak
        self.over: dict[Key, int] = {}  # those that have ended: until when they can open again
        self.numbers: dict[Key, int] = {}  # the last number of each key whose episodes are over for good
        self.touched: set[Key] = set()
        self.changed: dict[Key, None] | None = None  # the pieces that are others than when they were saved, if ever
        self.no_baseline = 0
        self.slides: dict[int, list[Entry]] = {}  # entries by the slide at which they will be taken in
        self._waiting: dict[str, int] = {}  # their ids
        self._due: list[int] = []  # a heap of the slides
        self._next = ALWAYS

    def add(self, entry: Entry, watermark: int) -> bool:
        """Take an event that is not late; it counts when its slide is final. False if its id is already here."""
        occurred, name = entry[0], entry[2]
        if name in self._waiting or occurred <= self.now:
            return False
        slide = self._slide_of(occurred)
        waiting = self.slides.get(slide)
        if waiting is None:
            self.slides[slide] = [entry]
            heapq.heappush(self._due, slide)
            self._next = min(self._next, slide)
        else:
            waiting.append(entry)
        self._waiting[name] = slide
        if self.changed is not None:
            self._mark(_stretch(slide, entry))
        return True

    def remove(self, event_id: str, watermark: int) -> bool:
        """Take an event away again that is not yet final."""
        slide = self._waiting.get(event_id)
        if slide is None:
            return False
        gone = next(entry for entry in self.slides[slide] if entry[2] == event_id)
        if gone[0] < watermark:
            return False
        self.slides[slide] = [entry for entry in self.slides[slide] if entry is not gone]
        self._mark(_stretch(slide, gone))
        del self._waiting[event_id]
        return True

    def wants(self) -> Sequence[int]:
        """The next slide at which something can happen."""
        return (self._next,)

    def reach(self, which: int, event_time: int, vouched: Vouched | None) -> None:
        """Every slide up to `event_time` is final."""
        while self._next <= event_time:
            self._pass(self._next)

    def standings(self) -> Iterable[Standing]:
        """What it says of the areas and districts that changed since it was last asked."""
        touched, self.touched = sorted(self.touched), set()
        return [self._standing(key) for key in touched]

    def all_standings(self) -> Iterable[Standing]:
        """What it says of every area and district whose episode is not over for good."""
        return [self._standing(key) for key in sorted(self.episodes)]

    def is_silent(self) -> bool:
        """It has many keys: those that were touched may speak."""
        return not self.touched

    def is_forgettable(self) -> bool:
        """No event has ever been taken in: since when there are data is part of every baseline."""
        return self.days.begin is None and not self.slides

    def size(self) -> int:
        """How many events are kept."""
        return len(self._waiting) + sum(len(area.window) for area in self.areas.values())

    def _slide_of(self, at: int) -> int:
        """The first slide that is not before an instant."""
        slide = self.plan.slide
        return -(-(at + LOCAL_US) // slide) * slide - LOCAL_US

    def _pass(self, at: int) -> None:
        if at // TIDY_EVERY != self.now // TIDY_EVERY:
            self._tidy(at)
        self.now = at
        self._expire(at)
        self._take_in(at)
        self._judge(at)
        self._next = self._soonest()

    def _soonest(self) -> int:
        slides = self._due[:1]
        if self.busy:
            slides.append(self.now + self.plan.slide)
        if self.over:
            slides.append(self._slide_of(min(self.over.values()) + 1))
        return min(slides, default=ALWAYS)

    def _take_in(self, at: int) -> None:
        while self._due and self._due[0] <= at:
            slide = heapq.heappop(self._due)
            for name in self._stretches(slide) if self.changed is not None else ():
                self._mark(name)
            entries = self.slides.pop(slide)
            entries.sort()
            for entry in entries:
                del self._waiting[entry[2]]
                self._take(entry)

    def _take(self, entry: Entry) -> None:
        key: Key = entry[5][0]  # type: ignore[assignment]
        area = self.areas.get(key)
        if area is None:
            area = self.areas[key] = Area(key)
        if self.changed is not None:
            self._mark((AREA, *key))
        bucket = self.days.bucket(entry[0])
        if area.take(entry, bucket, self.plan.size):
            self.days.take(entry[0], bucket)
            if len(area.window) >= self.plan.least:
                self.busy.add(key)

    def _judge(self, at: int) -> None:
        """Look at every area that is busy, and tell what changed, district by district."""
        least = self.plan.least
        changed: dict[Key | None, list[Area]] = {}
        for key in sorted(self.busy):
            area = self.areas[key]
            self._mark((AREA, *key))
            district = self.plan.roll.district_of(key) if self.plan.roll else None
            if area.judge(at, self.days):
                changed.setdefault(district, []).append(area)
                self._note(area, district)
            if area.reading is None and len(area.window) >= least:
                self.no_baseline += 1
            if area.is_idle(least):
                self.busy.discard(key)
        for district in sorted(changed, key=lambda each: each or ()):
            if district is None or not self._tell_district(district, at):
                for area in changed[district]:
                    self._tell_area(area, at)

    def _note(self, area: Area, district: Key | None) -> None:
        if district is None:
            return
        firing = self.firing.setdefault(district, set())
        if area.firing:
            firing.add(area.key)
        else:
            firing.discard(area.key)
            if not firing:
                del self.firing[district]

    def _tell_district(self, district: Key, at: int) -> bool:
        """Speak for a district, if enough of its areas fire or it has spoken. False leaves it to its areas."""
        roll, firing = self.plan.roll, sorted(self.firing.get(district, ()))
        assert roll is not None
        episode = self.episodes.get(district)
        is_open = episode is not None and episode.open
        if not is_open and len(firing) < roll.least:
            return False
        if not firing:
            self._end(district, at)
            return True
        if episode is None or not episode.open or self._adds(episode, firing):
            self._say(district, at, self._rolled_up(district, firing))
        for key in firing:
            if key in self.episodes and self.episodes[key].open:
                self._end(key, at, self.episodes[district])
        return True

    def _adds(self, episode: Episode, firing: Sequence[Key]) -> bool:
        """Has an area joined its open district, or risen above it?"""
        roll = self.plan.roll
        assert roll is not None
        return any(roll.code_of(key) not in episode.branches or self.areas[key].level > episode.level for key in firing)

    def _rolled_up(self, district: Key, firing: Sequence[Key]) -> Finding:
        roll = self.plan.roll
        assert roll is not None
        areas = [self.areas[key] for key in firing]
        held = [self.episodes[key] for key in (district, *firing) if key in self.episodes and self.episodes[key].open]
        entries = {entry[2]: entry for each in held for entry in each.evidence.values()}
        entries.update({entry[2]: entry for area in areas for entry in area.window})
        return Finding(
            max(area.level for area in areas),
            together([_reading(area) for area in areas]),
            list(entries.values()),
            tuple(roll.code_of(key) for key in firing),
            roll.region_of(district),
        )

    def _tell_area(self, area: Area, at: int) -> None:
        if area.firing:
            self._say(area.key, at, Finding(area.level, _reading(area), area.window))
        elif area.key in self.episodes and self.episodes[area.key].open:
            self._end(area.key, at)

    def _say(self, key: Key, at: int, finding: Finding) -> None:
        known = self.episodes.get(key)
        if known is not None and known.open:
            tell(known, at, finding, self.plan)
        else:
            number = known.number if known is not None else self.numbers.pop(key, 0) + 1
            self.episodes[key] = begin(known, number, at, finding, self.plan)
            self.over.pop(key, None)
        self._speak(key)

    def _end(self, key: Key, at: int, merged_into: Episode | None = None) -> None:
        """The episode of a key ends. One that was merged cannot open again."""
        plan = self.plan
        if merged_into is None:
            end(self.episodes[key], at)
        else:
            assert plan.roll is not None
            district = plan.roll.district_of(key)
            assert district is not None
            end(self.episodes[key], at, (district, merged_into.number))
        within = self.rule.life.reopen_within
        self.over[key] = at if merged_into or within is None else at + within
        self._speak(key)

    def _mark(self, piece: Key) -> None:
        if self.changed is not None:
            self.changed[piece] = None

    def _speak(self, key: Key) -> None:
        self.touched.add(key)
        self._mark((EPISODE, *key))

    def _expire(self, at: int) -> None:
        """Episodes that can no longer open again leave only their numbers."""
        for key in [key for key, until in self.over.items() if until < at]:
            del self.over[key]
            self.numbers[key] = self.episodes.pop(key).number
            self._speak(key)

    def _standing(self, key: Key) -> Standing:
        episode = self.episodes.get(key)
        if episode is None:
            return Standing(key, (), self.numbers[key])
        return Standing(key, ((episode, not episode.open),), episode.number - 1)

    def _tidy(self, at: int) -> None:
        """Drop what no window can reach, and the areas that have nothing left."""
        oldest = self.days.oldest(at)
        self.days.city.prune(oldest)
        for key, area in list(self.areas.items()):
            area.shrink(at - self.plan.size)
            area.history.prune(oldest)
            self._mark((AREA, *key))
            if area.is_forgettable():
                del self.areas[key]

    def core(self) -> Any:
        """What changes with every slide, in plain types."""
        return [
            self.key, self.now, self.no_baseline, self.days.state(), sorted(self.busy), list(self.over.items()),
            list(self.numbers.items()), sorted(self.touched),
        ]  # fmt: skip

    def pieces(self, *, is_all: bool) -> list[tuple[Key, Any]]:
        """All areas, episodes and slides to come, or those that changed since they were last asked for."""
        names = list(self._names() if is_all or self.changed is None else self.changed)
        self.changed = {}
        slides = {int(name[1]) for name in names if name[0] == WAITING}
        waiting = {name: entries for slide in slides for name, entries in self._stretches(slide).items()}
        return [(name, waiting.get(name) if name[0] == WAITING else self._piece(name)) for name in names]

    def state(self) -> Any:
        """Everything that is kept, in plain types."""
        changed = self.changed
        state = [self.core(), self.pieces(is_all=True)]
        self.changed = changed
        return state

    def _names(self) -> Iterator[Key]:
        yield from [(AREA, *key) for key in self.areas]
        yield from [(EPISODE, *key) for key in self.episodes]
        for slide in self.slides:
            yield from self._stretches(slide)

    def _stretches(self, slide: int) -> dict[Key, list[Entry]]:
        """What waits for a slide."""
        found: dict[Key, list[Entry]] = {}
        for entry in self.slides.get(slide, ()):
            found.setdefault(_stretch(slide, entry), []).append(entry)
        return found

    def _piece(self, name: Key) -> Any:
        kind, *key = name
        found: Area | Episode | None = (self.areas if kind == AREA else self.episodes).get(tuple(key))
        return None if found is None else found.state()

    @staticmethod
    def restored(rule: Rule, plan: SurgePlan, state: Any, revive: Callable[[Any], Entry]) -> Board:
        """The board that `state` described."""
        (key, now, no_baseline, days, busy, over, numbers, touched), pieces = state
        kinds: dict[str, list[tuple[Key, Any]]] = {AREA: [], EPISODE: [], WAITING: []}
        for (kind, *name), piece in pieces:
            kinds[kind].append((tuple(name), piece))
        board = Board(rule, tuple(key), plan)
        board.now, board.no_baseline = now, no_baseline
        board.days = Days.restored(plan, days)
        board.areas = {name: Area.restored(area, revive) for name, area in kinds[AREA]}
        board.busy = {tuple(each) for each in busy}
        board.episodes = {name: Episode.restored(episode, revive) for name, episode in kinds[EPISODE]}
        board.over = {tuple(each): until for each, until in over}
        board.numbers = {tuple(each): number for each, number in numbers}
        board.touched = {tuple(each) for each in touched}
        for area in board.areas.values():
            if area.firing and plan.roll is not None and (district := plan.roll.district_of(area.key)) is not None:
                board.firing.setdefault(district, set()).add(area.key)
        board._next = board._soonest()
        for _, entries in kinds[WAITING]:
            for entry in entries:
                board.add(revive(entry), now)
        board.changed = {}
        return board


def _stretch(slide: int, entry: Entry) -> Key:
    """The name of the piece in which an entry waits."""
    return (WAITING, str(slide), str(entry[0] // STRETCH))


def _reading(area: Area) -> Reading:
    """What an area says at this slide; where its baseline is gone, beside what was last expected."""
    if area.reading is not None:
        return area.reading
    count = len(area.window)
    return Reading(count, area.expected, count / max(area.expected, 1.0), True)
