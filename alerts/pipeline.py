"""The three stages in one object, without an engine: what a rule's tests and the reference runs drive.

The Bytewax flow holds the same stages, one in each of its steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from alerts.alert import Draft
from alerts.channel import Channel
from alerts.detection import Shard
from alerts.linking import Linking, Routed
from alerts.model import Slice
from alerts.publishing import Publishing
from alerts.router import groups_of
from alerts.rule import Rule


class _Stage(Protocol):
    def snapshot(self) -> bytes: ...

    def restore(self, snapshot: bytes) -> None: ...


class Pipeline:
    """Linking, detection and publishing in one process and one thread."""

    def __init__(self, rules: Sequence[Rule], channels: Mapping[str, Channel], shards: int = 1) -> None:
        numbers = groups_of(rules)[1]
        self.linking = Linking(rules, channels, shards)
        self.shards = [Shard(rules, numbers) for _ in range(shards)]
        self.publishing = Publishing(shards)

    def take(self, cut: Slice) -> tuple[Routed, list[Draft]]:
        """One slice further: what goes to the pool, and the drafts in order."""
        return self._run(self.linking.take(cut))

    def finish(self) -> tuple[Routed, list[Draft]]:
        """The end of a bounded input."""
        return self._run(self.linking.finish())

    def _run(self, routed: Routed) -> tuple[Routed, list[Draft]]:
        drafts: list[Draft] = []
        for shard, work in zip(self.shards, routed.work, strict=True):
            drafts += self.publishing.take(work.slice, shard.take(work))
        return routed, drafts

    def snapshot(self) -> list[bytes]:
        """The state of every stage."""
        return [stage.snapshot() for stage in self._stages()]

    def restore(self, snapshots: Sequence[bytes]) -> None:
        """Take back what `snapshot` gave."""
        for stage, snapshot in zip(self._stages(), snapshots, strict=True):
            stage.restore(snapshot)

    def _stages(self) -> list[_Stage]:
        return [self.linking, *self.shards, self.publishing]
