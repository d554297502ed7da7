"""A ClickHouse server that tests may be rude to: it can be killed, stopped and hung like a real one, and refuse."""

from __future__ import annotations

import base64
import os
import signal
import sys
from pathlib import Path

from connectors import clickhouse_server
from connectors.clickhouse_server import INSERT, Talk

TOO_MANY_PARTS, MEMORY_LIMIT, AUTHENTICATION_FAILED = 252, 241, 516
UNAVAILABLE = 503  # what a proxy in front of a server says, not a code of ClickHouse
_SAYS = {
    TOO_MANY_PARTS: "Too many parts (3000). Merges are processing significantly slower than inserts. (TOO_MANY_PARTS)",
    MEMORY_LIMIT: "Memory limit (total) exceeded: would use 4.00 GiB. (MEMORY_LIMIT_EXCEEDED)",
}


class ClickHouseServer(clickhouse_server.ClickHouseServer):
    """One server on a folder: started until it answers, ended or hung at will, back on the same port."""

    def refuse(self, code: int) -> None:
        """Answer with an exception of this code from now on, or `UNAVAILABLE`; too many parts stop inserts only."""
        self._refusal.write_text(str(code))

    def accept(self) -> None:
        """Refuse no more."""
        self._refusal.unlink(missing_ok=True)

    def ask_for(self, user: str, password: str) -> None:
        """Let nobody in from now on but this user."""
        (self.folder / "login").write_text(f"{user}:{password}")

    def hang(self) -> None:
        """Answer nothing and close nothing until `wake`."""
        os.kill(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        """Go on after `hang`."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def _refusal(self) -> Path:
        return self.folder / "refusal"

    def _command(self, port: int) -> list[str]:
        return [sys.executable, __file__, str(self.folder), str(port)]


class _RudeTalk(Talk):
    """Refuses what the file `refusal` says."""

    def is_refused(self, statement: bytes) -> bool:
        if not self._is_known():
            self.refuse(AUTHENTICATION_FAILED, "default: Authentication failed: password is incorrect")
            return True
        try:
            code = int((self.folder / "refusal").read_text() or 0)
        except FileNotFoundError:
            return False
        if not code or (code == TOO_MANY_PARTS and not INSERT.match(statement)):
            return False
        if code == UNAVAILABLE:
            self.answer(UNAVAILABLE, b"no server is available to handle this request\n")
        else:
            self.refuse(code, _SAYS.get(code, "refused"))
        return True

    def _is_known(self) -> bool:
        try:
            login = (self.folder / "login").read_bytes()
        except FileNotFoundError:
            return True
        return self.headers.get("Authorization") == f"Basic {base64.b64encode(login).decode()}"


if __name__ == "__main__":
    clickhouse_server.serve(Path(sys.argv[1]), int(sys.argv[2]), _RudeTalk)
