"""What a surge rule may not say, and what its plan is where it may."""

from __future__ import annotations

from typing import Any

import pytest
from surges import AREA, DAILY, DAY, HOUR, MINUTE, RULE, Weekdays, entry, plan

from alerts.entry import SELECTED
from alerts.kinds.surge import compile_surge
from alerts.rule_file import RuleError, read


def refused(parts: dict[str, Any]) -> tuple[str, tuple[str | int, ...]]:
    spec = {name: value for name, value in {**RULE, **parts}.items() if value is not None}
    with pytest.raises(RuleError) as error:
        compile_surge(read(spec), {}, {"cn": Weekdays(), "cn-school": Weekdays()})
    return error.value.sentence, error.value.path


def baseline(**parts: Any) -> dict[str, Any]:
    return {"baseline": {**RULE["baseline"], **parts}}


def close(**parts: Any) -> dict[str, Any]:
    return {"lifecycle": {"close_when": parts}}


@pytest.mark.parametrize(
    ("parts", "sentence", "path"),
    [
        ({"when": None}, "a surge rule must have `when.all`; got none", ("kind",)),
        ({"when": {"hold": 2}}, "a surge rule must have `when.all`; got none", ("when",)),
        ({"baseline": None}, "a surge rule must have `baseline`; got none", ("kind",)),
        ({"window": {"slide": "5m"}}, "a surge rule must have `window.size`; got none", ("window",)),
        ({"window": {"size": "1h"}}, "a surge rule must have `window.slide`; got none", ("window",)),
        (
            {"window": {"size": "1h", "slide": "7m"}},
            "`slide` must divide the window of `1h` and a day; got `7m`",
            ("window", "slide"),
        ),
        (
            {"window": {"size": "4d", "slide": "2d"}},
            "`slide` must divide the window of `4d` and a day; got `2d`",
            ("window", "slide"),
        ),
        (
            {"window": {"size": "90m", "slide": "30m"}},
            "`size` must be whole hours where the history is kept by the hour; got `90m`",
            ("window", "size"),
        ),
        (
            {"window": {"size": "2d", "slide": "1h"}, **baseline(history="2d", min_slots=1)},
            "`history` must be longer than the window of `2d`; got `2d`",
            ("baseline", "history"),
        ),
        (baseline(history="36h"), "`history` must be whole days; got `36h`", ("baseline", "history")),
        (
            baseline(history="8 weeks"),
            "duration must be numbers with the units d, h, m, s, such as `1h30m`; got `8 weeks`",
            ("baseline", "history"),
        ),
        (
            baseline(min_slots=0),
            "`min_slots` must be from 1 to the 56 of the history; got 0",
            ("baseline", "min_slots"),
        ),
        (
            baseline(min_slots=57),
            "`min_slots` must be from 1 to the 56 of the history; got 57",
            ("baseline", "min_slots"),
        ),
        (baseline(p=1), "`p` must be between 0 and 1; got 1.0", ("baseline", "p")),
        (
            baseline(scale=[3, 1]),
            "`scale` must be two numbers above 0, the smaller first; got [3.0, 1.0]",
            ("baseline", "scale"),
        ),
        (
            baseline(calendar="cn-shcool"),
            "`calendar` must be one that is there; got `cn-shcool`; did you mean `cn-school`",
            ("baseline", "calendar"),
        ),
        (
            {"when": {"all": [{"count_gte": 8}, {}]}},
            "a condition must be count_gte, score_gte or ratio_gte; got nothing",
            ("when", "all", 1),
        ),
        (
            {**DAILY, "when": {"all": [{"score_gte": 4}]}},
            "`score_gte` must stand with stat `median_mad`; got `negative_binomial`, where `p` takes its place",
            ("when", "all", 0, "score_gte"),
        ),
        ({"when": {"all": [{"count_gte": 8}], "hold": 0}}, "`hold` must be at least 1; got 0", ("when", "hold")),
        ({"levels": []}, "`levels` must have at least one rung; got none", ("levels",)),
        (
            {"levels": [{"gte": 3, "level": "blue"}]},
            "a rung of a surge rule must have `ratio`; got none",
            ("levels", 0),
        ),
        (
            {"levels": [{"ratio": 6, "level": "blue"}, {"ratio": 3, "level": "yellow"}]},
            "`levels` must rise from rung to rung; got them out of order",
            ("levels",),
        ),
        (
            close(ratio_lt=4, hold=6),
            "`ratio_lt` must not be above the lowest rung, 3; got 4",
            ("lifecycle", "close_when", "ratio_lt"),
        ),
        (close(ratio_lt=1, hold=0), "`hold` must be at least 1; got 0", ("lifecycle", "close_when", "hold")),
        (
            {"key": ["subcategory"], "roll_up": {"gte": 3}},
            "`roll_up.to` must be wider than the area in `key`; got `county` over no area",
            ("roll_up",),
        ),
        (
            {"roll_up": {"to": "township"}},
            "`roll_up.to` must be wider than the area in `key`; got `township` over township",
            ("roll_up",),
        ),
        ({"roll_up": {"gte": 1}}, "`roll_up.gte` must be at least 2; got 1", ("roll_up", "gte")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_rule_that_cannot_be_meant_is_refused_with_its_place(
    parts: dict[str, Any], sentence: str, path: tuple[str | int, ...]
) -> None:
    assert refused(parts) == (sentence, path)


def test_a_plan_has_the_numbers_of_its_rule() -> None:
    of = plan()

    assert (of.size, of.slide, of.bucket, of.days, of.skip) == (HOUR, 5 * MINUTE, HOUR, 56, 0)
    assert (of.least, of.least_score, of.least_ratio, of.hold) == (8, 4, 3, 2)
    assert (of.close_below, of.close_hold, of.rungs) == (1.5, 6, ((6, 2), (3, 1)))
    assert (of.is_whole, of.vouch, of.role_of(entry("a", 0)[6], True), of.roles(entry("a", 0))) == (
        True, frozenset(), SELECTED, (),
    )  # fmt: skip


def test_days_are_kept_by_the_slide_behind_a_guard() -> None:
    of = plan(**{**DAILY, "window": {"size": "1d", "slide": "6h"}})

    assert (of.bucket, of.days, of.skip, of.day_classes) == (6 * HOUR, 21, 2, None)


def test_a_window_of_days_is_never_in_its_own_history() -> None:
    assert plan(window={"size": "3d", "slide": "1d"}).skip == 2


def test_what_is_left_out_closes_below_the_lowest_rung_and_rolls_up_to_the_county() -> None:
    of = plan(lifecycle={})

    assert (of.close_below, of.close_hold) == (3, 6)
    assert of.roll is not None
    assert of.roll.district_of(AREA) == ("r", "620102", "water")
    assert of.roll.district_of(("1", "620102001", "water")) is None
    assert plan(key=["subcategory"]).roll is None


def test_villages_may_roll_up_to_their_township() -> None:
    roll = plan(key=["subcategory", "village"], roll_up={"to": "township", "gte": 2}).roll

    assert roll is not None
    district = roll.district_of(("0", "water", "620102001004"))
    assert district == ("r", "620102001", "water")
    assert roll.region_of(district).township == "620102001"


def test_a_field_that_no_event_has_is_looked_for_among_its_attrs() -> None:
    (name, most, get), *_ = plan(evidence={"top_k": {"address_id": 5}}).top

    assert (name, most, get(entry("a", 0, attrs={"address_id": "x"})[6])) == ("address_id", 5, "x")


def test_a_test_may_state_the_baseline() -> None:
    assert plan().with_baseline({"median": 2, "mad": 1, "slots": 8}).fixed is not None
    assert plan(**DAILY).with_baseline({"mean": 2, "variance": 4, "days": 21}).fixed is not None
    with pytest.raises(RuleError) as error:
        plan().with_baseline({"median": 2, "madd": 1, "slots": 8})
    assert error.value.sentence == "`baseline` of a test must have median, mad, slots; got `median`, `madd`, `slots`"
    assert error.value.path == ("baseline",)
    assert plan(**DAILY).slide == DAY
