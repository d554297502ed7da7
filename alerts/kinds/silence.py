"""silence: a channel from which nothing comes, neither event nor heartbeat, for longer than expected (semantics 7).

Heartbeats are what makes silence mean something: a quiet evening of a channel that sends none is no outage. So a
channel is watched from its first heartbeat on; one whose events alone are never far apart can be named by the rule.
How long is expected depends on the slot: in hours or days that are said to be so many `times` quieter, quiet time
counts that much less. The clock is that of arrivals, so an outage is seen while it lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from alerts.calendar import Calendar, NoCalendar
from alerts.channel import Channel
from alerts.duration import DAY_US, HOUR_US, format_duration
from alerts.entry import LEVEL_NUMBER, Entry, Key, Verdict
from alerts.episode import Episode, Facts
from alerts.fields import LOCAL_OFFSET_HOURS
from alerts.model import ALWAYS, Event, Region
from alerts.rule_file import QuietSlot, RuleError, RuleFile, SilenceSettings
from alerts.rule_parts import duration, known
from alerts.select import nearest
from alerts.subject import Standing, Vouched

if TYPE_CHECKING:
    from alerts.rule import Rule

QUIET, BACK = "quiet", "back"
LONGEST_US = 60 * DAY_US  # of quiet that may be expected
MOST_TIMES = 100
_LOCAL = LOCAL_OFFSET_HOURS * HOUR_US


class Slot(NamedTuple):
    """Hours (local) and days in which a channel is expected to be so many times quieter."""

    hours: frozenset[int]
    days: frozenset[str]
    times: float


class SilencePlan(Struct, frozen=True):
    """How long each channel may be quiet, and from which multiple of that on which level is reached."""

    expected: dict[str, int]
    events_only: dict[str, int]  # of channels that are watched before they have sent a heartbeat
    slots: tuple[Slot, ...]
    rungs: tuple[tuple[float, int], ...]
    calendar: Calendar | None
    is_whole: bool = False
    vouch: frozenset[str] = frozenset()
    max_hold_us: int = 0
    memory_us: int = 0

    def role_of(self, event: Event, selects: bool) -> int:
        """No event is looked at: it is enough that it came."""
        return 0

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """The evidence is the last thing that was heard."""
        return ("last_heard",)

    def start(self, rule: Rule, key: Key) -> QuietChannel:
        """A channel of which nothing was said yet."""
        return QuietChannel(rule, key)

    def restored(self, rule: Rule, state: Any, revive: Callable[[Any], Entry]) -> QuietChannel:
        """The channel that was saved."""
        return QuietChannel.restored(rule, state, revive)

    def reached_at(self, since: int, quiet: int) -> int:
        """The clock instant at which quiet time from `since` on amounts to `quiet` microseconds."""
        if not self.slots:
            return since + quiet
        now = since
        while True:
            hour_ends = (now + _LOCAL) // HOUR_US * HOUR_US + HOUR_US - _LOCAL
            times = self._times(now)
            if now + quiet * times <= hour_ends:
                return int(now + quiet * times)
            quiet -= int((hour_ends - now) / times)
            now = hour_ends

    def _times(self, instant: int) -> float:
        hour = (instant + _LOCAL) % DAY_US // HOUR_US
        greatest = 1.0
        for slot in self.slots:
            if hour in slot.hours and (not slot.days or self._day_class(instant) in slot.days):
                greatest = max(greatest, slot.times)
        return greatest

    def _day_class(self, instant: int) -> str:
        try:
            return self.calendar.day_class(instant) if self.calendar else "workday"
        except NoCalendar:
            return "holiday"  # nobody knows: rather wait too long than wake somebody every Sunday


def compile_silence(spec: RuleFile, channels: Mapping[str, Channel], calendars: Mapping[str, Calendar]) -> SilencePlan:
    """The plan of a silence rule. Raises `RuleError` with the path of what is wrong."""
    settings = spec.silence or SilenceSettings()
    if spec.key != ["channel"]:
        raise RuleError(f"the `key` of a silence rule must be [channel]; got {spec.key}", ("key",))
    for key, named in (("expected", settings.expected), ("events_only", settings.events_only)):
        for name in named:
            if name not in spec.channels:
                hint = nearest(name, spec.channels)
                raise RuleError(f"`silence.{key}` must name channels of the rule; got `{name}`{hint}", ("silence", key))
    return SilencePlan(
        expected={name: _expected(settings, channels[name]) for name in spec.channels if name in channels},
        events_only={name: _length(text, "events_only", name) for name, text in settings.events_only.items()},
        slots=tuple(_slot(slot, index) for index, slot in enumerate(settings.slots)),
        rungs=_rungs(spec),
        calendar=_calendar(settings, calendars),
    )


def _expected(settings: SilenceSettings, channel: Channel) -> int:
    text = settings.expected.get(channel.id)
    return channel.idle_us if text is None else _length(text, "expected", channel.id)


def _length(text: str, key: str, channel: str) -> int:
    us = duration(text, "silence", key, channel)
    if us <= 0:
        raise RuleError(f"a channel must be allowed some quiet; got `{text}`", ("silence", key, channel))
    if us > LONGEST_US:
        longest = format_duration(LONGEST_US)
        raise RuleError(f"a channel must be missed after {longest} at most; got `{text}`", ("silence", key, channel))
    return us


def _slot(slot: QuietSlot, index: int) -> Slot:
    path = ("silence", "slots", index)
    if not 1 <= slot.times <= MOST_TIMES:
        raise RuleError(f"`times` must be from 1 to {MOST_TIMES}; got {slot.times:g}", (*path, "times"))
    return Slot(_hours(slot.hours, path), frozenset(slot.day_class), slot.times)


def _hours(text: str | None, path: tuple[str | int, ...]) -> frozenset[int]:
    if text is None:
        return frozenset(range(24))
    first, dash, last = text.partition("-")
    if not (dash and first.isdigit() and last.isdigit() and int(first) < 24 and int(last) <= 24):
        raise RuleError(f"`hours` must be like `22-6`, local time; got `{text}`", (*path, "hours"))
    start, end = int(first), int(last)
    return frozenset(range(start, end) if start < end else [*range(start, 24), *range(end)])


def _rungs(spec: RuleFile) -> tuple[tuple[float, int], ...]:
    rungs: list[tuple[float, int]] = []
    for index, rung in enumerate(spec.levels):
        path = ("levels", index)
        if rung.ratio is None or not 1 <= rung.ratio <= MOST_TIMES:
            got = "none" if rung.ratio is None else f"{rung.ratio:g}"
            raise RuleError(
                f"a rung of a silence rule must have a `ratio` from 1 to {MOST_TIMES}, of what is expected; got {got}",
                path,
            )
        if rungs and (rung.ratio <= rungs[-1][0] or LEVEL_NUMBER[rung.level] <= rungs[-1][1]):
            raise RuleError("`levels` must rise from rung to rung; got them out of order", ("levels",))
        rungs.append((rung.ratio, LEVEL_NUMBER[rung.level]))
    if not rungs:
        raise RuleError("`levels` must have at least one rung; got none", ("levels",))
    return tuple(rungs)


def _calendar(settings: SilenceSettings, calendars: Mapping[str, Calendar]) -> Calendar | None:
    if not any(slot.day_class for slot in settings.slots):
        return None
    return known("a calendar must be known", settings.calendar, calendars, "silence", "calendar")


class QuietChannel:
    """One channel of one silence rule: the entries say since when it is quiet, how grave that is, when it is back."""

    def __init__(self, rule: Rule, key: Key) -> None:
        self.rule = rule
        self.key = key
        self.armed = [ALWAYS]
        self._episode = Episode()

    def add(self, entry: Entry, watermark: int) -> bool:
        """`values` are (what, instant, level, expected); the entry itself is the last thing that was heard."""
        what, instant, level, expected = entry[5]
        assert isinstance(instant, int)
        assert isinstance(level, int)
        assert isinstance(expected, int)
        if what == BACK:
            self._episode.open = False
            self._episode.closed = instant
            self._say(instant, entry[0], expected, self._episode.level)
            return True
        if not self._episode.open:
            self._open(instant)
        episode = self._episode
        episode.evidence = {entry[2]: entry}
        episode.channels = (entry[6].channel,)
        episode.level = max(episode.level, level)
        episode.matched = instant
        self._say(instant, entry[0], expected, level)
        return True

    def _open(self, instant: int) -> None:
        episode = self._episode
        within = self.rule.life.reopen_within
        if not (episode.number and within is not None and instant - episode.closed <= within):
            self._episode = Episode()
            self._episode.number = episode.number + 1
        self._episode.open = True

    def _say(self, instant: int, heard: int, expected: int, level: int) -> None:
        seconds = (instant - heard) // 1_000_000
        measures = (("quiet_seconds", seconds), ("expected_seconds", expected // 1_000_000))
        self._episode.best = Verdict(level, measures=measures)
        self._episode.last = instant
        self._episode.facts = Facts(
            last_occurred=instant,
            region=Region(),  # of the channel, not of what was heard last
            words={"quiet": seconds, "expected": expected // 1_000_000},
        )

    def remove(self, event_id: str, watermark: int) -> bool:
        """Nothing belongs elsewhere."""
        return False

    def wants(self) -> tuple[int]:
        """It waits for nothing: what happens is in the log."""
        return (ALWAYS,)

    def reach(self, which: int, event_time: int, vouched: Vouched | None) -> None:
        """Nothing was waited for."""

    def standings(self) -> tuple[Standing, ...]:
        """Its one key."""
        episode = self._episode
        if not episode.number:
            return (Standing(self.key, ()),)
        return (Standing(self.key, ((episode, not episode.open),), episode.number - 1),)

    def all_standings(self) -> tuple[Standing, ...]:
        """The same: it has one key."""
        return self.standings()

    def is_silent(self) -> bool:
        """Something was said of the channel, or it would not be here."""
        return False

    def is_forgettable(self) -> bool:
        """There are few channels, and the number of the episode is remembered."""
        return False

    def size(self) -> int:
        """One event: the last one heard."""
        return len(self._episode.evidence)

    def state(self) -> Any:
        """Everything that is kept, in plain types."""
        return [self.key, self._episode.state()]

    @staticmethod
    def restored(rule: Rule, state: Any, revive: Callable[[Any], Entry]) -> QuietChannel:
        """The channel that `state` described."""
        key, episode = state
        channel = QuietChannel(rule, tuple(key))
        channel._episode = Episode.restored(episode, revive)
        return channel
