"""The sentence of an alert, as people read it."""

from __future__ import annotations

from typing import Any

import pytest
from small_city import DAY, HOUR, MINUTE, SECOND, Run, make_rule, report

from alerts.duration import DAY_US
from alerts.model import Text
from alerts.rule import Rule
from alerts.words import span, window

TITLE = {"zh": "同一人重复来电", "en": "Repeat contact"}


def text(rule: Rule, *hours: float, channels: tuple[str, ...] = ("hotline", "police"), **fields: Any) -> Text:
    run = Run(rule)
    for number, hour in enumerate(hours):
        channel = channels[number % len(channels)]
        run.tell(report(f"e{number}", int(hour * HOUR), channel, subcategory="neighbour", **fields))
    run.finish()
    return run.drafts[-1].revision.text


def test_a_count_is_said_with_its_window_its_topic_and_its_channels() -> None:
    rule = make_rule(
        title=TITLE, window={"size": "7d"},
        explain="{count} contacts in {window.size} about {pair} ({subcategory}) via {channels}; {unit} is slow",
    )  # fmt: skip

    assert text(rule, 0, 1, 30, unit="street-1") == Text(
        "同一人重复来电：7天内3次（邻里），经12345、110",
        "3 contacts in 7d about x (neighbour) via hotline, police; street-1 is slow",
    )


def test_people_are_said_as_people() -> None:
    rule = make_rule(
        "distinct", of="reporter", title=TITLE, key=["subject"], explain="{distinct} people about {subject}",
        levels=[{"gte": 1, "level": "blue"}],
    )  # fmt: skip

    assert text(rule, 0, subject="estate", reporter="p") == Text(
        "同一人重复来电：2天内1人（邻里），经12345", "1 people about estate"
    )


def test_a_climb_is_said_with_its_path_and_how_long_it_took() -> None:
    rule = make_rule(
        "progression", window={"size": "90d"}, when={"chain": {"measure": "channel_rank", "min_steps": 2}},
        levels=[{"steps": 2, "level": "blue"}],
        explain={"zh": "{span}内由{path}逐级上行，共{steps}级", "en": "climbed {path} in {span}; last unit {unit}"},
    )  # fmt: skip

    assert text(rule, 0, 5 * 24 + 3, channels=("grid", "petition")) == Text(
        "5天内由1→3逐级上行，共2级", "climbed 1 -> 3 in 5d; last unit –"
    )


def test_gaps_and_branches_are_said_in_both_languages() -> None:
    rule = make_rule(
        "progression", window={"size": "90d"}, lifecycle={"quiet_close": "60d"},
        when={"any": [{"name": "faster", "level": "blue", "gaps": {"min_events": 3, "each_ratio_lte": 0.5}}]},
        explain={"zh": "{branches}：间隔{gaps}", "en": "{branches}: gaps {gaps}"},
    )  # fmt: skip

    assert text(rule, 0, 40 * 24, 40 * 24 + 36) == Text("faster：间隔40天、36小时", "faster: gaps 40d, 36h")


def test_without_an_explain_the_title_stands_for_it() -> None:
    assert text(make_rule(title=TITLE), 0, 1, 2).en == "Repeat contact"


def test_a_name_that_is_not_known_is_a_dash() -> None:
    assert text(make_rule(explain="{nothing} and {unit}"), 0, 1, 2).en == "– and –"


def test_a_key_that_is_the_topic_is_said_in_chinese() -> None:
    rule = make_rule(key=["subcategory"], explain={"zh": "{subcategory}纠纷", "en": "{subcategory}"})

    assert text(rule, 0, 1, 2) == Text("邻里纠纷", "neighbour")


@pytest.mark.parametrize(
    ("length", "wanted"),
    [
        (7 * DAY, "7天"), (20 * DAY + 13 * HOUR, "20天"), (DAY, "1天"), (36 * HOUR, "36小时"), (HOUR, "1小时"),
        (90 * MINUTE, "90分钟"), (30 * SECOND, "30秒"), (0, "0秒"),
    ],
)  # fmt: skip
def test_a_span_is_said_in_the_greatest_unit_of_which_there_are_two(length: int, wanted: str) -> None:
    assert span(length) == wanted


@pytest.mark.parametrize(
    ("length", "wanted"), [(72 * HOUR, "3天"), (49 * HOUR, "49小时"), (36 * HOUR, "36小时"), (90 * MINUTE, "90分钟")]
)
def test_a_window_is_never_rounded(length: int, wanted: str) -> None:
    assert window(length) == wanted
    assert DAY_US == DAY
