"""Lineage: who took in the evidence of an alert that is gone."""

from __future__ import annotations

from msgspec.structs import replace
from small_city import MINUTE, Run, make_rule, report

from alerts.alert import Draft
from alerts.desk.lineage import taken_in
from alerts.model import AlertLink


def a_draft(pair: str, state: str, ids: tuple[str, ...], number: int = 1, **changes: object) -> Draft:
    run = Run(make_rule(levels=[{"gte": 1, "level": "blue"}]))
    run.tell(report("e", MINUTE, pair=pair))
    draft = run.drafts[0]
    revision = replace(draft.revision, state=state, **changes)
    return replace(draft, revision=revision, evidence_ids=ids, order=(1, 0, number, 0, ("0", pair)))


def pairs(*drafts: Draft) -> list[tuple[str, str]]:
    return [(gone.revision.key["pair"], heir.revision.key["pair"]) for gone, heir in taken_in(drafts)]


def test_the_one_that_took_in_most_is_the_heir() -> None:
    gone = a_draft("a", "merged", ("1", "2", "3"))

    assert pairs(gone, a_draft("b", "open", ("1",)), a_draft("c", "open", ("2", "3", "9"))) == [("a", "c")]


def test_who_shares_nothing_or_came_with_another_record_is_no_heir() -> None:
    gone = a_draft("a", "merged", ("1", "2"))

    assert pairs(gone, a_draft("b", "open", ("7",)), a_draft("c", "open", ("1",), number=2)) == []


def test_another_rule_takes_nothing_in() -> None:
    assert pairs(a_draft("a", "merged", ("1",)), a_draft("b", "open", ("1",), rule="test.other")) == []


def test_an_alert_that_names_its_heir_already_is_left_alone() -> None:
    gone = a_draft("a", "merged", ("1",), links=(AlertLink("merged_into", "x"),))

    assert pairs(gone, a_draft("b", "open", ("1",))) == []


def test_what_is_not_merged_has_no_heir() -> None:
    assert pairs(a_draft("a", "retracted", ("1",)), a_draft("b", "open", ("1",))) == []
