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
RegionLevel = Literal["grid", "village", "township", "county", "city"]
REGION_LEVELS: tuple[RegionLevel, ...] = ("grid", "village", "township", "county", "city")
Confidence = Literal["confirmed", "partial", "data_gap"]
Doing = Literal[
    "ack",
    "unack",
    "assign",
    "note",
    "close",
    "reopen",
    "show",
    "supervise",
    "answer",
    "silence",
    "unsilence",
    "reveal",
    "merge",
    "split",
    "ask_visit",
]
Disposition = Literal["true_positive", "benign", "false_positive", "already_handled", "wrong_identity"]
Verdict = Literal["done", "refused"]
DeliveryState = Literal["sent", "delivered", "read", "failed"]
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

ID_LENGTH = 200
Id = Annotated[str, Meta(min_length=1, max_length=ID_LENGTH)]
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
    return EPOCH + us * MICROSECOND


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
    it only feeds the latency metric. `upstream` is the place of an event that was read from another installation's log
    (`lanzhou.events.v1/0/123`); its source is then the row there (`lanzhou/kafka:raw.police/0/123`).
    """

    event: Event
    arrived_us: int
    source: str = ""
    produced_us: int = 0
    upstream: str = ""


class Book(Struct, frozen=True, tag="book", tag_field="type"):
    """A record of the intake log: from here on these rules run (the data of their files, without tests)."""

    arrived_us: int
    rules: tuple[dict[str, Any], ...]
    routing: dict[str, Any] = {}  # who is told, and what happens if nobody acks; {} goes on with what was


class ReadUp(Struct, frozen=True, tag="read_up", tag_field="type"):
    """A record of the intake log: from here on the queues of just these channels are read to their ends."""

    arrived_us: int
    channels: tuple[str, ...]


class Matchers(Struct, frozen=True, omit_defaults=True):
    """Which alerts a silence mutes: everything that is named must hold; at least one thing must be named.

    `rule` is an id, or the beginning of one with a `*` at its end; `region` is the code of a county, township,
    village or grid and holds for all that lies in it; `key` names fields of the alert's key.
    """

    alert_id: str = ""
    rule: str = ""
    level: tuple[Level, ...] = ()
    region: Annotated[str, Meta(pattern=r"^\d{6,18}$|^$")] = ""
    key: dict[str, str] = {}


class Silencing(Struct, frozen=True, omit_defaults=True):
    """What a silence mutes and what ends it before its time. It mutes delivery, never recording."""

    matchers: Matchers
    starts_at: Instant | None = None  # at once where it is not given
    on_close: bool = False  # ends when an alert that it mutes has closed
    on_level_rise: bool = False  # ends when an alert that it mutes has risen
    mute_level_rise: bool = False  # only some roles may


class AlertAction(Struct, frozen=True, omit_defaults=True):
    """What a person does with an alert, a silence or a matter: who, what and why.

    The same `action_id` again is the same action. `revision` is the one that the person had before their eyes: an
    ack, or a close, of an alert that has risen since is refused. `until` is the end of an ack or a silence, or the
    deadline of a supervision notice.
    """

    action_id: Id
    action: Doing
    actor: Annotated[str, Meta(min_length=1, max_length=100)]
    role: Annotated[str, Meta(min_length=1, max_length=100)]
    acted_at: Instant
    scope: Annotated[str, Meta(pattern=r"^(\d{6}|\d{9}|\d{12})?$")] = ""  # the region in which they may act; "" is all
    alert_id: str = ""
    revision: int | None = None
    why: Annotated[str, Meta(max_length=2000)] = ""
    until: Instant | None = None
    assigned_to: Annotated[str, Meta(max_length=100)] = ""
    disposition: Disposition | None = None
    silence: Silencing | None = None
    of: str = ""  # the action that this one ends or answers: a silence, a supervision notice
    token: str = ""  # whose meaning is asked for (`reveal`)
    matter: str = ""  # the one that becomes part of another (`merge`), or whose events leave it (`split`)
    into: str = ""  # the matter that they become part of; of a split a new one, which its row names
    events: Annotated[tuple[Id, ...], Meta(max_length=200)] = ()  # that leave the matter (`split`)
    refused: Annotated[str, Meta(max_length=1000)] = ""  # why it was refused before the desk: written down, never done
    schema: str = "alert-action/1"


class Act(Struct, frozen=True, tag="act", tag_field="type"):
    """A record of the intake log: a person acts."""

    arrived_us: int
    action: AlertAction


Record = Arrival | Book | ReadUp | Act


class Slice(Struct, frozen=True, gc=False):
    """A run of consecutive records of the intake log, in its one order.

    `clock_us` is the arrival of the last record or tick taken. Where a log is cut into slices is chance;
    no answer depends on it.
    """

    clock_us: int
    arrivals: Sequence[Record]


class End(Struct, frozen=True):
    """The end of a bounded log: nothing older than its latest event can follow."""


class MatterLink(Struct, frozen=True, omit_defaults=True, gc=False):
    """One decision of the linker: this event belongs to this matter, and why."""

    event_id: str
    matter: str
    reason: Literal["given", "link", "case", "pair", "household", "reporter", "first", "merged", "split"]
    score: float
    decided_at: datetime
    proposed: bool = False
    previous: str | None = None  # the matter it was in before a late event, or a person, showed better


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


class Acted(Struct, frozen=True):
    """What became of an action: one row of the audit, chained by hash in the order of the log."""

    seq: int  # gapless over all actions
    at: datetime  # our clock
    action: AlertAction
    verdict: Verdict
    sentence: str = ""  # why it was refused
    revision: int = 0  # of the alert, after it
    rule: str = ""
    county: str = ""
    prev_hash: str = ""
    hash: str = ""
    engine_epoch: int = 0


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
    """Who is told by this revision, and what happens if nobody acks.

    While anything mutes the alert nobody is: `muted_by` names it (`silence:<id>`, `alert:<id>`, `interval:<name>`).
    """

    feed: str = "alerts:all"  # of its county
    roles: tuple[str, ...] = ()
    chain: str | None = None
    next_repeat_at: datetime | None = None
    rung: RegionLevel | None = None  # the level that has been told last
    region: str | None = None  # the code of the region of that level
    muted_by: tuple[str, ...] = ()


class Revision(Struct, frozen=True):
    """One numbered, published state of an alert. Field by field as in the contract of the feeds.

    `content_hash` is SHA-256 over everything but the fields that depend on who publishes
    (`origin`, `engine_epoch`, `feed_seq`, `feed_seqs`, `published_at`, `content_hash`), so equal hashes mean a
    duplicate. `feed_seq` is its place among all revisions, `feed_seqs` its place in each county's feed it goes to:
    its own, and once more the one that it has left.
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
    feed_seqs: dict[str, int] = {}
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


RECEIVER_LENGTH, DETAIL_LENGTH = 100, 500


class Receipt(Struct, frozen=True, omit_defaults=True):
    """One step of one revision's way to one receiver, as whoever carries it tells (`alert-receipts.v1`).

    The receiver is a post, a role or a system, never a person's name or number.
    """

    alert_id: Annotated[str, Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    revision: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    receiver: Annotated[str, Meta(min_length=1, max_length=RECEIVER_LENGTH)]
    medium: Annotated[str, Meta(pattern=r"^[a-z0-9_.-]{1,50}$")]
    state: DeliveryState
    happened_at: Instant
    detail: Annotated[str, Meta(max_length=DETAIL_LENGTH)] = ""
