"""The last stage: what the shards found and what people did, in one order; revisions numbered for the feeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from alerts.alert import Draft
from alerts.desk.attended import Attended
from alerts.desk.audit import THE_DESK, Audit
from alerts.desk.desk import Desk
from alerts.desk.doing import alert_of, do
from alerts.desk.lineage import taken_in
from alerts.desk.routing import Routing
from alerts.desk.routing_file import NO_ROUTING, RoutingFile, read_routing
from alerts.desk.said import RefusedError, Said
from alerts.desk.silences import Silence
from alerts.failing import Failure
from alerts.kept import Changes, Name, decode, encode
from alerts.model import Acted, AlertAction, Revision, Verdict, from_us
from alerts.record import content_hash
from alerts.rejoining import ON_MATTERS

STATE_VERSION = 3
HEAD, DESK = ("", "head"), ("", "desk")  # names that no alert has
ALERT, CHAIN, KNOWN = "alert", "chain", "known"  # with the id of an alert, or a day, these are parts, too

RoutingOf = Callable[[RoutingFile], Routing]


class Published(NamedTuple):
    """What readers know already when state is rebuilt from less than the whole log."""

    feed_seq: int  # the greatest
    until_us: int  # clock instant of the last revision; nothing older is said again
    last: Mapping[str, tuple[int, str]]  # by alert id the number and content hash of its last revision
    feed_seqs: Mapping[str, int] = {}  # the greatest of each county's feed
    audit: tuple[int, str] = (0, "")  # number and hash of the last row
    audit_until_us: int = 0  # clock instant of that row; nothing older is entered again


class Answer(NamedTuple):
    """What a shard says to one slice; `said` goes with that of the first shard. `end` is the slice's clock."""

    slice: int
    end: int
    drafts: list[Draft]
    said: Sequence[Said] = ()
    failures: Sequence[Failure] = ()  # of rules that raised in the shard


class Issue(NamedTuple):
    """What goes out: revisions, and the rows of the audit."""

    drafts: list[Draft]
    acted: list[Acted]


NOTHING_PUBLISHED = Published(0, 0, {})


def plain_routing(file: RoutingFile) -> Routing:
    """A routing that needs no calendar."""
    return Routing(file, {})


