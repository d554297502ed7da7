"""Digests of a day: two short texts that are equal when everything that was said that day is (semantics 10).

*Strong*: SHA-256 over (alert, revision, content hash) of every revision of the day. Byte-equal revisions, equal digest.
*Weak*: SHA-256 over (rule, key, episode, highest level, evidence) of every alert that spoke that day, as its last
revision of the day says it. It does not ask how many revisions it took, nor how they were worded.

A revision belongs to the local day of its `detected_at`, which is a clock instant of the log. So a day is computed
from its own revisions alone and is final when the log's clock has passed its end. What was told and what shadow rules
recorded have digests of their own: a reader of the feeds can compute the first as well.

Not in the weak set: alerts that were retracted or merged away, and rules about silent channels, because when a channel
was silent is a matter of arrival itself. Evidence that an open alert has folded and not published is in no revision.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.json import encode

from alerts.duration import DAY_US, HOUR_US
from alerts.fields import LOCAL_OFFSET_HOURS
from alerts.model import Level, Revision, State, to_us

Audience = Literal["told", "shadow"]  # what readers of the feeds were told, and what shadow rules recorded
AUDIENCES: tuple[Audience, ...] = ("told", "shadow")
_GONE = ("retracted", "merged")
_FIRST = date(1970, 1, 1)


class Said(Struct, frozen=True, gc=False):
    """As much of one revision as the digests look at."""

    alert_id: str
    revision: int
    content_hash: str
    detected_us: int
    audience: Audience
    rule: str
    kind: str
    key: Mapping[str, str]
    episode: int
    state: State
    level_max: Level
    evidence_digest: str


class Digest(Struct, frozen=True):
    """What was said in a day, or in several, in two hashes; `alerts` counts those that stand."""

    revisions: int
    alerts: int
    strong: str
    weak: str


def said(revision: Revision) -> Said:
    """What the digests look at."""
    return Said(
        revision.alert_id, revision.revision, revision.content_hash, to_us(revision.detected_at),
        "shadow" if revision.origin == "shadow" else "told", revision.rule, revision.kind, revision.key,
        revision.episode, revision.state, revision.level_max, revision.evidence_digest,
    )  # fmt: skip


def local_day(at_us: int) -> date:
    """The local day of an instant."""
    return _FIRST + timedelta(days=(at_us + LOCAL_OFFSET_HOURS * HOUR_US) // DAY_US)


def bounds(day: date) -> tuple[int, int]:
    """The first instant of a local day and the first after it, in microseconds."""
    start = (day - _FIRST).days * DAY_US - LOCAL_OFFSET_HOURS * HOUR_US
    return start, start + DAY_US


def digest(revisions: Iterable[Said]) -> Digest:
    """The digests of some revisions, in any order; a revision that comes twice counts once."""
    once = sorted({(each.alert_id, each.revision, each.content_hash): each for each in revisions}.items())
    last = {each.alert_id: each for _, each in once}
    standing = [each for each in last.values() if each.state not in _GONE and each.kind != "silence"]
    weak = sorted(
        encode([each.rule, sorted(each.key.items()), each.episode, each.level_max, each.evidence_digest])
        for each in standing
    )
    return Digest(len(once), len(standing), _hash(encode(place) for place, _ in once), _hash(weak))


def by_day(revisions: Iterable[Said], days: Iterable[date]) -> dict[tuple[date, Audience], Digest]:
    """The digests of each of some days; what was detected on another day is left out."""
    parts: dict[tuple[date, Audience], list[Said]] = {(day, name): [] for day in days for name in AUDIENCES}
    for each in revisions:
        part = parts.get((local_day(each.detected_us), each.audience))
        if part is not None:
            part.append(each)
    return {place: digest(part) for place, part in parts.items()}


def _hash(lines: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for line in lines:
        found.update(line + b"\n")
    return found.hexdigest()


class Difference(NamedTuple):
    """One revision that two sides do not have alike; `None` is a side that does not have it."""

    first: Said | None
    second: Said | None


def differences(first: Iterable[Said], second: Iterable[Said]) -> list[Difference]:
    """Every revision that is missing on one side or has another content, in the order of detection."""
    one = {(each.alert_id, each.revision): each for each in first}
    other = {(each.alert_id, each.revision): each for each in second}
    found = [
        Difference(one.get(place), other.get(place))
        for place in one.keys() | other.keys()
        if _content(one.get(place)) != _content(other.get(place))
    ]
    return sorted(found, key=_place)


def _content(each: Said | None) -> tuple[str, Audience] | None:
    return None if each is None else (each.content_hash, each.audience)


def _place(difference: Difference) -> tuple[int, str, int]:
    each = difference.first or difference.second
    assert each is not None
    return each.detected_us, each.alert_id, each.revision
