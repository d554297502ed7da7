"""The embedded ClickHouse engine in a process of its own, behind ClickHouse's HTTP interface.

So that a flow, a service and a person may ask one pool at the same time, which the engine inside a process does not
allow. It speaks as much of the interface as `clickhouse_connect` asks for. It is for `anlan demo` and the tests: a
write that was answered is on the disk of a process that ended, not of a machine.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib
import io
import json
import os
import re
import signal
import sys
import tempfile
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connectors.child_server import HOST, ChildServer

_TRANSPORT = {  # what a request says about itself; everything else in its address is a setting or a parameter
    "database", "query", "query_id", "session_id", "session_timeout", "session_check", "quota_key", "compress",
    "decompress", "buffer_size", "wait_end_of_query", "client_protocol_version", "role",
    "send_progress_in_http_headers", "http_headers_progress_interval_ms", "enable_http_compression",
}  # fmt: skip
DATA = "data"  # the engine's own subfolder
INSERT = re.compile(rb"\s*(INSERT\s+INTO\s+.+?)\s+FORMAT\s+(\w+)\n", re.IGNORECASE | re.DOTALL)
_ANSWERS = re.compile(rb"\s*(SELECT|WITH|SHOW|EXISTS|DESC|EXPLAIN|CHECK)", re.IGNORECASE)
_FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)")


class ClickHouseServer(ChildServer):
    """One server on a folder: started until it answers, ended or hung at will, back on the same port."""

    name = "clickhouse"

    @property
    def dsn(self) -> str:
        """What `clickhouse_connect.get_client(dsn=...)` takes."""
        return f"http://{self.address}/default"

    @property
    def engine_dsn(self) -> str:
        """What opens its data in our own process, when it has ended."""
        return f"chdb://{self.folder / DATA}"

    def _command(self, port: int) -> list[str]:
        return [sys.executable, "-m", "connectors.clickhouse_server", str(self.folder), str(port)]

    def _is_ready(self, port: int) -> bool:
        # the process id tells our server from another that took the port first
        talk = http.client.HTTPConnection(HOST, port, timeout=1.0)
        try:
            talk.request("GET", "/ping")
            answer = talk.getresponse()
            return answer.status == 200 and answer.headers["X-ClickHouse-Server-Display-Name"] == str(self.pid)
        except OSError:
            return False
        finally:
            talk.close()


class _Handle:
    """One connection to the engine, which remembers database and settings, as a session does."""

    def __init__(self, folder: Path) -> None:
        engine = importlib.import_module("chdb")  # here: the process that starts a server never loads the engine
        self._engine = engine.connect(str(folder / DATA))
        self._database = "default"
        self._settings: dict[str, str] = {}

    def run(self, statement: bytes, asked: dict[str, str]) -> bytes:
        """Run a statement under the database, settings and parameters of one request."""
        self._turn_to(asked.get("database") or "default")
        self._set({name: v for name, v in asked.items() if name not in _TRANSPORT and not name.startswith("param_")})
        parameters = {name[6:]: v for name, v in asked.items() if name.startswith("param_")}
        if insert := INSERT.match(statement):
            return self._insert(insert, statement[insert.end() :])
        return bytes(self._engine.query(statement, "TabSeparated", params=parameters).bytes() or b"")

    def _insert(self, insert: re.Match[bytes], rows: bytes) -> bytes:
        with tempfile.NamedTemporaryFile(suffix=".rows") as file:  # the engine takes rows from a file alone
            file.write(rows)
            file.flush()
            statement = f"{insert[1].decode()} FROM INFILE '{file.name}' FORMAT {insert[2].decode()}"
            self._engine.query(statement, "TabSeparated")
        return b""

    def _turn_to(self, database: str) -> None:
        if database != self._database:
            self._engine.query(f"USE `{database}`", "TabSeparated")
            self._database = database

    def _set(self, wanted: dict[str, str]) -> None:
        for name in self._settings.keys() - wanted.keys():
            self._engine.query(f"SET {name} = DEFAULT", "TabSeparated")
        for name, value in wanted.items():
            if self._settings.get(name) != value:
                quoted = value.replace("\\", "\\\\").replace("'", "\\'")
                self._engine.query(f"SET {name} = '{quoted}'", "TabSeparated")
        self._settings = wanted

    def close(self) -> None:
        self._engine.close()


class Talk(BaseHTTPRequestHandler):
    """One connection of a client; requests come one after another, each answered whole."""

    protocol_version = "HTTP/1.1"
    folder: Path
    _handle: _Handle | None = None

    def finish(self) -> None:
        """The client has gone."""
        super().finish()
        if self._handle is not None:
            self._handle.close()

    def do_GET(self) -> None:
        """Is it there, or a question in the address."""
        if urlsplit(self.path).path == "/ping":
            return self.answer(200, b"Ok.\n")
        return self.do_POST()

    def do_POST(self) -> None:
        """A statement, in the address or the body or both."""
        body = _unpacked(b"".join(self._body()), self.headers.get("Content-Encoding", ""))
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        statement = b"\n".join(part for part in (asked.get("query", "").encode(), body) if part)
        if self.is_refused(statement):
            return None
        try:
            if self._handle is None:
                self._handle = _Handle(self.folder)
            answer = self._handle.run(statement, asked)
        except Exception as error:  # what the engine raises is what the client is to see
            said = str(error)
            code = _CODE.search(said)
            return self.refuse(int(code[1]) if code else 1002, said[code.start() :] if code else said)
        return self.answer(200, answer, _headers(statement))

    def _body(self) -> Iterator[bytes]:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def is_refused(self, statement: bytes) -> bool:
        """Whether something refuses the statement before the engine sees it, and has answered so: nothing here."""
        return False

    def refuse(self, code: int, said: str) -> None:
        """Answer with an exception of ClickHouse."""
        text = said if said.startswith("Code:") else f"Code: {code}. DB::Exception: {said}"
        self.answer(500, f"{text}\n".encode(), {"X-ClickHouse-Exception-Code": str(code)})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """One whole answer."""
        self.send_response(status)
        told = {"Content-Length": str(len(body)), "X-ClickHouse-Server-Display-Name": str(os.getpid())}
        for name, value in (told | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Requests are not worth a line."""


def _headers(statement: bytes) -> dict[str, str]:
    told = {"X-ClickHouse-Summary": json.dumps({}), "X-ClickHouse-Timezone": "UTC"}
    if found := _FORMAT.search(statement[-200:]):
        return told | {"X-ClickHouse-Format": found[1].decode()}
    return told | ({"X-ClickHouse-Format": "TabSeparated"} if _ANSWERS.match(statement) else {})


def _unpacked(body: bytes, encoding: str) -> bytes:
    if not encoding or not body:
        return body
    if encoding == "lz4":
        import lz4.frame

        return bytes(lz4.frame.open(io.BytesIO(body)).read())  # one frame for each block
    if encoding in ("gzip", "deflate"):
        return zlib.decompress(body, wbits=47)
    raise ValueError(f"a body must be lz4, gzip or plain; got `{encoding}`")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the server."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def serve(folder: Path, port: int, talk: type[Talk] = Talk) -> None:
    """Answer until SIGTERM."""
    os.environ.setdefault("TZ", "UTC")
    server = _Server((HOST, port), type("TalkHere", (talk,), {"folder": folder}))
    keep = _Handle(folder)  # the engine stays open between clients
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.closing(keep):
        server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
