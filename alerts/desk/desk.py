"""The desk: what the stream finds and what people do become the numbered revisions of each alert (semantics 8, 9).

The stream's drafts, people's actions and the clock come in, in the order of the log; out come revisions, each with
its number, its place in the hash chain and whom it tells. A level rise is never hidden, whatever anybody has muted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from msgspec.structs import replace

from alerts.alert import Draft, alert_id
from alerts.desk.attended import Attended
from alerts.desk.inhibition import Sources
from alerts.desk.routing import Routing, Step, Way
from alerts.desk.silences import Silence, muting
from alerts.entry import LEVEL_NAME, LEVEL_NUMBER, RED, Key
from alerts.model import ALWAYS, REGION_LEVELS, AlertLink, Nearest, Revision, Route, State, Suppressed, from_us
from alerts.record import chain

_SILENCE, _ALERT = range(2)
PHASE = 2  # of what the desk says by itself: after everything that the stream says at that instant
Lineage = tuple[str, ...]


class Why(NamedTuple):
    """The occasion of a revision."""

    at: int
    reason: str
    order: tuple[int, int, int, int, Key] | None = None  # of the stream's draft
    produced_us: int = 0
    is_rise: bool = False
    tells_anew: bool = False  # whoever is told has to ack, and the chain begins again


class Desk:
    """All alerts that may still speak, and the silences."""

    def __init__(self, routing: Routing) -> None:
        self.alerts: dict[str, Attended] = {}
        self.silences: dict[str, Silence] = {}
        self.routing = routing
        self.moved: set[str] = set()  # alerts that are not as they were when this was emptied last
        self.cuts: dict[Lineage, int] = {}  # by how much the numbers of episodes differ from the stream's
        self._sources = Sources(routing.inhibitions)
        self._hushed: set[str] = set()  # of which something was muted that nobody has been told since
        self._timers: list[tuple[int, int, str]] = []  # instant, _SILENCE or _ALERT, and which
        self._said: list[Draft] = []
        self._visits: list[tuple[Attended, int]] = []
        self._ended: list[tuple[str, int]] = []

    def turn(self, routing: Routing, at: int) -> None:
        """From here on another routing holds; what nothing mutes under it is said. Chains that run go on."""
        self.routing = routing
        self._sources = Sources(routing.inhibitions)
        for each in self.alerts.values():
            self._enter(each)
        self._unmute(at)

    def take(self, draft: Draft, heir: Draft | None = None) -> list[Draft]:
        """What the stream says of an alert: none, one or more revisions. Its `heir` has taken in its evidence."""
        at = draft.order[0]
        each = self._attended(draft)
        if heir is not None:
            link = AlertLink("merged_into", self._name(heir))
            draft = replace(draft, revision=replace(draft.revision, links=(*draft.revision.links, link)))
        if draft.is_over:
            self._forget(each)
        elif draft.standing:
            if each is not None and each.is_open:
                self._said.append(self._standing(each, draft))
        elif each is None:
            self._open(draft, at)
        elif each.closed_by_person is not None:
            self._after_a_person(each, draft, at)
        else:
            self._go_on(each, draft, at)
        return self.taken()

    def pass_time(self, until: int) -> list[Draft]:
        """Everything that happens by itself before the clock instant `until`."""
        while self._timers and self._timers[0][0] < until:
            at, what, name = heappop(self._timers)
            if what == _ALERT:
                if (each := self.alerts.get(name)) is not None:
                    self._alert_at(each, at)
            elif name in self.silences:
                self._silence_ends(name, at)
        return self.taken()

    # what the stream says

    def _attended(self, draft: Draft) -> Attended | None:
        return self.alerts.get(self._name(draft))

    def _name(self, draft: Draft) -> str:
        """The id by which readers know the alert."""
        lineage, episode = _lineage(draft), draft.revision.episode
        if lineage in self.cuts:
            return self._id(lineage, episode + self.cuts[lineage])
        return draft.revision.alert_id

    def _open(self, draft: Draft, at: int, bonus: int = 0) -> None:
        lineage, found = _lineage(draft), _raised(draft.revision, bonus - (draft.bonus or 0))
        number = found.episode + self.cuts.get(lineage, 0)
        if number != found.episode:
            found = replace(
                found, alert_id=self._id(lineage, number), episode=number, links=self._links(lineage, number)
            )
        if draft.kin is not None and (kin := self._latest((*lineage[:2], *draft.kin))) is not None:
            found = replace(found, links=(*found.links, AlertLink("split_from", kin.last.alert_id)))
        each = Attended(
            found,
            lineage,
            found.route.roles,
            found.route.chain,
            draft.reopen_within,
            draft.aftercare,
            vouch=draft.vouch,
            bonus=bonus,
            reveal=draft.reveal,
        )
        self.alerts[found.alert_id] = each
        self._say(
            each,
            found,
            Why(at, found.reason, draft.order, draft.produced_us, tells_anew=True),
            draft.evidence_ids,
            is_first=True,
        )

    def _go_on(self, each: Attended, draft: Draft, at: int) -> None:
        found = _with_origin(self._named(each, draft), each.last)
        each.found = found.state
        if found.state == "open":  # the words of its rule may have changed
            each.roles, each.chain = found.route.roles, found.route.chain
            each.reopen_within, each.aftercare = draft.reopen_within, draft.aftercare
            each.vouch, each.reveal = draft.vouch, draft.reveal
        is_rise = _rises(each.last, found)
        if found.state == "open" and each.ack is not None:
            if is_rise:
                each.ack = None
            else:
                found = replace(found, state="acked")
        begins = is_rise or not each.is_open
        self._say(
            each, found, Why(at, found.reason, draft.order, draft.produced_us, is_rise, begins), draft.evidence_ids
        )

    def _after_a_person(self, each: Attended, draft: Draft, at: int) -> None:
        """The stream goes on with an alert that a person has closed: only what is new opens it, or the next one."""
        closed_at = each.closed_by_person or 0
        each.found = draft.revision.state
        self.moved.add(each.last.alert_id)
        came = _came_since(draft, closed_at)
        if came is None and _rises(each.last, self._named(each, draft)):
            came = at
        if draft.revision.state != "open" or came is None:
            return
        is_cared_for = each.aftercare is not None and came - closed_at <= each.aftercare
        bonus = draft.level_plus if is_cared_for else 0
        if each.reopen_within is not None and came - closed_at <= each.reopen_within:
            self._reopen(each, draft, at, bonus)
            return
        self.cuts[each.lineage] = each.last.episode + 1 - draft.revision.episode
        self._forget(each)
        self._open(replace(draft, revision=replace(draft.revision, reason="opened")), at, bonus)

    def _reopen(self, each: Attended, draft: Draft, at: int, bonus: int) -> None:
        """What a person has closed is open again."""
        each.closed_by_person, each.bonus = None, bonus
        found = replace(_with_origin(self._named(each, draft), each.last), reason="reopened")
        is_rise = _rises(each.last, found)
        self._say(each, found, Why(at, "reopened", draft.order, draft.produced_us, is_rise, True), draft.evidence_ids)

    def _latest(self, lineage: Lineage) -> Attended | None:
        """The last alert of a key that is not forgotten."""
        found = [each for each in self.alerts.values() if each.lineage == lineage]
        return max(found, key=lambda each: each.last.episode, default=None)

    def _standing(self, each: Attended, draft: Draft) -> Draft:
        record = replace(self._named(each, draft), revision=each.last.revision, state=each.last.state)
        return replace(draft, revision=record)

    def _named(self, each: Attended, draft: Draft) -> Revision:
        """The stream's words under the name that readers know, and as much higher as aftercare makes them."""
        found = (
            _at_level(draft.revision, each)
            if draft.bonus is None
            else _raised(draft.revision, each.bonus - draft.bonus)
        )
        if found.alert_id == each.last.alert_id:
            return found
        others = tuple(link for link in found.links if link.type != "previous")
        links = (*self._links(each.lineage, each.last.episode), *others)
        return replace(found, alert_id=each.last.alert_id, episode=each.last.episode, links=links)

    def _links(self, lineage: Lineage, number: int) -> tuple[AlertLink, ...]:
        return (AlertLink("previous", self._id(lineage, number - 1)),) if number > 1 else ()

    def _id(self, lineage: Lineage, number: int) -> str:
        return alert_id(lineage[0], int(lineage[1]), lineage[2:], number)

    def _forget(self, each: Attended | None) -> None:
        """The stream has said its last word; what is still due is waited for."""
        if each is None:
            return
        each.is_over = True
        self._leave_if_done(each)

    def _leave_if_done(self, each: Attended) -> None:
        name = each.last.alert_id
        self.moved.add(name)
        if each.is_over and not each.is_open and each.due() == ALWAYS:
            self.alerts.pop(name, None)

    # what is said of it

    def say(
        self, each: Attended, at: int, reason: str, *, state: State | None = None, tells_anew: bool = False
    ) -> None:
        """The alert as it was said last, once more: for what people and the clock do with it."""
        links = tuple(link for link in each.last.links if link.type != "inhibited_by")
        record = replace(
            each.last, reason=reason, state=state or each.last.state, detected_at=from_us(at), published_at=from_us(at),
            suppressed_since_last=Suppressed(0), links=links,
        )  # fmt: skip
        self._say(each, record, Why(at, reason, tells_anew=tells_anew), each.ids)

    def _say(self, each: Attended, record: Revision, why: Why, ids: tuple[str, ...], is_first: bool = False) -> None:
        has_ended = record.state not in ("open", "acked")
        way = self.routing.way(record, each.roles, each.chain)
        muted_by = [] if has_ended or record.origin == "shadow" else self._muted_by(each, record, way, why)
        self._climb_on(each, record, way, why, muted_by)
        self._wake(each, way, why.at, muted_by)
        links = tuple(AlertLink("inhibited_by", name[6:]) for name in muted_by if name.startswith("alert:"))
        route = self._route(each, record, way, muted_by)
        left = route.feed if is_first else each.last.route.feed  # readers of the feed that it has left are told so
        feeds = {} if record.origin == "shadow" else {route.feed: 0, left: 0}
        record = replace(record, route=route, links=(*record.links, *links), feed_seqs=feeds)
        each.last = chain(record, None if is_first else each.last)
        each.ids = () if has_ended else ids
        each.visit_at = ALWAYS  # of an earlier end
        if why.is_rise:
            each.risen_at = each.last.revision
        self._hush(each, bool(muted_by))
        order = why.order or (why.at, PHASE, 0, 0, each.lineage)
        self._said.append(Draft(each.last, order, ids, why.produced_us))
        self.moved.add(record.alert_id)
        mutes_no_more = self._enter(each)
        if has_ended:
            self._has_ended(each, why.at)
        elif why.is_rise:
            self._end_silences("on_level_rise", each.last, why.at)
        if mutes_no_more:
            self._unmute(why.at)
        self._arm(each)

    def _muted_by(self, each: Attended, record: Revision, way: Way, why: Why) -> list[str]:
        found = muting(self.silences.values(), record, why.at, why.is_rise)
        if why.is_rise:
            return found
        found += [f"alert:{source}" for source in self._sources.inhibiting(record, each.vouch)]
        if way.during is not None and not self.routing.intervals[way.during].holds(why.at):
            found.append(f"interval:{way.during}")
        return found

    def _climb_on(self, each: Attended, record: Revision, way: Way, why: Why, muted_by: Sequence[str]) -> None:
        """Since when, and until when, what people were told waits for an ack."""
        _go_over(each, way)
        if record.state != "open" or record.origin == "shadow":
            each.climbs_at = ALWAYS
            return
        if not muted_by and (why.tells_anew or each.hushed):
            each.waits_since, each.rung, each.skipped = why.at, 0, _begin(way)
        each.rung = _rung(each, way)
        climbs_at = max(_next_step(each, way), why.at)
        each.climbs_at = climbs_at if not muted_by or each.climbs_at < ALWAYS else ALWAYS

    def _route(self, each: Attended, record: Revision, way: Way, muted_by: Sequence[str]) -> Route:
        feed = f"alerts:{record.region.county or 'unknown'}"
        if muted_by:
            return Route(feed, (), way.chain, None, muted_by=tuple(muted_by))
        rung = _rung(each, way) if record.state in ("open", "acked") else 0
        told = [step for step in way.steps if step.number <= rung] or way.steps[:1]
        roles = tuple(dict.fromkeys([*way.roles, *(role for step in told for role in step.roles)]))
        last = told[-1] if told else None
        next_at = from_us(each.climbs_at) if each.climbs_at < ALWAYS else None
        return Route(feed, roles, way.chain, next_at, last and last.to, last and last.region)

    def _enter(self, each: Attended) -> bool:
        """Whether it mutes others from here on; True where it may have done so until now."""
        muted = self._sources.leave(each.last.alert_id)
        is_inhibited = any(link.type == "inhibited_by" for link in each.last.links)
        if each.is_open and not is_inhibited and each.last.origin != "shadow":
            self._sources.enter(each.last, each.vouch)
        return muted

    def _has_ended(self, each: Attended, at: int) -> None:
        each.ack = None
        each.notices = ()
        each.visit_at = ALWAYS if each.aftercare is None or each.last.state != "closed" else at + each.aftercare
        self._end_silences("on_close", each.last, at)

    # what happens by itself

    def _alert_at(self, each: Attended, at: int) -> None:
        if each.ack is not None and each.ack.until == at:
            each.ack = None
            self.say(each, at, "ack_expired", state="open", tells_anew=True)
        elif each.wakes_at == at:
            self._say_what_was_muted(each, at)
        elif each.climbs_at == at:
            self._climb(each, at)
        for notice in [notice for notice in each.notices if notice.due == at]:
            late = replace(notice, due=ALWAYS)  # a late answer is an answer
            each.notices = tuple(late if other is notice else other for other in each.notices)
            self.say(each, at, "supervision_overdue")
        if each.visit_at == at:
            each.visit_at = ALWAYS
            self._visits.append((each, at))
            self._leave_if_done(each)
        self._arm(each)

    def _climb(self, each: Attended, at: int) -> None:
        """Nobody has acked: the next level is told, or, while something mutes it, once that is over."""
        each.climbs_at = ALWAYS
        self.moved.add(each.last.alert_id)
        way = self.routing.way(each.last, each.roles, each.chain)
        if muted_by := self._muted_by(each, each.last, way, Why(at, "escalated")):
            self._hush(each, True)
            self._wake(each, way, at, muted_by)
        else:
            _go_over(each, way)
            if (step := _following(each, way)) is not None:
                each.rung = step.number
            self.say(each, at, "escalated")

    def begin_silence(self, silence: Silence) -> None:
        """From its start on it mutes what it fits."""
        self.silences[silence.id] = silence
        heappush(self._timers, (silence.until, _SILENCE, silence.id))

    def _silence_ends(self, name: str, at: int) -> None:
        """By itself."""
        self._ended.append((name, at))
        self.end_silence(name, at)

    def end_silence(self, name: str, at: int) -> None:
        """What it has muted and nothing else mutes is said once more."""
        del self.silences[name]
        self._unmute(at)

    def _end_silences(self, which: str, last: Revision, at: int) -> None:
        ended = [each for each in self.silences.values() if getattr(each, which) and each.starts <= at]
        for name in sorted(each.id for each in ended if each.fits(last)):
            self._silence_ends(name, at)

    def _unmute(self, at: int) -> None:
        """Something mutes no more: what nothing else mutes is said once more."""
        for name in sorted(self._hushed):
            if (each := self.alerts.get(name)) is not None:
                self._say_what_was_muted(each, at)

    def _say_what_was_muted(self, each: Attended, at: int) -> None:
        if not (each.is_open and each.hushed):
            return
        way = self.routing.way(each.last, each.roles, each.chain)
        if muted_by := self._muted_by(each, each.last, way, Why(at, "unmuted")):
            self._wake(each, way, at, muted_by)
            self._arm(each)
        else:
            self.say(each, at, "unmuted", tells_anew=each.ack is None)

    def _hush(self, each: Attended, hushed: bool) -> None:
        each.hushed = hushed
        (self._hushed.add if hushed else self._hushed.discard)(each.last.alert_id)

    def _wake(self, each: Attended, way: Way, at: int, muted_by: Sequence[str]) -> None:
        """When the interval begins in which somebody is told."""
        during = way.during if f"interval:{way.during}" in muted_by else None
        each.wakes_at = ALWAYS if during is None else self.routing.intervals[during].next_begin(at)
        self.moved.add(each.last.alert_id)

    def _arm(self, each: Attended) -> None:
        if (due := each.due()) < ALWAYS:
            heappush(self._timers, (due, _ALERT, each.last.alert_id))

    def taken(self) -> list[Draft]:
        """What was said since this was asked last."""
        said, self._said = self._said, []
        return said

    def visits(self) -> list[tuple[Attended, int]]:
        """The alerts whose aftercare has ended since this was asked last: a return visit is due."""
        found, self._visits = self._visits, []
        return found

    def ended(self) -> list[tuple[str, int]]:
        """The silences that have ended by themselves since this was asked last, and when."""
        found, self._ended = self._ended, []
        return found

    def restore(self, alerts: Iterable[Attended], silences: Iterable[Silence], cuts: dict[Lineage, int]) -> None:
        """Take back what was kept."""
        self.cuts = cuts
        self.alerts = {each.last.alert_id: each for each in alerts}
        self.silences = {each.id: each for each in silences}
        self._timers = [(each.until, _SILENCE, each.id) for each in self.silences.values()]
        self._timers += [(due, _ALERT, name) for name, each in self.alerts.items() if (due := each.due()) < ALWAYS]
        heapify(self._timers)
        self._hushed = {name for name, each in self.alerts.items() if each.hushed}
        self._sources = Sources(self.routing.inhibitions)
        for each in self.alerts.values():
            self._enter(each)


