"""What a rule over windows must say before it is judged: refusals, with the path to the place."""

from __future__ import annotations

from typing import Any

import pytest
from small_city import make_rule

from alerts.judges import WINDOW_KINDS
from alerts.rule_file import RuleError

CUE = {"name": "told", "event": {}, "points": 1}
BLUE_AT_1 = [{"gte": 1, "level": "blue"}]
NEW = {"forget_after": "60d", "known_for": "10d"}
REFUSED: list[tuple[str, dict[str, Any], str, tuple[str | int, ...]]] = [
    ("match", {"levels": []}, "`levels` must have at least one rung; got none", ("levels",)),
    (
        "match",
        {"levels": [{"level": "blue"}, {"level": "red"}]},
        "a rung above the lowest must have `event`; got none: those below it never hold",
        ("levels", 1),
    ),
    (
        "match",
        {"levels": [{"level": "red"}, {"level": "blue", "event": {"violence|gte": 1}}]},
        "`levels` must rise from rung to rung; got them out of order",
        ("levels",),
    ),
    (
        "match",
        {"levels": [{"level": "blue", "event": {"violense": 1}}]},
        "field must be one of Event v1; got `violense`; did you mean `violence`",
        ("levels", 0, "event"),
    ),
    ("score", {"levels": BLUE_AT_1}, "a score rule must have `when`; got none", ("kind",)),
    ("score", {"when": {}, "levels": BLUE_AT_1}, "a score must have `when.score`; got none", ("when",)),
    (
        "score",
        {"when": {"score": [CUE, CUE]}, "levels": BLUE_AT_1},
        "a cue must have a name of its own; got `told` twice",
        ("when", "score", 1),
    ),
    (
        "score",
        {"when": {"score": [{**CUE, "points": -1}]}, "levels": BLUE_AT_1},
        "`points` of cue `told` must be at least 1; got -1",
        ("when", "score", 0, "points"),
    ),
    (
        "score",
        {"when": {"score": [{**CUE, "cap": 0}]}, "levels": BLUE_AT_1},
        "`cap` of cue `told` must be at least 1; got 0",
        ("when", "score", 0, "cap"),
    ),
    (
        "score",
        {"when": {"score": [CUE]}, "levels": [{"ratio": 0.5, "level": "blue"}]},
        "a rung of a score rule must have `gte`; got none",
        ("levels", 0),
    ),
    ("ratio", {"when": {}, "levels": []}, "a ratio must have `when.ratio`; got none", ("when",)),
    (
        "ratio",
        {"when": {"ratio": {"of": {}}}, "levels": BLUE_AT_1},
        "a rung of a ratio rule must have `ratio`; got none",
        ("levels", 0),
    ),
    (
        "ratio",
        {"when": {"ratio": {"of": {}}}, "levels": [{"ratio": 31, "level": "blue"}]},
        "a share must be above 0 and at most 1; got 31.0",
        ("levels", 0, "ratio"),
    ),
    (
        "ratio",
        {"when": {"ratio": {"of": {}}}, "levels": [{"ratio": 0.5, "level": "blue"}, {"ratio": 0.4, "level": "red"}]},
        "`levels` must rise from rung to rung; got them out of order",
        ("levels",),
    ),
    (
        "ratio",
        {"when": {"ratio": {"of": {}, "at_least": 0}}, "levels": [{"ratio": 0.5, "level": "blue"}]},
        "`at_least` must be at least 1; got 0",
        ("when", "ratio", "at_least"),
    ),
    (
        "new_value",
        {"of": "unit", "when": {}, "levels": BLUE_AT_1},
        "a new_value rule must have `when.new_value`; got none",
        ("when",),
    ),
    (
        "new_value",
        {"when": {"new_value": NEW}, "levels": BLUE_AT_1, "window": {}},
        "a new_value rule must name the field `of`; got none",
        ("kind",),
    ),
    (
        "new_value",
        {"of": "unit", "when": {"new_value": NEW}, "levels": BLUE_AT_1},
        "the window of a new_value rule must be its `forget_after`; got 2d; leave `size` out",
        ("window", "size"),
    ),
    (
        "new_value",
        {"of": "unit", "when": {"new_value": {**NEW, "known_for": "60d"}}, "levels": BLUE_AT_1, "window": {}},
        "`known_for` must be shorter than `forget_after`; got 60d of 60d",
        ("when", "new_value", "known_for"),
    ),
    (
        "new_value",
        {"of": "unit", "when": {"new_value": NEW, "within": "90d"}, "levels": BLUE_AT_1, "window": {}},
        "`within` must be shorter than `forget_after`; got 90d of 60d",
        ("when", "within"),
    ),
]


@pytest.mark.parametrize(
    ("kind", "parts", "sentence", "path"), REFUSED, ids=[f"{kind}: {text[:50]}" for kind, _, text, _ in REFUSED]
)
def test_a_wrong_rule_is_refused(kind: str, parts: dict[str, Any], sentence: str, path: tuple[str | int, ...]) -> None:
    with pytest.raises(RuleError) as error:
        make_rule(kind, **parts)

    assert (error.value.sentence, error.value.path) == (sentence, path)


RIGHT: dict[str, dict[str, Any]] = {
    "threshold": {},
    "distinct": {"of": "reporter"},
    "sequence": {"when": {"steps": [{"name": "a", "event": {}}]}, "levels": [{"steps": 1, "level": "blue"}]},
    "progression": {"when": {"chain": {"measure": "violence"}}, "levels": [{"steps": 2, "level": "blue"}]},
    "match": {"window": {}, "levels": [{"level": "blue"}]},
    "score": {"when": {"score": [CUE]}, "levels": BLUE_AT_1},
    "ratio": {"when": {"ratio": {"of": {}}}, "levels": [{"ratio": 0.5, "level": "blue"}]},
    "new_value": {"of": "unit", "window": {}, "when": {"new_value": NEW}, "levels": BLUE_AT_1},
}
FASTER = {"name": "faster", "gaps": {"min_events": 3, "each_ratio_lte": 0.5}, "level": "blue"}
LAZY = {"ratio", "new_value"}  # what a further event can make false


@pytest.mark.parametrize("kind", WINDOW_KINDS)
def test_the_loader_knows_which_kinds_wait_for_the_watermark(kind: str) -> None:
    judge = make_rule(kind, **RIGHT[kind]).judge

    assert judge is not None
    assert judge.lazy is (kind in LAZY)


@pytest.mark.parametrize("kind", sorted(LAZY))
def test_an_eager_rule_waits_for_nothing(kind: str) -> None:
    parts = {**RIGHT[kind], "when": {**RIGHT[kind]["when"], "eager": True}}
    judge = make_rule(kind, **parts).judge

    assert judge is not None
    assert judge.lazy is False


@pytest.mark.parametrize("is_eager", [False, True])
def test_gaps_wait_for_the_watermark_unless_the_rule_is_eager(is_eager: bool) -> None:
    judge = make_rule("progression", when={"any": [FASTER], "eager": is_eager}).judge

    assert judge is not None
    assert judge.lazy is judge.waits is not is_eager
