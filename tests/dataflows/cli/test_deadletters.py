"""`anlan deadletters`: what is shown, what is tried again, and what becomes of it; with the real pool and broker."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from installation import MAPPING, PHONE, Installation, Topics, row

from alerts.model import DeadLetter, Event, to_us
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_schema import Retention
from connectors.clickhouse_writer import Pace
from connectors.deadletter import DeadLetters, Refused
from connectors.door import Door
from connectors.kafka import raw_topic
from connectors.lexicon import load_lexicon
from connectors.metrics import Metrics
from connectors.pseudonym import load_keyring
from connectors.registry import load_channels
from connectors.rows import Failure
from connectors.seal import Sealer, Unsealer, generate_private_key, load_unsealer
from dataflows.cli.deadletters import deadletters
from dataflows.installation import all_mappings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
FOR_EVER = Retention(text=None, tokens=None, events=None, alerts=None, dead_letters=None)
BAD_TIME = row(1, at="02.03.2026 08:00")


class Bench:
    """An installation whose pool holds dead letters; the mended mapping reads another way to write a time."""

    def __init__(self, folder: Path, kafka: str) -> None:
        (folder / "pool").mkdir()
        self.dsn = f"chdb://{folder / 'pool'}"
        self.installation = Installation(folder, kafka=kafka, clickhouse=self.dsn)
        settings = self.installation.settings
        channels, keyring = load_channels(), load_keyring(settings.keyring)
        self.unsealer = load_unsealer(settings.seal_key)
        self.sealer = Sealer(self.unsealer.public)
        self.door = Door(channels, keyring, self.sealer, load_lexicon())
        self.mapping = all_mappings(settings, channels, keyring)["desk"]

    def refused(self, fields: dict[str, str], hours: int = 0, source: str = "file:a.csv:2") -> DeadLetter:
        """The dead letter of a raw row."""
        letter = self.door.admit_row(self.mapping, fields, source, to_us(AT + timedelta(hours=hours)))[0]
        assert isinstance(letter, DeadLetter)
        return letter

    def keep(self, *letters: DeadLetter) -> None:
        """Put dead letters into the pool, as the flow does."""
        with Pool(self.dsn) as pool:
            pool.migrate(FOR_EVER)
        part = PoolSink(self.dsn, Metrics(), pace=Pace(flush_seconds=0)).build_part("s", "pool", None)
        part.write_batch([list(letters)])
        part.snapshot()
        part.close()

    def mend(self) -> Path:
        path = self.installation.mapping
        mended = MAPPING.replace("version: 2", "version: 3").replace(
            "occurred_at: at", "occurred_at: {column: at, format: '%d.%m.%Y %H:%M'}"
        )
        path.write_text(mended, encoding="utf-8")
        return path

    def open_ids(self, status: str = "open") -> list[str]:
        with Pool(self.dsn) as pool:
            return [letter.id for letter in pool.dead_letters(status)]

    def run(self, *words: object, **environment: str) -> Result:
        told = self.installation.environment() | environment
        return CliRunner().invoke(deadletters, [str(word) for word in words], env=told)


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    needs_broker = "topics" in request.fixturenames
    return Bench(tmp_path, request.getfixturevalue("bootstrap") if needs_broker else "127.0.0.1:1")


@pytest.fixture
def topics(bootstrap: str) -> Topics:
    return Topics(bootstrap)


def event_json(**fields: Any) -> bytes:
    return msgspec.json.encode({"id": "e1", "channel": "police", "action": "received", "occurred_at": AT} | fields)


def test_a_list_names_the_letters_the_latest_first(bench: Bench) -> None:
    first, second = bench.refused(BAD_TIME), bench.refused(row(2, kind="tratsch"), 1, "file:a.csv:3")
    bench.keep(first, second)

    told = bench.run("list")

    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["id", second.id, first.id]
    for word in ("2026-03-02 01:00:00", "hotline", "bad_time", "file:a.csv:2", "`occurred_at` must"):
        assert word in lines[2]
    assert PHONE not in told.output


def test_a_list_is_filtered_by_reason_status_channel_and_length(bench: Bench) -> None:
    first, second = bench.refused(BAD_TIME), bench.refused(row(2, kind="tratsch"), 1)
    elsewhere = bench.door.admit_event_json(event_json(violence=9), "http:a/1", to_us(AT))
    assert isinstance(elsewhere, DeadLetter)
    bench.keep(first, second, elsewhere)
    with Pool(bench.dsn) as pool:
        pool.mark_dead_letters([first.id], "given_up", "", AT)

    def ids(*words: str) -> list[str]:
        found = bench.run("list", *words).stdout.splitlines()
        return [line.split()[0] for line in found[1:]] if len(found) > 1 else found

    assert ids("--reason", "bad_time") == ["no dead letters"]
    assert ids("--reason", "bad_time", "--status", "given_up") == [first.id]
    assert ids("--status", "any", "--channel", "hotline") == [second.id, first.id]
    assert ids("--channel", "police") == [elsewhere.id]
    assert ids("--limit", "1") == [second.id]


def test_one_letter_is_shown_with_its_sentence_and_a_scrubbed_copy(bench: Bench) -> None:
    letter = bench.refused(BAD_TIME)
    bench.keep(letter)

    told = bench.run("show", letter.id)

    assert told.exit_code == 0, told.output
    shown = dict(line.split(maxsplit=1) for line in told.stdout.splitlines())
    assert shown["sentence"] == letter.sentence
    assert (shown["place"], shown["mapping"]) == ("file:a.csv:2", "desk version 2")
    assert shown["copy"] == letter.raw
    assert PHONE not in told.output
    assert letter.sealed not in told.output


def test_a_letter_that_is_not_there_is_told(bench: Bench) -> None:
    bench.keep(bench.refused(BAD_TIME))

    told = bench.run("show", "nobody")

    assert told.exit_code == 1
    assert "dead letter must be in the pool; got no `nobody`" in told.stderr


def test_a_mended_mapping_makes_an_event_of_it(bench: Bench, topics: Topics) -> None:
    letter = bench.refused(BAD_TIME)
    bench.keep(letter)
    bench.mend()

    told = bench.run("retry", "--all")

    assert told.exit_code == 0, told.output
    assert "1 retried, 0 failed again" in told.stdout
    event = msgspec.json.decode(topics.records(raw_topic("hotline"))[0].value, type=Event)
    assert (event.id, event.occurred_at) == ("desk/1", datetime(2026, 3, 2, 0, tzinfo=UTC))
    assert PHONE not in told.output + str(event)
    assert bench.open_ids() == []
    assert bench.open_ids("retried") == [letter.id]


def test_what_fails_again_stays_and_says_why(bench: Bench, topics: Topics) -> None:
    mended, still = bench.refused(BAD_TIME), bench.refused(row(2, at="vorgestern"), source="file:a.csv:3")
    bench.keep(mended, still)
    bench.mend()

    told = bench.run("retry", mended.id, still.id)

    assert told.exit_code == 1
    assert "1 retried, 1 failed again" in told.stdout
    assert f"{still.id}: `occurred_at` must" in told.stderr
    assert PHONE not in told.output
    assert topics.ids(raw_topic("hotline")) == ["desk/1"]
    assert bench.open_ids() == [still.id]


def test_a_mapping_may_be_given_and_only_one_reason_tried(bench: Bench, topics: Topics) -> None:
    bad_time, bad_kind = bench.refused(BAD_TIME), bench.refused(row(2, kind="tratsch"), source="file:a.csv:3")
    bench.keep(bad_time, bad_kind)
    elsewhere = bench.mend().rename(bench.installation.folder / "mended.yaml")

    told = bench.run("retry", "--reason", "bad_time", "--mapping", elsewhere)

    assert told.exit_code == 0, told.output
    assert topics.ids(raw_topic("hotline")) == ["desk/1"]
    assert bench.open_ids() == [bad_kind.id]


def test_a_row_that_its_mapping_leaves_out_by_now_is_done_with(bench: Bench, topics: Topics) -> None:
    letter = bench.refused(BAD_TIME)
    bench.keep(letter)
    dropping = MAPPING.replace("drop:", "drop:\n  - {reason: not-ours, when: {no: '1'}}")
    bench.installation.mapping.write_text(dropping, encoding="utf-8")

    told = bench.run("retry", "--all")

    assert told.exit_code == 0, told.output
    assert topics.ids(raw_topic("hotline")) == []
    assert bench.open_ids("retried") == [letter.id]


def test_a_row_whose_department_sealed_it_is_opened_twice(bench: Bench, topics: Topics) -> None:
    box = bench.sealer.seal(msgspec.json.encode(row(1))).encode()
    letter = bench.door.refuse("bad_value", "mapping must be known", box, "kafka:raw.hotline/0/1", to_us(AT), "hotline")
    bench.keep(letter)

    told = bench.run("retry", letter.id, "--mapping", bench.installation.mapping)

    assert told.exit_code == 0, told.output
    assert topics.ids(raw_topic("hotline")) == ["desk/1"]


def test_an_event_that_was_refused_for_its_time_enters_later(bench: Bench, topics: Topics) -> None:
    letter = bench.door.admit_event_json(event_json(), "http:a/1", to_us(AT - timedelta(days=1)))
    assert isinstance(letter, DeadLetter)
    bench.keep(letter)

    told = bench.run("retry", "--reason", "in_the_future")

    assert told.exit_code == 0, told.output
    assert topics.ids(raw_topic("police")) == ["e1"]


def test_letters_that_cannot_be_tried_say_what_to_do(bench: Bench, topics: Topics) -> None:
    line = bench.door.admit_failure(
        bench.mapping, Failure(4, "missing_column", "row must have 5; got 1", b"1"), "file:a.csv:4", to_us(AT)
    )
    gone = msgspec.structs.replace(bench.refused(BAD_TIME), mapping="gone")
    double = DeadLetter("double", "kafka:raw.police/0/9", "duplicate_id", "`id` must be unique", AT, "police")
    foreign = DeadLetters(Sealer(Unsealer(generate_private_key()).public)).make(
        Refused("bad_json", "must be JSON"), source="kafka:raw.police/0/8", raw=b"{", now_us=to_us(AT)
    )
    bench.keep(line, gone, double, foreign)

    every = bench.run("retry", "--all")
    named = bench.run("retry", "double")

    assert (every.exit_code, named.exit_code) == (1, 1)
    assert "0 retried, 3 failed again, 1 without a row left out" in every.stdout
    assert f"{line.id}: row must say its columns; got a line of a CSV file" in every.stderr
    assert f"{gone.id}: mapping of a dead letter must be known; got `gone`" in every.stderr
    assert f"{foreign.id}: box must be base64, sealed for this key" in every.stderr
    assert "double: row of a dead letter must be kept; got none; send it again from where" in named.stderr


@pytest.mark.parametrize("words", [(), ("d1", "--all"), ("--all", "--reason", "bad_time")], ids=["none", "two", "both"])
def test_what_is_tried_must_be_said_in_one_way(bench: Bench, words: tuple[str, ...]) -> None:
    told = bench.run("retry", *words)

    assert told.exit_code == 2
    assert "one of IDs, --reason and --all must be given" in told.stderr


def test_a_pool_that_is_none_is_told(bench: Bench, tmp_path: Path) -> None:
    empty = bench.run("list")
    missing = bench.run("list", ANLAN_CLICKHOUSE=f"chdb://{tmp_path}/missing")

    assert (empty.exit_code, missing.exit_code) == (1, 1)
    assert "`clickhouse` must be a pool with tables; got none" in empty.stderr
    assert f"must be a pool that is there; got no folder ({tmp_path}/missing)" in missing.stderr
    assert not (tmp_path / "missing").exists(), "looking makes nothing"


HOLD = """
import sys
from connectors.clickhouse import Pool
with Pool(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_an_embedded_pool_that_another_process_has_open_says_so(bench: Bench) -> None:
    bench.keep(bench.refused(BAD_TIME))
    command = [sys.executable, "-c", HOLD, bench.dsn]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        told = bench.run("list")

        holder.communicate("")
    assert told.exit_code == 1
    assert "an embedded pool must be open in one process at a time; got one that does not open" in told.stderr
    assert "stop the flow or demo that runs on it first" in told.stderr
