"""What people did with alerts, as the desk recorded it and a brief tells it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from brief_figures import NAMING
from small_city import DAY, HOUR, MINUTE, START, Run, make_rule, report
from small_desk import GRID, LIFE, routing

from alerts.model import LateEvent, RuleGap, from_us
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_brief_alerts import Gap, alerts_of, gaps, not_judged, supervised
from connectors.clickhouse_brief_matters import Moments
from connectors.clickhouse_rows import Poolable
from connectors.clickhouse_schema import Retention
from connectors.clickhouse_writer import Pace
from connectors.embedded import Engine
from connectors.metrics import Metrics
from dataflows.briefs.document import Paragraph
from dataflows.briefs.figures import gather
from dataflows.briefs.period import period_of
from dataflows.briefs.warnings import acks
from dataflows.briefs.writing import written
from dataflows.history_origin import LOCAL

pytestmark = pytest.mark.integration

BEGIN = from_us(START)
COUNTY = "620102"


def on_duty() -> Run:
    """Five red alerts: one acked in time, one late, one by nobody, one closed, and one that opens the day after."""
    rule = make_rule(levels=[{"gte": 1, "level": "red"}], lifecycle=LIFE)
    run = Run(rule, routing=routing())
    ids = [run.tell(report(f"e{n}", n * MINUTE, pair=f"p{n}", grid=GRID))[0].alert_id for n in range(4)]
    run.do(5 * MINUTE, "ack", alert_id=ids[0])
    run.do(6 * MINUTE, "close", alert_id=ids[3], disposition="false_positive", why="错了")
    run.do(7 * MINUTE, "close", alert_id="no such alert", disposition="benign")
    run.do(8 * MINUTE, "close", alert_id=ids[2], disposition="benign", role="visitor", why="may not")
    run.do(30 * MINUTE, "ack", alert_id=ids[1])
    run.do(40 * MINUTE, "supervise", alert_id=ids[2], assigned_to="某办", until=from_us(START + DAY))
    run.do(2 * HOUR, "close", alert_id=ids[0], disposition="true_positive", why="属实")
    run.do(DAY, "close", alert_id=ids[1], disposition="benign", why="后一天")
    run.tell(report("e9", DAY + HOUR, pair="p9", grid=GRID))
    return run


@pytest.fixture(scope="module")
def run() -> Run:
    return on_duty()


@pytest.fixture(scope="module")
def pool(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    engine = Engine(tmp_path_factory.mktemp("pool"))
    with Pool(engine.dsn) as opened:
        opened.migrate(Retention(None, None, None, None, None))
        part = PoolSink(engine.dsn, Metrics(), pace=Pace(refresh_seconds=3_600)).build_part("pool", "pool", None)
        part.write_batch([rows(run)])
        part.close()
        yield opened


def rows(run: Run) -> list[Poolable]:
    events = [pooled for routed in run.routed for pooled in routed.pooled]
    late = LateEvent("e1", "test.threshold", "hotline", BEGIN, BEGIN + timedelta(hours=1), BEGIN)
    silence = [
        RuleGap(rule, "hotline", "silent_channel", BEGIN, BEGIN + timedelta(hours=length), BEGIN)
        for rule, length in (("a.rule", 1), ("b.rule", 2))
    ]
    return [*events, *run.revisions, *run.pipeline.acted, late, *silence]


@pytest.fixture
def at() -> Moments:
    first = BEGIN.astimezone(LOCAL).date()
    period = period_of("day", first)
    return Moments(period.start_at, period.end_at, COUNTY)


def test_acks_and_ends_are_those_of_the_audit(run: Run, pool: Pool, at: Moments) -> None:
    found = alerts_of(pool, at)

    assert [each.alert_id for each in found] == [each.alert_id for each in run.revisions if each.reason == "opened"][:4]
    assert [each.acked_at for each in found] == [
        BEGIN + timedelta(minutes=5), BEGIN + timedelta(minutes=30), None, BEGIN + timedelta(minutes=6),
    ]  # fmt: skip
    assert [each.disposition for each in found] == ["true_positive", "", "", "false_positive"]
    assert [each.state for each in found] == ["closed", "acked", "open", "closed"]
    assert acks(found) == {"in_time": 2, "late": 1, "nobody": 1}


def test_what_happened_after_the_end_is_not_known_before(pool: Pool, at: Moments) -> None:
    tomorrow = Moments(at.end, at.end + timedelta(days=1), COUNTY)
    found = alerts_of(pool, tomorrow)

    assert [each.disposition for each in found if each.disposed_at] == ["benign"]
    assert len(found) == 3  # the one that is open still, the one that was closed in it, and its own


def test_other_counties_have_other_alerts(pool: Pool, at: Moments) -> None:
    assert alerts_of(pool, at._replace(region="620103")) == []
    assert alerts_of(pool, at._replace(region="620102001")) == alerts_of(pool, at)


def test_supervision_and_gaps(pool: Pool, at: Moments) -> None:
    assert supervised(pool, at) == (1, 0)
    assert supervised(pool, at._replace(region="620103")) == (0, 0)
    assert supervised(pool, at._replace(region="620102001")) == (1, 0)
    assert supervised(pool, at._replace(region="620102002")) == (0, 0)
    assert gaps(pool, at) == [Gap("hotline", "silent_channel", BEGIN, BEGIN + timedelta(hours=2), 2)]
    assert not_judged(pool, at) == {"late": 1, "unread": 0}


def test_the_brief_tells_it(pool: Pool, at: Moments) -> None:
    figures = gather(
        pool, period_of("day", datetime.fromtimestamp(at.start.timestamp(), UTC).astimezone(LOCAL).date()), COUNTY
    )
    made = written(figures, NAMING)
    said = "".join(block.text for section in made.sections for block in section.blocks if isinstance(block, Paragraph))

    assert "新发预警4条，其中撤回0条；截至期末未结2条（红色2条、黄色0条、蓝色0条）。" in said
    assert "须限时签收的预警4条：限时内签收2条，超时签收1条，超时无人签收1条，未到时限0条" in said
    assert "及时签收率50.0%，签收用时中位数5分钟。" in said
    assert "当日作出处置结论2条：属实1条、误报1条。" in said
    assert "当日红色预警4条，均为首次预警即为红色。" in said
    assert "当日发出督办1件，收到答复0件。" in said
