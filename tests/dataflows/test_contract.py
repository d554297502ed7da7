"""What saved state is found by: step ids, keys, file names and versions. A change of one is a migration."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, cast

import pytest
from installation import Installation

from alerts import detection, linking, publishing
from connectors import clickhouse_writer, spool_file
from connectors.metrics import Metrics
from dataflows import detect, recovery, sources, state_store
from dataflows.place import Place
from dataflows.run import build, load
from dataflows.start import VERSIONS, Start

SOURCES = {"raw", "files", "clock", "rule-books", "log", "receipts"}
STAGES = {"link", "detect", "publish"}
SINKS = {"intake-log", "dead-letters", "failing", "expected", "redis", "redis-people", "alerts-topic", "pool"}


def test_every_step_that_keeps_something_has_the_id_it_always_had(tmp_path: Path) -> None:
    installation = Installation(tmp_path, drop=str(tmp_path / "drop"))
    settings = installation.settings
    flow = build(settings, load(settings), Start(False), 1, threading.Event(), Metrics())
    found: dict[str, set[str]] = {}
    for step in flow.substeps:
        found.setdefault(type(step).__name__, set()).add(step.step_id.removeprefix("anlan."))
    assert found["input"] == {sources.STEP}
    (step,) = (step for step in flow.substeps if type(step).__name__ == "input")
    assert set(cast("Any", step).source.list_parts()) == SOURCES
    assert found["stateful_batch"] == STAGES
    assert found["output"] == SINKS


@pytest.mark.parametrize("number", [0, 1])
def test_of_two_processes_only_the_front_opens_ways_in_and_out_and_says_that_it_rebuilds(
    tmp_path: Path, number: int
) -> None:
    settings = Installation(tmp_path, drop=str(tmp_path / "drop")).settings
    metrics, place = Metrics(), Place(1, number, ("127.0.0.1:1", "127.0.0.1:2"))
    flow = build(settings, load(settings), Start(True, 5), 1, threading.Event(), metrics, place)

    steps = [cast("Any", step) for step in flow.substeps if type(step).__name__ in ("input", "output")]
    opened = [bool((step.source if hasattr(step, "source") else step.sink).list_parts()) for step in steps]
    assert opened == [place.is_front] * (1 + len(SINKS))
    assert metrics.value("anlan_state_rebuilt_state") == place.is_front


def test_the_keys_and_folders_of_what_is_kept_are_as_they_were() -> None:
    assert (detect.LOG, detect.FEED) == ("log", "feed")
    folders = recovery.SNAPSHOTS, recovery.JOURNALS, recovery.SPOOLS, recovery.SET_ASIDE
    assert folders == ("snapshots", "kept", "spool", "set-aside")


def test_the_versions_of_what_is_kept_are_raised_on_purpose() -> None:
    """Raise one with its format: a flow that finds another version rebuilds its state from the intake log."""
    assert VERSIONS == {"link": 7, "detect": 5, "publish": 3}
    assert (linking.STATE_VERSION, detection.STATE_VERSION, publishing.STATE_VERSION) == (7, 5, 3)
    assert state_store.POINTER_VERSION == 1
    assert (spool_file.POINTER_VERSION, spool_file.FRAME_VERSION, clickhouse_writer.STATE_VERSION) == (1, 1, 1)
