"""Showing how far a flow has read while its broker dies: the client library must not take the process with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from live_flow import wait_until

from connectors.embedded import Broker
from connectors.kafka import ensure_topics

pytestmark = pytest.mark.integration

DEATHS = 2
SECONDS_AWAY = 6  # longer than a question waits for its answer: an admin client ended the process after that
# shows positions a hundred times a second, and says when a second of that is over
SHOWS = """
import sys, threading
from connectors.kafka_progress import Progress

progress, pause, shown = Progress(sys.argv[1]), threading.Event(), 0
while not pause.wait(0.01):
    shown += 1
    for group in ("intake", "detection", "receipts"):
        progress.show(group, {("raw.police", 0): shown})
    if shown % 100 == 0:
        print("a second", flush=True)
"""


def test_a_process_that_shows_progress_outlives_the_deaths_of_its_broker(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with Broker(tmp_path) as broker, said.open("wb") as out:
        ensure_topics(broker.bootstrap, {"raw.police": 1})
        command = [sys.executable, "-c", SHOWS, broker.bootstrap]
        with subprocess.Popen(command, stdout=out, stderr=out) as shows:
            try:
                until_seconds(shows, said, 2)
                for _ in range(DEATHS):
                    broker.kill()
                    until_seconds(shows, said, SECONDS_AWAY)
                    broker.start()
                    until_seconds(shows, said, 2)
            finally:
                shows.kill()
    assert "progress_not_shown" not in said.read_text(), (
        "a broker that is away is told of by others, and refuses nothing"
    )


def until_seconds(shows: subprocess.Popen[bytes], said: Path, more: int) -> None:
    """Wait until it has shown positions for so many seconds more; it must be alive then."""
    wanted = said.read_text().count("a second") + more
    wait_until(lambda: shows.poll() is not None or said.read_text().count("a second") >= wanted, "it must go on")
    assert shows.poll() is None, said.read_text()[-300:]
