"""The reports of the snapshot benchmark: every person once, then the same people again."""

from __future__ import annotations

from benchmarks.state.people import SLICE, slices


def test_everybody_reports_once_and_then_some_again() -> None:
    cuts = list(slices(1_500, 500, 10.0))
    arrivals = [each for cut in cuts for each in cut.arrivals]
    reporters = [each.event.reporter for each in arrivals]

    assert [len(cut.arrivals) for cut in cuts] == [SLICE, SLICE]
    assert len(set(reporters[:1_500])) == 1_500
    assert set(reporters[1_500:]) < set(reporters[:1_500])
    assert len(set(reporters[1_500:])) > 400
    assert [each.arrived_us for each in arrivals] == sorted({each.arrived_us for each in arrivals})
    assert [cut.clock_us for cut in cuts] == [cut.arrivals[-1].arrived_us for cut in cuts]
