"""surge: one rule, compiled: when it looks, what it compares with, what speaks, what becomes one (semantics 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from msgspec import Struct
from msgspec.structs import replace

from alerts.duration import DAY_US
from alerts.entry import SELECTED, Entry, Key
from alerts.fields import Getter
from alerts.kinds.surge_board import Board
from alerts.model import Event, Region
from alerts.rule_file import RuleError

if TYPE_CHECKING:
    from alerts.rule import Rule

AREAS = ("township", "village", "grid", "county")  # the fields of a key that a district takes the place of


class DayClasses(Protocol):
    """A calendar, as far as a surge needs one."""

    def day_class(self, at: int, /) -> str:
        """The class of a local day; raises a `ValueError` for a year that the calendar does not have."""


class Roll(Struct, frozen=True):
    """How areas become a district: where the code and the other fields stand in the key, and how many it takes."""

    place: int
    others: tuple[int, ...]
    to: str
    digits: int
    least: int

    def district_of(self, area: Key) -> Key | None:
        """The key of an area's district; None for an area that is known by other fields."""
        if area[0] != "0":
            return None
        return ("r", area[self.place][: self.digits], *[area[place] for place in self.others])

    def code_of(self, area: Key) -> str:
        """The area's own code."""
        return area[self.place]

    def region_of(self, district: Key) -> Region:
        """Where a district is."""
        code = district[1]
        return Region(code[:6], code if self.to == "township" else None)


class Fixed(Struct, frozen=True):
    """A baseline that a test states: median and MAD, or mean and variance, over so many slots or days."""

    middle: float
    spread: float
    size: int


class SurgePlan(Struct, frozen=True, kw_only=True):
    """One surge rule, ready to run. Durations are in microseconds, histories in days, buckets in microseconds."""

    size: int
    slide: int
    daily: bool  # negative binomial of days, not median and MAD of slots
    bucket: int
    by_hour: bool
    day_classes: DayClasses | None  # None where the class of a day does not matter
    skip: int  # days between the window and its history
    days: int
    excludes_surges: bool
    min_slots: int
    p: float
    scale: tuple[float, float]
    least: int
    least_score: float
    least_ratio: float  # of the conditions and of the lowest rung: what must hold to speak
    hold: int
    rungs: tuple[tuple[float, int], ...]  # (ratio, level number), highest first
    close_below: float
    close_hold: int
    roll: Roll | None
    top: tuple[tuple[str, int, Getter], ...]
    fixed: Fixed | None = None

    is_whole: ClassVar[bool] = True  # a district looks across its areas, and days across the city
    vouch: ClassVar[frozenset[str]] = frozenset()
    max_hold_us: ClassVar[int] = 0

    @property
    def memory_us(self) -> int:
        """How far back an event may matter."""
        return (self.days + self.skip + 1) * DAY_US + self.size

    def with_baseline(self, stated: Mapping[str, Any]) -> SurgePlan:
        """The same plan with the baseline that a test states instead of every history.

        `{median, mad, slots}` for slots, `{mean, variance, days}` for days.
        """
        names = ("mean", "variance", "days") if self.daily else ("median", "mad", "slots")
        unknown = [name for name in stated if name not in names]
        if unknown or len(stated) < len(names):
            got = ", ".join(f"`{name}`" for name in stated) or "nothing"
            raise RuleError(f"`baseline` of a test must have {', '.join(names)}; got {got}", ("baseline",))
        return replace(self, fixed=Fixed(*(stated[name] for name in names)))

    def level(self, ratio: float) -> int:
        """The level of the highest rung that a ratio reaches; 0 below the lowest."""
        return next((level for least, level in self.rungs if ratio >= least), 0)

    def role_of(self, event: Event, selects: bool) -> int:
        """What an event is to the rule: it counts or not."""
        return SELECTED if selects else 0

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """Every event is the same to it."""
        return ()

    def start(self, rule: Rule, key: Key) -> Board:
        """An empty board."""
        return Board(rule, key, self)

    def restored(self, rule: Rule, state: Any, revive: Callable[[Any], Entry]) -> Board:
        """The board that was saved."""
        return Board.restored(rule, self, state, revive)
