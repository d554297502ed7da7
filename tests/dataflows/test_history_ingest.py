"""A centre's past goes in before the first start, and the flow begins as if it had always run."""

from __future__ import annotations

import gzip
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from family_reports import family_reports
from live_flow import LiveFlow, in_topic, logged_events, read_log, send, wait_until
from subscribing import revision_reader

from alerts.model import Arrival, Book, Revision, to_us
from connectors.calendars import load_calendars
from connectors.clickhouse import Pool
from connectors.kafka import INTAKE_LOG, BrokerError, log_bounds
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.cli import main
from dataflows.cli.city import city
from dataflows.log_replay import replay_log

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

DAYS = 15
MAPPING = """
apiVersion: mappings/v1
id: {name}
version: 1
title: {{zh: 表, en: table}}
format: {{type: csv}}
zone: Asia/Shanghai
channel: walkin
fields:
  id: {{template: "{name}-{{{column}}}"}}
  occurred_at: at
events:
  - action: received
tests:
  - name: a row is an event
    rows:
      - {{{column}: x, at: "2026-03-09 10:00:00"}}
    expect:
      - {{id: {name}-x, occurred_at: "2026-03-09T02:00:00Z"}}
"""
EVER_US = 1 << 61


@pytest.fixture
def past(tmp_path: Path) -> Path:
    """A small city's last days, until yesterday."""
    file = tmp_path / "past.jsonl.gz"
    start = (datetime.now(UTC) - timedelta(days=DAYS + 1)).date().isoformat()
    words = ["--days", str(DAYS), "--reports-per-day", "60", "--start", start, "--out", str(file)]
    assert CliRunner().invoke(city, words).exit_code == 0
    return file


def ingest(live_flow: LiveFlow, *words: object) -> Result:
    environment = {"COLUMNS": "120"} | live_flow.environment()
    return CliRunner().invoke(main, ["ingest", *map(str, words)], env=environment)


def test_the_flow_begins_as_if_it_had_always_run(live_flow: LiveFlow, past: Path) -> None:
    told = ingest(live_flow, past, "--history")

    assert told.exit_code == 0, told.output
    bootstrap = live_flow.broker.bootstrap
    (at_us, book), *records = [(at, record) for at, record in read_log(bootstrap) if record is not None]
    assert isinstance(book, Book)
    arrived = [to_us(record.event.arrived_at) for _, record in records if isinstance(record, Arrival)]
    assert at_us < arrived[0] < to_us(datetime.now(UTC) - timedelta(days=DAYS))
    assert f"{len(arrived):,}" in told.stdout

    live_flow.start()
    wait_until(lambda: "rebuild_done" in live_flow.said(), "the past must be judged")
    now, since = family_reports(1, 30), datetime.now(UTC)
    send(bootstrap, now)
    wait_until(lambda: logged_events(bootstrap) >= len(arrived) + len(now), "what comes now must reach the log")
    reader = revision_reader(live_flow.valkey.url)
    wait_until(lambda: any(each.detected_at > since for each in reader.read()), "what came now must be told")
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]

    revisions = in_topic(bootstrap)
    assert [place(each) for each in revisions] == replayed(bootstrap)[: len(revisions)]
    old = [each for each in revisions if to_us(each.published_at) <= arrived[-1]]
    assert len(old) > 10
    assert min(to_us(each.first_occurred_at) for each in old) < to_us(datetime.now(UTC) - timedelta(days=DAYS - 5))
    with Pool(live_flow.dsn) as pool:
        assert pool.count_events() == len({record.event.id for _, record in read_log(bootstrap) if is_pooled(record)})

    again = ingest(live_flow, past, "--history")
    assert again.exit_code == 1
    assert "a history must be there before the flow's first start; got a state that it has run on" in again.output


def replayed(bootstrap: str) -> list[tuple[str, int, str]]:
    """What the log says from its beginning, without what is only tried."""
    channels = load_channels()
    rules = load_rules([RULES_FOLDER], channels)
    said = replay_log(bootstrap, rules, channels, load_calendars(), EVER_US)
    return [place(each) for each in said if each.origin != "shadow"]


def place(revision: Revision) -> tuple[str, int, str]:
    return revision.alert_id, revision.revision, revision.content_hash


def is_pooled(record: object) -> bool:
    return isinstance(record, Arrival) and record.event.action != "heartbeat"


def test_what_breaks_off_goes_on_and_what_is_not_past_is_refused(live_flow: LiveFlow, tmp_path: Path) -> None:
    old, part, soon = (tmp_path / name for name in ("old.jsonl", "part.jsonl", "soon.jsonl"))
    events = [msgspec.json.encode(event) for event in family_reports(1, 20)]
    old.write_bytes(b"\n".join([*events, b"{"]))
    part.write_bytes(b"\n".join(events[:10]))
    ahead = family_reports(2, 1)[0]
    ahead = msgspec.structs.replace(ahead, arrived_at=datetime.now(UTC) + timedelta(hours=1))
    soon.write_bytes(msgspec.json.encode(ahead))
    dead = tmp_path / "dead.jsonl"

    assert ingest(live_flow, old, "--history", "--dead-out", dead).exit_code == 0
    again = ingest(live_flow, old, "--history")
    cut = ingest(live_flow, part, "--history")
    refused = ingest(live_flow, soon, "--history")

    assert cells(again) == {"events written": "0", "in the log already": "20"} | times(again)
    assert "dead: bad_json 1" in again.stdout
    assert b"bad_json" in dead.read_bytes()
    assert cut.exit_code == 1
    assert "a history must reach to where the intake log ends; got one until" in cut.output
    assert refused.exit_code == 1
    assert "a history must have arrived after 1970 and before now; got" in refused.output
    assert "(file:soon.jsonl:1)" in refused.output


