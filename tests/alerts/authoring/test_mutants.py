"""Which mutants a rule has, what they are called, and what they change."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from alerts.authoring.mutants import mutants

SELECT = {"contact": {"action": ["received"], "channel": ["police"]}, "staff": {"reporter_class": ["staff"]},
          "condition": "contact and not staff"}  # fmt: skip


def names(**data: Any) -> list[str]:
    return [mutant.name for mutant in mutants(data)]


def changed(name: str, **data: Any) -> Any:
    return next(mutant.data for mutant in mutants(data) if mutant.name == name)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ({"levels": [{"gte": 3, "level": "blue"}, {"steps": 2}, {"measure_gte": 4}]},
         ["levels.0.gte 3 -> 2", "levels.0.gte 3 -> 4", "levels.1.steps 2 -> 1", "levels.1.steps 2 -> 3",
          "levels.2.measure_gte 4 -> 3", "levels.2.measure_gte 4 -> 5"]),
        ({"levels": [{"ratio": 3}]}, ["levels.0.ratio 3 -> 2.7", "levels.0.ratio 3 -> 3.3"]),
        ({"window": {"size": "7d", "lateness": "6h"}},
         ["window.size 7d -> 6d23h59m", "window.size 7d -> 7d1m"]),
        ({"window": {"size": "1h", "slide": "5m"}}, ["window.size 1h -> 55m", "window.size 1h -> 1h5m"]),
        ({"when": {"within": "30d", "gap_max": "1m"}},
         ["when.within 30d -> 29d23h59m", "when.within 30d -> 30d1m", "when.gap_max 1m -> 2m"]),
        ({"obligation": {"due": "5wd"}}, ["obligation.due 5wd -> 4wd", "obligation.due 5wd -> 6wd"]),
        ({"obligation": {"due": "1wd"}}, ["obligation.due 1wd -> 2wd"]),
        ({"silence": {"expected": {"police": "1h"}}},
         ["silence.expected.police 1h -> 59m", "silence.expected.police 1h -> 1h1m"]),
        ({"when": {"any": [{"name": "cue", "prior_gte": 1, "event": {"cues": ["weapon"]}}]}},
         ["when.any.cue.prior_gte 1 -> 0", "when.any.cue.prior_gte 1 -> 2", "when.any.cue.event.cues dropped",
          "when.any.cue dropped"]),
        ({"when": {"any": [{"name": "fast", "gaps": {"min_events": 3, "each_ratio_lte": 0.5}}]}},
         ["when.any.fast.gaps.min_events 3 -> 2", "when.any.fast.gaps.min_events 3 -> 4",
          "when.any.fast.gaps.each_ratio_lte 0.5 -> 0.45", "when.any.fast.gaps.each_ratio_lte 0.5 -> 0.55",
          "when.any.fast dropped"]),
        ({"when": {"steps": [{"name": "a", "event": {"action": ["closed"]}, "min": 2}]}},
         ["when.steps.a.min 2 -> 1", "when.steps.a.min 2 -> 3", "when.steps.a.event.action dropped"]),
        ({"when": {"all": [{"count_gte": 8}, {"score_gte": 4}], "hold": 2}},
         ["when.all.0.count_gte 8 -> 7", "when.all.0.count_gte 8 -> 9", "when.all.1.score_gte 4 -> 3",
          "when.all.1.score_gte 4 -> 5", "when.hold 2 -> 1", "when.hold 2 -> 3", "when.all.0 dropped",
          "when.all.1 dropped"]),
        ({"when": {"score": [{"name": "a", "event": {"violence": 1}, "points": 2, "cap": 4}]}},
         ["when.score.a.points 2 -> 1", "when.score.a.points 2 -> 3", "when.score.a.cap 4 -> 3",
          "when.score.a.cap 4 -> 5", "when.score.a.event.violence dropped", "when.score.a dropped"]),
        ({"when": {"ratio": {"of": {"satisfied": [False]}, "at_least": 20}}},
         ["when.ratio.at_least 20 -> 19", "when.ratio.at_least 20 -> 21", "when.ratio.of.satisfied dropped"]),
        ({"unless": {"done": {"action": ["visited"], "satisfied": [True]}}},
         ["unless.done.action dropped", "unless.done.satisfied dropped", "unless.done dropped"]),
        ({"stages": [{"at": "80%", "level": "blue"}, {"at": "100%", "level": "red"}]},
         ["stages.0 dropped", "stages.1 dropped"]),
        ({"bump": {"on": {"action": ["urged"]}, "by": 1}},
         ["bump.by 1 -> 0", "bump.by 1 -> 2", "bump.on.action dropped", "bump dropped"]),
        ({"obligation": {"pause_on": {"action": ["extension_granted"]}}},
         ["obligation.pause_on.action dropped", "obligation.pause_on dropped"]),
        ({"select": SELECT},
         ["select.condition: contact dropped", "select.condition: staff dropped", "select.contact.action dropped",
          "select.contact.channel dropped"]),
        ({"lifecycle": {"quiet_close": "7d", "reopen_within": "7d"}}, []),
    ],
)  # fmt: skip
def test_every_number_and_condition_has_its_mutants(data: dict[str, Any], wanted: list[str]) -> None:
    assert names(**data) == wanted


def test_a_condition_that_is_left_out_asks_for_nothing() -> None:
    assert changed("select.condition: staff dropped", select=SELECT)["select"]["condition"] == "contact"
    assert changed("select.condition: a dropped", select={"a": {"action": ["closed"]}})["select"] == {}


def test_without_a_condition_each_map_can_be_left_out() -> None:
    select = {"a": {"action": ["closed"]}, "b": {"channel": ["police"]}}

    assert changed("select.condition: a dropped", select=select)["select"]["condition"] == "b"


def test_a_mutant_differs_in_one_place_and_leaves_the_rule_as_it_is() -> None:
    data = {"levels": [{"gte": 3}, {"gte": 5}], "window": {"size": "7d"}, "tests": [{}], "waivers": [{}]}
    before = deepcopy(data)

    found = changed("levels.1.gte 5 -> 6", **data)

    assert found == {"levels": [{"gte": 3}, {"gte": 6}], "window": {"size": "7d"}}
    assert data == before


def test_a_mutant_knows_its_place() -> None:
    found = {mutant.name: mutant.path for mutant in mutants({"select": SELECT, "levels": [{"gte": 3}]})}

    assert found["levels.0.gte 3 -> 4"] == ("levels", 0, "gte")
    assert found["select.condition: staff dropped"] == ("select", "condition")
    assert found["select.contact.action dropped"] == ("select", "contact", "action")
