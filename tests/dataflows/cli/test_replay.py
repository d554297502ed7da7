"""`anlan replay`: files in, tables and JSON lines out; the answer does not depend on the order of arrival."""

from __future__ import annotations

import gzip
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from alerts.model import from_us, to_us
from connectors.clickhouse import Pool
from dataflows.cli import main

HOUR = 3_600_000_000
START = 1_772_409_600_000_000


def reports(seed: int, count: int = 300) -> list[dict[str, Any]]:
    """Event v1 of a few people who know each other, without matters: the linker finds them."""
    rng = Random(seed)
    return [
        {
            "id": f"e{number}",
            "channel": rng.choice(["grid", "hotline", "police", "petition"]),
            "action": "received",
            "occurred_at": from_us(START + rng.randrange(21 * 24 * 3600) * 1_000_000).isoformat(),
            "reporter": f"k1:{'abcdefghij'[rng.randrange(10)] * 20}",
            "pair": f"k1:{'klmnop'[rng.randrange(6)] * 20}",
            "category": "dispute",
            "subcategory": rng.choice(["family", "neighbour"]),
            "subject": "estate",
            "region": "620102001",
            "violence": rng.randrange(4),
        }
        for number in range(count)
    ]


def write(path: Path, events: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    return path


def delayed(events: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """The same events, each arriving up to two hours late, in a file in no order at all."""
    rng = Random(seed)
    found = []
    for event in events:
        occurred = to_us(msgspec.convert(event["occurred_at"], type=from_us(0).__class__))
        found.append({**event, "arrived_at": from_us(occurred + rng.randrange(2 * HOUR)).isoformat()})
    rng.shuffle(found)
    return found


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, arguments)])


def alerts_of(tmp_path: Path, *arguments: object) -> list[dict[str, Any]]:
    out = tmp_path / "alerts.jsonl"
    result = run(*arguments, "--alerts-out", out)
    assert result.exit_code == 0, result.output
    return [msgspec.json.decode(line) for line in out.read_bytes().splitlines()]


