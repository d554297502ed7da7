"""A rule that raises: its key closes and is passed over, its event is passed over, and nobody else notices."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_city import CHANNELS, DAY, HOUR, MINUTE, START, Run, make_rule, report, said

from alerts import kept
from alerts.alert import Draft
from alerts.detection import Compiler
from alerts.entry import Entry, Verdict
from alerts.failing import Failure
from alerts.kinds import count
from alerts.kinds.count import Threshold
from alerts.listeners import Listeners
from alerts.model import Arrival, Book, Event, Slice
from alerts.pipeline import Pipeline
from alerts.rule import Rule
from alerts.rule_book import RuleBook

POISON = "poison"
LIFE = {"quiet_close": "12h", "reopen_within": "1d", "min_gap": "15m"}


class Poisoned(Threshold):
    """Counts contacts, and raises at an event of one unit, at the place that a test names."""

    def __init__(self, inner: Threshold, where: str) -> None:
        super().__init__(inner.rungs)
        self.where = where

    def values(self, event: Event) -> tuple[object, ...]:
        """What must be kept of an event."""
        if self.where == "values" and event.unit == POISON:
            raise ZeroDivisionError("the words of a person")
        return super().values(event)

    def start(self, size: int) -> Any:
        """An empty window."""
        return _Poisoned(super().start(size), self.where)

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """What stands in the evidence."""
        if self.where == "roles" and entry[6].unit == POISON:
            raise ZeroDivisionError("the words of a person")
        return super().roles(entry)


class _Poisoned:
    def __init__(self, inner: Any, where: str) -> None:
        self.inner = inner
        self.where = where
        self.last: Entry | None = None

    def take(self, entry: Entry) -> None:
        self.last = entry
        self.inner.take(entry)

    def copy(self) -> _Poisoned:
        twin = _Poisoned(self.inner.copy(), self.where)
        twin.last = self.last
        return twin

    def verdict(self, *, settled: bool) -> Verdict | None:
        if self.where == "judge" and self.last is not None and self.last[6].unit == POISON:
            raise ZeroDivisionError("the words of a person")
        found: Verdict | None = self.inner.verdict(settled=settled)
        return found


def bad_rule(where: str, number: int = 0, **parts: Any) -> Rule:
    own = {"action": ["received"], "pair|exists": True}  # a field that no signature has: the rule itself is asked
    rule = make_rule("threshold", number, **{"id": "test.bad", "lifecycle": LIFE, "select": {"contact": own}, **parts})
    if where == "key":
        rule.key_readers = [lambda event: ("0", _raising(event))]
    elif where == "select":
        rule.selects = _raising_at_poison
    else:
        assert isinstance(rule.judge, Threshold)
        rule.judge = Poisoned(rule.judge, where)
    return rule


def _raising(event: Event) -> Any:
    if event.unit == POISON:
        raise ZeroDivisionError("the words of a person")
    return event.pair


def _raising_at_poison(event: Event) -> bool:
    return event.action == "received" and _raising(event) is not None


def good_rule(number: int = 1) -> Rule:
    return make_rule("threshold", number, id="test.good", lifecycle=LIFE)


def poison(name: str, at: int, **fields: Any) -> Event:
    return report(name, at, unit=POISON, **fields)


def of(run: Run, rule: str) -> list[tuple[int, str, str, str]]:
    return said([each for each in run.revisions if each.rule == rule])


@pytest.mark.parametrize("where", ["judge", "roles"])
def test_a_key_that_raises_closes_its_alert_and_is_passed_over_from_then_on(where: str) -> None:
    run = Run(bad_rule(where))
    for number in range(3):
        run.tell(report(f"e-{number}", number * HOUR))

    run.tell(poison("bad", 4 * HOUR))
    run.wait_until(5 * HOUR)  # evidence is said again where it has waited for its distance
    run.wait_until(40 * HOUR)
    for number in range(9):
        run.tell(report(f"later-{number}", 2 * DAY + number * HOUR))

    assert of(run, "test.bad") == [(1, "open", "blue", "opened"), (2, "closed", "blue", "rule_disabled")]
    assert [(each.key, each.error) for each in run.pipeline.failures] == [(("0", "x"), "ZeroDivisionError")]


def test_other_keys_of_the_rule_go_on() -> None:
    run = Run(bad_rule("judge"))
    for number in range(3):
        run.tell(report(f"a-{number}", number * HOUR, pair="a"))
        run.tell(poison(f"b-{number}", number * HOUR, pair="b"))

    assert [(each.key["pair"], each.state) for each in run.revisions] == [("a", "open")]


@pytest.mark.parametrize("where", ["select", "key", "values"])
def test_an_event_that_a_rule_cannot_look_at_is_none_for_it(where: str) -> None:
    run = Run(bad_rule(where), good_rule())

    run.tell(poison("bad", 0))
    for number in range(2):
        run.tell(report(f"e-{number}", HOUR + number))
    assert of(run, "test.bad") == []
    run.tell(report("e-2", HOUR + 2))

    assert of(run, "test.bad") == [(1, "open", "blue", "opened")]
    assert [each.count for each in run.revisions] == [3, 3]  # the good rule has it with the third of all
    assert [(each.rule, each.key) for each in run.pipeline.failures] == [("test.bad", None)]
    gaps = [gap for routed in run.routed for gap in routed.gaps]
    assert [(gap.rule, gap.channel, gap.reason) for gap in gaps] == [("test.bad", "", "rule_failed")]


def test_what_raises_at_a_whole_kind_of_events_is_asked_event_by_event() -> None:
    rule = bad_rule("judge")
    rule.selects = _raising
    listeners = Listeners([rule], CHANNELS)

    assert [listener.role for listener in listeners.of(poison("bad", 0))] == [None]


def test_a_failure_tells_the_place_and_no_word_of_the_event() -> None:
    run = Run(bad_rule("judge"))
    for number in range(3):
        run.tell(poison(f"e-{number}", number))

    failure = run.pipeline.failures[0]

    assert failure.place.rpartition(":")[0] == __name__
    assert "person" not in repr(failure)


def test_no_memory_left_is_no_fault_of_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(count._Contacts, "take", no_memory)
    run = Run(make_rule("threshold", levels=[{"gte": 1, "level": "blue"}]))

    with pytest.raises(MemoryError):
        run.tell(report("e", 0))


def test_what_was_not_published_is_not_closed() -> None:
    """A late event opens two episodes in one look; the second raises, so the first is not said either."""
    life = {"quiet_close": "1h", "reopen_within": "1h"}
    run = Run(bad_rule("roles", lifecycle=life, window={"size": "10h", "lateness": "1d"}))
    run.tell(report("a", 0))
    run.tell(report("b", 2 * MINUTE))
    run.tell(poison("c", 10 * HOUR))
    assert run.pipeline.failures == []

    run.tell(report("late", MINUTE), arrive=10 * HOUR + 1)  # the third in the windows of b and of c

    assert [failure.key for failure in run.pipeline.failures] == [("0", "x")]
    assert run.revisions == []


def busy(seed: int, size: int = 150) -> list[Arrival]:
    rng = random.Random(seed)
    found = []
    for number in range(size):
        at = rng.randrange(5 * DAY)
        unit = POISON if rng.random() < 0.04 else "u"
        event = report(f"e-{number}", at, pair=rng.choice("abcd"), unit=unit)
        found.append(Arrival(event, START + at + rng.randrange(5 * HOUR) // MINUTE * MINUTE, f"row-{number}"))
    return sorted(found, key=lambda arrival: (arrival.arrived_us, arrival.event.id))


def play(log: list[Arrival], rules: Callable[[], list[Rule]], shards: int, rng: random.Random | None) -> list[Draft]:
    stages, drafts = Pipeline(rules(), CHANNELS, shards), list[Draft]()
    frames: list[Sequence[bytes | None]] = [stages.changes()]
    while log:
        step = rng.randint(1, 30) if rng else len(log)
        part, log = log[:step], log[step:]
        drafts += stages.take(Slice(part[-1].arrived_us, part))[1]
        if rng:
            frames.append(stages.save_ahead(rng.random()))
        if rng and rng.random() < 0.6:
            frames.append(stages.changes())
            if rng.random() < 0.5:
                stages = Pipeline(rules(), CHANNELS, shards)
                stages.restore(*frames)  # type: ignore[arg-type]  # the first is whole
    return drafts + stages.finish()[1]


@pytest.mark.parametrize("where", ["judge", "roles", "values", "key"])
@settings(max_examples=40)  # of each sort; a cut in a wrong place shows in most of them
@given(seed=st.integers(0, 10_000), shards=st.integers(1, 8))
def test_the_answer_is_the_same_with_any_shards_cuts_and_restarts(where: str, seed: int, shards: int) -> None:
    log = busy(seed)

    def rules() -> list[Rule]:
        return [bad_rule(where), good_rule()]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "LARGE", seed % 3 * 1_000)
        assert play(log, rules, shards, random.Random(seed)) == play(log, rules, 1, None)


@pytest.mark.parametrize("where", ["judge", "roles", "values", "key", "select"])
def test_the_alerts_of_other_rules_are_what_they_are_without_the_poison(where: str) -> None:
    log = busy(3)

    def good(rules: list[Rule]) -> list[Any]:
        return [each.revision.content_hash for each in play(log, lambda: rules, 2, None) if _is_good(each)]

    assert good([bad_rule(where), good_rule()]) == good([make_rule(id="test.bad", lifecycle=LIFE), good_rule()]) != []


def _is_good(draft: Draft) -> bool:
    return draft.revision.rule == "test.good"


def compiler(where: str) -> Compiler:
    """Rules of a book; version 3 of the bad one is mended."""

    def compiled(book: RuleBook) -> list[Rule]:
        rules = book.compiled(CHANNELS, {})
        for rule in rules:
            if rule.id == "test.bad" and rule.spec.version < 3:
                assert isinstance(rule.judge, Threshold)
                rule.judge = Poisoned(rule.judge, where)
        return rules

    return compiled


class Edited:
    """A run whose rules come with the log."""

    def __init__(self, where: str, **parts: Any) -> None:
        self.where = where
        self.book = [self.data(**parts)]
        self.compile = compiler(where)
        self.history: list[Event] = []
        self.stages = self._stages()
        self.drafts: list[Draft] = []
        self.failures: list[Failure] = []

    def _stages(self) -> Pipeline:
        first = RuleBook.of([make_rule("threshold", id="test.bad", lifecycle=LIFE)])
        return Pipeline(self.compile(first), CHANNELS, 1, self.compile, lambda channels, since, before: self.history)

    def data(self, **parts: Any) -> dict[str, Any]:
        data: dict[str, Any] = msgspec.to_builtins(make_rule("threshold", id="test.bad", lifecycle=LIFE, **parts).spec)
        return data

    def take(self, at: int, *records: Any) -> None:
        self.drafts += self.stages.take(Slice(START + at, list(records)))[1]

    def tell(self, event: Event) -> None:
        at = (event.occurred_at.timestamp() * 1e6 - START) // 1
        self.take(int(at), Arrival(event, START + int(at)))

    def edit(self, at: int, **parts: Any) -> None:
        self.take(at, Book(START + at, (self.data(**parts),)))

    def switch_off(self, at: int) -> None:
        self.take(at, Book(START + at, ()))

    def restart(self) -> None:
        kept = self.stages.snapshot()
        self.stages = self._stages()
        self.stages.restore(kept)

    @property
    def said(self) -> Iterator[tuple[int, str, str]]:
        return ((r.revision.rule_generation, r.revision.state, r.revision.reason) for r in self.drafts)


def poisoned_run() -> Edited:
    run = Edited("judge")
    for number in range(3):
        run.tell(report(f"e-{number}", number * HOUR))
    run.tell(poison("bad", 4 * HOUR))
    return run


@pytest.mark.parametrize("parts", [{"owner": "others"}, {"version": 2, "levels": [{"gte": 2, "level": "red"}]}])
def test_other_words_and_another_ladder_leave_a_key_passed_over(parts: dict[str, Any]) -> None:
    """Its alerts would have the ids of those that were closed."""
    run = poisoned_run()

    run.edit(5 * HOUR, **parts)
    run.restart()
    for number in range(5):
        run.tell(report(f"later-{number}", 6 * HOUR + number * MINUTE))

    assert list(run.said) == [(1, "open", "opened"), (1, "closed", "rule_disabled")]


def test_a_rule_that_is_mended_begins_a_new_generation_with_all_keys() -> None:
    run = poisoned_run()

    run.edit(5 * HOUR, version=3, window={"size": "3d", "lateness": "6h"})
    for number in range(3):
        run.tell(report(f"later-{number}", 6 * HOUR + number * MINUTE))

    assert list(run.said)[2:] == [(2, "open", "opened")]


def test_a_rule_that_is_switched_off_and_comes_back_has_a_new_generation() -> None:
    run = poisoned_run()

    run.switch_off(5 * HOUR)
    run.edit(6 * HOUR, version=3)
    for number in range(3):
        run.tell(report(f"later-{number}", 7 * HOUR + number * MINUTE))

    assert list(run.said)[2:] == [(2, "open", "opened")]


def test_a_past_that_a_rule_raises_at_shuts_out_its_key() -> None:
    run = poisoned_run()
    run.history = [report(f"h-{number}", -DAY + number) for number in range(3)] + [poison("h-bad", -HOUR)]

    run.edit(5 * HOUR, version=2, window={"size": "3d", "lateness": "6h"})

    assert len(run.stages.failures) == 2
    assert [each.key for each in run.stages.failures] == [("0", "x")] * 2
    assert run.stages.shards[0].shut_out.keys == {0: {("0", "x")}}
