"""Every query to ClickHouse and to Redis is run by the real servers, and its answer counted again from what went in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis
from county_reader import Answer, ask
from expected_alerts import COUNTY, DUTY, linked, timeline_of
from expected_pool import POOL
from expected_rules import HEALTH, RULES
from grafana_boards import CLICKHOUSE, REDIS, Asked, committed, queries
from grafana_macros import Range, chosen, expanded, extracted, redis_answer
from seeded_city import DATABASE, seed
from seeded_numbers import Chosen, Ground, Numbers, Row

from connectors.clickhouse import Pool
from connectors.embedded import Engine, Valkey
from dashboards.reminders import reminders
from dashboards.sql import SHIFT_START

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ASKED = {each.name: each for each in queries(CLICKHOUSE)}
OF_REDIS = {each.name: each for each in queries(REDIS)}
BOARDS = committed()
SPANS = {"duty_desk": timedelta(days=1), "health": timedelta(hours=6)}  # the others look back thirty days
ANSWERS = {"duty_desk": DUTY, "data_pool": POOL, "county": {**DUTY, **POOL, **COUNTY}, "rules": RULES, "health": HEALTH}
CELLS = ("县区逐时来件", "每日来件（按渠道）")  # whose answer may have a 0 where only handling happened
ELSEWHERE = "620702"
OURS = "620102"


class City(NamedTuple):
    """A seeded city, its pool and its Redis, and what the user of one county was told on the county's board."""

    ground: Ground
    pool: Pool
    redis: redis.Redis
    told: dict[str, Answer]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("boards")
    with Valkey(folder / "valkey", durable=False) as valkey:
        seeded = seed(Engine(folder / "pool").dsn, valkey.url)
        told = ask_as_county(folder, seeded.now)
        with Pool(seeded.dsn, DATABASE) as pool:
            yield City(Ground(seeded), pool, redis.Redis.from_url(valkey.url), told)


def ask_as_county(folder: Path, now: datetime) -> dict[str, Answer]:
    """The board of a county under the rights of its own user; nobody else has the pool open meanwhile."""
    mine = {name: asked for name, asked in ASKED.items() if asked.board == "county"}
    values = chosen(BOARDS["county"], county=OURS)
    span = Range(now - timedelta(days=30), now)
    questions = [expanded(asked.query["rawSql"], values, span) for asked in mine.values()]
    _, *answers = ask(folder / "pool", OURS, [f"USE {DATABASE}", *questions], folder / "county")
    return dict(zip(mine, answers, strict=True))


def answer(city: City, asked: Asked, **choices: Any) -> tuple[list[Row], Numbers]:
    """What the pool answers when somebody looks, and the numbers of what they have chosen."""
    values = chosen(BOARDS[asked.board], **choices)
    since = city.ground.seeded.now - SPANS.get(asked.board, timedelta(days=30))
    rows = city.pool.rows(expanded(asked.query["rawSql"], values, Range(since, city.ground.seeded.now)))
    county = str(values.get("county", "%"))
    what = Chosen(
        since,
        city.ground.seeded.now,
        "" if county == "%" else county,
        tuple(choices.get("channel", ())),
        tuple(choices.get("category", ())),
    )
    return rows, Numbers(city.ground, what)


def _equal_rows(row: Row, other: Row) -> bool:
    return row.keys() == other.keys() and all(_equal(row[name], other[name]) for name in row)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return one is not None and other is not None and one == pytest.approx(other, rel=1e-9, abs=1e-9, nan_ok=True)
    if type(one) is datetime or type(one) is date:
        return bool(one == other)
    return bool(one == other) and (one is None) == (other is None)


def compared(rows: list[Row], wanted: list[Row], title: str) -> None:
    if title in CELLS:
        rows = [row for row in rows if row["contacts"]]
    if title == "指数走势":
        times = {row["time"] for row in wanted}
        rows = [row for row in rows if row["time"] in times]
    differing = next((pair for pair in zip(rows, wanted, strict=False) if not _equal_rows(*pair)), None)
    assert differing is None
    assert len(rows) == len(wanted)


