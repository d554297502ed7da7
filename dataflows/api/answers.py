"""What is asked and answered, beside the records of the feeds themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from alerts.model import Acted, Action, Category, Disposition, Instant, Matchers, Revision, State, to_us

ActionId = Annotated[str, Meta(min_length=8, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
EventId = Annotated[str, Meta(min_length=1, max_length=200)]
Why = Annotated[str, Meta(max_length=2000)]
Whom = Annotated[str, Meta(max_length=100)]
OnAlert = Literal[
    "ack", "unack", "assign", "note", "close", "reopen", "show", "supervise", "answer", "reveal"
]  # fmt: skip


class Note(Struct, frozen=True):
    """What a person wrote on an alert."""

    at: datetime
    actor: str
    role: str
    why: str
    action: str = "note"  # with which they wrote it


class Notice(Struct, frozen=True):
    """A supervision notice (督办) that nobody has answered: who has to, by when, and who sent it."""

    id: str  # `of` of the answer
    to: str
    due: datetime
    by: str
    at: datetime


class People(Struct, frozen=True):
    """What people did with an alert; null where nobody did."""

    ack_by: str | None = None
    ack_role: str | None = None
    ack_until: datetime | None = None
    assigned_to: str | None = None
    disposition: Disposition | None = None
    closed_by: str | None = None
    notices: tuple[Notice, ...] = ()  # in the order in which they were sent; one whose `due` has passed is overdue
    notes: tuple[Note, ...] = ()
    updated_at: datetime | None = None


class AlertPage(Struct, frozen=True):
    """Some alerts, each as its last revision shows it; `next` is the cursor of the page behind, null at the end."""

    alerts: list[Revision]
    next: str | None = None


class AlertDetail(Struct, frozen=True):
    """One alert as its last revision shows it, and what people did with it."""

    alert: Revision
    people: People


class Revisions(Struct, frozen=True):
    """The revisions of one alert, in order."""

    revisions: list[Revision]


class Left(Struct, frozen=True):
    """An alert that is not in this feed any more: it lies in another county now."""

    alert_id: str
    revision: int


class FeedEntry(Struct, frozen=True):
    """One place of a feed: a revision, or that an alert has left."""

    place: int
    revision: Revision | None = None
    left: Left | None = None


class FeedPage(Struct, frozen=True):
    """Some entries of a feed in order; go on with `after` = `next`. `end` is the last place there was."""

    feed: str
    entries: list[FeedEntry]
    next: int
    end: int


class Snapshot(Struct, frozen=True):
    """What is open. All that the feed says up to `place` is in it; what comes after may be in it already.

    `is_whole` is false while the service knows that Redis has lost some of what readers were told.
    """

    feed: str
    place: int
    alerts: list[Revision]
    is_whole: bool = True


class Step(Struct, frozen=True):
    """One step in the life of a matter: a report, or what was done about it."""

    event_id: str
    channel: str
    action: Action
    occurred_at: datetime
    arrived_at: datetime
    is_contact: bool
    case: str = ""
    link_type: str = ""
    link_to: str = ""
    unit: str = ""
    unit_level: int | None = None
    township: str = ""
    village: str = ""
    grid: str = ""
    category: Category | Literal[""] = ""
    subcategory: str = ""
    violence: int | None = None
    cues: tuple[str, ...] = ()
    satisfied: bool | None = None
    reason: str = ""  # why it is in this matter
    score: float | None = None
    proposed: bool | None = None


class Timeline(Struct, frozen=True):
    """The life of a matter, step by step."""

    matter: str
    steps: list[Step]


class ActionAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody wants to do with an alert. Who they are is in their token, never here."""

    action: OnAlert
    why: Why = ""
    until: Instant | None = None
    assigned_to: Whom = ""
    disposition: Disposition | None = None
    revision: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None  # the one that they had before their eyes
    of: Annotated[str, Meta(max_length=200)] = ""  # the supervision notice that this answers
    token: Annotated[str, Meta(max_length=200)] = ""  # whose meaning is asked for
    action_id: ActionId | None = None  # the same again is the same action


class MergeAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Into which matter another is merged, and why."""

    into: Annotated[str, Meta(min_length=1, max_length=200)]
    why: Annotated[str, Meta(min_length=1, max_length=2000)]
    action_id: ActionId | None = None


class SplitAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Which events of a matter are one of their own, and why."""

    events: Annotated[tuple[EventId, ...], Meta(min_length=1, max_length=200)]
    why: Annotated[str, Meta(min_length=1, max_length=2000)]
    action_id: ActionId | None = None


class SilenceAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody wants to be quiet, how long and why."""

    matchers: Matchers
    why: Annotated[str, Meta(min_length=1, max_length=2000)]
    until: Instant | None = None
    starts_at: Instant | None = None
    on_close: bool = False
    on_level_rise: bool = False
    mute_level_rise: bool = False
    action_id: ActionId | None = None


class Accepted(Struct, frozen=True):
    """The action is with the desk, which has not said yet what became of it; ask again at `location`."""

    action_id: str
    location: str


class SilenceShown(Struct, frozen=True):
    """A silence: what it mutes, who wants it and until when.

    One that ends by `on_close` or `on_level_rise` may be over before `until`, and is listed all the same.
    """

    id: str
    state: Literal["pending", "active"]
    actor: str
    role: str
    why: str
    matchers: Matchers
    starts_at: datetime
    until: datetime
    on_close: bool = False
    on_level_rise: bool = False
    mute_level_rise: bool = False


class Silences(Struct, frozen=True):
    """The silences that are not over, the latest first."""

    silences: list[SilenceShown]


class Readiness(Struct, frozen=True):
    """What the service can do now, and which of the servers behind it answer."""

    status: Literal["ready", "degraded", "incomplete", "away"]
    kafka: str
    redis: str
    clickhouse: str


class Liveness(Struct, frozen=True):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Audit(Struct, frozen=True):
    """Rows of the audit in order; go on with `after` = `next`. Over all counties `seq` has no gap."""

    rows: list[Acted]
    next: int


def people_of(found: dict[str, Any], state: State) -> People:
    """The hash of Redis as it is answered; what is empty there is null, and so is what ended with the alert's state.

    A notice from before the alert ended is over even where it was opened again.
    """
    over = {
        "ack_by": state != "acked", "ack_role": state != "acked", "ack_until": state != "acked",
        "notices": state not in ("open", "acked"),
    }  # fmt: skip
    values = {name: found[name] for name in People.__struct_fields__ if found.get(name) and not over.get(name)}
    for name in ("notices", "notes"):
        if name in values:
            values[name] = msgspec.json.decode(values[name])
    people = msgspec.convert(values, People)
    ended_us = int(found.get("ended_ms", 0)) * 1000
    notices = tuple(each for each in people.notices if to_us(each.at) > ended_us)
    return msgspec.structs.replace(people, notices=notices)


def step_of(row: dict[str, Any]) -> Step:
    """A row of the pool's timeline; what is null there is the default."""
    return msgspec.convert({name: value for name, value in row.items() if value is not None}, Step, strict=False)
