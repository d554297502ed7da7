"""The flow as a process of its own, under a supervisor that starts it again at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from connectors.child_server import free_port
from connectors.metrics_reader import Samples, read_page
from dataflows.cli.keys import make_keys
from tests.faults.load import Load
from tests.faults.servers import Servers

STOP_SECONDS = 60.0
TAIL_BYTES = 3_000


class Flow:
    """One installation on the servers of a round; what it says is in `flow.log`."""

    def __init__(self, folder: Path, servers: Servers, load: Load, origin: float) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.lives = 0
        self.started_at = 0.0
        self.mismatched = 0.0  # revisions that came again with another content, the most that a page told
        self.ended: list[str] = []  # how it ended when nobody killed it
        self.keyring, self.private, self.public = make_keys(folder / "keys")
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            **os.environ,
            "RUST_BACKTRACE": "0",  # its last words are to be ours
            "ANLAN_KAFKA": servers.bootstrap,
            "ANLAN_REDIS": servers.redis.url,
            "ANLAN_CLICKHOUSE": servers.clickhouse.dsn,
            "ANLAN_KEYRING": str(self.keyring),
            "ANLAN_SEAL_KEY": str(self.private),
            "ANLAN_STATE": str(self.state),
            "ANLAN_LOG_PARTITIONS": "3",
            "ANLAN_SNAPSHOT_SECONDS": "1",
            "ANLAN_METRICS_PORT": str(self._port),
            "ANLAN_CLOCK_START": str(load.start_us),
            "ANLAN_CLOCK_ORIGIN": str(origin),
            "ANLAN_CLOCK_SPEED": str(load.speed),
        }

    def start(self) -> None:
        """Start it; it is up when its metrics page is."""
        with (self.folder / "flow.log").open("ab") as log:
            command = [sys.executable, "-m", "dataflows", "-v", "run"]
            self._process = subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.lives += 1
        self.started_at = time.time()

    def supervise(self) -> None:
        """Start it again where it ended by itself."""
        assert self._process is not None
        if (code := self._process.poll()) is not None:
            after = time.time() - self.started_at
            self.ended.append(f"life {self.lives} ended with {code} after {after:.1f} s: {self.last_words()}")
            self.start()

    def kill(self) -> None:
        """End it without a warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def signal(self, number: int) -> None:
        """Hang it or wake it."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> int:
        """Ask it to end; its exit code, -9 where it had to be killed."""
        assert self._process is not None
        self.signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def samples(self) -> Samples | None:
        """Its metrics; nothing while it does not answer."""
        try:
            found = Samples(read_page(f"http://127.0.0.1:{self._port}/metrics", 1.0))
        except (OSError, ValueError):
            return None
        self.mismatched = max(self.mismatched, found.total("hashes_mismatched_total"))
        return found

    def last_saved(self) -> float:
        """When something of its state last reached the disk; 0 before that."""
        return max((_changed(path) for path in self.state.rglob("*")), default=0.0)

    def last_words(self) -> str:
        """The end of its log."""
        return (self.folder / "flow.log").read_bytes()[-TAIL_BYTES:].decode(errors="replace").strip()


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # gone since it was listed
        return 0.0