@pytest.mark.parametrize("name", ASKED)
def test_a_panel_shows_what_was_counted_another_way(city: City, name: str) -> None:
    asked = ASKED[name]
    rows, numbers = answer(city, asked)
    title = asked.panel["title"]

    assert rows
    compared(rows, ANSWERS[asked.board][title](numbers), title)


@pytest.mark.parametrize("name", [name for name, asked in ASKED.items() if asked.board in ("duty_desk", "data_pool")])
def test_a_panel_of_the_city_shows_one_county_when_it_is_chosen(city: City, name: str) -> None:
    asked = ASKED[name]
    choices = {"county": ELSEWHERE, "category": ["dispute", "service", "unknown"], "channel": ["hotline", "police"]}
    rows, numbers = answer(city, asked, **choices)
    title = asked.panel["title"]

    compared(rows, ANSWERS[asked.board][title](numbers), title)


def test_the_timeline_is_that_of_the_chosen_matter(city: City) -> None:
    asked = ASKED["duty_desk/所选事项的时间线/A"]
    matter = max(linked(Numbers(city.ground, Chosen(city.ground.seeded.now, city.ground.seeded.now))).values())
    rows, numbers = answer(city, asked, matter=matter)

    compared(rows, timeline_of(numbers, matter), "")


def test_a_list_leads_to_the_matter_of_the_last_evidence(city: City) -> None:
    rows, numbers = answer(city, ASKED["duty_desk/未结警情/A"])
    named = {a.last.alert_id for a in numbers.open() if a.last.key.get("matter")}
    found = [row["matter"] for row in rows if row["alert_id"] not in named]

    assert found
    assert set(found) <= set(linked(numbers).values())


@pytest.mark.parametrize(
    ("at", "start"),
    [("07:59", -4), ("08:00", 8), ("13:00", 8), ("19:59", 8), ("20:00", 20), ("23:30", 20), ("00:30", -4)],
)
def test_a_shift_begins_at_eight(city: City, at: str, start: int) -> None:
    now = datetime.fromisoformat(f"2026-03-20T{at}:00+08:00")
    [row] = city.pool.rows(expanded(f"SELECT {SHIFT_START} AS start", {}, Range(now, now)))

    assert row["start"] == datetime.fromisoformat("2026-03-20T00:00:00+08:00") + timedelta(hours=start)


def test_what_somebody_types_as_a_matter_stays_a_text(city: City) -> None:
    rows, _ = answer(city, ASKED["duty_desk/所选事项的时间线/A"], matter="x' OR '1' = '1")

    assert rows == []


@pytest.mark.parametrize("name", [name for name, asked in ASKED.items() if asked.board == "county"])
def test_the_user_of_a_county_may_see_the_board_of_the_county(city: City, name: str) -> None:
    said = city.told[name]
    rows, _ = answer(city, ASKED[name], county=OURS)

    assert said.error == ""
    assert len(said.rows) == len(rows)
    assert not {row["county"] for row in said.rows if row.get("county")} - {OURS}


def unanswered(numbers: Numbers) -> list[str]:
    """Open alerts for which somebody had to answer by now and did not."""
    answers = {row.action.of for rows in numbers.done("answer").values() for row in rows}
    notices = numbers.done("supervise")
    found = []
    for alert in numbers.open():
        ended = [each.published_at for each in alert.revisions if each.state not in ("open", "acked")]
        waits = [row for row in notices[alert.last.alert_id] if row.action.action_id not in answers]
        if any(row.action.until <= numbers.chosen.until and row.at > max(ended, default=row.at - timedelta(days=1))
               for row in waits):  # fmt: skip
            found.append(alert.last.alert_id)
    return found


