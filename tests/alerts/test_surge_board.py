"""A surge board: when it speaks, of what, and that no order of arrival and no restart changes it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from surges import AREA, DAILY, DAY, HOUR, MIDNIGHT, MINUTE, BoardRun, Said, burst, by_definition, entry, plan

from alerts.entry import Entry
from alerts.kinds.surge_alert import KEPT
from alerts.model import ALWAYS

TWELVE = burst("g", 10 * HOUR, 12, 3 * MINUTE)  # 10:00 ... 10:33
TOWNSHIPS = [("0", f"62010200{number}", "water") for number in range(1, 6)]
DISTRICT = ("r", "620102", "water")


def with_baseline(median: float, mad: float, slots: int, **parts: Any) -> BoardRun:
    return BoardRun(plan(**parts).with_baseline({"median": median, "mad": mad, "slots": slots}))


def short(said: Sequence[Said]) -> list[tuple[str, str, int]]:
    """(time of day, state, level) of each."""
    return [(f"{each.at // HOUR:02}:{each.at % HOUR // MINUTE:02}", each.state, each.level) for each in said]


def run(one: BoardRun, entries: Sequence[Entry], until: int) -> list[Said]:
    one.take(*entries)
    return one.pass_watermark(until)


def test_twelve_in_an_hour_where_two_are_usual_open_at_the_second_true_slide_and_rise_at_the_next() -> None:
    said = run(with_baseline(2, 1, 8), TWELVE, 10 * HOUR + 40 * MINUTE)

    assert short(said) == [("10:30", "open", 1), ("10:35", "open", 2)]
    assert [(each.count, len(each.ids)) for each in said] == [(11, 11), (12, 12)]


@pytest.mark.parametrize(
    "stated", [(10, 3, 8), (0, 0, 1), (6, 0.5, 8)], ids=["usual is high", "no baseline", "ratio too low"]
)
def test_the_same_twelve_say_nothing_where(stated: tuple[float, float, int]) -> None:
    assert run(with_baseline(*stated), TWELVE, 12 * HOUR) == []


def test_windows_that_were_large_enough_and_had_no_baseline_are_counted() -> None:
    one = with_baseline(0, 0, 1)
    run(one, TWELVE, 12 * HOUR)

    assert one.board.no_baseline == 10  # from 10:25 to 11:10, each with at least 8 contacts


def test_it_closes_after_six_quiet_slides_and_opens_again_under_the_same_number() -> None:
    again = burst("h", 13 * HOUR, 12, 3 * MINUTE)
    one = with_baseline(2, 1, 8)

    assert short(run(one, TWELVE, 13 * HOUR - 1))[2:] == [("11:55", "closed", 2)]
    said = run(one, again, 20 * HOUR)
    assert [(each.number, each.state) for each in said] == [(1, "open"), (1, "open"), (1, "closed")]
    assert one.board.numbers == {AREA: 1}


def test_later_than_reopen_within_it_is_the_next_episode() -> None:
    one = with_baseline(2, 1, 8)
    run(one, TWELVE, 16 * HOUR)
    said = run(one, burst("h", 16 * HOUR, 12, 3 * MINUTE), 20 * HOUR)

    assert [(each.number, each.state) for each in said] == [(2, "open"), (2, "open"), (2, "closed")]


def test_an_episode_that_is_over_for_good_is_said_to_be() -> None:
    one = with_baseline(2, 1, 8)
    run(one, TWELVE, 12 * HOUR)
    one.board.reach(0, MIDNIGHT + 20 * HOUR, None)

    assert list(one.board.standings()) == [(AREA, (), 1)]
    assert list(one.board.all_standings()) == []
    assert one.board.wants() == (ALWAYS,)


def test_without_close_when_it_closes_below_its_lowest_rung() -> None:
    said = run(with_baseline(2, 1, 8, lifecycle={}), TWELVE, 20 * HOUR)

    assert short(said)[-1] == ("11:45", "closed", 2)  # below 6 contacts from 11:20 on


def test_a_contact_that_another_channel_hands_on_counts_once_in_the_window() -> None:
    one = with_baseline(2, 1, 8)
    doubled = [
        each for first in TWELVE for each in (first, entry(f"t{first[2]}", first[0] - MIDNIGHT + 1, AREA, first[2]))
    ]
    said = run(one, doubled, 11 * HOUR)

    assert short(said)[:2] == [("10:30", "open", 1), ("10:35", "open", 2)]
    assert said[1].count == 12


def test_an_event_is_taken_once_and_can_be_taken_away_until_its_slide_is_final() -> None:
    one = with_baseline(2, 1, 8)
    one.take(*TWELVE)

    assert not one.board.add(TWELVE[3], MIDNIGHT)
    assert not one.board.remove("nobody", MIDNIGHT)
    assert one.board.remove("g0", MIDNIGHT)
    assert not one.board.remove("g1", MIDNIGHT + 11 * HOUR)
    assert one.board.size() == 11
    assert short(one.pass_watermark(11 * HOUR))[0] == ("10:30", "open", 1)
    assert not one.board.remove("g2", MIDNIGHT)


def daily(*days: int, at: int = 10 * HOUR + 1, key: tuple[str, ...] = AREA) -> list[Entry]:
    """So many contacts on each day, from the first one on."""
    return [
        entry(f"{key[1]}-{day}-{number}", day * DAY + at + number * MINUTE, key)
        for day, count in enumerate(days)
        for number in range(count)
    ]


SLOTS = {"window": {"size": "1h", "slide": "1h"}, "when": {"all": [{"count_gte": 5}, {"score_gte": 4}]}}


def test_a_slot_is_the_same_hour_of_earlier_days_of_the_same_class() -> None:
    one = BoardRun(plan(**SLOTS, lifecycle={"close_when": {"ratio_lt": 1.5, "hold": 1}}))
    # Monday is no whole day; Tuesday to Friday, and Monday: 1 each; at the weekend 9, which are unusual for nobody
    said = run(one, daily(1, 1, 1, 1, 1, 9, 9, 1, 9), 9 * DAY)

    assert [(each.at, each.state, each.count) for each in said] == [
        (8 * DAY + 11 * HOUR, "open", 9),
        (8 * DAY + 12 * HOUR, "closed", 9),
    ]
    assert one.board.no_baseline == 2  # the weekend had none of its own
    facts = one.board.episodes.get(AREA)
    assert facts is None or facts.facts.baseline_version


def test_a_year_that_the_calendar_does_not_have_is_no_baseline() -> None:
    one = BoardRun(plan(**SLOTS))
    year = 306 * DAY  # from 2 March to the second day of 2027
    said = run(one, [*daily(*[1] * 9), *[entry(f"n{n}", year + n * MINUTE) for n in range(1, 10)]], year + DAY)

    assert said == []
    assert one.board.no_baseline == 1


def test_days_without_events_are_zeros_and_what_a_surge_flagged_is_no_history() -> None:
    one = BoardRun(plan(**SLOTS, lifecycle={"close_when": {"ratio_lt": 1.5, "hold": 1}}))
    said = run(one, daily(1, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9), 12 * DAY)

    assert [each.at for each in said if each.state == "open"] == [day * DAY + 11 * HOUR for day in (8, 9, 10, 11)]
    again = BoardRun(plan(**SLOTS, baseline={"slot": ["hour_of_day", "day_class"], "min_slots": 4, "history": "4d"}))
    kept = run(again, daily(1, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9), 13 * DAY)
    assert [each.at for each in kept if each.state == "open"] == []


CITY = daily(*[20] * 30, key=("0", "620103001", "noise"))  # so that one area's burst is not the city's


def test_a_daily_burst_opens_and_says_what_was_expected() -> None:
    one = BoardRun(plan(**DAILY))
    opened, closed = run(one, CITY + daily(*[1] * 24, 9), 30 * DAY)
    episode = one.board.episodes.get(AREA)

    assert (opened.at, opened.count, opened.state) == (25 * DAY, 9, "open")
    assert (closed.at, closed.state) == (26 * DAY, "closed")
    assert episode is None  # without `reopen_within` it is over at once
    again = BoardRun(plan(**DAILY))
    run(again, CITY + daily(*[1] * 24, 9), 25 * DAY)
    best, facts = again.board.episodes[AREA].best, again.board.episodes[AREA].facts
    assert best is not None
    assert best.measures == (("expected", 1.4), ("p", 1.5e-05), ("ratio", 6.5), ("city_scale", 1.38), ("slots", 21))
    assert facts.baseline_version is not None
    assert facts.baseline_version.startswith("2026-03-23/21d#")


def test_a_guard_keeps_the_days_before_a_burst_out_of_its_history() -> None:
    growing = CITY + daily(*[1] * 24, 4, 4, 7)
    without = {**DAILY["baseline"], "guard": "0d", "exclude": None}

    assert [each.count for each in run(BoardRun(plan(**DAILY)), growing, 27 * DAY)] == [7]
    assert run(BoardRun(plan(**{**DAILY, "baseline": without})), growing, 27 * DAY) == []


def test_a_holiday_backlog_across_the_city_is_not_a_hundred_local_surges() -> None:
    streets = [("0", f"6201{number:05}", f"sort{number % 5}") for number in range(100)]
    backlog = [each for key in streets for each in daily(*[2] * 24, 6, key=key)]
    local = [each for key in streets for each in daily(*[2] * 24, 6 if key == streets[7] else 2, key=key)]
    unscaled = {**DAILY, "baseline": {**DAILY["baseline"], "scale": [1.0, 1.0]}, "when": {"all": [{"count_gte": 5}]}}
    flat = {**DAILY, "when": {"all": [{"count_gte": 5}]}, "baseline": {**DAILY["baseline"], "p": 0.05}}

    assert run(BoardRun(plan(**flat)), backlog, 25 * DAY) == []
    assert [each.key for each in run(BoardRun(plan(**flat)), local, 25 * DAY)] == [streets[7]]
    unscaled["baseline"]["p"] = 0.05
    assert run(BoardRun(plan(**unscaled)), backlog, 25 * DAY)


def test_three_areas_of_a_district_become_one_alert_that_ends_with_the_last() -> None:
    one = with_baseline(2, 1, 8)
    for number, key in enumerate(TOWNSHIPS[:4]):
        one.take(*burst(f"a{number}-", 10 * HOUR + number * 10 * MINUTE, 12, 3 * MINUTE, key))
    said = one.pass_watermark(20 * HOUR)

    district = [each for each in said if each.key == DISTRICT]
    assert [each.state for each in district] == ["open", "open", "closed"]
    first = district[0].at
    assert [(each.key, each.state) for each in said if each.at == first] == [
        (TOWNSHIPS[0], "merged"),
        (TOWNSHIPS[1], "merged"),
        (DISTRICT, "open"),
    ]
    assert all(each.key == DISTRICT for each in said if each.at > first)
    assert district[1].ids > district[0].ids
    assert one.board.numbers == {TOWNSHIPS[0]: 1, TOWNSHIPS[1]: 1, DISTRICT: 1}


def test_a_district_says_which_areas_it_has_and_where_it_is() -> None:
    one = BoardRun(plan(evidence={"top_k": {"grid": 1, "spot": 2}}).with_baseline({"median": 2, "mad": 1, "slots": 8}))
    for number, key in enumerate(TOWNSHIPS[:3]):
        for each in range(12):
            spot = {"spot": each % 3}
            at = 10 * HOUR + each * 3 * MINUTE
            one.take(entry(f"{number}-{each}", at, key, grid="62010200112345", attrs=spot))
    one.pass_watermark(10 * HOUR + 35 * MINUTE)
    episode = one.board.episodes[DISTRICT]

    assert episode.branches == {"620102001", "620102002", "620102003"}
    assert episode.facts.region is not None
    assert (episode.facts.region.county, episode.facts.region.township) == ("620102", None)
    assert episode.facts.words == {
        "median": "6", "mad": "1", "score": "6.7", "ratio": "6.0", "slots": "8", "count": "36",
        "areas": ["620102001、620102002、620102003", "620102001, 620102002, 620102003"],
        "top.grid": ["62010200112345×36", "62010200112345×36"], "top.spot": ["0×12、1×12", "0×12, 1×12"],
    }  # fmt: skip
    assert dict(episode.best.measures)["ratio"] == 6.0 if episode.best else False
    assert episode.facts.baseline_version == "fixed"


def test_two_areas_of_a_district_or_three_sorts_stay_alone() -> None:
    one = with_baseline(2, 1, 8)
    keys = [*TOWNSHIPS[:2], ("0", "620102003", "noise"), ("0", "620103003", "water"), ("1", "620102004", "water")]
    for number, key in enumerate(keys):
        one.take(*burst(f"a{number}-", 10 * HOUR, 12, 3 * MINUTE, key))

    assert {each.key for each in one.pass_watermark(20 * HOUR)} == set(keys)


def test_of_a_flood_an_episode_keeps_the_newest_and_counts_all() -> None:
    one = with_baseline(2, 1, 8, when={"all": [{"count_gte": 8}]})
    said = run(one, burst("f", 10 * HOUR, 3 * KEPT, 100_000), 10 * HOUR + 5 * MINUTE)

    assert (said[0].count, len(said[0].ids)) == (3 * KEPT, KEPT)
    assert one.board.episodes[AREA].facts.first_occurred == MIDNIGHT + 10 * HOUR


def test_what_no_history_reaches_is_forgotten() -> None:
    one = BoardRun(plan(**{**SLOTS, "baseline": {"slot": ["hour_of_day"], "history": "7d"}}))
    run(one, daily(*[3] * 60), 60 * DAY)

    assert len(one.board.areas[AREA].history.state()[0]) <= 18
    run(one, [entry("late", 90 * DAY, TOWNSHIPS[1])], 120 * DAY)
    assert set(one.board.areas) == {TOWNSHIPS[1]}


def test_only_slides_at_which_something_can_happen_are_wanted() -> None:
    one = BoardRun(plan())
    run(one, [entry("a", HOUR), entry("b", 5 * DAY)], 30 * DAY)

    assert one.slides == 2


SMALL: list[dict[str, Any]] = [
    {
        "window": {"size": "1h", "slide": "30m"},
        "baseline": {"slot": ["hour_of_day"], "history": "3d", "min_slots": 1, "exclude": "flagged_surges"},
        "when": {"all": [{"count_gte": 2}], "hold": 1},
        "levels": [{"ratio": 2, "level": "blue"}, {"ratio": 3, "level": "red"}],
        "lifecycle": {"close_when": {"ratio_lt": 2, "hold": 1}},
        "roll_up": {"to": "county", "gte": 2},
    },
    {
        "window": {"size": "2h", "slide": "1h"},
        "baseline": {"slot": ["hour_of_day", "day_class"], "history": "9d", "min_slots": 2, "exclude": None},
        "when": {"all": [{"count_gte": 2}, {"score_gte": 1}], "hold": 2},
        "levels": [{"ratio": 1.5, "level": "blue"}, {"ratio": 3, "level": "yellow"}],
        "lifecycle": {"close_when": {"ratio_lt": 1.5, "hold": 2}},
        "roll_up": {"to": "county", "gte": 2},
    },
    {
        "window": {"size": "1d", "slide": "6h"},
        "baseline": {"stat": "negative_binomial", "history": "4d", "guard": "1d", "min_slots": 1, "p": 0.2,
                     "exclude": "flagged_surges"},
        "when": {"all": [{"count_gte": 2}, {"ratio_gte": 1.2}], "hold": 1},
        "levels": [{"ratio": 1.2, "level": "blue"}, {"ratio": 3, "level": "yellow"}],
        "lifecycle": {"close_when": {"ratio_lt": 1.2, "hold": 1}},
        "roll_up": {"to": "county", "gte": 3},
    },
]  # fmt: skip
LATENESS = 90 * MINUTE
REOPEN = 2 * HOUR

bursts = st.lists(
    st.tuples(
        st.integers(0, 8),  # day
        st.sampled_from([9 * HOUR, 10 * HOUR, 23 * HOUR + 30 * MINUTE]),
        st.integers(0, 3),  # area
        st.integers(1, 5),  # how many
        st.sampled_from([0, 1, 10 * MINUTE, 29 * MINUTE, 30 * MINUTE, HOUR]),
        st.booleans(),  # all one contact
    ),
    min_size=1,
    max_size=12,
)


def entries_of(drawn: Sequence[tuple[int, int, int, int, int, bool]]) -> list[Entry]:
    return [
        entry(f"{number}-{each}", day * DAY + at + each * every, TOWNSHIPS[area], f"{number}-0" if is_one else None)
        for number, (day, at, area, count, every, is_one) in enumerate(drawn)
        for each in range(count)
    ]


@settings(max_examples=150)
@given(st.sampled_from(SMALL), bursts, st.randoms(use_true_random=False))
def test_it_says_what_the_definition_says_in_any_order_and_over_any_restart(
    parts: dict[str, Any], drawn: Sequence[tuple[int, int, int, int, int, bool]], chance: random.Random
) -> None:
    of, entries = plan(**parts), entries_of(drawn)
    one = BoardRun(of, REOPEN)
    for arrived, each in sorted((each[0] + chance.randrange(LATENESS), each) for each in entries):
        one.pass_watermark(arrived - LATENESS - 1 - MIDNIGHT)
        one.take(each)
        if chance.random() < 0.2:
            one.restart()
    one.pass_watermark(12 * DAY)

    assert sorted(one.said) == sorted(by_definition(of, entries, 12 * DAY, REOPEN))


def test_a_board_saves_the_areas_and_waiting_events_that_changed() -> None:
    one = with_baseline(2, 1, 8)
    whole = {name[0] for name, _ in one.board.pieces(is_all=False)}
    one.take(entry("a", 9 * HOUR, AREA), entry("b", 15 * HOUR, AREA))
    waiting = [name[0] for name, _ in one.board.pieces(is_all=False)]
    one.pass_watermark(10 * HOUR)
    taken = {name[0]: state is None for name, state in one.board.pieces(is_all=False)}

    assert whole == set()
    assert waiting == ["waiting", "waiting"]
    assert taken == {"waiting": True, "area": False}
    assert one.board.pieces(is_all=False) == []
