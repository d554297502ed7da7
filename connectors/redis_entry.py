"""What the script in Redis takes for one revision: the fields it decides by, the record, and what panels read."""

from __future__ import annotations

import msgspec

from alerts.model import LEVELS, Revision, to_us
from connectors.redis_keys import feed_county

OPEN_STATES = frozenset({"open", "acked"})


class _Entry(msgspec.Struct):
    """What the script takes for one revision; packed into one argument, which is cheaper than thirty."""

    alert_id: str
    revision: int
    content_hash: str
    engine_epoch: int
    county: str  # whose alert it is now
    feeds: dict[str, int]  # the counties whose feeds it goes to, and its place there: also one that it has left
    is_muted: bool
    rank: int  # of the level while the alert is open, else 0
    opened_ms: str
    published_ms: int
    feed_seq: int
    json: str
    flat: list[str]  # name, value, name, value … of the hash
    is_restored: bool  # whether it was said before, and is put back where it was lost


def entry_of(revision: Revision, opened_us: int | None = None) -> bytes:
    """One revision as the script takes it; `opened_us` puts back one of an alert that opened then."""
    county = feed_county(_feed(revision))
    entry = _Entry(
        alert_id=revision.alert_id,
        revision=revision.revision,
        content_hash=revision.content_hash,
        engine_epoch=revision.engine_epoch,
        county=county,
        feeds={feed_county(feed): place for feed, place in revision.feed_seqs.items()} or {county: 0},
        is_muted=bool(revision.route.muted_by),
        rank=LEVELS.index(revision.level) + 1 if revision.state in OPEN_STATES else 0,
        opened_ms=str((to_us(revision.detected_at) if opened_us is None else opened_us) // 1000),
        published_ms=to_us(revision.published_at) // 1000,
        feed_seq=revision.feed_seq,
        json=msgspec.json.encode(revision).decode(),
        flat=[word for pair in _flat(revision).items() for word in pair],
        is_restored=opened_us is not None,
    )
    return msgspec.msgpack.encode(entry)


def _feed(revision: Revision) -> str:
    """The feed of its county; a revision that has no place in any goes by its region."""
    return revision.route.feed if revision.feed_seqs else revision.region.county or ""


def _flat(revision: Revision) -> dict[str, str]:
    """The fields that panels read; absent is empty, so that nothing old stays behind."""
    region = revision.region
    return {
        "rule": revision.rule,
        "purpose": revision.purpose,
        "origin": revision.origin,
        "state": revision.state,
        "reason": revision.reason,
        "level": revision.level,
        "level_max": revision.level_max,
        "confidence": revision.confidence,
        "key": msgspec.json.encode(revision.key, order="sorted").decode(),
        "township": region.township or "",
        "village": region.village or "",
        "grid": region.grid or "",
        "text_zh": revision.text.zh,
        "text_en": revision.text.en,
        "count": str(revision.count),
        "first_occurred_at": revision.first_occurred_at.isoformat(),
        "last_occurred_at": revision.last_occurred_at.isoformat(),
        "detected_at": revision.detected_at.isoformat(),
        "published_at": revision.published_at.isoformat(),
        "due": revision.due.isoformat() if revision.due else "",
        "stage": revision.stage or "",
    }
