"""A centre's past goes in before the first start, and the flow begins as if it had always run."""

from __future__ import annotations

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
    assert "a history must have arrived before now; got" in refused.output
    assert "(file:soon.jsonl:1)" in refused.output


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