def weak(alerts: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """What any order of arrival must give; when a channel was silent is a matter of arrival itself."""
    return {
        (a["rule"], msgspec.json.encode(a["key"]), a["episode"], a["level_max"], tuple(a["evidence_ids"]))
        for a in alerts
        if a["state"] not in ("retracted", "merged") and a["rule"] != "cs.channel-silent"
    }


def test_five_arrival_orders_and_two_workers_give_the_same_alerts(tmp_path: Path) -> None:
    events = reports(1)
    wanted = weak(alerts_of(tmp_path, write(tmp_path / "a.jsonl", delayed(events, 0))))

    assert len(wanted) > 20
    for seed in range(1, 5):
        path = write(tmp_path / "b.jsonl", delayed(events, seed))
        assert weak(alerts_of(tmp_path, path, "--workers", 1 + seed % 2)) == wanted


def test_alerts_are_sorted_and_carry_what_was_promised(tmp_path: Path) -> None:
    alerts = alerts_of(tmp_path, write(tmp_path / "a.jsonl", delayed(reports(2), 0)))

    keys = [(a["rule"], msgspec.json.encode(a["key"], order="sorted"), a["episode"]) for a in alerts]
    assert keys == sorted(keys)
    promised = (
        "rule key episode state reason level level_max count distinct steps branches "
        "first_occurred_at last_occurred_at evidence_ids"
    )
    assert all(set(promised.split()) <= set(alert) for alert in alerts)
    assert all(alert["evidence_ids"] == sorted(alert["evidence_ids"]) for alert in alerts)


def test_revisions_are_gapless_in_the_feed_and_for_each_alert(tmp_path: Path) -> None:
    out = tmp_path / "revisions.jsonl"

    result = run(write(tmp_path / "a.jsonl", delayed(reports(3), 0)), "--revisions-out", out)

    revisions = [msgspec.json.decode(line) for line in out.read_bytes().splitlines()]
    assert result.exit_code == 0
    assert [r["feed_seq"] for r in revisions] == list(range(1, len(revisions) + 1))
    last: dict[str, dict[str, Any]] = {}
    for revision in revisions:
        before = last.get(revision["alert_id"], {"revision": 0, "content_hash": ""})
        assert revision["revision"] == before["revision"] + 1
        assert revision["prev_hash"] == before["content_hash"]
        last[revision["alert_id"]] = revision


def test_events_come_out_with_the_matter_they_were_joined_to(tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"

    run(write(tmp_path / "a.jsonl", reports(4, 50)), "--events-out", out)

    events = [msgspec.json.decode(line) for line in out.read_bytes().splitlines()]
    assert {event["id"] for event in events} == {f"e{number}" for number in range(50)}
    assert all(event["matter"] and event["arrived_at"] for event in events)


def test_a_broken_row_of_each_sort_is_a_dead_letter_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = reports(5, 3)
    encode = msgspec.json.encode
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b"\n".join(
            [
                encode(good[0]),
                b'{"id": "broken',
                encode({**good[1], "id": "t", "occurred_at": "yesterday"}),
                encode({**good[1], "id": "z", "occurred_at": "2026-03-02T09:00:00"}),
                encode({**good[1], "id": "c", "channel": "pigeon"}),
                encode({**good[1], "id": "big", "text": "长" * 4_000_000}),
                encode({**good[1], "id": "enc"})[:-1] + b',"text":"\xff\xfe"}',
                encode({name: value for name, value in good[1].items() if name != "action"}),
                encode(good[1]),
                encode(good[1]),
                encode(good[2]),
            ]
        )
    )
    dead = tmp_path / "dead.jsonl"

    result = run(path, "--deadletters-out", dead, "--events-out", tmp_path / "events.jsonl")

    letters = [msgspec.json.decode(line) for line in dead.read_bytes().splitlines()]
    assert result.exit_code == 0
    assert len((tmp_path / "events.jsonl").read_bytes().splitlines()) == 3
    assert sorted(letter["reason"] for letter in letters) == sorted(
        [
            "bad_json",
            "bad_time",
            "bad_time",
            "unknown_channel",
            "too_large",
            "bad_encoding",
            "missing_field",
            "duplicate_id",
        ]
    )
    assert all(" must " in letter["sentence"] and letter["source"] for letter in letters)


def test_raw_rows_are_read_with_a_mapping_and_counted_in_the_pool(tmp_path: Path, clickhouse_dsn: str) -> None:
    mapping = Path(__file__).parents[3] / "connectors" / "mappings" / "columbia-dispatch.yaml"
    path = tmp_path / "export.csv.gz"
    header = "call_datetime_local,incident,service,agency,type,location_block,lat,lon,first_seen_utc"
    rows = [
        f"2025-11-05 0{n}:07:50,20253086{n},,,LAW ALARM,{n}00 BLOCK  ELM ST,38.9,-92.3,2025-11-06T09:02:41Z"
        for n in range(9)
    ]
    with gzip.open(path, "wt") as out:
        out.write("\n".join([header, *rows]) + "\n")

    result = run(path, "--mapping", mapping, "--pool", clickhouse_dsn)

    assert result.exit_code == 0, result.output
    with Pool(clickhouse_dsn) as pool:
        assert pool.count_events() == 9
        assert pool.recount_check() == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "Missing argument"),
        (["nowhere.jsonl"], 2, "does not exist"),
        ([__file__, "--rules", __file__], 1, "test_replay.py"),
    ],
    ids=["no file", "a file that is not there", "a rule file that is none"],
)
def test_what_is_wrong_is_said_with_the_right_exit_code(arguments: list[str], code: int, said: str) -> None:
    result = run(*arguments)

    assert result.exit_code == code
    assert said in result.output
