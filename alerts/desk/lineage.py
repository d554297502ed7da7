"""Lineage: an alert whose evidence turned out to belong elsewhere names the alert that has taken it in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from alerts.alert import Draft


def taken_in(drafts: Sequence[Draft]) -> Iterator[tuple[Draft, Draft]]:
    """Pairs of a draft that says `merged` and the one that took in most of its evidence in the same record.

    `drafts` are in their order. Where nobody took it in loudly enough for a revision of its own, there is no pair.
    """
    for _, found in groupby(drafts, key=lambda draft: draft.order[:3]):
        group = list(found)
        gone = [draft for draft in group if _is_without_heir(draft)]
        heirs = [draft for draft in group if draft.revision.state == "open" and not draft.standing] if gone else []
        for draft in gone:
            shared = [(_shared(draft, heir), heir.revision.alert_id, heir) for heir in heirs if _is_kin(draft, heir)]
            best = max(shared, key=lambda each: each[:2], default=None)
            if best is not None and best[0]:
                yield draft, best[2]


def _is_without_heir(draft: Draft) -> bool:
    revision = draft.revision
    is_known = any(link.type == "merged_into" for link in revision.links)
    return revision.state == "merged" and not draft.is_over and not is_known


def _is_kin(one: Draft, other: Draft) -> bool:
    """Of the same rule and generation?"""
    names = (one.revision.rule, one.revision.rule_generation)
    return names == (other.revision.rule, other.revision.rule_generation)


def _shared(one: Draft, other: Draft) -> int:
    return len(set(one.evidence_ids).intersection(other.evidence_ids))
