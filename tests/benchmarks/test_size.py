"""What the benchmark of sizes makes of its measurements: costs that are right, and an end where they are not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from benchmarks import size
from benchmarks.options import Options
from benchmarks.size import LEAST, LESS, MONTHS, MORE, MOST, OLD, RATES, YOUNG, Found
from benchmarks.sizing import fit
from benchmarks.sizing.calls import with_words
from benchmarks.sizing.kept import City, Look, Task
from benchmarks.sizing.live import Live, Segment, middle
from benchmarks.sizing.stores import Stores
from dataflows.cli.city import a_year
from dataflows.sizing.costs import PARTS

RULES = 20


def look(reports: float, days: int, share_of_rules: float = 1.0) -> Look:
    """A city in which everything is in proportion: a fifth of the state and half of the time do not come of rules."""
    events = int(6 * reports * days)
    state = 10_000_000 + 1_000 * reports * days
    return Look(
        reports, days, events, 1e-4 * (reports * days) ** 0.9 * days**0.2 * (0.5 + 0.5 * share_of_rules),
        int(state * (0.2 + 0.8 * share_of_rules)), {"sp.same-place": int(2 * reports)}, events // 100,
        500 * int(reports),
    )  # fmt: skip


def segment(rate: float, *, run: float = 1.0) -> Segment:
    """A tenth of a core, and 300 microseconds an event."""
    used = 10.0 * (0.1 + 3e-4 * rate)
    cpu = {part: used * (run if part == "run" else 1.0) for part in PARTS}
    return Segment(rate, 10.0, int(10 * rate), cpu, dict.fromkeys(PARTS, 200_000_000), int(5_000 + 7_000 * rate))


STEADY = tuple(map(segment, RATES))


def found(segments: Iterable[Segment] = STEADY) -> Found:
    ages = {LEAST: OLD, LESS: OLD, MORE: MONTHS, MOST: MONTHS}
    looks = {(size, days): look(size, days) for size in ages for days in (YOUNG, MONTHS, OLD) if days <= ages[size]}
    kept = Stores(1_000, 50, 400_000, {"events": 100_000}, 100_000, 150_000, 1_800)
    return Found(looks, look(MORE, MONTHS, 0.5), RULES, RULES // 2, Live(list(segments), kept))


def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, measured: Found) -> size.Report:
    monkeypatch.setattr(size, "_found", lambda options: measured)
    return size.run(Options(1, "small", tmp_path, lambda _: None))


def test_every_size_that_was_not_fitted_on_is_foretold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    report = run(monkeypatch, tmp_path, found())

    assert report.faults == ()
    figures = " ".join(map(str, report.column("figure")))
    for size_of_it in (
        f"{LEAST:g} reports a day, {OLD} days",
        f"{MORE:g} reports a day, {MONTHS} days",
        "300 events/s",
    ):
        assert size_of_it in figures
    assert f" {LESS:g} reports a day" not in figures
    assert f"replay, {MORE:g}" in figures
    assert set(report.column(size.OFF)) == {0}


def test_a_figure_that_is_too_far_off_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dear = found(segment(rate, run=1.5 if rate == 300 else 1.0) for rate in RATES)

    assert run(monkeypatch, tmp_path, dear).faults == (
        "CPU of run must be foretold within 20%; got -33% (300 events/s)",
    )  # fmt: skip


def test_the_costs_are_those_that_were_put_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    costs = msgspec.convert(run(monkeypatch, tmp_path, found()).details["costs"], size.Costs)

    assert costs["state_base"] == pytest.approx(10_000_000)
    assert costs["state_per_daily_report"] == pytest.approx(1_000 * OLD)
    assert costs["linking_share_of_state"] == pytest.approx(0.2)
    assert costs["linking_share_of_replay"] == pytest.approx(0.5)
    assert costs["replay_reports_exponent"] == pytest.approx(0.9)
    assert costs["tick_bytes_per_second"] == pytest.approx(500)
    assert costs["log_bytes_per_event"] == pytest.approx(700)
    assert costs["pool_bytes_per_event"] == pytest.approx(100)
    assert costs.cores("kafka", 50.0) == pytest.approx(0.1 + 3e-4 * 50)
    assert costs.keys == {"sp.same-place": 2.0}


def test_a_line_and_a_power_are_found_again() -> None:
    assert fit.line([(1, 12), (3, 16)]) == pytest.approx((10, 2))
    assert fit.power([look(100, 15), look(300, 30), look(6_000, 30)]) == pytest.approx((1e-4, 0.9, 0.2))


@pytest.mark.parametrize(("halved", "share"), [(6.0, 0.2), (10.0, 1.0), (4.0, 0.0)], ids=["both", "joining", "rules"])
def test_what_does_not_come_of_rules_is_what_is_left_without_them(halved: float, share: float) -> None:
    assert fit.linking_share(10.0, halved, 20, 10) == pytest.approx(share)


def test_of_several_rounds_the_median_of_each_figure_counts() -> None:
    quiet, busy, usual = (segment(100.0, run=times) for times in (0.5, 2.0, 1.0))

    assert middle([quiet, busy, usual]) == usual


def test_of_several_rounds_of_cities_the_median_of_each_figure_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usual = {days: look(MORE, days) for days in (YOUNG, MONTHS)}
    slower = [each._replace(cpu_seconds=3 * each.cpu_seconds) for each in usual.values()]
    larger = [each._replace(resident_bytes=3 * each.resident_bytes) for each in usual.values()]
    rounds = iter([slower, list(usual.values()), larger])
    monkeypatch.setattr(size, "_city", lambda task: next(rounds))

    assert size._cities(Options(3, "small", tmp_path, lambda _: None), [Task(MORE, (YOUNG, MONTHS))]) == [
        list(usual.values())
    ]


def test_a_city_is_looked_at_whenever_it_was_asked_for() -> None:
    young, old = City(Task(60.0, (1, 3))).looks()

    assert (young.days, old.days) == (1, 3)
    assert 0 < young.events < old.events
    assert sum(young.keys.values()) < sum(old.keys.values())
    assert (young.state_bytes, old.state_bytes > 0) == (0, True)


def test_a_city_may_have_every_other_rule() -> None:
    [all_rules], [some] = (list(City(Task(60.0, (2,), every)).looks()) for every in (1, 2))

    assert some.events == all_rules.events
    assert some.keys.items() < all_rules.keys.items()


def test_people_say_something_and_departments_do_not() -> None:
    told = list(with_words(a_year(1, 60.0)))

    assert {bool(event.text) for event in told if event.action == "received"} == {True}
    assert {event.text for event in told if event.action != "received"} == {None}
