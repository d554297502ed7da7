"""The city's everyday: reports after the rhythm of each channel, none of which may raise an alert.

The everyday has no repeats but the ones put here: a second call about the same thing through the same
channel (a near miss), and what the police hand over to the hotline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from dataflows.city.departments import DEPARTMENTS, Department
from dataflows.city.kinds import Kind, picker
from dataflows.city.people import Crowd, Person
from dataflows.city.phrases import say
from dataflows.city.places import Village
from dataflows.city.report import Report
from dataflows.city.rhythm import draw_count, hourly, shape_of_day
from dataflows.city.when import DAY, HOUR, MINUTE, SECOND, compact, day_number

PATROL = 0.7  # part of the grid reports that workers enter on patrol
HANDED_OVER = 0.3  # part of the police's calls for offices that go on to the hotline
CALLS_AGAIN = 0.03
SUBJECTS = 40_000  # estates, employers and projects that people name
FIRST_WORKER = 900_000_000  # grid workers: numbers far from all inhabitants
HANDED_KINDS = ("service", "consult", "dispute")
DOUBLE_CALLERS = ("hotline", "police", "helpdesk")
OUTSIDE = ("public_order", "traffic", "fire", "hazard")  # happens at a spot and not at home
SPOTS = ("路口", "市场", "工地", "公交站", "停车场", "广场", "巷口", "桥头")
SPOTS_OF_A_VILLAGE = 24


class Traffic:
    """Draws the reports of one hour after the other."""

    def __init__(self, seed: int, crowd: Crowd, villages: Sequence[Village], reports_per_day: float) -> None:
        self._even = Random(f"{seed}/traffic").random
        self._crowd, self._walk, self._villages = crowd, crowd.walk(), villages
        self._plan = [
            (department, department.share * reports_per_day, hourly(name), picker(name))
            for name, department in DEPARTMENTS.items()
        ]
        self._cases = dict.fromkeys(DEPARTMENTS, 0)

    def hour(self, start_us: int) -> Iterator[Report]:
        """The reports of the hour from `start_us`, channel by channel; a few belong to later hours."""
        even = self._even
        day = day_number(start_us)
        hour = start_us // HOUR % 24 + 8
        for department, per_day, shape, pick in self._plan:
            weekday, times = shape_of_day(department.channel, day)
            mean = per_day * times * shape[weekday][hour % 24]
            for _ in range(draw_count(mean, even)):
                at = start_us + int(even() * 3600) * SECOND
                yield from self._told(department, pick(even()), at)

    def _told(self, department: Department, kind: Kind, at_us: int) -> Iterator[Report]:
        even = self._even
        channel = department.channel
        if channel == "grid" and even() < PATROL:
            yield self._patrol(department, kind, at_us)
            return
        report = self._first(department, kind, at_us)
        yield report
        chance = even()
        if channel == "police" and kind.category in HANDED_KINDS and chance < HANDED_OVER:
            yield self._handed_over(report)
        elif channel in DOUBLE_CALLERS and report.person and chance > 1 - CALLS_AGAIN:
            yield self._again(department, report)

    def _first(self, department: Department, kind: Kind, at_us: int) -> Report:
        even = self._even
        person = next(self._walk)
        report = Report(
            channel=department.channel,
            case=self._case(department, at_us),
            occurred_us=at_us,
            kind=kind,
            village=person.home,
            text=say(kind, person, even),
            person=None if even() < department.withheld else person,
        )
        if kind.category == "dispute":
            self._details(report, person, kind)
        elif kind.category in OUTSIDE:
            report.place = spot(person.home, int(even() * SPOTS_OF_A_VILLAGE))
        return report

    def _details(self, report: Report, person: Person, kind: Kind) -> None:
        chance = self._even()
        if kind.subcategory == "family":
            report.violence = int(chance * chance * 3)
            report.parties = (person, next(self._walk)) if chance < 0.6 else None
        elif chance < 0.25:
            report.subject = f"{person.estate}{int(chance * 4 * SUBJECTS)}号项目"

    def _patrol(self, department: Department, kind: Kind, at_us: int) -> Report:
        place = int(self._even() * len(self._villages))
        worker = Person(FIRST_WORKER + place, self._villages[place])
        return Report(
            channel=department.channel,
            case=self._case(department, at_us),
            occurred_us=at_us,
            kind=kind,
            village=worker.home,
            text="巡查:" + say(kind, next(self._walk), self._even),
            person=worker,
            reporter_class="grid_worker",
            at_home=False,
        )

    def _handed_over(self, call: Report) -> Report:
        at = call.occurred_us + int((3 + 25 * self._even()) * MINUTE) // SECOND * SECOND
        return Report(
            channel="hotline",
            case=self._case(DEPARTMENTS["hotline"], at),
            occurred_us=at,
            kind=call.kind,
            village=call.village,
            text="110转办:" + call.text,
            person=call.person,
            transfer_of=(call.channel, call.case),
        )

    def _again(self, department: Department, first: Report) -> Report:
        at = first.occurred_us + int((0.1 + 5 * self._even()) * DAY) // SECOND * SECOND
        return Report(
            channel=first.channel,
            case=self._case(department, at),
            occurred_us=at,
            kind=first.kind,
            village=first.village,
            text="再次来电:" + first.text,
            person=first.person,
        )

    def _case(self, department: Department, at_us: int) -> str:
        number = self._cases[department.channel] = self._cases[department.channel] + 1
        return f"{department.prefix}{compact(at_us)[:8]}{number:09d}"


def spot(village: Village, number: int) -> str:
    """A place outside: a crossing, a market, a building site, as call-takers write it."""
    return f"{village.county}{village.township}{village.short}{SPOTS[number % len(SPOTS)]}{number // len(SPOTS) + 1}"
