"""What a rule file may say: its structure, key by key, and the refusal of everything else.

Structure only; what it means is compiled in `alerts.rule`. Durations are text such as `7d` here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import Struct, field

from alerts.model import Kind, Level, Purpose, Text
from alerts.select import nearest

Status = Literal["live", "shadow", "disabled", "deprecated"]
DayClass = Literal["workday", "weekend", "holiday", "makeup_workday"]
ReviseOn = Literal["level_up", "new_channel", "new_branch", "step", "unit"]
REVISE_ON: tuple[ReviseOn, ...] = get_args(ReviseOn)

# what msgspec says of a value that does not fit
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_INVALID = re.compile(r"Invalid enum value '(.*)'")
_EXPECTED = re.compile(r"Expected (`.+`), got (`.+`)")


class RuleError(ValueError):
    """A rule that cannot be loaded: a sentence and the path of keys to the place in the file."""

    def __init__(self, sentence: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.path = path


class Window(Struct, forbid_unknown_fields=True):
    """How long events count together, and how long stragglers are waited for; an obligation has no size."""

    size: str = ""
    lateness: str | None = None
    slide: str | None = None


class DistinctSettings(Struct, forbid_unknown_fields=True):
    """Up to how many values a distinct count is exact."""

    exact_up_to: int = 512


class Rung(Struct, forbid_unknown_fields=True):
    """One level and what reaches it."""

    level: Level
    gte: int | None = None
    steps: int | None = None
    measure_gte: int | None = None
    ratio: float | None = None
    event: dict[str, Any] | None = None


class Aftercare(Struct, forbid_unknown_fields=True):
    """After closing: for how long a match opens higher, and by how many levels."""

    for_: str = field(name="for")
    level_plus: int = 1


class CloseWhen(Struct, forbid_unknown_fields=True):
    """A surge closes when so many slides in a row stay below a ratio."""

    ratio_lt: float
    hold: int = 1


class Lifecycle(Struct, forbid_unknown_fields=True):
    """When an alert is revised, closed and opened again."""

    revise_on: list[ReviseOn] = field(default_factory=lambda: list(REVISE_ON))
    never_suppress: list[ReviseOn] = []
    quiet_close: str | None = None
    reopen_within: str | None = None
    min_gap: str = "15m"
    max_gap: str = "4h"
    max_quiet_update: str = "1d"
    aftercare: Aftercare | None = None
    close_when: CloseWhen | None = None
    close_on: Literal["satisfied"] | None = None
    retract_on: Literal["late_evidence"] | None = None


class EvidenceSettings(Struct, forbid_unknown_fields=True):
    """What an alert carries of the events behind it."""

    keep: int = 20
    fields: list[str] = []
    top_k: dict[str, int] = {}


class StateSettings(Struct, forbid_unknown_fields=True):
    """How many keys the rule may keep in the whole city, before those go that say least."""

    max_keys: int = 500_000


class RouteSettings(Struct, forbid_unknown_fields=True):
    """Who is told."""

    region_by: Literal["county", "township", "village", "grid"] = "county"
    roles: list[str] = []
    topics: list[str] = []
    chain: str | None = None


class Privacy(Struct, forbid_unknown_fields=True):
    """Who alone may ask who is behind a token (none: whom the routing lets), and how long evidence should be kept."""

    reveal: list[str] = []
    retain: str | None = None  # what its owner declares; nothing is taken away by it


class ChainWhen(Struct, forbid_unknown_fields=True):
    """A strictly increasing measure."""

    measure: str
    strictly: Literal["increasing"] = "increasing"
    min_steps: int = 2


class GapsWhen(Struct, forbid_unknown_fields=True):
    """Intervals that shrink."""

    min_events: int
    each_ratio_lte: float


class BranchWhen(Struct, forbid_unknown_fields=True):
    """One branch of `any`: a name, a level and one construct."""

    name: str
    level: Level
    chain: ChainWhen | None = None
    gaps: GapsWhen | None = None
    event: dict[str, Any] | None = None
    prior_gte: int = 1
    title: Text | None = None


class StepWhen(Struct, forbid_unknown_fields=True):
    """One step of a sequence."""

    name: str
    event: dict[str, Any]
    min: int = 1
    title: Text | None = None


class ScoreWhen(Struct, forbid_unknown_fields=True):
    """One cue of a score: what an event that shows it is worth, and how much it may add up to."""

    name: str
    event: dict[str, Any]
    points: int
    cap: int | None = None
    title: Text | None = None


class RatioWhen(Struct, forbid_unknown_fields=True):
    """Which of the selected events are counted, among which, and how many there must be to say anything."""

    of: dict[str, Any]
    among: dict[str, Any] = {}
    at_least: int = 20


class NewValueWhen(Struct, forbid_unknown_fields=True):
    """How long a value is remembered, and for how long a key must have been heard of before it can surprise."""

    forget_after: str
    known_for: str = "30d"


class Condition(Struct, forbid_unknown_fields=True):
    """One condition of a surge."""

    count_gte: int | None = None
    score_gte: float | None = None
    ratio_gte: float | None = None


class When(Struct, forbid_unknown_fields=True):
    """The construct of a kind."""

    chain: ChainWhen | None = None
    any: list[BranchWhen] | None = None
    steps: list[StepWhen] | None = None
    within: str | None = None
    gap_max: str | None = None
    eager: bool = False
    score: list[ScoreWhen] | None = None
    ratio: RatioWhen | None = None
    new_value: NewValueWhen | None = None
    all: list[Condition] | None = None
    hold: int = 1


class ObligationSettings(Struct, forbid_unknown_fields=True):
    """What is owed: what opens it, what satisfies it, by when, and who can vouch that it did not happen."""

    id: list[str]
    opens: dict[str, Any]
    satisfied_by: dict[str, Any]
    due: str
    pause_on: dict[str, Any] = {}
    resume_on: dict[str, Any] = {}
    calendar: str | None = None
    vouch: list[str] = []
    max_hold: str = "2h"


class StageSettings(Struct, forbid_unknown_fields=True):
    """A share of the time budget (`80%`) or a length of time (`4d`) at which an obligation reaches a level."""

    at: str
    level: Level
    name: Text | None = None


class Bump(Struct, forbid_unknown_fields=True):
    """What raises the level of an overdue obligation once."""

    on: dict[str, Any]
    by: int = 1


class BaselineSettings(Struct, forbid_unknown_fields=True):
    """What is usual: the same slot of earlier days (`median_mad`), or what earlier days brought."""

    stat: Literal["median_mad", "negative_binomial"] = "median_mad"
    table: str | None = None
    slot: list[Literal["hour_of_day", "day_class"]] = []
    history: str = "8w"
    exclude: Literal["flagged_surges"] | None = None
    min_slots: int = 4
    guard: str = "2d"
    p: float = 1e-3
    scale: list[float] = field(default_factory=lambda: [1.0, 3.0])
    calendar: str = "cn"


class RollUp(Struct, forbid_unknown_fields=True):
    """How many areas of one district, in one category, become one alert of the district."""

    to: Literal["county", "township"] = "county"
    gte: int = 3


class QuietSlot(Struct, forbid_unknown_fields=True):
    """Hours (`22-6`, local time) or days in which a channel is expected to be so many times quieter."""

    times: float
    hours: str | None = None
    day_class: list[DayClass] = []


class SilenceSettings(Struct, forbid_unknown_fields=True):
    """For how long each channel may be quiet; the channel's own `idle` where it is not named.

    A channel is watched from its first heartbeat on, or from its first event where `events_only` names it.
    """

    expected: dict[str, str] = {}
    events_only: dict[str, str] = {}
    slots: list[QuietSlot] = []
    calendar: str = "cn"


class Waiver(Struct, forbid_unknown_fields=True):
    """A mutant of the rule that its tests need not find, and why."""

    mutant: str
    reason: str


class RuleFile(Struct, forbid_unknown_fields=True):
    """One rule as it stands in its file."""

    apiVersion: Literal["rules/v1"]  # noqa: N815
    id: str
    version: int
    kind: Kind
    title: Text
    owner: str
    purpose: Purpose
    channels: list[str]
    select: dict[str, Any] = {}
    key: list[str] = []
    window: Window = field(default_factory=Window)
    levels: list[Rung] = []
    status: Status = "live"
    description: str = ""
    key_fallback: list[str] = []
    of: str | None = None
    distinct: DistinctSettings = field(default_factory=DistinctSettings)
    when: When | None = None
    unless: dict[str, Any] = {}
    obligation: ObligationSettings | None = None
    stages: list[StageSettings] = []
    bump: Bump | None = None
    baseline: BaselineSettings | None = None
    roll_up: RollUp | None = None
    silence: SilenceSettings | None = None
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)
    state: StateSettings = field(default_factory=StateSettings)
    explain: str | Text = ""
    route: RouteSettings = field(default_factory=RouteSettings)
    privacy: Privacy = field(default_factory=Privacy)
    runbook: str = ""
    budget: dict[Level, float] = {}
    waivers: list[Waiver] = []
    tests: list[dict[str, Any]] = []


def read(data: Any) -> RuleFile:
    """The typed form of a rule's parsed YAML. Raises `RuleError` with the path of what is wrong."""
    if not isinstance(data, Mapping):
        raise RuleError(f"a rule file must be one map; got {type(data).__name__}")
    _refuse_unknown(RuleFile, data, ())
    _refuse_endless(data, ())
    try:
        return msgspec.convert(data, RuleFile)
    except msgspec.ValidationError as error:
        sentence, path = _explain(str(error))
        raise RuleError(sentence, path) from None


