"""A track: in order, out of order, taken away, settled, pruned, forgotten; and fast on a hot key."""

from __future__ import annotations

import random
import time
from typing import Any

import msgspec
import pytest
import reference as by_definition
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_city import DAY, HOUR, MINUTE, RANKS, START, Run, make_rule, report

from alerts.detection import Shard
from alerts.entry import LEVEL_NUMBER, RESETS, SELECTED, Entry, Verdict
from alerts.model import ALWAYS, NEVER, Arrival, Slice, from_us
from alerts.revival import Reviver
from alerts.rule import Rule
from alerts.track import PIECES_ABOVE, PRUNE_ABOVE, Track
from alerts.windows import Windows

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
KEY = ("0", "x")
LIFE = {"quiet_close": "1d", "reopen_within": "2d"}


def entry(name: str, at: int, rule: Rule, channel: str = "hotline", role: int = SELECTED, **fields: Any) -> Entry:
    event = report(name, at, channel, **fields)
    return (START + at, RANKS[channel], name, name, role, rule.judge.values(event), event)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every judging of a window: the place of the entry at its end."""
    seen: list[int] = []
    judge = Windows.judge

    def counted(self: Windows, entries: list[Entry], index: int, *, settled: bool) -> Verdict | None:
        seen.append(index)
        return judge(self, entries, index, settled=settled)

    monkeypatch.setattr(Windows, "judge", counted)
    return seen


def track(*, life: dict[str, str] | None = None, **parts: Any) -> Track:
    return Track(make_rule(lifecycle=LIFE if life is None else life, **parts), KEY)


def add(to: Track, *times: int, watermark: int = NEVER) -> None:
    for at in times:
        to.add(entry(f"e{at}", at, to.rule), watermark)


def test_events_in_any_order_lie_in_the_order_in_which_they_happened() -> None:
    one = track()
    add(one, 3 * HOUR, HOUR, 2 * HOUR)

    assert [e[2] for e in one.entries] == [f"e{HOUR}", f"e{2 * HOUR}", f"e{3 * HOUR}"]
    assert one.head.number == 1


def test_an_id_that_is_already_here_is_not_taken_again() -> None:
    one = track()
    add(one, *range(PRUNE_ABOVE + 5))

    assert not one.add(entry("e3", 3, one.rule), NEVER)
    assert not one.add(entry("e68", 70, one.rule), NEVER)
    assert len(one.entries) == PRUNE_ABOVE + 5


def test_events_of_one_instant_lie_by_rank_and_id() -> None:
    one = track()
    for name, channel in (("b", "hotline"), ("a", "hotline"), ("c", "grid")):
        one.add(entry(name, 0, one.rule, channel), NEVER)

    assert [e[2] for e in one.entries] == ["c", "a", "b"]


def test_an_event_that_is_taken_away_takes_its_verdict_with_it() -> None:
    one = track()
    add(one, 0, HOUR, 2 * HOUR)

    assert one.head.open
    assert one.remove(f"e{HOUR}", NEVER)
    assert one.head.number == 0
    assert not one.remove(f"e{HOUR}", NEVER)


def test_what_is_settled_is_not_taken_away() -> None:
    one = track()
    add(one, 0, HOUR, 2 * HOUR)
    one.pass_watermark(START + HOUR)

    assert not one.remove("e0", START + HOUR)
    assert one.remove(f"e{2 * HOUR}", START + HOUR)


def test_nothing_is_left_of_a_key_that_never_spoke_once_its_window_has_passed() -> None:
    one = track()
    add(one, 0, HOUR)

    assert one.next_timer() == START + HOUR + 2 * DAY
    one.pass_watermark(one.next_timer())
    assert one.is_forgettable()
    assert one.next_timer() == ALWAYS


def test_a_closed_episode_keeps_its_evidence_as_long_as_it_can_open_again() -> None:
    one = track()
    add(one, 0, HOUR, 2 * HOUR)
    closed = START + 2 * HOUR + DAY
    while one.next_timer() <= closed + 2 * DAY:
        one.pass_watermark(one.next_timer())

    assert len(one.settled.evidence) == 3
    assert one.next_timer() == closed + 2 * DAY + 1

    one.pass_watermark(one.next_timer())

    assert one.settled.evidence == {}
    assert one.next_timer() == ALWAYS
    assert not one.is_forgettable()  # the next episode is number 2


def test_every_timer_moves_on() -> None:
    """A timer that set itself for an instant already passed would never let the clock go on."""
    one = track(
        kind="progression",
        when={"any": [{"name": "faster", "level": "blue", "gaps": {"min_events": 3, "each_ratio_lte": 0.5}}]},
    )
    rng = random.Random(7)
    add(one, *(rng.randrange(20 * DAY) for _ in range(200)))
    passed = []
    while one.next_timer() < ALWAYS:
        passed.append(one.next_timer())
        one.pass_watermark(passed[-1])

    assert passed == sorted(passed)
    assert len(passed) < 3 * 200
    assert one.entries == []


def test_a_track_comes_back_as_it_was() -> None:
    one = track()
    add(one, 0, HOUR, 2 * HOUR, 30 * HOUR, 60 * HOUR, 61 * HOUR, 62 * HOUR)
    one.pass_watermark(START + 3 * HOUR)
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(one.state()))

    def revive(e: Any) -> Entry:
        return (*e[:5], tuple(e[5]), msgspec.convert(e[6], type(one.entries[0][6])))

    twin = Track.restored(one.rule, kept, revive)

    assert twin.entries == one.entries
    assert twin.folded == one.folded
    assert twin.settled.state() == one.settled.state()
    assert twin.head.state() == one.head.state()
    assert twin.next_timer() == one.next_timer()


def shown(one: Track) -> list[Any]:
    """What a track says of its episodes."""
    found = []
    for each, has_ended in one.standings()[0].episodes:
        each.complete()
        known = [each.number, each.open, each.level, each.matched, each.last, each.best, sorted(each.channels)]
        found.append([*known, each.unit, sorted(each.evidence), has_ended])
    return found


@pytest.mark.parametrize(
    "parts", [{"kind": "threshold"}, {"kind": "distinct", "of": "reporter", "distinct": {"exact_up_to": 12}}], ids=str
)
@given(seed=st.integers(0, 100_000))
@settings(max_examples=60, deadline=None)
def test_an_alert_at_its_highest_level_says_the_same_when_judging_is_put_off(parts: dict[str, Any], seed: int) -> None:
    """Events come in any order, belong to another contact or elsewhere; some are asked for, some are not."""
    rng = random.Random(seed)
    life = {"quiet_close": "9h", "reopen_within": "1d", "aftercare": {"for": "1d", "level_plus": 1}}
    levels = [{"gte": 2, "level": "blue"}, {"gte": 4, "level": "yellow"}]
    window = {"size": "12h", "lateness": "1d"}
    lazy, eager = (track(life=life, levels=levels, window=window, **parts) for _ in range(2))
    assert eager.judge is not None
    eager.judge.spare = None  # type: ignore[misc]
    watermark = START
    for number in range(rng.choice([30, 120])):
        watermark += rng.randrange(HOUR)
        at = watermark - START + rng.randrange(20 * HOUR)
        unit = rng.choice([None, None, "u1", "u2"])
        came = entry(f"e{number}", at, lazy.rule, rng.choice(sorted(RANKS)), unit=unit, reporter=f"p{rng.randrange(9)}")
        told: list[tuple[str, Any]] = [("add", came)]
        open_ones = [each for each in lazy.entries if each[0] >= watermark]
        if rng.random() < 0.4 and open_ones:
            known = rng.choice(open_ones)
            other = (*known[:3], f"c{rng.randrange(5)}", known[4], (f"p{rng.randrange(9)}",) * len(known[5]), known[6])
            told.append(("exchange", other))
        if rng.random() < 0.1 and open_ones:
            told.append(("remove", rng.choice(open_ones)[2]))
        for what, told_of in told:
            assert getattr(lazy, what)(told_of, watermark) == getattr(eager, what)(told_of, watermark)
        while eager.next_timer() < watermark:
            wanted = eager.next_timer()
            for one in (lazy, eager):
                one.pass_watermark(wanted)
        if rng.random() < 0.3:
            assert shown(lazy) == shown(eager)
        if rng.random() < 0.1:
            assert lazy.settle(watermark - 1) == eager.settle(watermark - 1)
            assert lazy.settled.state() == eager.settled.state()
    assert shown(lazy) == shown(eager)


@given(seed=st.integers(0, 100_000))
@settings(max_examples=60, deadline=None)
def test_it_says_the_same_where_nobody_waits_for_what_stays_silent(seed: int) -> None:
    """Events come in any order, belong to another contact or elsewhere; values come, go and come again."""
    rng = random.Random(seed)
    new = {"new_value": {"forget_after": "3d", "known_for": "1d"}, "within": "12h"}
    life = {"quiet_close": "9h", "reopen_within": "1d"}
    parts: dict[str, Any] = {"of": "subcategory", "when": new, "window": {"lateness": "6h"}, "lifecycle": life}
    levels = [{"gte": rng.choice([1, 2]), "level": "blue"}, {"gte": 3, "level": "red"}]
    keen, dull = (Track(make_rule("new_value", levels=levels, **parts), ("0", "x")) for _ in range(2))
    assert dull.judge is not None
    dull.judge.stays_silent = None  # type: ignore[misc]
    watermark = START
    for number in range(rng.choice([20, 120])):
        watermark += rng.choice([MINUTE, HOUR, 8 * HOUR])
        at = watermark - START + rng.randrange(6 * HOUR)
        for one in (keen, dull):
            while (wanted := one.next_timer()) < watermark:
                one.pass_watermark(wanted)
        value = rng.choice(["usual", "usual", "usual", f"s{number // 30}", ""])
        told: list[tuple[str, Any]] = [("add", entry(f"e{number}", at, keen.rule, "grid", subcategory=value))]
        open_ones = [each for each in keen.entries if each[0] >= watermark]
        if rng.random() < 0.3 and open_ones:
            known = rng.choice(open_ones)
            told.append(rng.choice([("exchange", (*known[:3], "c", *known[4:])), ("remove", known[2])]))
        for what, told_of in told:
            assert getattr(keen, what)(told_of, watermark) == getattr(dull, what)(told_of, watermark)
        assert shown(keen) == shown(dull)


def test_a_flood_out_of_order_is_judged_when_its_alert_is_shown(judged: list[int]) -> None:
    """Each event of a flood must not make all of those judged again that happened after it."""
    run = Run(make_rule(kind="distinct", of="reporter"))
    events = [report(f"e{n}", n * 1_000_000, reporter=f"p{n}") for n in range(1_000)]
    random.Random(1).shuffle(events)
    run.take(*[Arrival(event, START + HOUR) for event in events])

    assert run.revisions
    assert len(judged) < 10 * len(events)


def test_the_reset_of_a_chain_is_no_evidence() -> None:
    one = track(
        kind="progression",
        when={"chain": {"measure": "channel_rank", "min_steps": 2}, "eager": True},
        unless={"fine": {"satisfied": [True]}},
        levels=[{"steps": 2, "level": "blue"}],
    )
    one.add(entry("a", 0, one.rule, "grid"), NEVER)
    one.add(entry("b", 1, one.rule, "grid", RESETS), NEVER)
    one.add(entry("c", 2, one.rule, "grid"), NEVER)
    one.add(entry("d", 3, one.rule, "police"), NEVER)

    assert set(one.head.evidence) == {"a", "c", "d"}


# --- whole episodes while a channel lags -------------------------------------------------------------------------

happened = st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["hotline", "police"])), min_size=1, max_size=12)


@given(history=happened, lag=st.integers(0, 60), reopen=st.sampled_from([None, "1h", "5h"]), seed=st.integers(0, 999))
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_episodes_that_begin_and_end_while_a_channel_lags_are_all_said_in_any_order_of_arrival(
    history: list[tuple[int, str]], lag: int, reopen: str | None, seed: int
) -> None:
    rng = random.Random(seed)
    life = {"quiet_close": "3h", **({"reopen_within": reopen} if reopen else {})}
    rule = make_rule(levels=[{"gte": 2, "level": "blue"}, {"gte": 4, "level": "red"}], lifecycle=life,
                     window={"size": "6h", "lateness": "2h"}, channels=["hotline", "police"])  # fmt: skip
    log = [Arrival(report("first", -80 * HOUR, "police", pair="lag"), START - 80 * HOUR + lag * HOUR)]
    for number, (hour, channel) in enumerate(history):
        late = lag * HOUR if channel == "police" else 0
        at = START + hour * HOUR
        log.append(Arrival(report(f"e{number}", hour * HOUR, channel), at + late + rng.randint(0, 120) * MINUTE))
    # while the police lag, nothing of theirs is late: their own watermark stays `lag` behind
    log += [
        Arrival(report(f"p{hour}", hour * HOUR, "police", pair="lag"), START + (hour + lag) * HOUR)
        for hour in range(-79, 65)
    ]
    log.sort(key=lambda arrival: (arrival.arrived_us, arrival.event.id))
    run = Run(rule)
    for arrival in log:
        run.take(arrival)
        if rng.random() < 0.05:
            run.restart()
    run.finish()

    late = {event.event_id for routed in run.routed for event in routed.late}
    reports = [
        {"t": START + hour * HOUR, "rank": RANKS[channel], "id": f"e{n}", "contact": f"e{n}"}
        for n, (hour, channel) in enumerate(history)
        if f"e{n}" not in late
    ]
    wanted = by_definition.episodes(
        reports, by_definition.count({2: 1, 4: 3}), size=6 * HOUR, quiet=rule.life.quiet_close,
        reopen=rule.life.reopen_within,
    )  # fmt: skip
    final = {draft.revision.alert_id: draft for draft in run.drafts if draft.revision.key["pair"] == "x"}
    got = {
        (d.revision.episode, LEVEL_NUMBER[d.revision.level_max], frozenset(d.evidence_ids))
        for d in final.values()
        if d.revision.state != "retracted"
    }

    assert got == wanted
    ends = [d.revision for d in final.values() if d.revision.state == "closed"]
    assert all(r.episode in {n for n, _, _ in wanted} for r in ends)
    assert len({d.revision.alert_id for d in final.values() if d.revision.state == "open"}) <= 1


# --- hot keys ----------------------------------------------------------------------------------------------------

EVENTS = 10_000
HOT = {
    "threshold": {"kind": "threshold"},
    "distinct": {"kind": "distinct", "of": "reporter"},
    "chain": {
        "kind": "progression",
        "when": {"chain": {"measure": "violence", "min_steps": 2}},
        "levels": [{"steps": 2, "level": "blue"}],
    },
    "cue and gaps": {
        "kind": "progression",
        "when": {
            "any": [
                {"name": "cue", "prior_gte": 1, "event": {"cues|any": ["weapon"]}, "level": "red"},
                {"name": "faster", "gaps": {"min_events": 3, "each_ratio_lte": 0.5}, "level": "blue"},
            ]
        },
    },
    "sequence": {
        "kind": "sequence",
        "when": {"steps": [{"name": s, "event": {"channel": [s]}} for s in ("grid", "hotline", "police")]},
        "levels": [{"steps": 3, "level": "blue"}],
    },
}


@pytest.mark.parametrize("case", HOT)
def test_ten_thousand_events_of_one_key_in_order_stay_fast(case: str) -> None:
    rule = make_rule(lifecycle={"quiet_close": "7d"}, **HOT[case])
    run = Run(rule)
    log = []
    for number in range(EVENTS):
        channel = ("grid", "hotline", "police")[number % 3]
        event = report(
            f"e{number}", number * 10 * 1_000_000, channel, reporter=f"p{number % 700}", violence=number % 4,
            cues=("weapon",) if number % 5 == 0 else (),
        )  # fmt: skip
        log.append(Arrival(event, START + number * 10 * 1_000_000))
    began = time.process_time()
    for start in range(0, EVENTS, 500):
        run.take(*log[start : start + 500])
    took = time.process_time() - began

    assert run.revisions
    assert took < 4


def test_what_waits_for_the_watermark_is_judged_once_in_whatever_order_events_come(judged: list[int]) -> None:
    """A flood that comes out of order must not be judged again and again before anything can be said of it."""
    new = {"new_value": {"forget_after": "9d", "known_for": "1d"}, "within": "1d"}
    levels = [{"gte": 1, "level": "blue"}]
    run = Run(make_rule("new_value", of="subcategory", when=new, window={"lateness": "6h"}, levels=levels))
    run.tell(report("known", -5 * DAY, subcategory="s"))
    events = [report(f"e{n}", n * 1_000_000, subcategory=f"s{n % 7}") for n in range(500)]
    random.Random(1).shuffle(events)
    run.take(*[Arrival(event, START + HOUR) for event in events])
    assert judged == [0]
    run.wait_until(2 * DAY)

    assert judged == list(range(501))


def test_many_keys_leave_nothing_behind() -> None:
    run = Run(make_rule())
    for number in range(3_000):
        run.tell(report(f"e{number}", number * MINUTE, pair=f"pair{number}", matter=None))
    run.wait_until(10 * DAY)
    shard: Shard = run.pipeline.shards[0]

    assert shard.subjects == [{}]
    assert len(shard.timers) == 0


def test_a_hot_key_holds_one_timer_for_what_it_folds() -> None:
    run = Run(make_rule())
    run.take(*[Arrival(report(f"e{n}", n), START + n) for n in range(500)])

    assert len(run.pipeline.shards[0].timers) <= 4


def test_slices_that_hold_nothing_cost_nothing_and_change_nothing() -> None:
    run = Run(make_rule())
    run.tell(report("a", 0))

    assert [run.pipeline.take(Slice(START + at, []))[1] for at in (1, 2, 2, 3)] == [[], [], [], []]
    assert run.pipeline.linking.watermarks.now == START + 3
    assert from_us(START + 3) > from_us(START)


def test_a_long_track_saves_the_hours_that_changed() -> None:
    one = track()
    add(one, *range(0, PIECES_ABOVE * MINUTE, MINUTE))
    short = one.pieces(is_all=False)
    add(one, PIECES_ABOVE * MINUTE)
    whole = dict(one.pieces(is_all=False))
    add(one, 30 * MINUTE + 1)
    one.remove(f"e{90 * MINUTE}", NEVER)

    assert short == []
    assert sum(len(piece) for piece in whole.values()) == PIECES_ABOVE + 1
    assert dict(one.pieces(is_all=False)).keys() == {
        (str((START + at) // HOUR),) for at in (30 * MINUTE, 90 * MINUTE)
    }  # fmt: skip
    assert one.pieces(is_all=False) == []
    assert one.core()[1] == []


def test_a_long_track_comes_back_in_order_from_pieces_in_any_order() -> None:
    one = track()
    add(one, *range(0, PIECES_ABOVE * MINUTE, MINUTE), 2 * DAY)
    pieces, core = one.pieces(is_all=True), one.core()
    saved = msgspec.msgpack.decode(msgspec.msgpack.encode([core, pieces[::-1]]))
    again = Track.restored(one.rule, saved, Reviver())

    assert again.entries == one.entries
    assert again.state() == one.state()
    assert again.pieces(is_all=False) == []
