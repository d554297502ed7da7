"""The first stage after the log: no event twice, every event in its matter, and off to the rules it concerns."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw
from msgspec.structs import astuple, replace

from alerts.channel import Channel
from alerts.clock import Watermarks
from alerts.desk.routing_file import NO_ROUTING, RoutingFile, read_routing
from alerts.desk.said import RefusedError, Said
from alerts.detection import Compiler
from alerts.duration import DAY_US
from alerts.failing import Failure, failure_of, gap_of
from alerts.groups import groups_of
from alerts.inadmissible import duplicate, unknown_channel
from alerts.joined import Joined, in_matter
from alerts.kept import Changes, Name, decode, encode
from alerts.linker import Linker
from alerts.linker_component import Placed
from alerts.linker_fold import Decision, Order
from alerts.model import (
    NEVER,
    Act,
    Arrival,
    Book,
    DeadLetter,
    LateEvent,
    MatterLink,
    PooledEvent,
    ReadUp,
    RuleGap,
    Slice,
    from_us,
    to_us,
)
from alerts.quiet import Change, QuietWatch
from alerts.regrouping import Moved, Regrouped, Why, regrouped
from alerts.rejoining import ON_MATTERS, MatterHistory, Rejoined, no_matters, rejoin
from alerts.router import Router, shard_of
from alerts.rule import Rule
from alerts.rule_book import RuleBook, Turn, turn
from alerts.rule_file import RuleFile
from alerts.seen import SeenIds
from alerts.timers import AnyTimeline
from alerts.warming import History, Warmth, no_history, past_of
from alerts.work import Item, Rearranged, Work

STATE_VERSION = 7
HEAD, BOOK, ROUTING, MERGED = ("head",), ("book",), ("routing",), ("merged",)  # four parts
Items = list[list[Item | Rearranged]]  # by shard
Moves = list[list[Item | Regrouped]]  # of one record, the same
IDS = "ids"  # with a number this is a part, too, and what the linker names is
DEDUP_AT_LEAST = 7 * DAY_US
LINKER_LATENESS = DAY_US


class Routed(NamedTuple):
    """What one slice became: work for each shard, and what goes straight to the pool."""

    slice: int
    work: list[Work]
    joined: list[Joined]
    late: list[LateEvent]
    dead: list[DeadLetter]
    heartbeats: dict[str, int]  # by channel
    fenced: dict[str, int]  # rows that the intake wrote twice, by channel
    gaps: list[RuleGap]  # of rules that needed a channel which was silent, or that raised
    said: list[Said]  # for the desk
    refused: tuple[str, ...] = ()  # what was not taken over from a rule book, each with its reason
    failures: Sequence[Failure] = ()  # of rules that could not say whether they concern an event

    @property
    def pooled(self) -> list[PooledEvent]:
        """The events for the pool, each in its matter."""
        return [each.pooled() for each in self.joined]

    @property
    def links(self) -> list[MatterLink]:
        """The decisions of the linker, one for each of these."""
        return [each.link() for each in self.joined]


class Linking:
    """Deduplication, watermarks, matters and routing: one order in, the shards' work out."""

    def __init__(
        self,
        rules: Sequence[Rule],
        channels: Mapping[str, Channel],
        shards: int,
        compiler: Compiler | None = None,
        history: History = no_history,
        matters: MatterHistory = no_matters,
        routing: RoutingFile = NO_ROUTING,
    ) -> None:
        """`compiler` makes rules of a book that comes with the log; `history` gives what they are warmed with.

        `matters` gives the events of a matter that a person merges or splits; `routing` says who may.
        """
        self.shards = shards
        self._channels = channels
        self._compiler = compiler
        self._history = history
        self._matters = matters
        self._routing = routing
        self._run(rules)
        self.linker = Linker()
        self._ranks = {name: channel.rank for name, channel in channels.items()}
        self._seen = SeenIds()
        self._saved: dict[Name, object] = {}  # what the parts that seldom change were made of; nothing: not saved yet
        self._ahead = Changes(STATE_VERSION)  # what is in the next frame of changes already
        self._slices = 0
        self._records = 0
        self._generations = {rule.id: rule.generation for rule in rules}

    def _run(self, rules: Sequence[Rule]) -> None:
        """These are the rules from here on; watermarks and quiet channels go on as they are."""
        groups = groups_of(rules)
        lateness = max([rule.lateness for rule in rules], default=0)
        self.rules = rules
        self._remember = max(DEDUP_AT_LEAST, lateness)
        self._linker_group = len(groups.clocks)
        self._group_of = {rule.id: own[0] for rule, own in zip(rules, groups.of, strict=True)}
        everything = (frozenset(self._channels), max(lateness, LINKER_LATENESS))
        self.watermarks = Watermarks(self._channels, [*groups.clocks, everything], groups.vouchers)
        self.router = Router(rules, groups, self._channels, self.shards)
        self.quiet = QuietWatch(rules)

    def take(self, cut: Slice) -> list[Routed]:
        """One slice further, in as many parts as rule books begin in it, and one more.

        Arrivals must not go back in time; the log's one order guarantees it.
        """
        parts: list[Routed] = []
        self.watermarks.begin()
        items, routed, warmth = self._items(), self._routed(), None
        for record in cut.arrivals:
            self._wait_until(record.arrived_us, items)
            self._records += 1
            if isinstance(record, Arrival):
                self._admit(record, routed, items)
            elif isinstance(record, Act):
                routed.said.append(self._act(record, parts, routed, items))
            elif isinstance(record, ReadUp):
                self.watermarks.read_up(record.channels, record.arrived_us)
            else:
                if record.routing:
                    self._routing = read_routing(record.routing)
                    routed.said.append(Said(record.arrived_us, self._records, routing=record.routing))
                if (turning := self._turn(record)) is None:
                    continue
                parts.append(self._finish(routed, items, record.arrived_us, warmth))
                items, routed = self._items(), self._routed()
                warmth = self._take_over(turning, parts)
        self._wait_until(cut.clock_us, items)
        parts.append(self._finish(routed, items, cut.clock_us, warmth))
        return parts

    def _act(self, act: Act, parts: Sequence[Routed], routed: Routed, items: Items) -> Said:
        """What a person does with matters is done here; everything else is for the desk."""
        at, action = act.arrived_us, act.action
        if action.refused or action.action not in ON_MATTERS:
            return Said(at, self._records, action=action)
        newest = [pooled for part in (*parts, routed) for pooled in part.pooled]
        try:
            found = rejoin(action, at, self._routing, self.linker.merged, newest, self._matters, self._ranks)
        except RefusedError as error:
            return Said(at, self._records, action=action, refusal=str(error))
        self._rejoin(found, at, routed, items)
        return Said(at, self._records, action=found.action, county=found.county)

    def _rejoin(self, found: Rejoined, at: int, routed: Routed, items: Items) -> None:
        """Events change their matter by a person's word: in the linker, in the pool and for every rule."""
        left, into, why = found.left, found.into, found.why
        if why == "merged":
            self.linker.merge(left, into)
        else:
            self.linker.split(left, into, found.owners(self._ranks))
        for event, _, arrived_at, source in map(astuple, found.moved):
            routed.joined.append(Joined(event, into, why, at, to_us(arrived_at), source, left))
        moved = found.changes(self._ranks)
        moves: Moves = [[] for _ in range(self.shards)]
        for rule in self.rules:
            self._regroup(rule, [each for each in moved if each.order[0] >= at - rule.memory], why, at, moves)
        _rearrange(at, moves, items)

    def _regroup(self, rule: Rule, moved: Sequence[Moved], why: Why, at: int, moves: Moves) -> None:
        watermark = self.watermarks.clock_watermark(self._group_of[rule.id])
        try:
            found = regrouped(rule, moved, why, watermark, at, self._records)
        except Exception as error:
            self.router.failures.append(failure_of(rule, error, at))
            return
        for each in found:
            moves[shard_of(each.key, self.shards)].append(each)

    def _turn(self, book: Book) -> Turn | None:
        """What a rule book of the log changes; None for nothing."""
        if self._compiler is None:
            return None
        wanted = [msgspec.convert(rule, RuleFile) for rule in book.rules]
        turning = turn(self._book(), wanted, book.arrived_us, self._records)
        return None if turning.is_idle and not turning.refused else turning

    def _book(self) -> RuleBook:
        return replace(RuleBook.of(self.rules), generations=self._generations)

    def _take_over(self, turning: Turn, parts: Sequence[Routed]) -> Warmth:
        """The rules are those of another book from here on; what the shards need for that."""
        assert self._compiler is not None
        marks, quiet = self.watermarks.state(), self.quiet.state()
        self._generations = turning.book.generations
        self._run(self._compiler(turning.book))
        self.watermarks.restore(marks)
        self.quiet.restore(quiet)
        self._judge_quiet_again(turning)
        self.watermarks.begin()
        passed = list(self.rule_watermarks().values())
        newest = [in_matter(each.event, each.matter) for part in parts for each in part.joined]
        failed = self.router.failures
        past = past_of(turning, self.rules, newest, self._history, self._ranks, self.shards, failed)
        return Warmth(turning, passed, past)

    def _judge_quiet_again(self, turning: Turn) -> None:
        """Which channels are silent is for the rules of the new book to say, to those of them that need to know."""
        begun = [name for name, change in turning.changes.items() if change in ("new", "structure")]
        self.quiet.turn(turning.at, begun)
        silent = self.quiet.silent()
        for channel in self._channels:
            self.watermarks.mute(channel, channel in silent, turning.at)

    def _items(self) -> Items:
        return [[] for _ in range(self.shards)]

    def finish(self) -> Routed:
        """The bounded input has ended: nothing older can follow, so everything up to its last event is judged."""
        marks = self.watermarks
        marks.begin()
        marks.drain()
        return self._finish(self._routed(), self._items(), marks.now + 1, None, last=True)

    def _routed(self) -> Routed:
        return Routed(self._slices, [], [], [], [], {}, {}, [], [])

    def _finish(self, routed: Routed, items: Items, end: int, warmth: Warmth | None, last: bool = False) -> Routed:
        marks = self.watermarks
        failures, self.router.failures = self.router.failures, []
        routed.gaps.extend(map(gap_of, failures))
        timelines: list[AnyTimeline] = [*marks.timelines(end)[: self._linker_group], *marks.vouch_timelines(end)]
        work = [Work(self._slices, end, timelines, shard, last) for shard in items]
        if warmth is not None:
            turning, passed, warm = warmth
            routed = routed._replace(refused=turning.refused)
            work = [
                part._replace(turn=turning, warm=past, watermarks=passed) for part, past in zip(work, warm, strict=True)
            ]
        work[0] = work[0]._replace(said=routed.said)
        self._slices += 1
        return routed._replace(work=work, failures=failures)

    def _wait_until(self, clock: int, items: Items) -> None:
        """Time passes; a channel may become quiet on the way."""
        if self.quiet.soonest < clock:
            for change in self.quiet.before(clock):
                self.watermarks.advance(change.at)
                self._tell(change, items)
        self.watermarks.advance(clock)

    def _tell(self, change: Change, items: Items) -> None:
        if change.rule.spec.status == "live":  # a shadow tells no one, so nobody would know of the outage
            self.watermarks.mute(change.channel, change.is_quiet, change.at)
        number = 0 if change.is_quiet else self._records  # the clock says that it is quiet, a record that it is back
        item = Item(change.at, number, change.rule.number, change.key, NEVER, change.entry)
        items[shard_of(change.key, self.shards)].append(item)

    def _gaps(self, change: Change) -> Iterator[RuleGap]:
        """A channel is back: what was held back meanwhile, rule by rule."""
        if change.rule.spec.status != "live":
            return
        since, until = from_us(change.entry[0]), from_us(change.at)
        for rule in self.rules:
            if rule.plan is not None and change.channel in rule.plan.vouch:
                yield RuleGap(rule.id, change.channel, "silent_channel", since, until, until)

    def _admit(self, arrival: Arrival, routed: Routed, items: Items) -> None:
        event, at = arrival.event, arrival.arrived_us
        rank = self._ranks.get(event.channel)
        if rank is None:
            routed.dead.append(unknown_channel(arrival))
            return
        if self._is_duplicate(arrival, routed):
            return
        for change in self.quiet.heard(event, rank, at):
            self._tell(change, items)
            routed.gaps.extend(self._gaps(change))
        occurred = to_us(event.occurred_at)
        if event.action == "heartbeat":
            routed.heartbeats[event.channel] = routed.heartbeats.get(event.channel, 0) + 1
        else:
            self._link(arrival, (occurred, rank, event.id), routed, items)
        self.watermarks.heard(event.channel, occurred)

    def _link(self, arrival: Arrival, order: Order, routed: Routed, items: Items) -> None:
        """An event comes to its matter, and from there to the pool and to the rules."""
        event, at = arrival.event, arrival.arrived_us
        linked = self.linker.link(order, event, self.watermarks.clock_watermark(self._linker_group))
        decision = linked.decision
        routed.joined.append(Joined(event, decision.matter, decision.reason, at, at, arrival.source))
        moves: Moves = [[] for _ in items] if linked.moves else []
        for placed, before, after in linked.moves:
            self._move(placed, before, after, arrival, routed, moves)
        self.router.route(
            order, event, decision, at, self._records, arrival.produced_us, self.watermarks, moves or items, routed.late
        )
        if moves:
            _rearrange(at, moves, items)

    def _move(
        self, placed: Placed, before: Decision, after: Decision, arrival: Arrival, routed: Routed, moves: Moves
    ) -> None:
        event = placed.event
        if before.matter != after.matter:
            _, at, source = self._seen.get(event.id) or (event.id, arrival.arrived_us, "")
            decided = arrival.arrived_us
            routed.joined.append(Joined(event, after.matter, after.reason, decided, at, source, before.matter))
        self.router.move(
            placed.order, (in_matter(event, before.matter), before), (in_matter(event, after.matter), after),
            arrival.arrived_us, self._records, arrival.produced_us, self.watermarks, moves,
        )  # fmt: skip

    def _is_duplicate(self, arrival: Arrival, routed: Routed) -> bool:
        event = arrival.event
        self._seen.forget(arrival.arrived_us - self._remember)
        known = self._seen.add(event.id, arrival.arrived_us, arrival.source)
        if known is None:
            return False
        if arrival.source and arrival.source == known[2]:
            routed.fenced[event.channel] = routed.fenced.get(event.channel, 0) + 1
        else:
            routed.dead.append(duplicate(arrival, known[2]))
        return True

    @property
    def ids_kept(self) -> int:
        """How many ids of events are remembered."""
        return len(self._seen)

    def rule_watermarks(self) -> dict[str, int]:
        """The clock watermark of each rule, by id."""
        return {rule: self.watermarks.clock_watermark(number) for rule, number in self._group_of.items()}

    def snapshot(self) -> bytes:
        """Everything that is kept, as a frame."""
        self._saved = self._seldom()
        self._ahead = Changes(STATE_VERSION)
        parts = {HEAD: self._head()} | {name: self._kept(name) for name in self._saved}
        parts |= _named(IDS, self._seen.all_chunks())
        parts |= dict(self.linker.all_parts())
        return encode(STATE_VERSION, parts, whole=True)

    def changes(self) -> bytes:
        """What changed since the last snapshot or changes, as a frame."""
        if not self._saved:
            return self.snapshot()
        changes = self._ahead
        changes.put(HEAD, self._head())
        before, self._saved = self._saved, self._seldom()
        for name, of in self._saved.items():
            if of is not before[name]:
                changes.put(name, self._kept(name))
        for number, rows in self._seen.changed_chunks():
            changes.put((IDS, number), rows)
        for name, part in self.linker.changed_parts():
            changes.put(name, part)
        return changes.frame()

    def save_ahead(self, share: float) -> bytes | None:
        """Put a share of what changed into the next frame of changes, so that it is sooner made; the frame if large."""
        for name, part in self.linker.some_changed(share):
            self._ahead.put(name, part)
        for number, rows in self._seen.full_chunk():
            self._ahead.put((IDS, number), rows)
        return self._ahead.large_frame()

    def restore(self, frames: Sequence[bytes]) -> None:
        """Take back a snapshot and the changes behind it."""
        parts = decode(frames, STATE_VERSION)
        self._ahead = Changes(STATE_VERSION)
        head = msgspec.msgpack.decode(parts.pop(HEAD))
        book = msgspec.msgpack.decode(parts.pop(BOOK))
        if book and self._compiler is not None:
            found = msgspec.msgpack.decode(zlib.decompress(book), type=RuleBook)
            self._generations = found.generations
            self._run(self._compiler(found))
        self._slices, self._records, marks, quiet, forgotten, begun = head
        self.watermarks.restore(marks)
        self.quiet.restore(quiet)
        self._seen.restore(_of(IDS, parts), forgotten)
        self.linker.restore(parts, begun)
        self.linker.merged = msgspec.msgpack.decode(parts[MERGED], type=dict[str, str])
        self._routing = msgspec.msgpack.decode(parts[ROUTING], type=RoutingFile)
        self._saved = self._seldom()

    def _head(self) -> Any:
        marks, quiet = self.watermarks.state(), self.quiet.state()
        return [self._slices, self._records, marks, quiet, self._seen.forgotten, self.linker.begun]

    def _seldom(self) -> dict[Name, object]:
        """What the parts are made of that seldom change; where one has, it is another object."""
        return {BOOK: self.router, ROUTING: self._routing, MERGED: self.linker.merged}  # a book brings its router

    def _kept(self, name: Name) -> Any:
        """One of these parts as it is kept."""
        if name == BOOK:
            return zlib.compress(msgspec.msgpack.encode(self._book())) if self._compiler else b""
        return self._routing if name == ROUTING else self.linker.merged


def _rearrange(at: int, moves: Moves, items: Items) -> None:
    """What one record moves from key to key is taken by each shard as one."""
    for mine, found in zip(items, moves, strict=True):
        if found:
            mine.append(Rearranged(at, found))


def _named(kind: str, parts: Iterable[tuple[int, Any]]) -> dict[Name, Any]:
    return {(kind, number): part for number, part in parts}


def _of(kind: str, parts: Mapping[Name, Raw]) -> Iterator[tuple[int, Raw]]:
    return ((name[1], part) for name, part in parts.items() if name[0] == kind)
