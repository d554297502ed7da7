"""`anlan brief`: which files it writes, of which day, and what it says when it cannot."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import docx
import pytest
from click.testing import CliRunner, Result

from alerts.model import Event, PooledEvent
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_schema import Retention
from connectors.clickhouse_writer import Pace
from connectors.embedded import Engine
from connectors.metrics import Metrics
from dataflows.cli import main
from dataflows.cli.brief import brief

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parents[3] / "docs" / "briefs.md"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["brief", *map(str, arguments)])


@pytest.fixture(scope="module")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A pool with one call of the 20th, and one that came the day after."""
    engine = Engine(tmp_path_factory.mktemp("pool"))
    with Pool(engine.dsn) as pool:
        pool.migrate(Retention(None, None, None, None, None))
        sink = PoolSink(engine.dsn, Metrics(), pace=Pace(refresh_seconds=3_600))
        part = sink.build_part("pool", "pool", None)
        part.write_batch([[_call("a", "2026-11-20T09:00:00+08:00"), _call("b", "2026-11-21T09:00:00+08:00")]])
        part.close()
        yield engine.dsn


def _call(name: str, at: str) -> PooledEvent:
    moment = datetime.fromisoformat(at)
    event = Event(
        id=name, channel="hotline", action="received", occurred_at=moment, category="service", region="620102001001"
    )
    return PooledEvent(event, f"matter-{name}", moment, "test:1")


def test_it_writes_a_page_and_a_document_of_the_last_day_that_is_over(dsn: str, tmp_path: Path) -> None:
    result = run("--pool", dsn, "--out", tmp_path / "briefs")

    assert result.exit_code == 0, result.output
    names = ["brief-day-2026-11-20.html", "brief-day-2026-11-20.docx"]
    assert result.stdout.splitlines() == [str(tmp_path / "briefs" / name) for name in names]
    assert "各渠道共受理诉求1件" in (tmp_path / "briefs" / names[0]).read_text(encoding="utf-8")
    assert docx.Document(str(tmp_path / "briefs" / names[1])).paragraphs[0].text == "综治日报"


def test_it_writes_what_it_is_asked_for(dsn: str, tmp_path: Path) -> None:
    which = ("--period", "month", "--date", "2026-11-05", "--region", "620102")
    result = run("--pool", dsn, "--out", tmp_path, *which, "--format", "html", "--issuer", "某某中心")

    assert result.exit_code == 0, result.output
    assert [path.name for path in tmp_path.iterdir()] == ["brief-month-2026-11-01-620102.html"]
    text = (tmp_path / "brief-month-2026-11-01-620102.html").read_text(encoding="utf-8")
    assert "综治月报" in text
    assert "某某中心" in text
    assert "本期尚未结束或数据尚未到齐：数据收至11月21日 09:00" in text


def test_the_pool_may_be_that_of_the_settings(dsn: str, tmp_path: Path) -> None:
    config = tmp_path / "anlan.toml"
    config.write_text(f'clickhouse = "{dsn}"\n', encoding="utf-8")

    assert run("--config", config, "--out", tmp_path, "--format", "html").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ["--region", "620100"],
            1,
            "--region must be the code of a county (6 digits) or township (9 digits) that is known",
        ),
        (["--region", "999999"], 1, "that is known; got `999999`"),
        (["--region", "620102001001"], 1, "that is known; got `620102001001`"),
        (["--format", "pdf"], 2, "a format must be one of html, docx; got `pdf`"),
        (["--period", "year"], 2, "'year' is not one of 'day', 'week', 'month'"),
        (["--date", "today"], 2, "does not match the format"),
    ],
    ids=["a city", "unknown", "a village", "a format", "a period", "no date"],
)
def test_what_is_wrong_is_said_in_a_sentence(
    dsn: str, tmp_path: Path, arguments: list[str], code: int, sentence: str
) -> None:
    result = run("--pool", dsn, "--out", tmp_path, *arguments)

    assert result.exit_code == code
    assert sentence in result.stderr


def test_the_other_commands_start_without_what_only_documents_need() -> None:
    """numpy starts threads, which would take the signals of a flow."""
    loaded = "import sys, dataflows.cli; print({'numpy', 'openpyxl', 'docx'} & set(sys.modules))"

    assert subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True).stdout == "set()\n"


def test_its_page_knows_its_options_and_examples() -> None:
    text = PAGE.read_text(encoding="utf-8")
    options = {option for each in brief.params for option in each.opts}
    examples = re.search(r"```\n(.*?)```", text, re.DOTALL)

    assert set(re.findall(r"`(--[a-z]+)`", text)) == options
    assert examples
    assert all(line in run("--help").stdout for line in examples[1].splitlines())


def test_its_help_teaches() -> None:
    text = run("--help").stdout

    for words in ("综治日报", "环比", "Asia/Shanghai", "small numbers are hidden", "anlan brief --period week"):
        assert words in text
