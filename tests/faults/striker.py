"""Makes one fault happen, and everything well again."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.faults.flow import Flow
from tests.faults.plan import Fault
from tests.faults.servers import Servers

START_SECONDS = (0.1, 2.5)  # after a start, when it is killed again at once
CATCH_UP_SECONDS = (0.0, 0.7)  # after its metrics page is there
KEPT = ("kept", "snapshots")  # the parts of the state folder that detection can be built without
LOOK_SECONDS = 0.05
SNAPSHOT_SECONDS = 5.0
UP_SECONDS = 90.0


class Striker:
    """Strikes servers, the flow and its state; counts how often it killed."""

    def __init__(self, servers: Servers, flow: Flow, rng: Random) -> None:
        self.kills = 0
        self._servers = servers
        self._flow = flow
        self._rng = rng
        self._strikes = 0

    def strike(self, fault: Fault) -> float:
        """Do it; the instant from which on everything is well again."""
        self._strikes += 1
        if fault.part == "flow":
            return self._hang_flow(fault.away) if fault.act == "hang" else self._kill_flow_at(fault)
        if fault.part == "state":
            return self._strike_state(fault)
        return self._strike_servers(fault)

    def _hang_flow(self, seconds: float) -> float:
        self._flow.signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._flow.signal(signal.SIGCONT)
        return time.time()

    def _kill_flow_at(self, fault: Fault) -> float:
        if fault.moment == "snapshot":
            saved = self._flow.last_saved()
            self.wait_until(lambda: self._flow.last_saved() != saved, SNAPSHOT_SECONDS, 0.001)
        elif fault.moment == "start":
            self._kill_flow()
            time.sleep(self._rng.uniform(*START_SECONDS))
        elif fault.moment == "catch-up":
            self._kill_flow()
            self.wait_until(lambda: self._flow.samples() is not None, UP_SECONDS)
            time.sleep(self._rng.uniform(*CATCH_UP_SECONDS))
        self._kill_flow()
        return self._flow.started_at

    def _kill_flow(self) -> None:
        self._flow.kill()
        self.kills += 1
        self._flow.start()

    def _strike_servers(self, fault: Fault) -> float:
        together = [fault] if fault.second is None else [fault, fault.second]
        for each in together:
            self._servers.take_away(each)
            self.kills += each.act == "kill"
        if fault.flow_too:
            self.wait(fault.away / 2)
            self._kill_flow()
        self.wait(fault.away / 2 if fault.flow_too else fault.away)
        for each in together:
            self._servers.bring_back(each)
        return time.time()

    def _strike_state(self, fault: Fault) -> float:
        """A state that is gone, damaged, or that of some seconds ago, as a backup would be."""
        backup = self._flow.folder / f"state-{self._strikes}"
        if fault.act == "rewind":
            self._flow.kill()
            shutil.copytree(self._flow.state, backup)
            self._flow.start()
            self.wait(fault.away)
        self._flow.kill()
        self.kills += 1
        if fault.act == "rewind":
            shutil.rmtree(self._flow.state)
            shutil.copytree(backup, self._flow.state)
        else:
            self._spoil(fault)
        self._flow.start()
        return self._flow.started_at

    def _spoil(self, fault: Fault) -> None:
        if fault.act == "lose":
            for name in KEPT:
                shutil.rmtree(self._flow.state / name, ignore_errors=True)
            return
        files = sorted(path for name in KEPT for path in (self._flow.state / name).glob("*") if path.is_file())
        if files:
            _damage(self._rng.choice(files), self._rng)

    def wait(self, seconds: float) -> None:
        """Let time pass under a supervised flow."""
        self.wait_until(lambda: False, seconds)

    def wait_until(self, holds: Callable[[], bool], seconds: float, look: float = LOOK_SECONDS) -> bool:
        """Wait under a supervised flow; whether it came to hold."""
        end = time.time() + seconds
        while not holds():
            self._flow.supervise()
            if (left := end - time.time()) <= 0:
                return False
            time.sleep(min(look, left))
        return True


def _damage(path: Path, rng: Random) -> None:
    """Some bytes in the middle become others, or the end is gone."""
    content = bytearray(path.read_bytes())
    if not content:
        return
    at = rng.randrange(len(content))
    if rng.random() < 0.5:
        del content[at:]
    else:
        content[at : at + 16] = rng.randbytes(len(content[at : at + 16]))
    path.write_bytes(content)