def _refuse_unknown(struct: Any, data: Any, path: tuple[str | int, ...]) -> None:
    if isinstance(data, list):
        for index, item in enumerate(data):
            _refuse_unknown(struct, item, (*path, index))
        return
    if not isinstance(data, Mapping):
        return
    members = {member.encode_name: member.type for member in msgspec.structs.fields(struct)}
    for name, value in data.items():
        if name not in members:
            raise RuleError(
                f"a key of {_where(path)} must be known; got `{name}`{nearest(str(name), list(members))}",
                (*path, name),
            )
        inner = _struct_in(members[name])
        if inner is not None:
            _refuse_unknown(inner, value, (*path, name))


def _refuse_endless(data: Any, path: tuple[str | int, ...]) -> None:
    """YAML knows `.inf` and `.nan`; no count, share or length of time is one."""
    if isinstance(data, float) and not isfinite(data):
        raise RuleError(f"a number must be finite; got {data}", path)
    inner = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ()
    for name, value in inner:
        _refuse_endless(value, (*path, name))


def _struct_in(kind: Any) -> Any:
    """The Struct inside an optional or a list annotation, if there is just one."""
    if isinstance(kind, type) and issubclass(kind, Struct) and kind is not Text:
        return kind
    if get_origin(kind) is None:
        return None
    found = [inner for argument in get_args(kind) if (inner := _struct_in(argument)) is not None]
    return found[0] if len(found) == 1 else None


