"""`anlan digest`: the pool and a replay of the log say the same, and where they do not it says what differs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import bytewax.operators as op
import msgspec
import pytest
from bytewax.dataflow import Dataflow
from bytewax.run import cli_main
from click.testing import CliRunner, Result
from revisions import a_revision
from written_log import book_at, rising, write_log

from alerts.digest import bounds, local_day
from alerts.model import Arrival, Event, Record, Revision, from_us, to_us
from alerts.rule_book import RuleBook
from alerts.rule_file import RuleFile, Window
from connectors.calendars import load_calendars
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_rows import columns_of
from connectors.embedded import Broker
from connectors.kafka import LogSource
from connectors.metrics import Metrics
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.books import Books
from dataflows.cli import main
from dataflows.cli.digest import digest
from dataflows.detect import add_detection
from dataflows.log_replay import replay_log
from dataflows.past import Past
from dataflows.run import log_rows

pytestmark = pytest.mark.integration

HOUR = 3_600_000_000
START = 1_772_409_600_000_000  # 2026-03-02 08:00 in Shanghai
DAYS = 12
CHANNELS = load_channels()
LAST = local_day(START + DAYS * 24 * HOUR) - timedelta(days=1)
EDITED = "rc.repeat-contact"
PAGE = Path(__file__).parents[3] / "docs" / "digests.md"
COMMANDS = re.findall(r"anlan (digest --[^|\n]*)", PAGE.read_text(encoding="utf-8"))


def reports(seed: int, count: int = 260) -> list[Record]:
    """Reports of a few families and residents over twelve days, each up to two hours late."""
    rng = Random(seed)
    found = []
    for number in range(count):
        at = START + rng.randrange(DAYS * 24) * HOUR + rng.randrange(3600) * 1_000_000
        event = Event(
            id=f"e{number}", channel=rng.choice(["grid", "hotline", "police", "petition"]), action="received",
            occurred_at=from_us(at), reporter=f"k1:{'abcdef'[rng.randrange(6)] * 20}",
            pair=f"k1:{'klmn'[rng.randrange(4)] * 20}", category="dispute",
            subcategory=rng.choice(["family", "neighbour"]), region=rng.choice(["620102001", "620722100"]),
            violence=rng.randrange(4),
        )  # fmt: skip
        found.append(Arrival(event, at + rng.randrange(2 * 3600) * 1_000_000))
    return sorted(found, key=lambda arrival: arrival.arrived_us)


def shipped() -> list[RuleFile]:
    return [rule.spec for rule in load_rules([RULES_FOLDER], CHANNELS)]


def edited(rules: list[RuleFile]) -> list[RuleFile]:
    """Another window for one of them: a generation of its own, warmed with what came before."""
    (rule,) = (rule for rule in rules if rule.id == EDITED)
    other = msgspec.structs.replace(rule, version=rule.version + 1, window=Window(size="5d", lateness="6h"))
    return [other if each is rule else each for each in rules]


def log_with_an_edit() -> list[Record]:
    rules = shipped()
    events = reports(3)
    half = len(events) // 2
    first = book_at(START - HOUR, rules)
    second = book_at(events[half].arrived_us, edited(rules))
    return rising([first, *events[:half], second, *events[half:]])


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Broker(tmp_path_factory.mktemp("broker")) as broker:
        write_log(broker.bootstrap, log_with_an_edit())
        yield broker.bootstrap


@pytest.fixture
def pool(kafka: str, tmp_path: Path) -> str:
    """A pool that a flow has filled from the log, as in production; where it is cut into slices is another place."""
    dsn = f"chdb://{tmp_path / 'pool'}"
    with Pool(dsn) as opened:
        opened.migrate()
    metrics, flow = Metrics(), Dataflow("fill")
    compiler = partial(RuleBook.compiled, channels=CHANNELS, calendars=load_calendars())
    rules, log = load_rules([RULES_FOLDER], CHANNELS), LogSource(kafka, until_end=True, batch=20)
    cuts = op.input("log", flow, log)
    found = add_detection(cuts, rules, CHANNELS, 2, Books(metrics), compiler, Past(dsn))
    said = op.map("said", found.drafts, lambda keyed: ("pool", [d.revision for d in keyed[1] if not d.standing]))
    op.output("pool", op.merge("rows", op.filter_map("log-rows", found.routed, log_rows), said), PoolSink(dsn, metrics))
    cli_main(flow, epoch_interval=timedelta(seconds=1))
    return dsn


def run(*arguments: object, kafka: str = "", pool: str = "") -> Result:
    environment = {"ANLAN_KAFKA": kafka or "127.0.0.1:1", "ANLAN_CLICKHOUSE": pool or "http://127.0.0.1:1/default"}
    return CliRunner().invoke(main, ["digest", *map(str, arguments)], env=environment)


def replayed(kafka: str, batch: int) -> list[Revision]:
    rules = load_rules([RULES_FOLDER], CHANNELS)
    return list(replay_log(kafka, rules, CHANNELS, load_calendars(), 1 << 60, batch=batch))


def digests(side: str, *arguments: object, kafka: str = "", pool: str = "") -> list[dict[str, Any]]:
    result = run("--day", LAST, "--days", DAYS, "--json", *arguments, kafka=kafka, pool=pool)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = msgspec.json.decode(result.stdout)[side]
    return found


def compare(kafka: str, pool: str, *arguments: object) -> Result:
    return run("--compare", "--day", LAST, "--days", DAYS, *arguments, kafka=kafka, pool=pool)


def in_pool(dsn: str) -> list[dict[str, Any]]:
    with Pool(dsn) as opened:
        query = "SELECT alert_id, revision, rule, rule_generation FROM alert_revisions FINAL ORDER BY detected_at"
        return opened.rows(query)


def put(dsn: str, revision: Revision) -> None:
    with Pool(dsn) as opened:
        opened._client.insert("alert_revisions", *columns_of([revision]))


def test_pool_and_log_say_the_same_with_a_rule_edited_in_the_middle(kafka: str, pool: str) -> None:
    result = compare(kafka, pool)

    assert result.exit_code == 0, result.output
    found = digests("pool", pool=pool)
    revisions = sum(each["revisions"] for each in found)
    assert f"equal: pool and log say the same, {revisions} revisions" in result.stdout
    assert revisions > 50
    assert 2 in {row["rule_generation"] for row in in_pool(pool) if row["rule"] == EDITED}
    assert digests("log", "--log", kafka=kafka) == found


def test_the_log_says_the_same_wherever_a_replay_of_it_is_cut(kafka: str) -> None:
    assert replayed(kafka, 1_000) == replayed(kafka, 7)


def test_it_says_which_revision_has_another_content(kafka: str, pool: str) -> None:
    row = in_pool(pool)[7]
    with Pool(pool) as opened:
        opened._client.execute(
            "INSERT INTO alert_revisions SELECT * REPLACE ('another' AS content_hash, 99 AS engine_epoch)"
            f" FROM alert_revisions FINAL WHERE alert_id = '{row['alert_id']}' AND revision = {row['revision']}"
        )

    result = compare(kafka, pool)

    assert result.exit_code == 1
    assert "not equal: 1 revision of pool and log differ" in result.stdout
    assert f"revision {row['revision']}: other content ({row['alert_id']})" in result.stdout
    assert f" {row['rule']} " in result.stdout


def test_it_says_which_revisions_are_missing_on_either_side(kafka: str, pool: str) -> None:
    lost = in_pool(pool)[5]
    with Pool(pool) as opened:
        opened._client.execute(
            f"DELETE FROM alert_revisions WHERE alert_id = '{lost['alert_id']}' AND revision = {lost['revision']}"
        )
    put(pool, a_revision("never-said", 1, from_us(START + 24 * HOUR), content_hash="h"))

    result = compare(kafka, pool)
    plain = msgspec.json.decode(compare(kafka, pool, "--json").stdout)

    assert result.exit_code == 1
    assert f"revision {lost['revision']}: in the log, missing in the pool ({lost['alert_id']})" in result.stdout
    assert "matter=m episode 1 revision 1: in the pool, missing in the log (never-said)" in result.stdout
    assert plain["equal"] is False
    assert {each["alert_id"] for each in plain["differences"]} == {lost["alert_id"], "never-said"}


def test_a_revision_that_came_twice_counts_once(kafka: str, pool: str) -> None:
    with Pool(pool) as opened:
        opened._client.execute("INSERT INTO alert_revisions SELECT * FROM alert_revisions")

    assert compare(kafka, pool).exit_code == 0


def test_a_log_that_ends_before_the_day_does_is_said(kafka: str) -> None:
    later = LAST + timedelta(days=9)

    result = run("--log", "--day", later, kafka=kafka)

    assert result.exit_code == 0
    assert f"the log has not passed the end of {later}: it ends at 2026-03-1" in result.stderr


def test_only_the_days_that_are_asked_for_are_read(kafka: str) -> None:
    days = digests("log", "--log", kafka=kafka)
    one = msgspec.json.decode(run("--log", "--day", days[10]["day"], "--json", kafka=kafka).stdout)["log"]

    assert one == days[10:12]


def test_a_replay_of_files_gives_the_digests_of_the_pool_it_fills(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    rows = (msgspec.structs.replace(each.event, arrived_at=from_us(each.arrived_us)) for each in reports(4))
    events.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    dsn = f"chdb://{tmp_path / 'pool'}"
    filled = CliRunner().invoke(main, ["replay", str(events), "--pool", dsn])
    assert filled.exit_code == 0, filled.output

    found = digests("files", "--files", events)

    assert found == digests("pool", pool=dsn)
    assert sum(each["revisions"] for each in found) > 20


def test_the_day_is_yesterday_unless_it_is_given(pool: str) -> None:
    today = local_day(to_us(datetime.now(UTC)))
    put(pool, a_revision("of-yesterday", 1, from_us(bounds(today)[0] - 1), content_hash="h"))

    result = run(pool=pool)

    assert result.exit_code == 0, result.output
    assert f"{today - timedelta(days=1)} │ told │ pool │ 1 " in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--log", "--compare"], 2, "at most one of --log, --files and --compare must be given; got --log and --comp"),
        (["--config", "none.toml"], 1, "settings must be in a file; got no file (none.toml)"),
        (["--day", "yesterday"], 2, "'yesterday' does not match the format"),
    ],
    ids=["two ways", "no settings", "no day"],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments: list[str], code: int, sentence: str) -> None:
    result = run(*arguments)

    assert result.exit_code == code
    assert sentence in result.stderr


def test_a_pool_without_tables_is_said_in_a_sentence(tmp_path: Path) -> None:
    result = run(pool=f"chdb://{tmp_path / 'empty'}")

    assert result.exit_code == 1
    assert "pool must have its tables before it is read; got none" in result.stderr


@pytest.mark.parametrize("line", COMMANDS)
def test_the_page_names_options_that_are_there(line: str) -> None:
    options = [word for word in line.split() if word.startswith("--")]

    assert options
    assert not set(options) - {option for each in digest.params for option in each.opts}


def test_the_help_teaches_with_an_example() -> None:
    result = run("--help")

    assert result.exit_code == 0
    assert "anlan digest --compare --config anlan.toml" in result.stdout
