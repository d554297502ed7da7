"""The life of an alert: what the fold says now against what was published last, and the revisions between.

An alert's identity depends on rule, generation, key and episode alone. While it is open, further findings change
its evidence; a numbered revision is published only on a material change, at a growing distance. A level rise
passes every mute; late evidence that lowers what was said is said as well (semantics 8, 9).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from alerts.entry import LEVEL_NUMBER, Key
from alerts.episode import Episode
from alerts.model import ALWAYS, AlertLink, Revision, State, Suppressed, from_us, to_us
from alerts.record import build
from alerts.rule import Rule
from alerts.subject import Standing

ALERTS = uuid.UUID("6ee0a7c1-62f4-5a1e-9c39-1d5f6f0f2a11")  # namespace of alert ids; never changes


def alert_id(rule: str, generation: int, key: Key, episode: int) -> str:
    """The id of an alert, whichever evidence arrived first."""
    return str(uuid.uuid5(ALERTS, "|".join((rule, str(generation), *key, str(episode)))))


class Moment(Struct, frozen=True, gc=False):
    """When and why an alert is looked at: the clock instant, and the record that made it so."""

    at: int
    phase: int = 0  # 0 by a record, 1 by a timer
    number: int = 0  # of the record in the log
    produced_us: int = 0
    moved: bool = False  # the record took an event away to another key
    turned: bool = False  # the rule book changed
    why: Literal["", "merged", "split"] = ""  # a person has said so of the matters of the key
    kin: Key | None = None  # the key that its events have left by a split


class Draft(Struct, frozen=True, gc=False):
    """What the stream says of an alert, or a revision on its way out, with what the record itself does not carry.

    `order` is its place among all drafts. `evidence_ids` are all of them, sorted. `standing` is no revision: it
    says at the end of a bounded input what an open alert has taken in since its last one. Nor is what `is_over`:
    the stream will never speak of that alert again. `reopen_within` and `aftercare` are those of its rule. `kin` is
    the key from which a person has split off what it says. `came` are the clock instants at which the evidence came
    that it adds to what the stream said last: of the first and of the last of it. `vouch` are the channels that must
    vouch for what its rule says. `level_plus` is how many levels higher its rule opens within aftercare; `bonus` levels
    of it are in the revision already, None where it only repeats the levels of the one before. `reveal` are the roles
    that its rule names for asking who is meant.
    """

    revision: Revision
    order: tuple[int, int, int, int, Key]
    evidence_ids: tuple[str, ...]
    produced_us: int = 0
    standing: bool = False
    is_over: bool = False
    reopen_within: int | None = None
    aftercare: int | None = None
    kin: Key | None = None
    came: tuple[int, int] | None = None
    vouch: tuple[str, ...] = ()
    level_plus: int = 0
    bonus: int | None = 0
    reveal: tuple[str, ...] = ()


class Alerts:
    """The alerts of one key that may still speak: one for each episode."""

    __slots__ = ("known", "timer")

    def __init__(self) -> None:
        self.known: dict[int, Alert] = {}  # by number of the episode
        self.timer = ALWAYS  # the clock instant for which its owner has set a timer

    def reconcile(self, rule: Rule, standing: Standing, moment: Moment, before: str = "") -> list[Draft]:
        """The revisions that are due now, given what the rule says of the key.

        `before` is the alert that one which opens now continues: it stood under a rule that meant another thing.
        """
        drafts: list[Draft] = []
        key, over = standing.key, standing.over
        if self.known:
            found = {episode.number for episode, _ in standing.episodes if episode.evidence or not moment.why}
            for number in [number for number in self.known if number not in found]:
                if (number > over or moment.why or moment.turned) and self.known[number].is_open:
                    drafts.append(self.known[number].withdraw(rule, key, moment, *_contradicted(moment)))
        for episode, has_ended in standing.episodes:
            alert = self.known.get(episode.number)
            if alert is None and not has_ended:
                alert = self.known[episode.number] = Alert(before)
            if alert is not None:
                drafts += alert.reconcile(rule, key, episode, has_ended, moment)
        for number in [number for number in self.known if number <= over]:
            drafts += self.known.pop(number).over(rule, key, moment)
        return drafts

    def said(self) -> dict[int, Revision | None]:
        """What was published last, by number of the episode: where to go back to with `unsay`."""
        return {number: alert.last for number, alert in self.known.items()}

    def unsay(self, said: Mapping[int, Revision | None]) -> None:
        """What was said since was never published: the rule raised before all of it was said."""
        self.known = {number: self.known[number] for number in said}
        for number, last in said.items():
            self.known[number].last = last

    def end(self, rule: Rule, key: Key, reason: str, moment: Moment) -> list[Draft]:
        """The rule is no more what it was: what is open closes."""
        found = list(self.known.values())
        drafts = [alert.withdraw(rule, key, moment, "closed", reason) for alert in found if alert.is_open]
        return drafts + [draft for alert in found for draft in alert.over(rule, key, moment)]

    def standing(self, rule: Rule, standing: Standing, moment: Moment) -> list[Draft]:
        """What the open alerts have taken in since their last revisions, for the end of a bounded input."""
        return [
            self.known[episode.number].standing(rule, standing.key, episode, moment)
            for episode, _ in standing.episodes
            if episode.number in self.known and self.known[episode.number].is_open
        ]

    def next_timer(self, rule: Rule) -> int:
        """The clock instant at which something folded may be published; ALWAYS if nothing is."""
        return min((alert.next_timer(rule) for alert in self.known.values()), default=ALWAYS)

    def count_open(self) -> int:
        """How many are open."""
        return sum(alert.is_open for alert in self.known.values())

    def state(self) -> Any:
        """Everything that is kept, in plain types."""
        return [[number, alert.state()] for number, alert in self.known.items()]

    @staticmethod
    def restored(state: Any) -> Alerts:
        """The alerts that `state` described."""
        alerts = Alerts()
        alerts.known = {number: Alert.restored(kept) for number, kept in state}
        return alerts


class Alert:
    """The alert of one episode: its last published revision, and what has been folded since."""

    __slots__ = (
        "before", "folded", "folded_first", "folded_last", "gap", "ids", "last", "published_at", "unit", "waiting",
    )  # fmt: skip

    def __init__(self, before: str = "") -> None:
        self.last: Revision | None = None
        self.before = before  # the alert that this one continues, under a rule that was another then
        self.ids: tuple[str, ...] = ()  # all evidence of the last revision, while the alert is open
        self.published_at = 0
        self.gap = 0
        self.unit: str | None = None
        self.waiting = False  # a material change waits for its distance
        self.folded = 0  # how much evidence more than was said; less than 0 where some has gone
        self.folded_first = 0
        self.folded_last = 0

    @property
    def is_open(self) -> bool:
        """Has it been opened, and not ended since?"""
        return self.last is not None and self.last.state == "open"

    def reconcile(self, rule: Rule, key: Key, episode: Episode, has_ended: bool, moment: Moment) -> list[Draft]:
        """The revisions that are due now, given what the fold says of the episode."""
        last = self.last
        if last is None or last.state != "open":
            reason = "opened" if last is None else "reopened"
            return [] if has_ended else [self._publish(rule, key, episode, "open", reason, moment)]
        if has_ended:
            return [self._publish(rule, key, episode, *episode.ending, moment)]
        return self._revise(last, rule, key, episode, moment)

    def withdraw(self, rule: Rule, key: Key, moment: Moment, state: State, reason: str) -> Draft:
        """The fold no longer knows the episode."""
        assert self.last is not None
        record = msgspec.structs.replace(
            self.last, state=state, reason=reason, detected_at=from_us(moment.at), published_at=from_us(moment.at),
            suppressed_since_last=self._suppressed(),
        )  # fmt: skip
        ids, self.ids = self.ids, ()
        return Draft(self._say(record), _order(rule, key, moment), ids, moment.produced_us, bonus=None)

    def over(self, rule: Rule, key: Key, moment: Moment) -> list[Draft]:
        """It has said its last word."""
        if self.last is None:
            return []
        return [Draft(self.last, _order(rule, key, moment), (), is_over=True, bonus=None)]

    def standing(self, rule: Rule, key: Key, episode: Episode, moment: Moment) -> Draft:
        """What it has taken in since its last revision."""
        assert self.last is not None
        record = self._build(rule, key, episode, "open", self.last.reason, moment)
        return _draft(rule, key, record, episode, moment, standing=True)

    def next_timer(self, rule: Rule) -> int:
        """The clock instant at which something folded may be published; ALWAYS if nothing is."""
        if not (self.folded or self.waiting) or not self.is_open:
            return ALWAYS
        return self.published_at + (self.gap if self.waiting else rule.life.max_quiet_update)

    def _revise(self, last: Revision, rule: Rule, key: Key, episode: Episode, moment: Moment) -> list[Draft]:
        reason = self._material_change(last, rule, episode, moment)
        if reason is None and len(episode.evidence) == last.evidence_total:
            self.folded = 0  # what was folded has been taken back
            self.waiting = False
            return []
        urgent = reason in ("late_evidence", "superseded", "merged", "split") or reason in rule.life.never_suppress
        distance = self.gap if reason else rule.life.max_quiet_update
        if not urgent and moment.at < self.published_at + distance:
            self._fold(len(episode.evidence) - last.evidence_total, moment, waiting=reason is not None)
            return []
        draft = self._publish(rule, key, episode, "open", reason or "evidence", moment)
        self.gap = rule.life.min_gap if urgent else min(self.gap * 2, rule.life.max_gap)
        return [draft]

    def _material_change(self, last: Revision, rule: Rule, episode: Episode, moment: Moment) -> str | None:
        """The weightiest reason to say something, in the order in which a duty officer cares."""
        known = LEVEL_NUMBER[last.level]
        if episode.level != known:
            return "level_up" if episode.level > known else _contradicted(moment)[1]
        if moment.why and len(episode.evidence) != last.evidence_total:
            return moment.why
        if last.confidence != "confirmed" and episode.facts.confidence == "confirmed":
            return "confirmed"
        changes = (
            ("new_branch", not episode.branches.issubset(last.branches)),
            ("step", episode.steps > (last.steps or 0) or episode.facts.stage not in (None, last.stage)),
            ("new_channel", not set(episode.channels).issubset(last.channels)),
            ("unit", episode.unit is not None and episode.unit != self.unit),
        )
        return next((name for name, changed in changes if changed and name in rule.life.revise_on), None)

    def _fold(self, count: int, moment: Moment, waiting: bool) -> None:
        if self.folded == 0 or self.folded < 0 < count:
            self.folded_first = self.folded_last = moment.at
        elif count > self.folded:
            self.folded_last = moment.at
        self.folded = count
        self.waiting = waiting

    def _publish(self, rule: Rule, key: Key, episode: Episode, state: State, reason: str, moment: Moment) -> Draft:
        if state == "open" and not self.is_open:
            self.gap = rule.life.min_gap
        came = self._came(len(episode.evidence), moment)
        record = self._say(self._build(rule, key, episode, state, reason, moment))
        self.unit = episode.unit
        draft = _draft(rule, key, record, episode, moment, came=came)
        self.ids = draft.evidence_ids if state == "open" else ()
        return draft

    def _build(self, rule: Rule, key: Key, episode: Episode, state: State, reason: str, moment: Moment) -> Revision:
        episode.complete()
        previous = self.before or (_id(rule, key, episode.number - 1) if episode.number > 1 else "")
        links = (AlertLink("previous", previous),) if previous else ()
        if episode.facts.merged_into is not None:
            links = (*links, AlertLink("merged_into", _id(rule, *episode.facts.merged_into)))
        identity = _id(rule, key, episode.number)
        return build(
            rule, key, episode, alert_id=identity, state=state, reason=reason, at=moment.at,
            suppressed=self._suppressed(), links=links,
        )  # fmt: skip

    def _say(self, record: Revision) -> Revision:
        """Take a record as the last one said."""
        self.last = record
        self.published_at = to_us(record.detected_at)
        self.folded = 0
        self.waiting = False
        return record

    def _came(self, evidence: int, moment: Moment) -> tuple[int, int] | None:
        """When the first and the last came of the evidence that the last revision does not have; None: there is none.

        What has not been folded yet has come now. So has what opens again that which had ended, unless the rule is
        another now: how much evidence there was before says nothing of it, some may have gone meanwhile.
        """
        known = self.last.evidence_total if self.last is not None and (self.is_open or moment.turned) else 0
        if evidence <= known:
            return None
        folded = max(self.folded, 0)
        first = self.folded_first if folded else moment.at
        return first, moment.at if evidence > known + folded else self.folded_last

    def _suppressed(self) -> Suppressed:
        if not self.folded:
            return Suppressed(0)
        # evidence that went away is one change to be said
        return Suppressed(max(self.folded, 1), from_us(self.folded_first), from_us(self.folded_last))

    def state(self) -> Any:
        """Everything that is kept, in plain types."""
        return [
            self.last, self.ids, self.published_at, self.gap, self.unit, self.waiting, self.folded, self.folded_first,
            self.folded_last, self.before,
        ]  # fmt: skip

    @staticmethod
    def restored(state: Any) -> Alert:
        """The alert that `state` described."""
        alert = Alert()
        (
            last, ids, alert.published_at, alert.gap, alert.unit, alert.waiting, alert.folded, alert.folded_first,
            alert.folded_last, alert.before,
        ) = state  # fmt: skip
        alert.ids = tuple(ids)
        alert.last = msgspec.convert(last, Revision) if last is not None else None
        return alert


def _draft(
    rule: Rule, key: Key, record: Revision, episode: Episode, moment: Moment, *, standing: bool = False,
    came: tuple[int, int] | None = None,
) -> Draft:  # fmt: skip
    ids, life = tuple(sorted(episode.evidence)), rule.life
    vouch = tuple(sorted(rule.plan.vouch)) if rule.plan is not None else ()
    return Draft(
        record, _order(rule, key, moment), ids, moment.produced_us, standing,
        reopen_within=life.reopen_within, aftercare=life.aftercare, kin=moment.kin, came=came, vouch=vouch,
        level_plus=life.level_plus, reveal=tuple(rule.spec.privacy.reveal),
        bonus=episode.bonus if rule.plan is None else 0,  # of what is owed it is the bump
    )  # fmt: skip


def _contradicted(moment: Moment) -> tuple[State, str]:
    """Why what was said no longer holds: it belongs elsewhere, the rule is another, or late evidence."""
    if moment.why:
        return moment.why, moment.why
    if moment.moved:
        return "merged", "merged"
    return ("closed", "superseded") if moment.turned else ("retracted", "late_evidence")


def _id(rule: Rule, key: Key, episode: int) -> str:
    return alert_id(rule.id, rule.generation, key, episode)


def _order(rule: Rule, key: Key, moment: Moment) -> tuple[int, int, int, int, Key]:
    return (moment.at, moment.phase, moment.number, rule.number, key)
