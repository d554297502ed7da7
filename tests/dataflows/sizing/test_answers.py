"""The arithmetic, on costs of round numbers; and that more is never less."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from plain_costs import plain_costs

from dataflows.sizing.answers import Answer, answer
from dataflows.sizing.centre import EXAMPLES, Centre, centre
from dataflows.sizing.costs import load_costs
from dataflows.sizing.detection import Cap, Detection, least
from dataflows.sizing.need import shown

# 10,000 reports a day keep 10 GB of state and take a millisecond each; 1.16 events a second
SMALL = Centre(residents=1_000_000, events_per_day=100_000.0)


def value(found: Answer, part: str, what: str) -> float:
    [line] = [need for need in found.needs if (need.part, need.what) == (part, what)]
    return line.value


def basis(found: Answer, part: str, what: str) -> str:
    [line] = [need for need in found.needs if (need.part, need.what) == (part, what)]
    return line.basis


def test_one_process_that_is_large_enough() -> None:
    found = answer(SMALL, plain_costs())

    assert (found.processes, found.decided_by) == (1, "nothing: one is enough")
    assert value(found, "run", "memory") == pytest.approx(1 + 1.3 * 10)
    assert value(found, "run", "state") == pytest.approx(3 * 1.0)
    # a storm of twenty times the mean is 23.1 events a second: 0.2 + 13.1 / 300 of a core
    assert value(found, "run", "cores") == pytest.approx((0.2 + (100_000 / 86_400 * 20 - 10) / 300) / 0.7)
    # four million reports at a millisecond, ten events each
    assert value(found, "run", "rebuild of a year") == pytest.approx(4_000 / 0.7 / 3_600)


def test_the_stores() -> None:
    found = answer(SMALL, plain_costs())

    # ticks 8.64 MB and events 100 MB a day for 1,100 days, 1.4 GB of raw rows
    assert value(found, "kafka", "log") == pytest.approx(0.10864 * 1_100 + 1.4)
    assert value(found, "clickhouse", "tables") == pytest.approx(2 * 0.01 * 1_100)
    # a thousand revisions a day of a kilobyte, for a week in streams and a season in records
    assert value(found, "valkey", "memory") == pytest.approx(0.1 + 0.001 * 97)
    assert value(found, "prometheus", "samples") == pytest.approx(1_000 * 90 * 86_400 / 15 * 2 / 1e9)


def test_copies_are_counted() -> None:
    one, three = (answer(msgspec.structs.replace(SMALL, copies=copies), plain_costs()) for copies in (1, 3))

    for part, what in (("kafka", "log"), ("clickhouse", "tables"), ("kafka", "brokers"), ("clickhouse", "nodes")):
        assert value(three, part, what) == pytest.approx(3 * value(one, part, what))


@pytest.mark.parametrize(
    ("given", "processes", "decided_by"),
    [
        ({"memory_gb": 14.1}, 1, "nothing: one is enough"),
        ({"memory_gb": 7.6}, 2, "memory"),
        ({"rebuild_hours": 0.8}, 2, "rebuild"),
        ({"peak": 200.0}, 2, "load"),
    ],
    ids=["it fits", "it does not fit", "a rebuild takes too long", "a storm is too much"],
)
def test_there_are_as_many_processes_as_one_of_the_wishes_needs(
    given: dict[str, float], processes: int, decided_by: str
) -> None:
    found = answer(msgspec.structs.replace(SMALL, **given), plain_costs())

    assert (found.processes, found.decided_by) == (processes, decided_by)


def test_a_long_outage_may_be_more_than_a_storm() -> None:
    storm = Detection(SMALL, plain_costs()).load
    outage = Detection(msgspec.structs.replace(SMALL, outage_hours=100.0), plain_costs()).load

    assert storm == pytest.approx((SMALL.events_per_second * 20, "a storm, 20 times the mean"), abs=1e-9)
    assert outage.rate == pytest.approx(SMALL.events_per_second * 51)
    assert outage.decides == "100 h of outage worked off in 2 h"


def test_rules_cost_what_is_not_joining() -> None:
    doubled = Detection(msgspec.structs.replace(SMALL, rules=20), plain_costs())

    assert doubled.state_bytes(10_000) == pytest.approx(15e9)
    assert doubled.replay_seconds(100_000, 10) == pytest.approx(150)


def test_a_rule_that_would_need_more_keys_than_its_file_allows_is_named() -> None:
    assert answer(SMALL, plain_costs()).caps == (Cap("cx.channel-climb", 500_000, 200_000),)
    assert answer(msgspec.structs.replace(SMALL, events_per_day=40_000.0), plain_costs()).caps == ()


def test_what_was_not_run_is_extrapolated() -> None:
    inside = answer(SMALL, plain_costs())
    beyond = answer(msgspec.structs.replace(SMALL, events_per_day=101_000.0), plain_costs())
    hasty = answer(msgspec.structs.replace(SMALL, peak=90.0), plain_costs())

    assert (inside.is_measured, beyond.is_measured, hasty.is_measured) == (True, False, False)
    assert (basis(beyond, "run", "memory"), basis(beyond, "run", "cores")) == ("extrapolated", "measured")
    assert (basis(hasty, "run", "memory"), basis(hasty, "run", "cores")) == ("measured", "extrapolated")


def test_a_server_for_several_processes_was_not_run() -> None:
    shared = answer(msgspec.structs.replace(SMALL, memory_gb=8.0), plain_costs())

    assert (basis(shared, "run", "cores"), basis(shared, "kafka", "cores")) == ("measured", "extrapolated")
    assert basis(answer(SMALL, plain_costs()), "kafka", "cores") == "measured"


def test_the_sums_are_those_of_the_lines() -> None:
    found = answer(EXAMPLES["province"], load_costs())

    assert found.cores == pytest.approx(sum(need.value for need in found.needs if need.unit == "cores"))
    assert found.memory_gb == pytest.approx(sum(need.value for need in found.needs if need.unit == "GB memory"))
    assert found.disk_gb == pytest.approx(sum(need.value for need in found.needs if need.unit == "GB disk"))


def test_more_residents_never_need_less() -> None:
    found = [answer(Centre(residents=count), load_costs()) for count in (10**5, 10**6, 10**7, 10**8, 10**9)]

    for before, after in pairwise(found):
        assert after.processes >= before.processes
        assert after.cores >= before.cores
        assert after.memory_gb >= before.memory_gb
        assert after.disk_gb >= before.disk_gb


@pytest.mark.parametrize("wanted", [1, 2, 3, 64, 1_000])
def test_the_least_count_is_found(wanted: int) -> None:
    assert least(lambda count: count >= wanted) == wanted


def test_what_no_number_of_processes_can_do_is_said() -> None:
    with pytest.raises(ValueError, match="a million processes must be enough; got more"):
        answer(msgspec.structs.replace(SMALL, memory_gb=0.5), plain_costs())


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"residents": 0}, "`residents` must be `int` >= 1; got 0"),
        ({"peak": 0.5}, "`peak` must be `float` >= 1.0; got 0.5"),
        ({"catch_up_hours": 0.0}, "`catch_up_hours` must be `float` > 0.0; got 0.0"),
    ],
    ids=["nobody", "less than the mean", "at once"],
)
def test_a_wish_that_cannot_be_is_refused_by_its_name(given: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        centre(**given)

    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("figure", "text"), [(0.01234, "0.0123"), (3.0, "3"), (12.34, "12.3"), (123.4, "123"), (12_345.6, "12,346")]
)
def test_a_figure_has_three_digits_that_matter(figure: float, text: str) -> None:
    assert shown(figure) == text