def _lineage(draft: Draft) -> Lineage:
    revision = draft.revision
    return (revision.rule, str(revision.rule_generation), *draft.order[4])


def _with_origin(found: Revision, last: Revision) -> Revision:
    """From which alert it was split off stays said."""
    origin = tuple(link for link in last.links if link.type == "split_from")
    return replace(found, links=(*found.links, *origin)) if origin else found


def _at_level(found: Revision, each: Attended) -> Revision:
    """At the level that readers know."""
    last = each.last
    return replace(found, level=last.level, level_max=last.level_max, nearest_next=last.nearest_next)


def _raised(found: Revision, levels: int) -> Revision:
    """So many levels higher, and with that what the next one needs."""
    if levels <= 0:
        return found
    number, nearest = min(LEVEL_NUMBER[found.level] + levels, RED), found.nearest_next
    if nearest is not None:
        following = min(LEVEL_NUMBER[nearest.level] + levels, RED)
        nearest = Nearest(LEVEL_NAME[following], nearest.needs) if following > number else None
    level = LEVEL_NAME[number]
    return replace(found, level=level, level_max=level, nearest_next=nearest)


def _rises(last: Revision, found: Revision) -> bool:
    return found.state == "open" and LEVEL_NUMBER[found.level] > LEVEL_NUMBER[last.level]


