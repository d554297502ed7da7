"""score: weighted cues of a key, each capped, a ladder on the sum."""

from __future__ import annotations

from typing import Any

from small_city import DAY, HOUR, MINUTE, Run, make_rule, report, said

from alerts.model import Link, Revision
from alerts.rule import Rule

CUES = [
    {"name": "weapon", "event": {"cues|any": ["weapon"]}, "points": 3},
    {"name": "violence", "event": {"violence|gte": 2}, "points": 2, "cap": 3},
    {"name": "told", "event": {}, "points": 1, "cap": 2},
]
LEVELS = [{"gte": 4, "level": "blue"}, {"gte": 6, "level": "red"}]


def score(**parts: Any) -> Rule:
    return make_rule("score", **{"when": {"score": CUES}, "levels": LEVELS, **parts})


def last(run: Run) -> Revision:
    return run.revisions[-1]


def test_the_points_of_all_cues_are_added_up_and_listed() -> None:
    run = Run(score())
    run.tell(report("a", 0))  # told 1
    run.tell(report("b", HOUR, violence=2))  # told 2, violence 2

    assert said(run.revisions) == [(1, "open", "blue", "opened")]
    assert last(run).measures == {"score": 4, "parts": {"violence": 2, "told": 2}}
    assert (last(run).count, last(run).branches) == (2, ("told", "violence"))


def test_a_cue_that_was_not_there_before_is_a_new_branch() -> None:
    run = Run(score(levels=LEVELS[:1]))
    run.tell(report("a", 0))
    run.tell(report("b", HOUR, violence=2))

    assert said(run.tell(report("c", 2 * HOUR, cues=("weapon",)))) == [(2, "open", "blue", "new_branch")]
    assert last(run).branches == ("told", "violence", "weapon")


def test_a_cap_is_never_passed() -> None:
    run = Run(score())
    for number in range(6):
        run.tell(report(f"e{number}", number * HOUR, violence=2))  # violence 3, told 2

    assert last(run).level == "blue"
    assert last(run).measures["parts"] == {"violence": 3, "told": 2}


def test_a_transfer_is_the_same_contact_and_adds_only_what_it_shows_besides() -> None:
    run = Run(score())
    run.tell(report("a", 0, violence=2))
    run.tell(report("b", MINUTE, violence=3, link=Link("transfer", "a")))
    assert run.revisions == []  # told 1, violence 2

    run.tell(report("c", 2 * MINUTE, cues=("weapon",), link=Link("transfer", "a")))
    assert last(run).measures == {"score": 6, "parts": {"weapon": 3, "violence": 2, "told": 1}}
    assert last(run).count == 1


def test_what_is_as_old_as_the_window_adds_nothing() -> None:
    run = Run(score(levels=[{"gte": 5, "level": "blue"}]))
    run.tell(report("a", 0, cues=("weapon",)))
    run.tell(report("b", 2 * DAY))
    assert run.revisions == []

    run.tell(report("c", 2 * DAY - 1))
    assert last(run).measures["score"] == 5


def test_the_evidence_says_which_cues_it_shows() -> None:
    run = Run(score())
    run.tell(report("a", 0, cues=("weapon",), violence=2))

    assert [each.why for each in last(run).evidence] == ["weapon,violence,told"]