def _where(path: tuple[str | int, ...]) -> str:
    return f"`{'.'.join(map(str, path))}`" if path else "a rule"


def _explain(message: str) -> tuple[str, tuple[str | int, ...]]:
    """msgspec says `Expected ..., got ... - at `$.levels[0].gte``: our words, and the path taken apart."""
    text, _, place = message.partition(" - at `$")
    path: list[str | int] = []
    for part in place.rstrip("`").replace("]", "").replace("[", ".").split("."):
        if part and part != "...":
            path.append(int(part) if part.isdigit() else part)
    return f"{_where(tuple(path))} {_wanted(text, path)}", tuple(path)


def _wanted(text: str, path: list[str | int]) -> str:
    """What must be instead, from msgspec's words."""
    if missing := _MISSING.fullmatch(text):
        return f"must have `{missing[1]}`; got none"
    if invalid := _INVALID.fullmatch(text):
        return f"must be one of {', '.join(_choices(path))}; got `{invalid[1]}`"
    if expected := _EXPECTED.fullmatch(text):
        return f"must be {expected[1]}; got {expected[2]}"
    return f"must be right; {text[:1].lower()}{text[1:]}"


def _choices(path: list[str | int]) -> list[str]:
    """The words that may stand at a place of a rule file."""
    kind: Any = RuleFile
    for part in path:
        struct = _struct_in(kind)
        if struct is not None and isinstance(part, str):
            members = {member.encode_name: member.type for member in msgspec.structs.fields(struct)}
            kind = members[part]
    return _words_in(kind)


def _words_in(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [word for argument in get_args(kind) for word in _words_in(argument)]
