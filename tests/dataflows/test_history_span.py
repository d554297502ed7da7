"""From when to when files go."""

from __future__ import annotations

import gzip
from pathlib import Path

from dataflows.history_span import span_of

FIRST = b'{"occurred_at":"2026-01-01T00:00:00Z","arrived_at":"2026-01-01T00:00:05Z"}\n'
LAST = b'{"occurred_at":"2026-01-03T00:00:00Z"}\n'
START, END = 1_767_225_605_000_000, 1_767_398_400_000_000


def test_plain_and_packed_files_tell_their_first_and_last_arrival(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    plain.write_bytes(FIRST + LAST * 3_000 + b"\n")
    packed.write_bytes(gzip.compress(FIRST + LAST))

    assert span_of([plain]) == span_of([packed]) == span_of([plain, packed]) == (START, END)


def test_one_line_is_first_and_last_and_raw_rows_tell_nothing(tmp_path: Path) -> None:
    one, raw, empty, deep = (tmp_path / name for name in ("one.jsonl", "raw.csv", "empty.jsonl", "deep.jsonl"))
    one.write_bytes(FIRST)
    raw.write_bytes(b"a,b\n1,2\n")
    empty.write_bytes(b"")
    deep.write_bytes(b'{"attrs":' + b"[" * 5_000)

    assert span_of([one]) == (START, START)
    assert span_of([raw]) == span_of([empty]) == span_of([deep]) == (None, None)
