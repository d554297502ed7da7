"""`anlan ingest`: what reaches the topics, what is said, and with which exit code."""

from __future__ import annotations

import gzip
import socket
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from installation import PHONE, Installation, Topics, csv_file, row

from alerts.model import DeadLetter, Event
from connectors.kafka import DEAD_LETTERS, raw_topic
from connectors.pseudonym import load_keyring
from connectors.seal import load_unsealer
from dataflows.cli import ingest as cli_ingest
from dataflows.cli.ingest import ingest


@pytest.fixture
def installation(tmp_path: Path, request: pytest.FixtureRequest) -> Installation:
    marked = request.node.get_closest_marker("integration")
    bootstrap = request.getfixturevalue("bootstrap") if marked else "127.0.0.1:1"
    return Installation(tmp_path, kafka=bootstrap)


def run(*words: object, **environment: str) -> Result:
    return CliRunner().invoke(ingest, [str(word) for word in words], env={"COLUMNS": "120"} | environment)


def lines(path: Path, *events: Any) -> Path:
    content = b"\n".join(each if isinstance(each, bytes) else msgspec.json.encode(each) for each in events)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def event(name: str, **fields: Any) -> dict[str, Any]:
    at = "2026-03-02T09:00:00+08:00"
    return {"id": name, "channel": "police", "action": "received", "occurred_at": at} | fields


def cells(told: Result) -> list[list[str]]:
    """The rows of the table at the end."""
    return [line.replace("│", " ").split() for line in told.stdout.splitlines() if line.startswith("│")]


@pytest.mark.integration
def test_raw_rows_are_mapped_here_and_only_what_names_nobody_leaves(
    installation: Installation, tmp_path: Path, bootstrap: str
) -> None:
    topics = Topics(bootstrap)
    rows = [row(1, f"电话{PHONE}"), row(2, "测试"), row(3, at="gestern"), row(4)]
    file = csv_file(tmp_path / "export.csv", rows)
    since = int(time.time() * 1e6)

    told = run(file, "--mapping", installation.mapping, **installation.environment())

    assert told.exit_code == 0, told.output
    records = topics.records(raw_topic("hotline"))
    events = [msgspec.json.decode(record.value, type=Event) for record in records]
    token = load_keyring(installation.settings.keyring).token("phone", PHONE)
    assert [(one.id, one.reporter) for one in events] == [("desk/1", token), ("desk/4", token)]
    assert all(record.produced_us >= since - 1_000_000 for record in records)
    letter = msgspec.json.decode(topics.records(DEAD_LETTERS)[0].value, type=DeadLetter)
    assert (letter.reason, letter.source, letter.mapping) == ("bad_time", "file:export.csv:4", "desk")
    opened = load_unsealer(installation.settings.seal_key).unseal(letter.sealed)
    assert msgspec.json.decode(opened) == row(3, at="gestern")
    assert PHONE not in told.output + str(events) + str(letter)
    assert cells(told) == [["export.csv", "4", "2", "1", "1"]]
    assert "dead: bad_time 1" in told.stdout
    assert "dropped: test-row 1" in told.stdout
    assert "export.csv: 4 rows, all sent" in told.stderr


@pytest.mark.integration
def test_events_of_several_files_are_sent_and_summed(
    installation: Installation, tmp_path: Path, bootstrap: str
) -> None:
    topics = Topics(bootstrap)
    files = [
        lines(tmp_path / "a.jsonl", event("a1"), b"", b"{", event("a2")),
        lines(tmp_path / "b.jsonl.gz", event("b1"), event("b2", channel="fax")),
    ]
    dead_out = tmp_path / "dead.jsonl"

    told = run(*files, "--dead-out", dead_out, **installation.environment())

    assert told.exit_code == 0, told.output
    assert topics.ids(raw_topic("police")) == ["a1", "a2", "b1"]
    assert cells(told) == [
        ["a.jsonl", "3", "2", "1", "0"],
        ["b.jsonl.gz", "2", "1", "1", "0"],
        ["all", "5", "3", "2", "0"],
    ]
    written = [msgspec.json.decode(line) for line in dead_out.read_bytes().splitlines()]
    assert [letter["source"] for letter in written] == ["file:a.jsonl:3", "file:b.jsonl.gz:2"]
    assert topics.ids(DEAD_LETTERS) == [letter["id"] for letter in written]


@pytest.mark.integration
def test_settings_come_from_a_file_and_what_is_said_on_the_line_wins(
    installation: Installation, tmp_path: Path, bootstrap: str
) -> None:
    topics = Topics(bootstrap)
    config = tmp_path / "anlan.toml"
    config.write_text(f"kafka = '127.0.0.1:1'\nkeyring = '{installation.settings.keyring}'", encoding="utf-8")
    file = lines(tmp_path / "a.jsonl", event("a1"), b"{")

    told = run(file, "--config", config, "--kafka", bootstrap)

    assert told.exit_code == 0, told.output
    assert topics.ids(raw_topic("police")) == ["a1"]
    assert "rows of dead letters are not kept without `seal_key`" in told.stdout


@pytest.mark.integration
def test_a_file_that_breaks_off_is_told_and_what_came_before_is_sent(
    installation: Installation, tmp_path: Path, bootstrap: str
) -> None:
    topics = Topics(bootstrap)
    whole = gzip.compress(b"\n".join(msgspec.json.encode(event(f"a{n}")) for n in range(1000)), 0)
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(whole[: len(whole) // 2])

    told = run(file, **installation.environment())

    assert told.exit_code == 1
    assert "file must be whole gzip; got" in told.stderr
    assert "a.jsonl.gz" in told.stderr
    assert topics.ids(raw_topic("police"))[:1] == ["a0"]


def test_a_broker_that_is_away_is_told_within_the_bound(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_ingest, "BROKER_SECONDS", 0.5)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        told = run(lines(tmp_path / "a.jsonl", event("a")), "--kafka", address, **installation.environment())

    assert told.exit_code == 1
    assert "broker must answer within 0.5 s; got" in told.stderr
    assert address in told.stderr


def test_without_the_keyring_of_the_installation_it_is_wrong_usage(tmp_path: Path) -> None:
    told = run(lines(tmp_path / "a.jsonl", event("a")))

    assert told.exit_code == 2
    assert "the keyring of the installation must be given, because tokens of two keys do not meet" in told.stderr
    assert "ANLAN_KEYRING" in told.stderr


@pytest.mark.parametrize("words", [(), ("missing.jsonl",), ("--tempo", "1")], ids=["no file", "no such", "option"])
def test_wrong_words_are_wrong_usage(words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


def test_a_wrong_mapping_is_told_before_anything_is_sent(installation: Installation, tmp_path: Path) -> None:
    mapping = tmp_path / "wrong.yaml"
    mapping.write_text("apiVersion: mappings/v1\nid: x\nfeilds: {}\n", encoding="utf-8")

    told = run(csv_file(tmp_path / "a.csv", [row(1)]), "--mapping", mapping, **installation.environment())

    assert told.exit_code == 1
    assert "feilds" in told.stderr
    assert "wrong.yaml:3" in told.stderr