class Publishing:
    """Waits for all shards' answers to a slice, asks the desk, and gives revisions their places in the feeds."""

    def __init__(
        self,
        shards: int,
        published: Published = NOTHING_PUBLISHED,
        routing: RoutingFile = NO_ROUTING,
        routing_of: RoutingOf = plain_routing,
    ) -> None:
        """What is `published` is not given again; feeds and alerts count on behind it.

        `routing` holds until the log says another; `routing_of` makes it ready to be asked.
        """
        self.shards = shards
        self._feed_seq = published.feed_seq
        self._silent_until_us = published.until_us
        self._audit_until_us = published.audit_until_us
        self._feed_seqs = dict(published.feed_seqs)
        self._chains = dict(published.last)
        self._moved: set[str] = set()  # alerts whose last revision is another than in the last frame
        self._next = 0
        self._answers: dict[int, list[Answer]] = {}
        self._routing_of = routing_of
        self.desk = Desk(routing_of(routing))
        self._audit = Audit(published.audit)
        self._acted: list[Acted] = []
        self._ahead = Changes(STATE_VERSION)  # what is in the next frame of changes already

    def take(self, answer: Answer) -> Issue:
        """One shard's answer. Gives what can go out now: that of every slice which is complete."""
        self._answers.setdefault(answer.slice, []).append(answer)
        ready: list[Draft] = []
        while len(self._answers.get(self._next, ())) == self.shards:
            ready += self._in_order(self._answers.pop(self._next))
            self._next += 1
        acted, self._acted = self._acted, []
        return Issue(ready, acted)

    def _in_order(self, answers: Sequence[Answer]) -> list[Draft]:
        """What happens by itself comes after everything else of its instant, as in detection."""
        drafts = sorted((draft for answer in answers for draft in answer.drafts), key=lambda draft: draft.order)
        found: list[Draft | Said] = [*drafts, *(each for answer in answers for each in answer.said)]
        found.sort(key=_place)
        heirs = {id(gone): heir for gone, heir in taken_in(drafts)}
        out: list[Draft] = []
        for each in found:
            at = _place(each)[0]
            out += self._pass_time(at)
            out += self.desk.take(each, heirs.get(id(each))) if isinstance(each, Draft) else self._hear(each)
            self._enter_ended()
        out += self._pass_time(answers[0].end)
        return [self._in_feed(draft) for draft in out if draft.order[0] > self._silent_until_us]

    def _pass_time(self, until: int) -> list[Draft]:
        drafts = self.desk.pass_time(until)
        for each, at in self.desk.visits():
            self._ask_for_a_visit(each, at)
        self._enter_ended()
        return drafts

    def _enter_ended(self) -> None:
        """Silences that have ended by themselves: the audit says so, as if the desk had ended them."""
        for silence, at in self.desk.ended():
            action = AlertAction(f"end:{silence}", "unsilence", "anlan", THE_DESK, from_us(at), of=silence)
            self._enter(action, at, "done", "", None)

    def _hear(self, said: Said) -> list[Draft]:
        if said.routing is not None:
            self.desk.turn(self._routing_of(read_routing(said.routing)), said.at)
        elif said.action is not None:
            self._act(said, said.action)
        return self.desk.taken()

    def _act(self, said: Said, action: AlertAction) -> None:
        at, is_known = said.at, self._audit.knows(action.action_id, said.at)
        if action.refused:  # its row says nothing of the alert: who tried may not be one who sees it
            if not is_known:
                self._enter(replace(action, refused=""), at, "refused", action.refused, None)
            return
        if action.action in ON_MATTERS:
            if said.refusal and not is_known:
                self._enter(action, at, "refused", said.refusal, None, said.county)
            elif not said.refusal:  # what was done stands in the audit, under whichever id
                self._enter(action, at, "done", "", None, said.county)
            return
        if is_known:
            return
        each = alert_of(self.desk, action)
        try:
            action = do(self.desk, action, at)
        except RefusedError as error:
            self._enter(action, at, "refused", str(error), each)
        else:
            self._enter(action, at, "done", "", each)

    def _ask_for_a_visit(self, each: Attended, at: int) -> None:
        name = each.last.alert_id
        action = AlertAction(f"visit:{name}:{at}", "ask_visit", "anlan", THE_DESK, from_us(at), alert_id=name)
        self._enter(action, at, "done", "", each)

    def _enter(
        self, action: AlertAction, at: int, verdict: Verdict, sentence: str, each: Attended | None, county: str = ""
    ) -> None:
        if at > self._audit_until_us:
            self._acted.append(self._audit.enter(action, at, verdict, sentence, each, county))

    def _in_feed(self, draft: Draft) -> Draft:
        if draft.standing or draft.revision.origin == "shadow":  # recorded, but no reader of the feed sees it
            return draft
        self._feed_seq += 1
        revision = replace(draft.revision, feed_seq=self._feed_seq, feed_seqs=self._places(draft.revision.feed_seqs))
        if revision.alert_id in self._chains:
            revision = self._chained(revision)
        return replace(draft, revision=revision)

    def _places(self, feeds: Iterable[str]) -> dict[str, int]:
        for feed in feeds:
            self._feed_seqs[feed] = self._feed_seqs.get(feed, 0) + 1
        return {feed: self._feed_seqs[feed] for feed in feeds}

    def _chained(self, revision: Revision) -> Revision:
        """The next revision of an alert that readers know from before the state was rebuilt."""
        number, before = self._chains[revision.alert_id]
        record = replace(revision, revision=number + 1, prev_hash=before)
        record = replace(record, content_hash=content_hash(record))
        self._chains[revision.alert_id] = number + 1, record.content_hash
        self._moved.add(revision.alert_id)
        return record

    def snapshot(self) -> bytes:
        """Everything that is kept, as a frame. Between slices nothing waits."""
        self._ahead = Changes(STATE_VERSION)
        parts = dict(self._parts(self._chains, self.desk.alerts, self._audit.days()))
        return encode(STATE_VERSION, parts, whole=True)

    def save_ahead(self, share: float) -> bytes | None:
        """Put a share of what changed into the next frame of changes, so that it is sooner made; the frame if large."""
        moved = self.desk.moved
        for name in [moved.pop() for _ in range(int(share * len(moved)))]:
            self._ahead.put((ALERT, name), self.desk.alerts.get(name))
        return self._ahead.large_frame()

    def changes(self) -> bytes:
        """What changed since the last frame: the alerts of which something was said."""
        changes = self._ahead
        for name, value in self._parts(self._moved, self.desk.moved, self._audit.moved):
            changes.put(name, value)
        return changes.frame()

    def _parts(self, chains: Iterable[str], alerts: Iterable[str], days: Iterable[int]) -> Iterator[tuple[Name, Any]]:
        """These chains, alerts and days of the audit, and what is always saved; after them nothing has changed."""
        yield HEAD, [self._feed_seq, self._feed_seqs, self._next, self._silent_until_us, self._audit_until_us]
        yield DESK, self._desk_state()
        yield from (((CHAIN, name), self._chains[name]) for name in chains)
        yield from (((ALERT, name), self.desk.alerts.get(name)) for name in alerts)
        yield from (((KNOWN, day), self._audit.known(day)) for day in days)
        self._moved, self.desk.moved, self._audit.moved = set(), set(), set()

    def _desk_state(self) -> Any:
        desk = self.desk
        return [desk.routing.file, list(desk.silences.values()), list(desk.cuts.items()), self._audit.head()]

    def restore(self, frames: Sequence[bytes]) -> None:
        """Take back a snapshot and the changes behind it."""
        parts = decode(frames, STATE_VERSION)
        head = msgspec.msgpack.decode(parts.pop(HEAD))
        self._feed_seq, self._feed_seqs, self._next, self._silent_until_us, self._audit_until_us = head
        routing, silences, cuts, head = _decode_desk(parts.pop(DESK))
        days = {day: _decode_known(part) for (kind, day), part in parts.items() if kind == KNOWN}
        self._audit.restore(head, days)
        self._chains = {name: _decode_chain(part) for (kind, name), part in parts.items() if kind == CHAIN}
        alerts = [_decode_alert(part) for (kind, _), part in parts.items() if kind == ALERT]
        self.desk = Desk(self._routing_of(routing))
        self.desk.restore(alerts, silences, dict(cuts))


def _place(each: Draft | Said) -> tuple[int, int, int]:
    """Clock instant, phase and number of the record: a record is heard where it stands."""
    return each.order[:3] if isinstance(each, Draft) else (each.at, 0, each.number)


_Desk = tuple[RoutingFile, list[Silence], list[tuple[tuple[str, ...], int]], tuple[int, str]]
_decode_known = msgspec.msgpack.Decoder(list[str]).decode
_decode_desk = msgspec.msgpack.Decoder(_Desk).decode
_decode_alert = msgspec.msgpack.Decoder(Attended).decode
_decode_chain = msgspec.msgpack.Decoder(tuple[int, str]).decode