def test_some_units_have_answered_late_and_some_never(city: City) -> None:
    now = city.ground.seeded.now
    numbers = Numbers(city.ground, Chosen(now - timedelta(days=1), now))
    late = [row for rows in numbers.done("answer").values() for row in rows if row.at > due_of(numbers, row.action.of)]

    assert len(unanswered(numbers)) > 3
    assert len(late) > 3


def due_of(numbers: Numbers, notice: str) -> datetime:
    """The deadline of a notice."""
    return next(
        row.action.until for rows in numbers.done("supervise").values() for row in rows
        if row.action.action_id == notice and row.action.until
    )  # fmt: skip


@pytest.mark.parametrize("reminder", reminders(), ids=lambda reminder: reminder.uid)
def test_a_reminder_counts_what_was_not_done(city: City, reminder: Any) -> None:
    now = city.ground.seeded.now
    [row] = city.pool.rows(expanded(reminder.sql, {}, Range(now - timedelta(days=1), now)))
    numbers = Numbers(city.ground, Chosen(now - timedelta(days=1), now))
    waiting = {level: [numbers.waited(a) for a in numbers.open() if a.last.level == level]
               for level in ("red", "yellow")}  # fmt: skip
    newest = max(each.arrived_at for each in city.ground.seeded.events)

    assert (
        row["value"]
        == {
            "anlan-red-not-acked": sum(age > 900 for age in waiting["red"]),
            "anlan-yellow-not-acked": sum(age > 43_200 for age in waiting["yellow"]),
            "anlan-supervision-overdue": len(unanswered(numbers)),
            "anlan-pool-behind": int(newest < now - timedelta(minutes=30)),
        }[reminder.uid]
    )


def test_reminders_are_given_on_the_seeded_day(city: City) -> None:
    now = city.ground.seeded.now
    late = Range(now, now + timedelta(hours=8))
    found = {r.uid: city.pool.rows(expanded(r.sql, {}, late))[0]["value"] for r in reminders()}

    assert {uid for uid, value in found.items() if value} == {
        "anlan-red-not-acked", "anlan-yellow-not-acked", "anlan-supervision-overdue", "anlan-pool-behind",
    }  # fmt: skip


@pytest.mark.parametrize("name", OF_REDIS)
def test_a_command_to_redis_answers(city: City, name: str) -> None:
    rows = redis_answer(city.redis, OF_REDIS[name].query)
    everywhere = Numbers(city.ground, Chosen(city.ground.seeded.now, city.ground.seeded.now))
    told = [r for r in city.ground.seeded.revisions if r.origin != "shadow"]
    begun, ended = (everywhere.done(what) for what in ("silence", "unsilence"))
    over = {row.action.of for rows in ended.values() for row in rows}

    wanted = {
        "ZCARD alerts:open": [{"Value": len(everywhere.open())}],
        "XLEN alerts:all": [{"Value": len(told)}],
        "HLEN silences": [{"Value": sum(row.action.action_id not in over for row in begun[""])}],
        "": [{"alert_id": r.alert_id, "revision": str(r.revision)} for r in reversed(told[-20:])],
    }[OF_REDIS[name].query["query"]]
    assert [{key: row[key] for key in wanted[0]} for row in rows] == wanted


def test_the_feed_is_taken_apart_into_the_columns_of_its_table(city: City) -> None:
    asked = OF_REDIS["duty_desk/最新消息/A"]
    [transformation] = asked.panel["transformations"]
    rows = extracted(redis_answer(city.redis, asked.query), transformation["options"])
    last = [r for r in city.ground.seeded.revisions if r.origin != "shadow"][-1]

    assert set(rows[0]) == {each["matcher"]["options"] for each in asked.panel["fieldConfig"]["overrides"]}
    assert rows[0].pop("published_at") == last.published_at.isoformat().replace("+00:00", "Z")
    assert rows[0] == {"alert_id": last.alert_id, "level": last.level, "reason": last.reason, "said": last.text.zh}
