"""A rule compiled once: what it selects, what it groups by, how it judges, how its alerts live."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from alerts.channel import Channel
from alerts.entry import RESETS, SELECTED, Entry, Key
from alerts.fields import Getter
from alerts.judges import compile_judge
from alerts.kinds.judge import Judge
from alerts.kinds.obligation import compile_obligation
from alerts.kinds.silence import compile_silence
from alerts.kinds.surge import compile_surge
from alerts.life import Life
from alerts.model import Event, Level, Text
from alerts.rule_file import RuleError, RuleFile, read
from alerts.rule_parts import at, duration, field, known, predicate
from alerts.select import Predicate, compile_select
from alerts.subject import Subject
from alerts.track import Track

if TYPE_CHECKING:
    from alerts.calendar import Calendar

DEFAULT_LATENESS = "6h"
OBLIGATION_LATENESS = (
    "7d"  # absence waits for its vouching channels; this is only how long a kept promise is remembered
)

# what changes the answer; words for people may change without a new meaning
SEMANTIC = (
    "kind", "channels", "select", "key", "key_fallback", "window", "of", "distinct", "when", "unless",
    "levels", "lifecycle", "obligation", "stages", "bump", "baseline", "roll_up", "silence",
)  # fmt: skip
KeyReader = Callable[[Event], Key | None]
_KINDS: dict[str, Any] = {"silence": compile_silence, "surge": compile_surge, "obligation": compile_obligation}


class Plan(Protocol):
    """How a kind that is more than a window over one key does its part."""

    is_whole: bool  # one subject for all keys
    vouch: frozenset[str]  # the channels that must vouch for absence; none for kinds that assert none
    max_hold_us: int
    memory_us: int  # how far back an event may matter

    def role_of(self, event: Event, selects: bool) -> int:
        """What an event is to the rule, as bits; 0 for nothing, and for every event that it does not select."""

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """The same in words, for the evidence of an alert."""

    def start(self, rule: Rule, key: Key) -> Subject:
        """An empty state for a key."""

    def restored(self, rule: Rule, state: Any, revive: Callable[[Any], Entry]) -> Subject:
        """The state that was saved."""


class Rule:
    """One rule, ready to run. All durations are in microseconds."""

    def __init__(
        self,
        spec: RuleFile,
        channels: Mapping[str, Channel],
        number: int = 0,
        calendars: Mapping[str, Calendar] | None = None,
    ) -> None:
        self.spec = spec
        self.id = spec.id
        self.number = number
        self.generation = 1
        self.channels = _channels(spec, channels)
        self.selects: Predicate = at(("select",), compile_select, spec.select, channels)
        self.resets: Predicate | None = _resets(spec, channels)
        self.key_names = spec.obligation.id if spec.kind == "obligation" and spec.obligation else spec.key
        self.key_readers = _keys(spec, self.key_names, channels)
        self.size = _size(spec)
        self.lateness = _lateness(spec)
        self.life = Life(spec)
        self.judge: Judge | None = None
        self.plan: Plan | None = None
        if spec.kind in _KINDS:
            self.plan = _KINDS[spec.kind](spec, channels, calendars or {})
        else:
            self.judge = compile_judge(spec, channels, self.size)
        self.rungs: list[tuple[int, Level]] = [(r.gte, r.level) for r in spec.levels if r.gte is not None]
        if spec.evidence.keep < 1:
            raise RuleError(f"`keep` must be at least 1; got {spec.evidence.keep}", ("evidence", "keep"))
        self.max_keys = spec.state.max_keys
        if self.max_keys < 1:
            raise RuleError(f"`max_keys` must be at least 1; got {self.max_keys}", ("state", "max_keys"))
        self.evidence_fields = [(n, field(n, channels, ("evidence", "fields"))) for n in spec.evidence.fields]
        self.labels = {channel.id: channel.short or channel.label for channel in channels.values()}
        self.explain = spec.explain if isinstance(spec.explain, Text) else Text("", spec.explain)
        self.semantic_hash = semantic_hash(spec)

    @property
    def group(self) -> tuple[frozenset[str], int]:
        """What its clock watermark depends on."""
        return (self.channels, self.lateness)

    def start(self, key: Key) -> Subject:
        """An empty state for a key."""
        return Track(self, key) if self.plan is None else self.plan.start(self, key)

    def restored(self, state: Any, revive: Callable[[Any], Entry]) -> Subject:
        """The state of a key that was saved; `revive` turns a saved entry back into one."""
        return Track.restored(self, state, revive) if self.plan is None else self.plan.restored(self, state, revive)

    def subject_key(self, key: Key) -> Key:
        """Where the state of an alert's key is kept."""
        return self.whole_key if self.is_whole else key

    @property
    def whole_key(self) -> Key:
        """The one key of a rule that is kept in one piece."""
        return ("*", self.id)

    @property
    def memory(self) -> int:
        """How far back an event may matter, microseconds: what a new generation is warmed with."""
        kept = self.size + self.lateness
        return kept if self.plan is None else max(kept, self.plan.memory_us)

    @property
    def is_whole(self) -> bool:
        """Does it look across its keys, so that one subject holds them all?"""
        return self.plan is not None and self.plan.is_whole

    def role_of(self, event: Event) -> int:
        """What an event is to the rule, as bits; 0 for nothing."""
        if self.plan is not None:
            return self.plan.role_of(event, self.selects(event))
        role = SELECTED if self.selects(event) else 0
        if self.resets is not None and self.resets(event):
            role |= RESETS
        return role

    def values(self, event: Event, role: int) -> tuple[object, ...]:
        """What must be kept of an event to judge it later."""
        return self.judge.values(event) if self.judge is not None and role & SELECTED else ()

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """What an entry is to the rule, in words."""
        return (self.plan or self.judge).roles(entry)  # type: ignore[union-attr]

    def key_of(self, event: Event) -> Key | None:
        """The key of an event, or None where a field of it (and of the fallback) is missing."""
        for read_key in self.key_readers:
            key = read_key(event)
            if key is not None:
                return key
        return None

    def key_map(self, key: Key) -> dict[str, str]:
        """A key with its field names, as an alert shows it."""
        return dict(zip(self._key_names(key[0]), key[1:], strict=True))

    def _key_names(self, alternative: str) -> list[str]:
        if alternative == "1":
            return self.spec.key_fallback
        if alternative == "r":
            areas = ("township", "village", "grid", "county")
            to = self.spec.roll_up.to if self.spec.roll_up else "county"
            return [to, *(name for name in self.spec.key if name not in areas)]
        return self.key_names


