"""The last stage: the answers of all shards to a slice, in one order and numbered for the feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from alerts.alert import Draft

STATE_VERSION = 1


class Publishing:
    """Waits for every shard's answer to a slice, then gives its revisions their places in the feed."""

    def __init__(self, shards: int) -> None:
        self.shards = shards
        self._feed_seq = 0
        self._next = 0
        self._answers: dict[int, list[list[Draft]]] = {}

    def take(self, cut: int, drafts: list[Draft]) -> list[Draft]:
        """One shard's answer. Gives what can go out now: the drafts of every slice that is complete."""
        self._answers.setdefault(cut, []).append(drafts)
        ready: list[Draft] = []
        while len(self._answers.get(self._next, ())) == self.shards:
            ready += self._number(self._answers.pop(self._next))
            self._next += 1
        return ready

    def _number(self, answers: Sequence[list[Draft]]) -> list[Draft]:
        drafts = [draft for answer in answers for draft in answer]
        drafts.sort(key=lambda draft: draft.order)
        return [self._in_feed(draft) for draft in drafts]

    def _in_feed(self, draft: Draft) -> Draft:
        if draft.standing or draft.revision.origin == "shadow":  # recorded, but no reader of the feed sees it
            return draft
        self._feed_seq += 1
        revision = msgspec.structs.replace(draft.revision, feed_seq=self._feed_seq)
        return msgspec.structs.replace(draft, revision=revision)

    def snapshot(self) -> bytes:
        """Everything that is kept. Between slices nothing waits, so it is two numbers."""
        return msgspec.msgpack.encode([STATE_VERSION, self._feed_seq, self._next])

    def restore(self, snapshot: bytes) -> None:
        """Take back what `snapshot` gave."""
        state: Any = msgspec.msgpack.decode(snapshot)
        if state[0] != STATE_VERSION:
            raise ValueError(f"state must have version {STATE_VERSION}; got {state[0]}; rebuild from the intake log")
        _, self._feed_seq, self._next = state
