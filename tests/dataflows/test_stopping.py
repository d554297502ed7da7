"""The first signal asks, the second one and a stop that takes too long end the process where it stands."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from dataflows.stopping import OVERDUE

# it says `ready`, waits for the event, says `asked`, and then does what its argument says
SCRIPT = """
import logging, sys, threading
from dataflows.stopping import stopped_by_signals
logging.basicConfig()
with stopped_by_signals(float(sys.argv[2])) as stop:
    print("ready", flush=True)
    stop.wait()
    print("asked", flush=True)
    if sys.argv[1] == "hang":
        threading.Event().wait()
print("ended", flush=True)
"""


def start(what: str, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, what, str(seconds)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_lets_the_flow_finish(number: signal.Signals) -> None:
    child = start("finish", 60)
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out) == (0, "asked\nended\n")
    assert f"stop_asked signal={number.name} seconds=60" in err


def test_a_second_signal_ends_it_at_once() -> None:
    child = start("hang", 60)
    child.send_signal(signal.SIGTERM)
    assert child.stdout is not None
    assert child.stdout.readline() == "asked\n"
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out) == (128 + signal.SIGTERM, "")
    assert "stopped_at_once signal=SIGTERM the last snapshot is kept" in err


def test_a_stop_that_takes_too_long_is_cut_short() -> None:
    child = start("hang", 0.2)
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out) == (OVERDUE, "asked\n")
    assert "stop_overdue seconds=0.2 the last snapshot is kept" in err


def test_signals_are_as_before_when_the_block_has_ended() -> None:
    script = SCRIPT.replace("stop.wait()", "pass") + "import os; os.kill(os.getpid(), 15)"
    child = subprocess.run([sys.executable, "-c", script, "finish", "60"], capture_output=True, text=True, timeout=30)
    assert child.returncode == -signal.SIGTERM


def test_a_process_that_was_hung_and_woken_up_still_listens() -> None:
    child = start("finish", 60)
    child.send_signal(signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.8)  # longer than it waits between two looks
    child.send_signal(signal.SIGCONT)
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out) == (0, "asked\nended\n")
    assert err.count("stop_asked signal=SIGTERM") == 1