def _came_since(draft: Draft, instant: int) -> int | None:
    """When the first report came of those that came since `instant`, as far as the stream says; None: none did."""
    if draft.came is None or draft.came[1] < instant:
        return None
    first, last = draft.came
    return first if first >= instant else last


def _go_over(each: Attended, way: Way) -> None:
    """Where it comes to another chain it goes on there, from the level that was told."""
    if each.climbs == way.chain:
        return
    level = each.last.route.rung
    told = REGION_LEVELS[: REGION_LEVELS.index(level) + 1] if level is not None else ()
    each.rung = max((step.number for step in way.steps if step.to in told), default=0)
    each.climbs, each.skipped = way.chain, _begin(way)


def _begin(way: Way) -> int:
    """How much of the chain lies before the first step whose region is known."""
    return way.steps[0].after if way.steps else 0


def _next_step(each: Attended, way: Way) -> int:
    """When the step after the one that was told is due; ALWAYS where there is none inside the horizon."""
    step = _following(each, way)
    if step is None:
        return ALWAYS
    after = step.after - each.skipped
    return each.waits_since + after if after <= way.horizon else ALWAYS


def _following(each: Attended, way: Way) -> Step | None:
    """The step after the one that was told last, of those whose region is known."""
    rung = _rung(each, way)
    return next((step for step in way.steps if step.number > rung), None)


def _rung(each: Attended, way: Way) -> int:
    """The place in its chain of the step that was told last: no step is told before the first whose region is known."""
    return max(each.rung, way.steps[0].number) if way.steps else each.rung
