"""The record of a revision: from what the fold says to the fields of the contract."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from alerts.entry import LEVEL_NAME, Entry, Key, Verdict
from alerts.episode import Episode
from alerts.explanation import explain, nearest
from alerts.fields import county_of, township_of, village_of
from alerts.model import (
    AlertLink,
    Delta,
    Evidence,
    Region,
    Revision,
    Route,
    State,
    Suppressed,
    from_us,
)
from alerts.rule import Rule
from alerts.words import sentence

# who publishes and when is not part of what is said
_UNHASHED: dict[str, Any] = {
    "engine_epoch": 0, "feed_seq": 0, "feed_seqs": {}, "content_hash": "", "published_at": from_us(0), "origin": "live",
}  # fmt: skip
_COMPARED = (
    "state", "level", "count", "distinct", "steps", "branches", "channels", "stage", "due", "confidence",
    "evidence_total",
)  # fmt: skip


def build(
    rule: Rule,
    key: Key,
    episode: Episode,
    *,
    alert_id: str,
    state: State,
    reason: str,
    at: int,
    suppressed: Suppressed,
    links: tuple[AlertLink, ...],
) -> Revision:
    """The record of what an episode says at clock instant `at`; numbered and chained by `chain`."""
    entries = sorted(episode.evidence.values())
    best = episode.best or Verdict(1)
    facts = episode.facts
    region = facts.region or _region(entries)
    key_map = rule.key_map(key)
    detected = from_us(at)
    return Revision(
        alert_id=alert_id,
        revision=0,
        rule=rule.id,
        rule_version=rule.spec.version,
        rule_generation=rule.generation,
        semantic_hash=rule.semantic_hash,
        kind=rule.spec.kind,
        purpose=rule.spec.purpose,
        episode=episode.number,
        state=state,
        reason=reason,
        level=LEVEL_NAME[episode.level],
        level_max=LEVEL_NAME[episode.level],
        key=key_map,
        first_occurred_at=from_us(entries[0][0] if facts.first_occurred is None else facts.first_occurred),
        last_occurred_at=from_us(entries[-1][0] if facts.last_occurred is None else facts.last_occurred),
        matched_at=from_us(episode.matched),
        detected_at=detected,
        published_at=detected,
        region=region,
        channels=tuple(sorted(episode.channels)),
        count=best.count,
        distinct=best.distinct,
        distinct_exact=best.exact,
        steps=episode.steps or None,
        branches=tuple(sorted(episode.branches)),
        path=best.path,
        measures=dict(best.measures),
        confidence=facts.confidence,
        vouched_by=facts.vouched_by,
        due=facts.due,
        stage=facts.stage,
        breach_seconds=facts.breach_seconds,
        calendar_version=facts.calendar_version,
        baseline_version=facts.baseline_version,
        evidence=_evidence(rule, entries),
        evidence_total=len(entries),
        evidence_digest=digest([entry[2] for entry in entries]),
        suppressed_since_last=suppressed,
        text=sentence(rule, key_map, episode, best, entries),
        explain=explain(rule, episode, best),
        nearest_next=nearest(rule, episode, best),
        route=Route(
            feed=f"alerts:{region.county or 'unknown'}", roles=tuple(rule.spec.route.roles), chain=rule.spec.route.chain
        ),
        links=links,
        runbook=rule.spec.runbook,
        origin="shadow" if rule.spec.status == "shadow" else "live",
        owner=rule.spec.owner,
    )


def chain(record: Revision, before: Revision | None) -> Revision:
    """Number a record, say what differs from the one before, and hash it onto the chain."""
    if before is None:
        numbered = msgspec.structs.replace(record, revision=1)
    else:
        numbered = msgspec.structs.replace(
            record, revision=before.revision + 1, prev_hash=before.content_hash, delta=_delta(before, record)
        )
    return msgspec.structs.replace(numbered, content_hash=content_hash(numbered))


def content_hash(record: Revision) -> str:
    """SHA-256 over everything that is said; equal for a revision that is published twice."""
    said = msgspec.structs.replace(record, **_UNHASHED)
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()


def digest(ids: list[str]) -> str:
    """One short hash for all evidence ids, in any order."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]


def _delta(before: Revision, after: Revision) -> tuple[Delta, ...]:
    return tuple(
        Delta(name, getattr(before, name), getattr(after, name))
        for name in _COMPARED
        if getattr(before, name) != getattr(after, name)
    )


def _evidence(rule: Rule, entries: list[Entry]) -> tuple[Evidence, ...]:
    kept = entries[-rule.spec.evidence.keep :]
    return tuple(_witness(rule, entry) for entry in kept)


def _witness(rule: Rule, entry: Entry) -> Evidence:
    event = entry[6]
    fields = {}
    for name, get in rule.evidence_fields:
        if name in ("id", "channel", "case", "occurred_at"):
            continue
        value = get(event)
        if value is not None and value != ():
            fields[name] = value
    why = ",".join(rule.roles(entry)) or None
    return Evidence(event.id, event.channel, from_us(entry[0]), event.case, why, fields)


def _region(entries: list[Entry]) -> Region:
    for entry in reversed(entries):
        event = entry[6]
        if event.region or event.grid:
            return Region(county_of(event), township_of(event), village_of(event), event.grid)
    return Region()
