"""The last stage: the answers of all shards to a slice, in one order and numbered for the feed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from alerts.alert import Draft
from alerts.kept import Name, decode, encode
from alerts.model import Revision
from alerts.record import content_hash

STATE_VERSION = 2
HEAD = ("", "head")  # a name that no alert has


class Published(NamedTuple):
    """What readers know already when state is rebuilt from less than the whole log."""

    feed_seq: int  # the greatest
    until_us: int  # clock instant of the last revision; nothing older is said again
    last: Mapping[str, tuple[int, str]]  # by alert id the number and content hash of its last revision


NOTHING_PUBLISHED = Published(0, 0, {})


class Publishing:
    """Waits for every shard's answer to a slice, then gives its revisions their places in the feed."""

    def __init__(self, shards: int, published: Published = NOTHING_PUBLISHED) -> None:
        """What is `published` is not given again; feed and alerts count on behind it."""
        self.shards = shards
        self._feed_seq, self._silent_until_us, last = published
        self._last = dict(last)
        self._moved: set[str] = set()  # alerts whose last revision is another than in the last frame
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
        drafts = [draft for answer in answers for draft in answer if draft.order[0] > self._silent_until_us]
        drafts.sort(key=lambda draft: draft.order)
        return [self._in_feed(draft) for draft in drafts]

    def _in_feed(self, draft: Draft) -> Draft:
        if draft.standing or draft.revision.origin == "shadow":  # recorded, but no reader of the feed sees it
            return draft
        self._feed_seq += 1
        revision = msgspec.structs.replace(draft.revision, feed_seq=self._feed_seq)
        if revision.alert_id in self._last:
            revision = self._chained(revision)
        return msgspec.structs.replace(draft, revision=revision)

    def _chained(self, revision: Revision) -> Revision:
        """The next revision of an alert that readers know from before the state was rebuilt."""
        number, before = self._last[revision.alert_id]
        record = msgspec.structs.replace(revision, revision=number + 1, prev_hash=before)
        record = msgspec.structs.replace(record, content_hash=content_hash(record))
        self._last[revision.alert_id] = number + 1, record.content_hash
        self._moved.add(revision.alert_id)
        return record

    def snapshot(self) -> bytes:
        """Everything that is kept, as a frame. Between slices nothing waits."""
        return self._frame(self._last, whole=True)

    def changes(self) -> bytes:
        """What changed since the last frame: hardly more than three numbers."""
        return self._frame(self._moved, whole=False)

    def _frame(self, alerts: Iterable[str], whole: bool) -> bytes:
        parts: dict[Name, Any] = {(alert,): self._last[alert] for alert in alerts}
        self._moved = set()
        return encode(STATE_VERSION, {HEAD: [self._feed_seq, self._next, self._silent_until_us], **parts}, whole=whole)

    def restore(self, frames: Sequence[bytes]) -> None:
        """Take back a snapshot and the changes behind it."""
        parts = decode(frames, STATE_VERSION)
        self._feed_seq, self._next, self._silent_until_us = msgspec.msgpack.decode(parts.pop(HEAD))
        self._last = {alert: msgspec.msgpack.decode(last, type=tuple[int, str]) for (alert,), last in parts.items()}
