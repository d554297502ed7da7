"""Files that departments drop: read whole, once, and sealed away when a snapshot holds them."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest

from connectors import folder as module
from connectors import xlsx
from connectors.folder import BATCH, FileRow, FolderSource
from connectors.gate import Gate
from connectors.rows import Failure, Format, Row
from connectors.rows import read_rows as rows_of
from connectors.seal import Sealer, Unsealer, generate_private_key

UNSEALER = Unsealer(generate_private_key())
FORMATS = {"letters": Format(), "orders": Format(type="jsonl")}


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", module.timedelta(0))


def part(folder: Path, state: Any = None, stop: Flag | None = None) -> Any:
    return FolderSource(folder, FORMATS, Sealer(UNSEALER.public), stop).build_part("s", "folder", state)


def drop(folder: Path, name: str, *rows: str, written: int = 7) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("a,b", *rows, "")), encoding="utf-8")
    os.utime(path, (written, written))
    return path


def read(source: Any) -> list[FileRow]:
    """Everything that is there now."""
    found: list[FileRow] = []
    quiet = 0
    while quiet < 2:
        batches = source.next_batch()
        quiet = 0 if batches else quiet + 1
        found += [row for batch in batches for row in batch]
    return found


def values(rows: list[FileRow]) -> list[str]:
    return [each.row.fields["a"] for each in rows if isinstance(each.row, Row)]


def test_rows_say_which_mapping_reads_them_and_where_they_stood(tmp_path: Path) -> None:
    drop(tmp_path, "letters/b.csv", "3,4")
    drop(tmp_path, "letters/a.csv", "1,2", "1,2,3")
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "c.jsonl").write_text('{"a": "5"}\n', encoding="utf-8")
    os.utime(tmp_path / "orders" / "c.jsonl", (7, 7))

    rows = read(part(tmp_path))

    assert [(r.mapping, r.source, type(r.row)) for r in rows] == [
        ("letters", "file:letters/a.csv@7000000:2", Row),
        ("letters", "file:letters/a.csv@7000000:3", Failure),
        ("letters", "file:letters/b.csv@7000000:2", Row),
        ("orders", "file:orders/c.jsonl@7000000:1", Row),
    ]


def test_a_file_is_sealed_away_only_when_a_snapshot_holds_its_last_row(tmp_path: Path) -> None:
    path, done = drop(tmp_path, "letters/a.csv", "1,2"), tmp_path / "done" / "letters" / "a.csv@7000000.sealed"
    content = path.read_bytes()
    source = part(tmp_path)
    assert values(read(source)) == ["1"]
    assert path.exists(), "read, and in no snapshot yet"

    first = source.snapshot()
    held = path.exists()
    second = source.snapshot()

    assert (held, path.exists(), done.exists()) == (True, False, True)
    assert (first, second) == ({"letters/a.csv@7000000": -1}, {})
    assert UNSEALER.unseal(done.read_bytes()) == content
    assert read(source) == [], "what is in `done` is not read"


def test_a_crash_before_the_snapshot_reads_the_file_again_under_the_same_names(tmp_path: Path) -> None:
    drop(tmp_path, "letters/a.csv", "1,2", "3,4")
    before = read(part(tmp_path))

    again = read(part(tmp_path, None))

    assert again == before


def test_a_crash_after_the_snapshot_reads_nothing_twice_and_moves_the_file(tmp_path: Path) -> None:
    path = drop(tmp_path, "letters/a.csv", "1,2")
    source = part(tmp_path)
    read(source)
    state = source.snapshot()

    resumed = part(tmp_path, state)
    rows = read(resumed)
    resumed.snapshot()

    assert rows == []
    assert not path.exists()


def test_a_file_that_comes_again_under_its_name_is_another_file(tmp_path: Path) -> None:
    drop(tmp_path, "letters/a.csv", "1,2")
    source = part(tmp_path)
    first = read(source)
    source.snapshot()
    again = drop(tmp_path, "letters/a.csv", "3,4", written=8)

    source.snapshot()
    second = read(source)

    assert (values(first), values(second)) == (["1"], ["3"])
    assert again.exists(), "it was not read when the snapshot was taken"


def test_a_crash_after_the_move_forgets_the_file(tmp_path: Path) -> None:
    drop(tmp_path, "letters/a.csv", "1,2")
    source = part(tmp_path)
    read(source)
    state = source.snapshot()
    source.snapshot()

    resumed = part(tmp_path, state)
    resumed.snapshot()
    drop(tmp_path, "letters/a.csv", "3,4")

    assert values(read(resumed)) == ["3"], "a new file under an old name is a new file"


def test_reading_goes_on_in_the_middle_of_a_file(tmp_path: Path) -> None:
    count = 2 * BATCH + 10
    drop(tmp_path, "letters/a.csv", *(f"{n},x" for n in range(count)))
    source = part(tmp_path)
    first = [row for batch in source.next_batch() for row in batch]
    state = source.snapshot()

    resumed = part(tmp_path, state)
    rest = read(resumed)

    assert state == {"letters/a.csv@7000000": BATCH}
    assert values(first + rest) == [str(n) for n in range(count)]
    assert len({row.source for row in first + rest}) == count


@pytest.mark.parametrize("name", ["a.csv.part", "a.tmp", ".a.csv"])
def test_a_file_that_is_being_written_is_left_alone_until_it_has_its_name(tmp_path: Path, name: str) -> None:
    path = drop(tmp_path, f"letters/{name}", "1,2")
    source = part(tmp_path)
    before = read(source)

    path.rename(path.with_name("a.csv"))

    assert before == []
    assert values(read(source)) == ["1"]


def test_a_folder_without_a_mapping_is_logged_once_and_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = [drop(tmp_path, f"tresen/{name}.csv", "1,2") for name in "ab"]
    drop(tmp_path, "letters/c.csv", "3,4")
    source = part(tmp_path)

    with caplog.at_level(logging.ERROR, logger="anlan.folder"):
        rows = read(source) + read(source)
        source.snapshot()
        source.snapshot()

    assert values(rows) == ["3"]
    assert [record.getMessage() for record in caplog.records] == [
        "folder_without_mapping folder=tresen known=letters, orders"
    ]
    assert all(path.exists() for path in paths)


def test_the_folder_is_looked_at_now_and_then_not_all_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", module.timedelta(hours=1))
    source = part(tmp_path)
    assert source.next_batch() == []

    drop(tmp_path, "letters/a.csv", "1,2")

    assert source.next_batch() == []
    assert source.next_awake().timestamp() - time.time() < 1, "others wait for its snapshot"


def test_a_stop_flag_stops_and_a_missing_folder_is_made(tmp_path: Path) -> None:
    stop = Flag()
    source = part(tmp_path / "drop", stop=stop)
    assert source.next_batch() == []
    stop.set()

    with pytest.raises(StopIteration):
        source.next_batch()
    assert (tmp_path / "drop").is_dir()


def test_a_file_waits_where_it_lies_while_the_gate_is_closed(tmp_path: Path) -> None:
    drop(tmp_path, "letters/a.csv", *("1,2" for _ in range(2 * BATCH)))
    gate = Gate(limit=0)
    gate.log_ends_at(0)
    gate.read_from(0)
    source: Any = FolderSource(tmp_path, FORMATS, Sealer(UNSEALER.public), gate=gate).build_part("s", "folder", None)
    first = source.next_batch()
    gate.admitted(BATCH, 9)

    held = read(source)
    gate.passed(BATCH, 9)
    rest = read(source)

    assert (len(first[0]), held, len(rest)) == (BATCH, [], BATCH)


class System:
    """A system that does not let us read some files, or only their beginning; and its clock."""

    def __init__(self) -> None:
        self.refused: dict[str, int] = {}  # file, and rows of it that can be read
        self.at = datetime(2026, 3, 2, tzinfo=UTC)

    def now(self, _: Any) -> datetime:
        return self.at

    def wait(self) -> None:
        self.at += module.RETRY_EVERY

    def read_rows(self, path: Path, how: Format) -> Iterator[Row | Failure]:
        for number, row in enumerate(rows_of(path, how)):
            if number == self.refused.get(path.name):
                raise PermissionError(13, "Permission denied", str(path))
            yield row


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    found = System()
    monkeypatch.setattr(module, "read_rows", found.read_rows)
    monkeypatch.setattr(module, "datetime", found)
    return found


@pytest.mark.parametrize("readable", [0, 1, BATCH, BATCH + 1])
def test_a_file_that_cannot_be_read_is_left_while_others_go_on_and_nothing_of_it_comes_twice(
    tmp_path: Path, system: System, caplog: pytest.LogCaptureFixture, readable: int
) -> None:
    count = BATCH + 10
    drop(tmp_path, "letters/a.csv", *(f"{n},x" for n in range(count)))
    drop(tmp_path, "letters/b.csv", "other,x")
    system.refused["a.csv"] = readable
    source = part(tmp_path)

    before = values(read(source))
    state = source.snapshot()
    system.wait()
    again = values(read(source))
    system.refused.clear()
    too_soon = values(read(source))
    system.wait()
    after = values(read(source))

    assert before == [*map(str, range(readable)), "other"]
    assert state == {"letters/b.csv@7000000": -1} | ({"letters/a.csv@7000000": readable} if readable else {})
    assert again == too_soon == []
    assert after == [str(n) for n in range(readable, count)]
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
        "file_left file=letters/a.csv reason: Permission denied; it is tried again"
    ]


def test_a_file_that_cannot_be_moved_is_known_as_read_until_it_can(
    tmp_path: Path, system: System, caplog: pytest.LogCaptureFixture
) -> None:
    path, done = drop(tmp_path, "letters/a.csv", "1,2"), tmp_path / "done"
    done.write_text("in the way", encoding="utf-8")
    source = part(tmp_path)
    first = read(source)

    states = []
    for _ in range(4):
        states.append(source.snapshot())
        system.wait()
    rest = read(source) + read(part(tmp_path, states[-1]))
    held = path.exists()
    done.unlink()
    source.snapshot()

    assert (len(first), rest, held, path.exists()) == (1, [], True, False)
    assert states == [{"letters/a.csv@7000000": -1}] * 4
    assert caplog.text.count("file_left file=letters/a.csv reason: ") == 1
    assert source.snapshot() == {}


def test_of_a_full_disk_no_half_of_a_box_is_left(
    tmp_path: Path, system: System, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write_half(path: Path, text: str, encoding: str) -> int:
        path.write_bytes(text[: len(text) // 2].encode(encoding))
        raise OSError(28, "No space left on device", str(path))

    path, done = drop(tmp_path, "letters/a.csv", "1,2"), tmp_path / "done" / "letters" / "a.csv@7000000.sealed"
    source = part(tmp_path)
    read(source)
    source.snapshot()
    with monkeypatch.context() as full:
        full.setattr(Path, "write_text", write_half)
        source.snapshot()
    half = list(done.parent.iterdir())
    system.wait()

    source.snapshot()

    assert "file_left file=letters/a.csv reason: No space left on device" in caplog.text
    assert (half, path.exists(), list(done.parent.iterdir())) == ([], False, [done])


def test_a_file_that_cannot_be_removed_is_sealed_once(
    tmp_path: Path, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    path, done = drop(tmp_path, "letters/a.csv", "1,2"), tmp_path / "done" / "letters" / "a.csv@7000000.sealed"
    source = part(tmp_path)
    read(source)
    source.snapshot()
    with monkeypatch.context() as another_owner:
        another_owner.setattr(Path, "unlink", refuse)
        source.snapshot()
        first = done.read_bytes()
        system.wait()
        source.snapshot()
        system.wait()

    assert (read(source), path.exists(), done.read_bytes()) == ([], True, first)
    source.snapshot()
    assert not path.exists()


def test_a_workbook_that_the_system_keeps_from_us_is_no_broken_workbook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: Path, **_: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(xlsx, "load_workbook", refuse)
    drop(tmp_path, "books/a.xlsx", "1,2")
    source: Any = FolderSource(tmp_path, {"books": Format(type="xlsx")}, Sealer(UNSEALER.public)).build_part(
        "s", "f", {}
    )

    assert read(source) == []
    assert "file_left file=books/a.xlsx reason: Permission denied" in caplog.text
