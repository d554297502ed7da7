"""The life of a flow has a number, and it is greater than any before it."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from live_flow import LiveFlow

from dataflows.beginning import begin_alone
from dataflows.settings import Settings
from dataflows.start import epoch_file, next_epoch


@pytest.mark.parametrize(
    ("known", "seen", "epoch"),
    [("12", 12, 13), ("12", 0, 13), ("12", 40, 41), ("", 40, 41), (None, 40, 41), (None, 0, 1)],
    ids=["as seen", "nobody answers", "an old copy", "cut off", "lost", "the first"],
)
def test_a_life_comes_after_what_the_folder_knows_and_what_readers_have_seen(
    tmp_path: Path, known: str | None, seen: int, epoch: int
) -> None:
    if known is not None:
        epoch_file(tmp_path).write_text(known)

    assert next_epoch(tmp_path, seen) == epoch
    assert next_epoch(tmp_path, 0) == epoch + 1


@pytest.mark.integration
def test_a_folder_that_was_put_back_as_it_was_long_ago_begins_a_life_behind_all_others(
    live_flow: LiveFlow, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(
        kafka=live_flow.broker.bootstrap,
        redis=live_flow.valkey.url,
        clickhouse=live_flow.dsn,
        state=str(live_flow.folder / "state"),
    )

    def life() -> int:
        with begin_alone(settings) as begun:
            return begun.epoch

    lives = [life(), life()]
    redis.Redis.from_url(live_flow.valkey.url).set("alerts:epoch", 40)
    lives.append(life())
    live_flow.valkey.kill()
    lives.append(life())

    assert lives == [1, 2, 41, 42]
    assert "epoch_behind state=2 seen=40" in caplog.text
    assert "epoch_not_asked redis must say its engine epoch" in caplog.text
