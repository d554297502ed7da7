"""One obligation: the events of its key, the terms they make, and which stages of those were asserted.

The terms follow from the events alone. That nothing satisfied an obligation by some time does not: it is said once
the channels that could know have vouched for it, and stays said until later evidence contradicts it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from alerts.entry import Entry, Key
from alerts.kinds.breach import Assertion, episode_of
from alerts.kinds.term import Term, fold, go_on
from alerts.model import ALWAYS, NEVER
from alerts.subject import Standing, Vouched, number_on

if TYPE_CHECKING:
    from alerts.kinds.obligation import ObligationPlan
    from alerts.rule import Rule

BY_CLOCK, ASSERTED, CONFIRMED = 0, 1, 2  # the groups of `wants`
KEPT = 2  # events of most terms that only wait to be forgotten: one that opens, one that satisfies


def may_learn(armed: Sequence[int], size: int) -> bool:
    """May another calendar know a time for a key that was saved so? It waits for no stage, and a term may be open."""
    return armed[ASSERTED] == ALWAYS and size > (0 if armed[BY_CLOCK] == ALWAYS else KEPT)


class Obligation:
    """The state of one key of an obligation rule."""

    __slots__ = (
        "_hold", "_is_behind", "_plan", "armed", "entries", "expired", "forgotten", "is_touched", "key", "rule", "said",
        "spoken", "terms", "until",
    )  # fmt: skip

    def __init__(self, rule: Rule, plan: ObligationPlan, key: Key) -> None:
        self.rule = rule
        self.key = key
        self.armed = [ALWAYS, ALWAYS, ALWAYS]
        self.entries: list[Entry] = []
        self.terms: list[Term] = []
        self.said: dict[int, list[Assertion]] = {}  # by number of the term, one for each stage from the first on
        self.expired: dict[int, int] = {}  # by number of the term
        self.until = NEVER  # the event time up to which absence was vouched for
        self.forgotten = 0  # how many terms are over for good
        self.spoken = False  # a stage was asserted at some time: its number is never given again
        self.is_touched = False
        self._is_behind = False  # the terms do not know yet that an event is gone
        self._plan = plan
        self._hold = rule.lateness + (rule.life.reopen_within or 0)

    @property
    def gap(self) -> str | None:
        """Why nothing is asserted of an open term, if that has a reason."""
        self._catch_up()
        term = self._open()
        return "no_calendar" if term is not None and term.gap else None

    def add(self, entry: Entry, watermark: int) -> bool:
        """Take an event that is not late. False if its id is already here."""
        entries = self.entries
        if entry[2] in [each[2] for each in entries]:
            return False
        if self._is_behind or (entries and entry < entries[-1]):
            insort(entries, entry)
            self._fold()
        else:
            entries.append(entry)
            go_on(self.terms, entry, self._plan.budget, self.forgotten + 1, self.expired)
            self.is_touched = True
            self._take_back()
        return True

    def remove(self, event_id: str, watermark: int) -> bool:
        """Take an event away again: it belongs to another key. False if it is not here or final.

        It may come back at once as part of another contact, so what that means is not worked out before it is asked.
        """
        for place, entry in enumerate(self.entries):
            if entry[2] == event_id and entry[0] >= watermark:
                del self.entries[place]
                self._is_behind = True
                return True
        return False

    def wants(self) -> Sequence[int]:
        """Three event times: something ends or is forgotten; the next stage; a stage to be confirmed."""
        self._catch_up()
        term = self._open()
        if term is None:
            return (self._next_end(term), ALWAYS, ALWAYS)
        said = self.said.get(term.number)
        if not said:
            return (self._next_end(term), term.times[0], ALWAYS)
        following = term.times[len(said)] if len(said) < len(term.times) else ALWAYS
        unsure = (time for time, each in zip(term.times, said, strict=False) if each.confidence != "confirmed")
        return (self._next_end(term), following, min(unsure, default=ALWAYS))

    def reach(self, which: int, event_time: int, vouched: Vouched | None) -> None:
        """The watermark of a group has passed `event_time`."""
        self._catch_up()
        if which == BY_CLOCK:
            self._pass_clock(event_time)
            return
        term = self._open()
        if which == ASSERTED:
            self.until = max(self.until, event_time)
            if term is not None:
                self._assert(term, vouched or Vouched("confirmed"))
        elif term is not None:
            self._confirm(term, event_time, vouched)

    def standings(self) -> Iterable[Standing]:
        """What it says now, if anything touched it since it was last asked."""
        self._catch_up()
        if not self.is_touched:
            return ()
        self.is_touched = False
        return (self._standing(),)

    def all_standings(self) -> Iterable[Standing]:
        """What it says now."""
        self._catch_up()
        return (self._standing(),)

    def kept(self) -> list[Entry]:
        """Every event that is kept."""
        return list(self.entries)

    def last_number(self) -> int:
        """The greatest number of a term so far."""
        self._catch_up()
        return self.forgotten + len(self.terms)

    def go_on_from(self, before: Obligation | None, used: int, may_speak: bool) -> None:
        """It stands where another one stood, which has used that many numbers; the last may still speak.

        What was vouched for and asserted stays so, as far as the terms still reach it.
        """
        terms = len(self.terms)
        number = number_on(used, may_speak, terms, self._open() is not None)
        self.forgotten = max(number - terms, 0)
        if before is not None:
            self.until, self.spoken = before.until, before.spoken
            self.said = {each: said for each, said in before.said.items() if each == number}
        self._fold()

    def is_silent(self) -> bool:
        """No stage was ever asserted."""
        return not self.spoken

    def is_forgettable(self) -> bool:
        """Nothing is kept that a later event could need: no events, and no alert whose number is taken."""
        return not self.entries and not self.spoken

    def size(self) -> int:
        """How many events are kept."""
        return len(self.entries)

    def state(self) -> Any:
        """Everything that is kept, in plain types; the terms are folded again when it comes back."""
        said = [[number, [list(each) for each in each_said]] for number, each_said in self.said.items()]
        expired = [list(each) for each in self.expired.items()]
        return [self.key, self.entries, said, expired, self.until, self.forgotten, self.spoken]

    @staticmethod
    def restored(rule: Rule, plan: ObligationPlan, state: Any, revive: Callable[[Any], Entry]) -> Obligation:
        """The obligation that `state` described."""
        key, entries, said, expired, until, forgotten, spoken = state
        owed = Obligation(rule, plan, tuple(key))
        owed.entries = [revive(entry) for entry in entries]
        owed.said = {number: [Assertion(time, sure, tuple(by)) for time, sure, by in kept] for number, kept in said}
        owed.expired = dict(expired)
        owed.until, owed.forgotten, owed.spoken = until, forgotten, spoken
        owed._fold()
        owed.is_touched = False
        return owed

    def _open(self) -> Term | None:
        return self.terms[-1] if self.terms and self.terms[-1].ended is None else None

    def _catch_up(self) -> None:
        if self._is_behind:
            self._fold()

    def _fold(self) -> None:
        """Make the terms anew."""
        self.is_touched = True
        self._is_behind = False
        self.terms = fold(self.entries, self._plan.budget, self.forgotten + 1, self.expired)
        last = self.forgotten + len(self.terms)
        self.said = {number: said for number, said in self.said.items() if number <= last}
        self._take_back()

    def _take_back(self) -> None:
        """An open term takes back the stages that it has not reached after all."""
        term = self._open()
        if term is not None and term.number in self.said:
            del self.said[term.number][term.passed(self.until) :]
            if not self.said[term.number]:
                del self.said[term.number]

    def _assert(self, term: Term, vouched: Vouched) -> None:
        said = self.said.get(term.number, [])
        reached = term.passed(self.until)
        if reached > len(said):
            said += [Assertion(time, *vouched) for time in term.times[len(said) : reached]]
            self.said[term.number] = said
            self.spoken = self.is_touched = True

    def _confirm(self, term: Term, event_time: int, vouched: Vouched | None) -> None:
        said = self.said.get(term.number, [])
        for place, (time, each) in enumerate(zip(term.times, said, strict=False)):
            if time <= event_time and each.confidence != "confirmed":
                said[place] = Assertion(each.time, "confirmed", vouched.by if vouched else each.by)
                self.is_touched = True

    def _next_end(self, term: Term | None) -> int:
        """The event time at which the clock watermark ends or forgets something."""
        if self.terms and self.terms[0].ended is not None:
            return self.terms[0].ended + self._hold
        if term is not None:
            return self._expires(term)
        return self.entries[-1][0] if self.entries else ALWAYS

    def _expires(self, term: Term) -> int:
        """When an open term is given up: the last stage was asserted, and nothing came for `quiet_close`."""
        quiet = self.rule.life.quiet_close
        is_through = len(self.said.get(term.number, ())) == len(term.times)
        return term.times[-1] + quiet if quiet is not None and is_through else ALWAYS

    def _pass_clock(self, watermark: int) -> None:
        """Nothing older than `watermark` comes any more: give up, or forget."""
        term = self._open()
        if term is not None and (expires := self._expires(term)) <= watermark:
            self.expired[term.number] = expires
            self._fold()
            return
        over = 0
        for each in self.terms:
            if each.ended is None or each.ended + self._hold > watermark:
                break
            over += 1
        kept = {entry[2] for each in self.terms[over:] for entry in each.entries}
        left = [entry for entry in self.entries if entry[0] > watermark or entry[2] in kept]
        if len(left) < len(self.entries):
            self._forget(over, left)

    def _forget(self, over: int, left: list[Entry]) -> None:
        self.forgotten += over
        self.said = {number: said for number, said in self.said.items() if number > self.forgotten}
        self.expired = {number: at for number, at in self.expired.items() if number > self.forgotten}
        self.entries = left
        self.terms = self.terms[over:]  # what goes is no part of those that stay
        self.is_touched = True

    def _standing(self) -> Standing:
        plan = self._plan
        episodes = [
            episode_of(term, self.said[term.number], plan.budget, plan.bump, self.until)
            for term in self.terms
            if term.number in self.said
        ]
        return Standing(self.key, episodes, self.forgotten)
