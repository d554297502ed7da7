"""The events of job R are the same bytes everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.reference.definition import CHANNELS
from benchmarks.reference.generate import DATA_SETS, data_set, write_events
from benchmarks.reference.lines import merged_lines, reported_at


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_set("tiny", tmp_path_factory.mktemp("data"))


def test_a_data_set_is_made_once(tiny: Path) -> None:
    before = [(tiny / f"{channel}.jsonl").stat().st_mtime_ns for channel in CHANNELS]

    again = data_set("tiny", tiny.parent)

    assert again == tiny
    assert [(tiny / f"{channel}.jsonl").stat().st_mtime_ns for channel in CHANNELS] == before


def test_events_that_are_not_those_of_the_definition_are_refused(tmp_path: Path) -> None:
    other = DATA_SETS["tiny"]._replace(events=1_999)

    with pytest.raises(ValueError, match=r"events must hash to `cf26a2c5.*`; got `"):
        write_events(other, tmp_path)


def test_the_merged_lines_are_all_lines_in_the_order_of_reporting(tiny: Path) -> None:
    lines = list(merged_lines(str(tiny)))

    assert len(lines) == DATA_SETS["tiny"].events
    assert sorted(lines, key=reported_at) == lines