def compile_rule(
    data: Any, channels: Mapping[str, Channel], number: int = 0, calendars: Mapping[str, Calendar] | None = None
) -> Rule:
    """A rule from its parsed YAML. Raises `RuleError` with a sentence and the path of what is wrong."""
    return Rule(read(data), channels, number, calendars)


def semantic_hash(spec: RuleFile) -> str:
    """A short hash of what a rule means; keys that are left out do not count, so that new keys change no old rule."""
    meaning = {name: getattr(spec, name) for name in SEMANTIC}
    return hashlib.sha256(msgspec.json.encode(_said(meaning), order="deterministic")).hexdigest()[:16]


def _said(value: Any) -> Any:
    """A structure without what nobody said, and without the words for people."""
    if isinstance(value, Text):
        return None
    if isinstance(value, msgspec.Struct):
        members = msgspec.structs.fields(value)
        return _said({member.encode_name: getattr(value, member.name) for member in members})
    if isinstance(value, Mapping):
        return {name: said for name, each in value.items() if (said := _said(each)) not in (None, [], {}, "")}
    if isinstance(value, list):
        return [_said(each) for each in value]
    return value


def _size(spec: RuleFile) -> int:
    if spec.window.size:
        return duration(spec.window.size, "window", "size")
    if spec.kind in ("obligation", "silence"):
        return 0
    if spec.when is not None and spec.when.new_value is not None:
        return duration(spec.when.new_value.forget_after, "when", "new_value", "forget_after")
    if spec.kind == "match":
        return duration(spec.lifecycle.quiet_close or "1d", "lifecycle", "quiet_close")
    raise RuleError(f"a {spec.kind} rule must have `window.size`; got none", ("window",))


def _lateness(spec: RuleFile) -> int:
    default = OBLIGATION_LATENESS if spec.kind == "obligation" else DEFAULT_LATENESS
    return duration(spec.window.lateness or default, "window", "lateness")


def _channels(spec: RuleFile, channels: Mapping[str, Channel]) -> frozenset[str]:
    for index, name in enumerate(spec.channels):
        known("a channel must be registered", name, channels, "channels", index)
    if not spec.channels:
        raise RuleError("`channels` must name at least one channel; got none", ("channels",))
    return frozenset(spec.channels)


def _keys(spec: RuleFile, names: list[str], channels: Mapping[str, Channel]) -> list[KeyReader]:
    owed = spec.kind == "obligation" and spec.obligation is not None
    path = ("obligation", "id") if owed else ("key",)
    if not names:
        raise RuleError(f"`{'.'.join(path)}` must name at least one field; got none", path)
    found = [_key_reader("0", [field(name, channels, path) for name in names])]
    if spec.key_fallback:
        found.append(_key_reader("1", [field(name, channels, ("key_fallback",)) for name in spec.key_fallback]))
    return found


def _key_reader(alternative: str, getters: list[Getter]) -> KeyReader:
    """What makes a key of the fields of an event; None where one of them is missing."""
    if len(getters) == 1:
        get = getters[0]
        return lambda event: None if (value := get(event)) is None or value == "" else (alternative, str(value))

    def read(event: Event) -> Key | None:
        values = [get(event) for get in getters]
        return None if None in values or "" in values else (alternative, *map(str, values))

    return read


def _resets(spec: RuleFile, channels: Mapping[str, Channel]) -> Predicate | None:
    if not spec.unless:
        return None
    if spec.kind not in ("sequence", "progression"):
        raise RuleError(f"`unless` must stand in a sequence or progression; got kind `{spec.kind}`", ("unless",))
    tests = [predicate(each, channels, "unless", name) for name, each in spec.unless.items()]
    return lambda event: any(test(event) for test in tests)
