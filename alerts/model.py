"""The nouns: what an event, a revision, a dead letter are, on the wire and between the steps of a flow.

Everything here is a frozen `msgspec.Struct`; JSON on the wire, times as RFC 3339 in UTC.
Absent means unknown: a field that nobody filled keeps its default and is not written out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Action = Literal[
    "received",
    "accepted",
    "dispatched",
    "transferred",
    "started",
    "extension_granted",
    "extension_ended",
    "replied",
    "resolved",
    "visited",
    "closed",
    "reopened",
    "urged",
    "merged",
    "voided",
    "heartbeat",
]
LinkType = Literal["transfer", "referral", "callback", "merge", "duplicate"]
ReporterClass = Literal["citizen", "staff", "grid_worker", "organisation", "anonymous"]
Category = Literal[
    "dispute",
    "crime",
    "public_order",
    "traffic",
    "fire",
    "hazard",
    "service",
    "consult",
    "suggestion",
    "other",
]
Cue = Literal[
    "weapon",
    "kill_threat",
    "strangle",
    "self_harm_threat",
    "arson_threat",
    "child_present",
    "alcohol",
    "separation",
    "protection_order",
]
DISPUTE_CLASSES = (
    "family",
    "neighbour",
    "personality",
    "property",
    "tort",
    "contract",
    "labour",
    "lending",
    "land",
    "civil",
    "urban",
    "civil_affairs",
    "enforcement",
    "litigation",
    "discipline",
    "ethnic_religious",
    "other",
)

Kind = Literal[
    "threshold",
    "distinct",
    "sequence",
    "progression",
    "obligation",
    "surge",
    "silence",
    "match",
    "score",
    "ratio",
    "new_value",
]
Level = Literal["blue", "yellow", "red"]
LEVELS: tuple[Level, ...] = ("blue", "yellow", "red")
Purpose = Literal["life-safety", "service-quality", "situational-awareness", "operations"]
Origin = Literal["live", "replay", "warmup", "shadow", "test"]
State = Literal["open", "acked", "closed", "retracted", "merged", "split", "expired"]
Confidence = Literal["confirmed", "partial", "data_gap"]
DeadReason = Literal[
    "bad_json",
    "bad_encoding",
    "bad_time",
    "bad_value",
    "missing_column",
    "missing_field",
    "unknown_channel",
    "unknown_code",
    "too_large",
    "duplicate_id",
    "in_the_future",
]

Id = Annotated[str, Meta(min_length=1, max_length=200)]
Instant = Annotated[datetime, Meta(tz=True)]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NEVER = -(1 << 62)  # before every instant, in microseconds
ALWAYS = 1 << 62  # after every instant


def to_us(at: datetime) -> int:
    """Microseconds since 1970 UTC; exact, so that a window's edge is exact."""
    return (at - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    """The aware UTC time of a count of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


class Link(Struct, frozen=True, omit_defaults=True):
    """How an event hangs on an earlier one: a transfer is the same contact, not a second call."""

    type: LinkType
    to: str = ""


class Event(Struct, frozen=True, omit_defaults=True, gc=False):
    """One thing that one channel told us: a contact, or a step in the handling of a case (Event v1)."""

    id: Id
    channel: str
    action: Action
    occurred_at: Instant
    arrived_at: Instant | None = None
    case: str | None = None
    matter: str | None = None
    link: Link | None = None
    reporter: str | None = None
    reporter_class: ReporterClass = "citizen"
    pair: str | None = None
    household: str | None = None
    place: str | None = None
    subject: str | None = None
    region: Annotated[str, Meta(pattern=r"^(\d{6}|\d{9}|\d{12})$")] | None = None
    grid: Annotated[str, Meta(pattern=r"^\d{14,18}$")] | None = None
    category: Category | None = None
    subcategory: str | None = None
    violence: Annotated[int, Meta(ge=0, le=3)] | None = None
    cues: tuple[Cue, ...] = ()
    unit: str | None = None
    unit_level: Annotated[int, Meta(ge=1, le=5)] | None = None
    satisfied: bool | None = None
    text: Annotated[str, Meta(max_length=4000)] | None = None
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None
    attrs: dict[str, Any] = {}


class Tick(Struct, frozen=True, tag="tick", tag_field="type"):
    """The intake's clock, written into every partition of the intake log: time is data."""

    at: Instant


class Arrival(Struct, frozen=True, gc=False):
    """One record of the intake log: an event, when it arrived (the clock), and where it came from.

    `source` is the place of the raw row (`kafka:raw.police/0/123`, `file:export.csv:17`); it fences
    what an intake writes twice after a crash. `produced_us` is when a department sent it, 0 where unknown;
    it only feeds the latency metric.
    """

    event: Event
    arrived_us: int
    source: str = ""
    produced_us: int = 0


class Book(Struct, frozen=True, tag="book", tag_field="type"):
    """A record of the intake log: from here on these rules run (the data of their files, without tests)."""

    arrived_us: int
    rules: tuple[dict[str, Any], ...]


class ReadUp(Struct, frozen=True, tag="read_up", tag_field="type"):
    """A record of the intake log: from here on the queues of just these channels are read to their ends."""

    arrived_us: int
    channels: tuple[str, ...]


Record = Arrival | Book | ReadUp


class Slice(Struct, frozen=True, gc=False):
    """A run of consecutive records of the intake log, in its one order.

    `clock_us` is the arrival of the last record or tick taken. Where a log is cut into slices is chance;
    no answer depends on it.
    """

    clock_us: int
    arrivals: Sequence[Record]


class End(Struct, frozen=True):
    """The end of a bounded log: nothing older than its latest event can follow."""


class MatterLink(Struct, frozen=True, omit_defaults=True):
    """One decision of the linker: this event belongs to this matter, and why."""

    event_id: str
    matter: str
    reason: Literal["given", "link", "case", "pair", "household", "reporter", "first"]
    score: float
    decided_at: datetime
    proposed: bool = False
    previous: str | None = None  # the matter it was in before a late event showed better


class LateEvent(Struct, frozen=True):
    """An event that came behind a rule's clock watermark: counted and kept, not judged by that rule."""

    event_id: str
    rule: str
    channel: str
    occurred_at: datetime
    arrived_at: datetime
    watermark: datetime


class RuleGap(Struct, frozen=True):
    """A time in which a rule could not say what it is there to say: a channel said nothing, or the rule failed."""

    rule: str
    channel: str  # "" where the reason is no channel
    reason: Literal["silent_channel", "rule_failed"]
    from_at: datetime  # the last sign of life, or the moment of the failure
    until_at: datetime
    noted_at: datetime


class PooledEvent(Struct, frozen=True, gc=False):
    """An event as the data pool keeps it: joined to its matter, with its regions spelled out."""

    event: Event
    matter: str
    arrived_at: datetime
    source: str = ""


class DeadLetter(Struct, frozen=True, omit_defaults=True):
    """A row that could not become an event: what it was (scrubbed, and sealed whole), where, and why."""

    id: str  # of source and reason, so that the same failure twice is one dead letter
    source: str
    reason: DeadReason
    sentence: str
    failed_at: datetime
    channel: str = ""
    mapping: str = ""
    mapping_version: int = 0
    raw: str = ""  # scrubbed and shortened: safe to look at
    sealed: str = ""  # base64 of the whole row, sealed for the intake's key; "" where it is too large


class Evidence(Struct, frozen=True, omit_defaults=True):
    """One event that made a rule speak: ids and numbers, never words of people."""

    id: str
    channel: str
    occurred_at: datetime
    case: str | None = None
    why: str | None = None
    fields: dict[str, Any] = {}


class Delta(Struct, frozen=True):
    """One field that differs from the revision before."""

    field: str
    before: Any = msgspec.field(name="from")
    after: Any = msgspec.field(name="to")


class Suppressed(Struct, frozen=True):
    """Findings folded into the next revision because they were not worth one of their own."""

    count: int
    first: datetime | None = None
    last: datetime | None = None


class AlertLink(Struct, frozen=True):
    """How one alert hangs on another: previous, merged_into, split_from, inhibited_by, group."""

    type: Literal["previous", "merged_into", "split_from", "inhibited_by", "group"]
    alert_id: str


class Nearest(Struct, frozen=True):
    """What it would take to reach the next level."""

    level: Level
    needs: int


class Text(Struct, frozen=True):
    """The same words in Chinese and English."""

    zh: str
    en: str


class Region(Struct, frozen=True, omit_defaults=True):
    """Codes of GB/T 2260 and GB/T 10114, as far as they are known; for scope and roll-up."""

    county: str | None = None
    township: str | None = None
    village: str | None = None
    grid: str | None = None


class Route(Struct, frozen=True, omit_defaults=True):
    """Who is told, and what happens if nobody acks."""

    feed: str = "alerts:all"
    roles: tuple[str, ...] = ()
    chain: str | None = None
    next_repeat_at: datetime | None = None


class Revision(Struct, frozen=True):
    """One numbered, published state of an alert. Field by field as in the contract of the feeds.

    `content_hash` is SHA-256 over everything but the fields that depend on who publishes
    (`origin`, `engine_epoch`, `feed_seq`, `published_at`, `content_hash`), so equal hashes mean a duplicate.
    """

    alert_id: str
    revision: int
    rule: str
    rule_version: int
    rule_generation: int
    semantic_hash: str
    kind: Kind
    purpose: Purpose
    episode: int
    state: State
    reason: str
    level: Level
    level_max: Level
    key: dict[str, str]
    first_occurred_at: datetime
    last_occurred_at: datetime
    matched_at: datetime
    detected_at: datetime
    published_at: datetime
    schema: str = "alert/1"
    engine_epoch: int = 0
    feed_seq: int = 0
    content_hash: str = ""
    prev_hash: str = ""
    origin: Origin = "live"
    confidence: Confidence = "confirmed"
    vouched_by: tuple[dict[str, Any], ...] = ()
    region: Region = Region()
    channels: tuple[str, ...] = ()
    count: int = 0
    distinct: int | None = None
    distinct_exact: bool | None = None
    steps: int | None = None
    branches: tuple[str, ...] = ()
    path: tuple[Any, ...] = ()
    measures: dict[str, Any] = {}
    due: datetime | None = None
    stage: str | None = None
    breach_seconds: int | None = None
    calendar_version: str | None = None
    baseline_version: str | None = None
    evidence: tuple[Evidence, ...] = ()
    evidence_total: int = 0
    evidence_digest: str = ""
    delta: tuple[Delta, ...] = ()
    suppressed_since_last: Suppressed = Suppressed(0)
    text: Text = Text("", "")
    explain: dict[str, Any] = {}
    nearest_next: Nearest | None = None
    route: Route = Route()
    links: tuple[AlertLink, ...] = ()
    runbook: str = ""
    owner: str = ""
