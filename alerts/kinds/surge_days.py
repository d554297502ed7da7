"""surge: with which earlier windows a window is compared, and what follows from them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from alerts.baseline import History, Usual, daily_usual, median, ratio, score, slot_usual, tail
from alerts.duration import DAY_US, HOUR_US
from alerts.fields import LOCAL_OFFSET_HOURS

if TYPE_CHECKING:
    from alerts.kinds.surge_plan import SurgePlan

LOCAL_US = LOCAL_OFFSET_HOURS * HOUR_US
_EPOCH = date(1970, 1, 1)


class Reading(NamedTuple):
    """One window held against what is usual. `expected` is the median, or the mean scaled by the city."""

    number: int
    expected: float
    ratio: float
    is_rare: bool  # what the form asks beside count and ratio: a score, or a probability
    measures: tuple[tuple[str, float], ...] = ()
    version: str = ""


class Days:
    """The days that a board has seen whole, and how unusual a window is beside them.

    The data begin with the first local midnight after the first event: the day of that event may be half a day. A
    window before that is no history, a later one without events is a zero.
    """

    __slots__ = ("_classes", "_end", "_ends", "_scale", "begin", "city", "plan")

    def __init__(self, plan: SurgePlan) -> None:
        self.plan = plan
        self.begin: int | None = None  # the first whole day
        self.city = History()  # of all areas; kept for days only
        self._classes: dict[int, str | None] = {}
        self._end: int | None = None  # what the two below are about
        self._ends: list[int] = []
        self._scale = 1.0

    def bucket(self, at: int) -> int:
        """The bucket of local time in which an instant lies."""
        return (at + LOCAL_US - 1) // self.plan.bucket

    def oldest(self, at: int) -> int:
        """No window from `at` on is compared with anything before this bucket."""
        plan = self.plan
        return self.bucket(at - (plan.skip + plan.days + 2) * DAY_US - plan.size)

    def take(self, at: int, bucket: int) -> None:
        """One more event of the city."""
        if self.begin is None:
            self.begin = (at + LOCAL_US - 1) // DAY_US + 1
        if self.plan.daily:
            self.city.add(bucket)

    def usual(self, history: History, at: int) -> Usual | None:
        """What the windows that are comparable with the one ending at `at` hold; None where they are too few."""
        plan = self.plan
        if plan.fixed is not None:
            fixed = plan.fixed
            return Usual(fixed.middle, fixed.spread, fixed.size, "") if fixed.size >= plan.min_slots else None
        self._look(at)
        values = history.totals(self._ends, plan.size // plan.bucket)
        if len(values) < plan.min_slots:
            return None
        return daily_usual(values) if plan.daily else slot_usual(values)

    def read(self, count: int, usual: Usual, at: int) -> Reading:
        """A count held against what is usual."""
        plan = self.plan
        if not plan.daily:
            times, points = ratio(count, usual.middle), score(count, usual)
            measures = (
                ("median", usual.middle), ("mad", usual.spread), ("score", round(points, 1)),
                ("ratio", round(times, 1)), ("slots", usual.size),
            )  # fmt: skip
            return Reading(count, usual.middle, times, points >= plan.least_score, measures, self._version(usual, at))
        scale = self._city_scale(at)
        expected = usual.middle * scale
        times, chance = ratio(count, expected), tail(count, usual.middle, usual.spread, scale)
        measures = (
            ("expected", round(expected, 1)), ("p", float(f"{chance:.2g}")), ("ratio", round(times, 1)),
            ("city_scale", round(scale, 2)), ("slots", usual.size),
        )  # fmt: skip
        return Reading(count, expected, times, chance < plan.p, measures, self._version(usual, at))

    def _city_scale(self, at: int) -> float:
        """How much busier the city is than it was in the middle of its comparable days, within the rule's bounds."""
        self._look(at)
        return self._scale

    def _look(self, at: int) -> None:
        """The last buckets of the comparable windows, the same for all areas; and the city's scale."""
        end = self.bucket(at)
        if end == self._end:
            return
        self._end = end
        self._ends = self._comparable(end)
        if self.plan.daily:
            length = self.plan.size // self.plan.bucket
            before = self.city.totals(self._ends, length)
            is_known = before and self.plan.fixed is None
            now = ratio(self.city.total(end, length), median(before)) if is_known else 1.0
            least, most = self.plan.scale
            self._scale = min(max(now, least), most)

    def _comparable(self, end: int) -> list[int]:
        plan = self.plan
        if self.begin is None:
            return []
        per_day = DAY_US // plan.bucket
        first = self.begin * per_day + plan.size // plan.bucket - 1
        today = end // per_day
        hours = [end % per_day] if plan.by_hour else range(per_day)
        days = [today - plan.skip - back for back in range(1, plan.days + 1)]
        if plan.day_classes is not None:
            wanted = self._class(today)
            days = [day for day in days if wanted is not None and self._class(day) == wanted]
        return [each for day in days for hour in hours if (each := day * per_day + hour) >= first]

    def _class(self, day: int) -> str | None:
        """The class of a local day; None where the calendar does not have its year."""
        if day not in self._classes:
            assert self.plan.day_classes is not None
            try:
                found: str | None = self.plan.day_classes.day_class(day * DAY_US - LOCAL_US)
            except ValueError:
                found = None
            self._classes = {known: each for known, each in self._classes.items() if known > day - 2 * self.plan.days}
            self._classes[day] = found
        return self._classes[day]

    def _version(self, usual: Usual, at: int) -> str:
        """The last day and the length of the history, and a short hash of the counts."""
        if not usual.digest:
            return "fixed"
        last = (at + LOCAL_US - 1) // DAY_US - self.plan.skip - 1
        return f"{_EPOCH + timedelta(days=last)}/{self.plan.days}d#{usual.digest}"

    def state(self) -> Any:
        """Everything that is kept, in plain types."""
        return [self.begin, self.city.state()]

    @staticmethod
    def restored(plan: SurgePlan, state: Any) -> Days:
        """The days that `state` described."""
        days = Days(plan)
        days.begin = state[0]
        days.city = History.restored(state[1])
        return days
