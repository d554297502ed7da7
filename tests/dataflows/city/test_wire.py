"""Raw rows as bytes and files."""

from __future__ import annotations

import csv
import io
import json

import openpyxl
import pytest

from dataflows.city import City, RawRow
from dataflows.city.wire import COLUMNS, Drop, to_bytes, to_files

CITY = City(days=3, reports_per_day=600)


@pytest.fixture(scope="module")
def drops() -> list[Drop]:
    return list(to_files(CITY))


def test_a_row_for_kafka_is_one_json_object() -> None:
    row = next(row for row in CITY if row.way == "kafka")

    assert json.loads(to_bytes(row)) == row.row


def test_a_broken_row_stays_as_it_is() -> None:
    assert to_bytes(RawRow(0, "police", "kafka", "police-110", b'{"JLLX')) == b'{"JLLX'


def test_every_file_row_is_in_a_file_and_files_come_in_order(drops: list[Drop]) -> None:
    rows = [row for row in CITY if row.way == "file"]
    lines = sum(drop.content.count(b"\r\n") - 1 for drop in drops if drop.name.endswith("csv")) + sum(
        len(sheet(drop)) - 1 for drop in drops if drop.name.endswith("xlsx")
    )

    assert lines == len(rows)
    assert [drop.arrives_at_us for drop in drops] == sorted(drop.arrives_at_us for drop in drops)
    assert len({drop.name for drop in drops}) == len(drops)


def test_a_petition_file_is_gbk(drops: list[Drop]) -> None:
    drop = next(drop for drop in drops if drop.mapping == "petition-letters")

    header, *rows = csv.reader(io.StringIO(drop.content.decode("gbk")))
    assert tuple(header) == COLUMNS["petition-letters"]
    assert rows[-1][1] == "导出截止"


def test_a_court_file_is_a_spreadsheet(drops: list[Drop]) -> None:
    drop = next(drop for drop in drops if drop.mapping == "court-mediation")

    assert sheet(drop)[0] == COLUMNS["court-mediation"]


def sheet(drop: Drop) -> list[tuple[str, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(drop.content), read_only=True)
    return list(book.worksheets[0].iter_rows(values_only=True))


def test_a_row_with_another_header_lies_in_a_file_of_its_own(drops: list[Drop]) -> None:
    odd = [
        drop
        for drop in drops
        if drop.mapping == "petition-letters" and b"\xb5\xc7\xbc\xc7\xca\xb1\xbc\xe4" not in drop.content
    ]

    assert all(drop.content.count(b"\r\n") == 2 for drop in odd)
