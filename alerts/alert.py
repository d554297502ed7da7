"""The life of an alert: what the fold says now against what was published last, and the revisions between.

An alert's identity depends on rule, generation, key and episode alone. While it is open, further findings change
its evidence; a numbered revision is published only on a material change, at a growing distance. A level rise
passes every mute; late evidence that lowers what was said is said as well (semantics 8, 9).
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
from msgspec import Struct

from alerts.clock import ALWAYS
from alerts.entry import LEVEL_NUMBER
from alerts.episode import Episode
from alerts.model import AlertLink, Revision, State, Suppressed, from_us, to_us
from alerts.record import build, chain
from alerts.rule import Key, Rule

ALERTS = uuid.UUID("6ee0a7c1-62f4-5a1e-9c39-1d5f6f0f2a11")  # namespace of alert ids; never changes


def alert_id(rule: Rule, key: Key, episode: int) -> str:
    """The id of an alert, whichever evidence arrived first."""
    return str(uuid.uuid5(ALERTS, "|".join((rule.id, str(rule.generation), *key, str(episode)))))


class Moment(Struct, frozen=True, gc=False):
    """When and why an alert is looked at: the clock instant, and the record that made it so."""

    at: int
    phase: int = 0  # 0 by a record, 1 by a timer
    number: int = 0  # of the record in the log
    produced_us: int = 0
    moved: bool = False  # the record took an event away to another key


class Draft(Struct, frozen=True, gc=False):
    """A revision on its way out, with what the record itself does not carry.

    `order` is its place among all drafts. `evidence_ids` are all of them, sorted. `standing` is no revision: it
    says at the end of a bounded input what an open alert has taken in since its last one.
    """

    revision: Revision
    order: tuple[int, int, int, int, Key]
    evidence_ids: tuple[str, ...]
    produced_us: int = 0
    standing: bool = False


class Alert:
    """The alert of one key: its last published revision, and what has been folded since."""

    __slots__ = ("chains", "folded", "folded_first", "folded_last", "gap", "last", "published_at", "unit", "waiting")

    def __init__(self) -> None:
        self.last: Revision | None = None
        self.chains: dict[int, tuple[int, str]] = {}  # episode -> (last revision number, its hash)
        self.published_at = 0
        self.gap = 0
        self.unit: str | None = None
        self.waiting = False  # a material change waits for its distance
        self.folded = 0
        self.folded_first = 0
        self.folded_last = 0

    def reconcile(self, rule: Rule, key: Key, head: Episode, settled: Episode, moment: Moment) -> list[Draft]:
        """The revisions that are due now, given what the fold says."""
        drafts: list[Draft] = []
        last = self.last
        if last is not None and last.state == "open":
            self._follow(last, rule, key, head, settled, moment, drafts)
        if head.open and not self._is_open():
            drafts.append(self._open(rule, key, head, moment))
        return drafts

    def next_timer(self, rule: Rule) -> int:
        """The clock instant at which something folded may be published; ALWAYS if nothing is."""
        if not self.folded or not self._is_open():
            return ALWAYS
        return self.published_at + (self.gap if self.waiting else rule.life.max_quiet_update)

    def standing(self, rule: Rule, key: Key, head: Episode, moment: Moment) -> Draft | None:
        """What an open alert has taken in since its last revision, for the end of a bounded input."""
        last = self.last
        if last is None or last.state != "open" or head.number != last.episode:
            return None
        record = self._build(rule, key, head, "open", last.reason, moment)
        return self._draft(rule, key, msgspec.structs.replace(record, revision=last.revision), head, moment, True)

    def _is_open(self) -> bool:
        return self.last is not None and self.last.state == "open"

    def _follow(
        self, last: Revision, rule: Rule, key: Key, head: Episode, settled: Episode, moment: Moment, drafts: list[Draft]
    ) -> None:
        """An open alert goes on, ends, or turns out never to have been."""
        if head.number < last.episode:
            drafts.append(self._withdraw(last, rule, key, moment))
        elif head.number == last.episode and head.open:
            self._revise(last, rule, key, head, moment, drafts)
        elif settled.number == last.episode and (head.number > last.episode or not settled.open):
            drafts.append(self._publish(rule, key, settled, "closed", "quiet", moment))

    def _open(self, rule: Rule, key: Key, head: Episode, moment: Moment) -> Draft:
        reason = "reopened" if head.number in self.chains else "opened"
        return self._publish(rule, key, head, "open", reason, moment)

    def _revise(
        self, last: Revision, rule: Rule, key: Key, head: Episode, moment: Moment, drafts: list[Draft]
    ) -> None:
        reason = self._material_change(last, rule, head)
        if reason is None and len(head.evidence) == last.evidence_total:
            return
        urgent = reason == "late_evidence" or reason in rule.life.never_suppress
        distance = self.gap if reason else rule.life.max_quiet_update
        if urgent or moment.at >= self.published_at + distance:
            drafts.append(self._publish(rule, key, head, "open", reason or "evidence", moment))
            self.gap = rule.life.min_gap if urgent else min(self.gap * 2, rule.life.max_gap)
        else:
            self._fold(len(head.evidence) - last.evidence_total, moment, waiting=reason is not None)

    def _material_change(self, last: Revision, rule: Rule, head: Episode) -> str | None:
        """The weightiest reason to say something, in the order in which a duty officer cares."""
        known = LEVEL_NUMBER[last.level]
        if head.level != known:
            return "level_up" if head.level > known else "late_evidence"
        changes = (
            ("new_branch", not head.branches.issubset(last.branches)),
            ("step", head.steps > (last.steps or 0)),
            ("new_channel", not set(head.channels).issubset(last.channels)),
            ("unit", head.unit is not None and head.unit != self.unit),
        )
        return next((name for name, changed in changes if changed and name in rule.life.revise_on), None)

    def _fold(self, count: int, moment: Moment, waiting: bool) -> None:
        if not self.folded:
            self.folded_first = moment.at
        if count > self.folded:
            self.folded_last = moment.at
        self.folded = max(count, 1)
        self.waiting = waiting

    def _withdraw(self, last: Revision, rule: Rule, key: Key, moment: Moment) -> Draft:
        """The fold no longer knows the episode: what it stood on was late-contradicted or moved away."""
        state: State = "merged" if moment.moved else "retracted"
        reason = "merged" if moment.moved else "late_evidence"
        record = msgspec.structs.replace(
            last, state=state, reason=reason, detected_at=from_us(moment.at), published_at=from_us(moment.at),
            suppressed_since_last=self._suppressed(),
        )  # fmt: skip
        record = self._number(record)
        ids = tuple(evidence.id for evidence in record.evidence)
        return Draft(record, _order(rule, key, moment), ids, moment.produced_us)

    def _publish(
        self, rule: Rule, key: Key, episode: Episode, state: State, reason: str, moment: Moment
    ) -> Draft:
        if state == "open" and not self._is_open():
            self.gap = rule.life.min_gap
        record = self._number(self._build(rule, key, episode, state, reason, moment))
        self.unit = episode.unit
        return self._draft(rule, key, record, episode, moment)

    def _build(
        self, rule: Rule, key: Key, episode: Episode, state: State, reason: str, moment: Moment
    ) -> Revision:
        links = ()
        if episode.number > 1:
            links = (AlertLink("previous", alert_id(rule, key, episode.number - 1)),)
        identity = alert_id(rule, key, episode.number)
        return build(
            rule, key, episode, alert_id=identity, state=state, reason=reason, at=moment.at,
            suppressed=self._suppressed(), links=links,
        )  # fmt: skip

    def _number(self, record: Revision) -> Revision:
        """Give a record its number and hash, and take it as the last one said."""
        number, prev_hash = self.chains.get(record.episode, (0, ""))
        said = chain(record, self.last, number + 1, prev_hash)
        self.chains[record.episode] = (said.revision, said.content_hash)
        self.last = said
        self.published_at = to_us(said.detected_at)
        self.folded = 0
        self.waiting = False
        return said

    def _suppressed(self) -> Suppressed:
        if not self.folded:
            return Suppressed(0)
        return Suppressed(self.folded, from_us(self.folded_first), from_us(self.folded_last))

    def _draft(
        self, rule: Rule, key: Key, record: Revision, episode: Episode, moment: Moment, standing: bool = False
    ) -> Draft:
        ids = tuple(sorted(episode.evidence))
        return Draft(record, _order(rule, key, moment), ids, moment.produced_us, standing)

    def state(self) -> Any:
        """Everything that is kept, in plain types."""
        return [
            self.last, list(self.chains.items()), self.published_at, self.gap, self.unit, self.waiting, self.folded,
            self.folded_first, self.folded_last,
        ]  # fmt: skip

    @staticmethod
    def restored(state: Any) -> Alert:
        """The alert that `state` described."""
        alert = Alert()
        (
            last, chains, alert.published_at, alert.gap, alert.unit, alert.waiting, alert.folded, alert.folded_first,
            alert.folded_last,
        ) = state  # fmt: skip
        alert.last = msgspec.convert(last, Revision) if last is not None else None
        alert.chains = {episode: (number, hashed) for episode, (number, hashed) in chains}
        return alert


def _order(rule: Rule, key: Key, moment: Moment) -> tuple[int, int, int, int, Key]:
    return (moment.at, moment.phase, moment.number, rule.number, key)
