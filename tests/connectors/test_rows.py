"""Rows of files: what is read, what fails, and that reading goes on."""

from __future__ import annotations

import gzip
import io
from datetime import datetime as spreadsheet_time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from connectors.rows import Failure, Format, Row, read_rows, read_stream

CSV = Format()
JSONL = Format(type="jsonl")
XLSX = Format(type="xlsx")


def _read(data: bytes | str, how: Format = CSV) -> list[Row | Failure]:
    return list(read_stream(io.BytesIO(data.encode() if isinstance(data, str) else data), how))


def _short(rows: list[Row | Failure]) -> list[tuple[int, object]]:
    return [(one.position, one.reason if isinstance(one, Failure) else one.fields) for one in rows]


def test_csv_rows_come_with_their_line() -> None:
    rows = _read('号,内容\r\n1,漏水\r\n\r\n2,"两行\n一格"\r\n3,"说""好"""\r\n')

    assert _short(rows) == [
        (2, {"号": "1", "内容": "漏水"}),
        (4, {"号": "2", "内容": "两行\n一格"}),
        (6, {"号": "3", "内容": '说"好"'}),
    ]


def test_a_byte_order_mark_is_not_part_of_the_first_column() -> None:
    assert _short(_read(b"\xef\xbb\xbfa,b\n1,2\n")) == [(2, {"a": "1", "b": "2"})]


def test_gb18030_is_read_where_the_mapping_names_it() -> None:
    data = "号,内容\n1,刘家峡𬨎\n".encode("gb18030")

    assert _short(_read(data, Format(encoding="gb18030"))) == [(2, {"号": "1", "内容": "刘家峡𬨎"})]


def test_another_delimiter_and_a_title_above_the_header() -> None:
    rows = _read("三月报表\na\tb\n1\t2\n", Format(delimiter="\t", header=2))

    assert _short(rows) == [(3, {"a": "1", "b": "2"})]


def test_a_wrong_byte_costs_its_row_only() -> None:
    rows = _read(b"a,b\n1,\xff\xfe\n2,ok\n")

    assert _short(rows) == [(2, "bad_encoding"), (3, {"a": "2", "b": "ok"})]
    assert rows[0].sentence == "row must be utf-8; got byte 255 at 2"
    assert rows[0].raw == b"1,\xff\xfe\n"


@pytest.mark.parametrize(
    ("line", "reason", "sentence"),
    [
        ("1", "missing_column", "row must have the 2 columns of the header; got 1"),
        ("1,2,3", "bad_value", "row must have the 2 columns of the header; got 3"),
    ],
)
def test_a_row_of_another_width_fails(line: str, reason: str, sentence: str) -> None:
    rows = _read(f"a,b\n{line}\n1,2\n")

    assert (rows[0].reason, rows[0].sentence) == (reason, sentence)
    assert _short(rows)[1] == (3, {"a": "1", "b": "2"})


def test_a_line_that_is_too_long_is_passed_over_without_keeping_it() -> None:
    long = b'{"a": "' + b"x" * 10_000 + b'"}\n'
    rows = _read(b'{"a": 1}\n' + long + b'{"a": 2}\n', Format(type="jsonl", max_line=1_000))

    assert _short(rows) == [(1, {"a": 1}), (2, "too_large"), (3, {"a": 2})]
    assert len(rows[1].raw) == 1_001
    assert rows[1].sentence == "row must be at most 1000 bytes; got more"


def test_a_quote_that_never_closes_costs_no_more_than_one_longest_row() -> None:
    data = 'a,b\n1,"open\n' + "2,fine\n" * 30

    rows = _read(data, Format(max_line=100))

    assert rows[0].reason == "too_large"
    assert [one.fields for one in rows[1:] if isinstance(one, Row)] == [{"a": "2", "b": "fine"}] * (len(rows) - 1)
    assert len(rows) > 15


def test_json_lines_keep_their_types_and_fail_one_by_one() -> None:
    rows = _read(b'{"a": 1, "b": {"c": true}}\n\nnot json\n[1]\n\xff\n{"a": 2}', JSONL)

    assert _short(rows) == [
        (1, {"a": 1, "b": {"c": True}}),
        (3, "bad_json"),
        (4, "bad_json"),
        (5, "bad_encoding"),
        (6, {"a": 2}),
    ]
    assert rows[2].sentence == "row must be a JSON object; got list"


def test_a_gzipped_file_is_unpacked_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "export.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))

    assert _short(list(read_rows(path, CSV))) == [(2, {"a": "1", "b": "2"})]


def test_a_gzip_that_breaks_off_gives_its_rows_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "export.csv.gz"
    lines = "".join(f"{n},{n * n}\n" for n in range(5_000))
    path.write_bytes(gzip.compress(b"a,b\n" + lines.encode())[:-20])

    rows = list(read_rows(path, CSV))

    assert len(rows) > 4_000
    assert isinstance(rows[-1], Failure)
    assert rows[-1].sentence.startswith("file must be whole gzip; got")


def _workbook(path: Path) -> Path:
    book = Workbook()
    book.create_sheet("说明", 0)["A1"] = "not here"
    sheet = book["Sheet"]
    for row in (
        ["号", "电话", "时间", "是否", "备注"],
        [1, 13800001111.0, spreadsheet_time.fromisoformat("2026-03-02T09:30"), True, None],
        [None, None, None, None, None],
        [2, "0931", None, False, "多", "多余"],
    ):
        sheet.append(row)
    book.save(path)
    return path


def test_a_spreadsheet_gives_what_a_person_sees(tmp_path: Path) -> None:
    rows = list(read_rows(_workbook(tmp_path / "export.xlsx"), Format(type="xlsx", sheet="Sheet")))

    assert _short(rows) == [
        (2, {"号": "1", "电话": "13800001111", "时间": "2026-03-02 09:30:00", "是否": "true", "备注": ""}),
        (4, "bad_value"),
    ]


def test_a_spreadsheet_without_the_sheet_says_which_it_has(tmp_path: Path) -> None:
    rows = list(read_rows(_workbook(tmp_path / "export.xlsx"), Format(type="xlsx", sheet="三月")))

    assert rows[0].sentence == "workbook must have the sheet `三月`; got 说明, Sheet"


def test_a_file_that_is_no_spreadsheet_is_one_failure(tmp_path: Path) -> None:
    path = tmp_path / "export.xlsx"
    path.write_bytes(b"a,b\n1,2\n")

    assert [one.reason for one in read_rows(path, XLSX) if isinstance(one, Failure)] == ["bad_encoding"]


@given(st.binary(max_size=300), st.sampled_from(["csv", "jsonl"]), st.sampled_from(["utf-8", "gb18030"]))
def test_no_bytes_stop_the_reader(data: bytes, kind: str, encoding: str) -> None:
    rows = _read(data, Format(type=kind, encoding=encoding, max_line=50))

    positions = [one.position for one in rows]
    assert positions == sorted(set(positions))