def test_files_that_are_not_those_of_before_are_refused_and_written_when_that_is_asked_for(
    live_flow: LiveFlow, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    events = [msgspec.json.encode(event) for event in family_reports(1, 20)]
    first.write_bytes(b"\n".join(events[::2]))
    second.write_bytes(b"\n".join(events[1::2]))
    assert ingest(live_flow, first, "--history").exit_code == 0

    other = ingest(live_flow, second, "--history")
    both = ingest(live_flow, first, second, "--history")
    anew = ingest(live_flow, first, second, "--history", "--anew")
    again = ingest(live_flow, first, second, "--history")

    for refused in (other, both):
        assert refused.exit_code == 1
        assert "a history that is given again must begin with what the intake log holds; got another" in refused.output
        assert "or with `--anew`, which writes the log again" in refused.output
    assert cells(anew) == {"events written": "20", "in the log already": "0"} | times(anew)
    assert cells(again) == {"events written": "0", "in the log already": "20"} | times(again)
    assert logged_events(live_flow.broker.bootstrap) == 20
    alone = ingest(live_flow, first, "--anew")
    assert (alone.exit_code, "`--anew` must go with `--history`" in alone.output) == (2, True)


def test_each_export_has_its_mapping(live_flow: LiveFlow, tmp_path: Path) -> None:
    plain, files, mappings = tmp_path / "plain.jsonl", [], []
    plain.write_bytes(b"\n".join(msgspec.json.encode(event) for event in family_reports(1, 3)))
    for name, column in (("a", "number"), ("b", "id")):
        files.append(tmp_path / f"{name}.csv")
        mappings += ["--mapping", str(tmp_path / f"{name}.yaml")]
        files[-1].write_text(f"{column},at\n{name}1,2026-03-09 10:00:00\n{name}2,2026-03-09 11:00:00\n")
        (tmp_path / f"{name}.yaml").write_text(MAPPING.format(name=name, column=column), encoding="utf-8")

    several = ingest(live_flow, *files, plain, *mappings, "--mapping", "-", "--history")
    too_few = ingest(live_flow, *files, plain, *mappings, "--history")

    assert several.exit_code == 0, several.output
    assert cells(several)["events written"] == "7"
    assert too_few.exit_code == 2
    assert "`--mapping` must be given once for all FILES or once for each; got 2 for 3 files" in too_few.output


def test_what_cannot_have_arrived_like_that_is_refused(live_flow: LiveFlow, tmp_path: Path) -> None:
    """Exports are often newest first, and often have a year that stands for none."""
    turned, early, cut = tmp_path / "turned.csv", tmp_path / "early.jsonl", tmp_path / "cut.jsonl.gz"
    mapping = tmp_path / "a.yaml"
    mapping.write_text(MAPPING.format(name="a", column="number"), encoding="utf-8")
    days = [f"a{day},2026-03-{day:02} 10:00:00" for day in range(1, 21)]
    turned.write_text("\n".join(["number,at", *reversed(days)]) + "\n")
    nowhere = msgspec.structs.replace(family_reports(1, 1)[0], arrived_at=datetime(1970, 1, 1, tzinfo=UTC))
    early.write_bytes(msgspec.json.encode(nowhere))
    cut.write_bytes(gzip.compress(msgspec.json.encode(nowhere) * 99)[:-20])

    newest_first = ingest(live_flow, turned, "--mapping", mapping, "--history")
    turned.write_text("\n".join(["number,at", *days[:-1], days[3], days[-1]]) + "\n")
    late = ingest(live_flow, turned, "--mapping", mapping, "--history", "--anew")
    refused = [ingest(live_flow, each, "--history", "--anew") for each in (early, cut)]

    assert newest_first.exit_code == 1
    assert "must have its oldest rows first; got 19 of 20 events a day or more older than" in newest_first.output
    assert late.exit_code == 0, late.output
    assert "1 events are a day or more older than one above them in their file" in late.stdout
    assert "the first is file:turned.csv:21" in late.stdout
    for told, said in zip(
        refused, ("after 1970 and before now; got 1970-01-01T00:00:00", "whole gzip; got"), strict=True
    ):
        assert told.exit_code == 1
        assert said in told.output


def test_rules_that_are_wrong_are_said_before_anything_is_written(live_flow: LiveFlow, past: Path) -> None:
    rules = live_flow.folder / "rules"
    rules.mkdir()
    (rules / "wrong.yaml").write_text("apiVersion: rules/v1\nid: wrong\n", encoding="utf-8")
    live_flow.settings["ANLAN_RULES"] = str(rules)

    told = ingest(live_flow, past, "--history")

    assert told.exit_code == 1
    assert "wrong.yaml" in told.output
    with pytest.raises(BrokerError, match=r"events\.v1"):
        log_bounds(live_flow.broker.bootstrap, INTAKE_LOG)


def cells(told: Result) -> dict[str, str]:
    """The table, without its frame."""
    rows = (line.strip("│ ").split("│") for line in told.stdout.splitlines() if line.startswith("│"))
    return {name.strip(): value.strip() for name, value in rows}


def times(told: Result) -> dict[str, str]:
    return {name: value for name, value in cells(told).items() if "arrival" in name}
