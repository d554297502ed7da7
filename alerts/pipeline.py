"""The three stages in one object, without an engine: what a rule's tests and the reference runs drive.

The Bytewax flow holds the same stages, one in each of its steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol

from alerts.alert import Draft
from alerts.channel import Channel
from alerts.desk.routing_file import NO_ROUTING, RoutingFile
from alerts.detection import Compiler, Shard
from alerts.failing import Failure, gap_of
from alerts.linking import Linking, Routed
from alerts.model import Acted, Record, RuleGap, Slice
from alerts.publishing import Answer, Publishing, RoutingOf, plain_routing
from alerts.rejoining import MatterHistory, no_matters
from alerts.rule import Rule
from alerts.warming import History, no_history

SLICE = 1_000  # events in one slice of a history


def in_slices(arrivals: Iterable[Record], size: int = SLICE) -> Iterator[Slice]:
    """A history in order of arrival as slices of a log, each as late as its last event."""
    found = iter(arrivals)
    while part := list(islice(found, size)):
        yield Slice(part[-1].arrived_us, part)


class _Stage(Protocol):
    def snapshot(self) -> bytes: ...

    def save_ahead(self, share: float) -> bytes | None: ...

    def changes(self) -> bytes: ...

    def restore(self, frames: Sequence[bytes]) -> None: ...


class Pipeline:
    """Linking, detection and publishing in one process and one thread."""

    def __init__(
        self,
        rules: Sequence[Rule],
        channels: Mapping[str, Channel],
        shards: int = 1,
        compiler: Compiler | None = None,
        history: History = no_history,
        routing: RoutingFile = NO_ROUTING,
        routing_of: RoutingOf = plain_routing,
        matters: MatterHistory = no_matters,
    ) -> None:
        self.linking = Linking(rules, channels, shards, compiler, history, matters, routing)
        self.shards = [Shard(rules, compiler, shards) for _ in range(shards)]
        self.failures: list[Failure] = []  # of rules that raised, since the beginning
        self.publishing = Publishing(shards, routing=routing, routing_of=routing_of)
        self.acted: list[Acted] = []  # what became of people's actions, since the beginning
        self.gaps: list[RuleGap] = []  # of rules that raised in a shard, since the beginning

    def take(self, cut: Slice) -> tuple[Routed, list[Draft]]:
        """One slice further: what goes to the pool, and the drafts in order."""
        parts = [self._run(routed) for routed in self.linking.take(cut)]
        return _joined([routed for routed, _ in parts]), [draft for _, drafts in parts for draft in drafts]

    def finish(self) -> tuple[Routed, list[Draft]]:
        """The end of a bounded input."""
        return self._run(self.linking.finish())

    def _run(self, routed: Routed) -> tuple[Routed, list[Draft]]:
        drafts: list[Draft] = []
        self.failures += routed.failures
        for shard, work in zip(self.shards, routed.work, strict=True):
            answer = Answer(work.slice, work.end, shard.take(work), work.said)
            issue = self.publishing.take(answer)
            drafts += issue.drafts
            self.acted += issue.acted
            self.failures += shard.failures
            self.gaps += map(gap_of, shard.failures)
        return routed, drafts

    def snapshot(self) -> list[bytes]:
        """The state of every stage."""
        return [stage.snapshot() for stage in self._stages()]

    def save_ahead(self, share: float) -> list[bytes | None]:
        """Put a share of what changed into the next frames of changes; those that are large."""
        return [stage.save_ahead(share) for stage in self._stages()]

    def changes(self) -> list[bytes]:
        """What changed in every stage since the last snapshot or changes."""
        return [stage.changes() for stage in self._stages()]

    def restore(self, snapshot: Sequence[bytes], *changes: Sequence[bytes | None]) -> None:
        """Take back a snapshot and the changes behind it."""
        for stage, first, *frames in zip(self._stages(), snapshot, *changes, strict=True):
            stage.restore([first, *(frame for frame in frames if frame is not None)])

    def _stages(self) -> list[_Stage]:
        return [self.linking, *self.shards, self.publishing]


def _joined(parts: list[Routed]) -> Routed:
    """The parts of one slice as one."""
    first = parts[0]
    for each in parts[1:]:
        for name in ("joined", "late", "dead", "gaps"):
            getattr(first, name).extend(getattr(each, name))
        for name in ("heartbeats", "fenced"):
            for channel, count in getattr(each, name).items():
                getattr(first, name)[channel] = getattr(first, name).get(channel, 0) + count
    return first._replace(refused=tuple(sentence for each in parts for sentence in each.refused))
