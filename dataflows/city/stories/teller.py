"""What a planted story is, and the teller who writes one down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from msgspec import Struct, field

from alerts.model import Level
from dataflows.city.departments import DEPARTMENTS, usual_arrival
from dataflows.city.kinds import KINDS
from dataflows.city.people import Crowd, Person
from dataflows.city.phrases import fill
from dataflows.city.places import Village
from dataflows.city.report import Report, Step, event_id
from dataflows.city.when import HOUR, MINUTE, SECOND, compact

PEOPLE_OF_A_TELLING = 2_000


class Beat(Struct, frozen=True, gc=False):
    """One row of a story and when it arrives; the same report may arrive more than once."""

    arrives_us: int
    told: Report | Step


class Outage(Struct, frozen=True):
    """A time in which nothing comes from a channel, not even a heartbeat."""

    channel: str
    start_us: int
    end_us: int


class Story(Struct, frozen=True):
    """One planted story: what it is, what the rules must say about it, and its rows.

    `must` names each rule that has to speak, with the highest level it has to reach. `may` names rules that
    are right to speak but need not. A story with nothing in `must` is a trap: whoever speaks is wrong.
    `expects` names further rules with the level that they have to reach at least. `about` holds values of the
    key by which an alert without events of the story is known to be about it.
    """

    id: str
    zh: str
    must: dict[str, Level] = field(default_factory=dict)
    may: tuple[str, ...] = ()
    beats: tuple[Beat, ...] = ()
    expects: dict[str, Level] = field(default_factory=dict)
    about: frozenset[str] = frozenset()
    outage: Outage | None = None

    @property
    def start_us(self) -> int:
        """When it begins."""
        times = [beat.told.occurred_us for beat in self.beats]
        return min([*times, self.outage.start_us] if self.outage else times)

    @property
    def end_us(self) -> int:
        """When its last event happens: whoever speaks before has won time."""
        times = [beat.told.occurred_us for beat in self.beats]
        return max([*times, self.outage.end_us] if self.outage else times)

    @property
    def is_trap(self) -> bool:
        """Whether nothing may be said about this story by the rules that must find stories."""
        return not self.must

    @property
    def event_ids(self) -> frozenset[str]:
        """The ids that the mappings give to the story's rows."""
        return frozenset(_id_of(beat.told) for beat in self.beats)


def _id_of(told: Report | Step) -> str:
    if isinstance(told, Step):
        return event_id(told.channel, told.case, told.action, told.version)
    return event_id(told.channel, told.case)


class Teller:
    """Writes one telling of a story: places it in time, finds its people, numbers its cases.

    Days of a story are counted from its start and shrink with `pace`, so that it fits a short span.
    Each telling has people of its own whom neither another telling nor the everyday ever meets.
    """

    def __init__(self, name: str, zh: str, telling: int, start_us: int, pace: float, crowd: Crowd, seed: int) -> None:
        self.id = f"{name}/{telling}"
        self.random = Random(f"{seed}/{self.id}")
        self._zh, self._telling = zh, telling
        self._start_us, self._pace, self._crowd = start_us, pace, crowd
        self._beats: list[Beat] = []
        self._people = 0
        self._cases = 0

    def begin(self, serial: int) -> None:
        """Say which story of the telling this is: its people and cases are numbered from there."""
        self._people = (self._telling * 64 + serial) * PEOPLE_OF_A_TELLING
        self._cases = serial * 1000

    def at(self, day: float, hour: float = 0.0) -> int:
        """A time of the story: days and hours after its start, to the minute."""
        us = self._start_us + int((day * 24 + hour) * HOUR * self._pace)
        return us // MINUTE * MINUTE

    def number(self) -> int:
        """Three digits that no other telling has: for names that must not be another's."""
        return 100 + self._telling * 389 % 900

    def village(self, villages: Sequence[Village], among: Callable[[Village], bool] | None = None) -> Village:
        """A village for the story to happen in."""
        fit = [village for village in villages if among(village)] if among else list(villages)
        return self.random.choice(fit or list(villages))

    def person(self, home: Village) -> Person:
        """Somebody nobody has met before."""
        self._people += 1
        return self._crowd.story_person(self._people, home)

    def people(self, count: int, home: Village) -> list[Person]:
        """Several of them."""
        return [self.person(home) for _ in range(count)]

    def contact(self, channel: str, at_us: int, person: Person, kind: str, text: str, **more: Any) -> Report:
        """Somebody turns to a channel. `late_us` delays the arrival, `times` delivers more than once."""
        late_us, times = more.pop("late_us", 0), more.pop("times", 1)
        other: Person = more.pop("other", person)
        report = Report(
            channel=channel,
            case=self._case(channel, at_us),
            occurred_us=at_us,
            kind=KINDS[kind],
            village=person.home,
            text=fill(text, KINDS[kind], person, other, self.random.random),
            person=person,
            **more,
        )
        self._deliver(report, late_us, times)
        return report

    def step(
        self,
        of: Report,
        action: str,
        at_us: int,
        satisfied: bool | None = None,
        unit_level: int = 3,
        *,
        unit: str = "",
        version: int = 1,
    ) -> None:
        """The department does something about the report."""
        village = of.village
        unit = unit or village.township + "办"
        self._deliver(Step(of.channel, of.case, action, version, at_us, village, unit, unit_level, satisfied), 0, 1)

    def finish(self, must: dict[str, Level] | None = None, may: Sequence[str] = (), **more: Any) -> Story:
        """The story with everything told so far."""
        return Story(self.id, self._zh, must or {}, tuple(may), tuple(self._beats), **more)

    def _deliver(self, told: Report | Step, late_us: int, times: int) -> None:
        arrives = usual_arrival(DEPARTMENTS[told.channel], told.occurred_us) + late_us
        self._beats += [Beat(arrives + again * 7 * SECOND, told) for again in range(times)]

    def _case(self, channel: str, at_us: int) -> str:
        self._cases += 1
        serial = f"9{self._telling:03d}{self._cases:05d}"
        return f"{DEPARTMENTS[channel].prefix}{compact(at_us)[:8]}{serial}"


def spread(count: int, first: float, last: float) -> Iterator[float]:
    """That many points from first to last, evenly."""
    for index in range(count):
        yield first + (last - first) * index / max(1, count - 1)
