"""An orderly stop: the first SIGTERM lets the flow finish, a second one or too long a wait ends it at once."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator

SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
OVERDUE = 75  # exit code of a stop that did not finish in time: "try again" to those who know sysexits.h
_LOOK_EVERY_SECONDS = 0.5

_log = logging.getLogger("anlan.run")


@contextlib.contextmanager
def stopped_by_signals(seconds: float) -> Iterator[threading.Event]:
    """An event that is set by the first SIGTERM or SIGINT inside the `with` block.

    From then on the block has `seconds` to end. After that, or by a second signal, the process ends where it
    stands: nothing is lost, the next start goes on from the last snapshot. The signals are heard by a thread of
    their own, so they come through when the main thread is deep in the engine. Enter it from the main thread
    before others are started.
    """
    stop, ended = threading.Event(), threading.Event()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    threading.Thread(target=_listen, args=(stop, ended, seconds), name="signals", daemon=True).start()
    try:
        yield stop
    finally:
        ended.set()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _listen(stop: threading.Event, ended: threading.Event, seconds: float) -> None:
    number = _next_signal(ended, None)
    if not number:
        return
    _log.warning("stop_asked signal=%s seconds=%g", signal.Signals(number).name, seconds)
    stop.set()
    again = _next_signal(ended, time.monotonic() + seconds)
    if ended.is_set():
        return
    if again:
        _log.warning("stopped_at_once signal=%s the last snapshot is kept", signal.Signals(again).name)
        os._exit(128 + again)
    _log.error("stop_overdue seconds=%g the last snapshot is kept", seconds)
    os._exit(OVERDUE)


def _next_signal(ended: threading.Event, until: float | None) -> int:
    """The next signal; 0 where none came until then, or the block has ended."""
    while not ended.is_set() and (until is None or time.monotonic() < until):
        found = signal.sigtimedwait(SIGNALS, _LOOK_EVERY_SECONDS)
        # a process that was hung and woken up may be told of a signal that nobody sent
        if found and found.si_signo in SIGNALS:
            return int(found.si_signo)
    return 0
