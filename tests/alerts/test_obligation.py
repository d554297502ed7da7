"""An obligation rule compiled: what its events are, its budget and stages, and what is refused."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from alerts.calendar import calendar_of
from alerts.duration import DAY_US, HOUR_US
from alerts.kinds.obligation import ObligationPlan, compile_obligation
from alerts.kinds.term import BUMPS, OPENS, PAUSES, RESUMES, SATISFIES
from alerts.model import Event, Link, from_us
from alerts.rule_file import RuleError, read
from connectors.registry import load_channels
from connectors.yaml_file import loads

RULE: dict[str, Any] = loads("""\
apiVersion: rules/v1
id: sla.hotline-close
version: 1
kind: obligation
title: {zh: 超期, en: overdue}
owner: duty-rules
purpose: service-quality
channels: [hotline, police]
obligation:
  id: [case]
  opens: {action: [accepted, received]}
  satisfied_by: {action: [closed]}
  pause_on: {action: [extension_granted]}
  resume_on: {action: [extension_ended]}
  due: 5wd
  calendar: cn-2026
  vouch: [hotline]
stages:
  - {at: 80%, level: blue, name: {zh: 预警, en: early warning}}
  - {at: 100%, level: yellow}
  - {at: 8wd, level: red}
bump:
  on: {action: [received, urged], link.type|not: [transfer]}
""").data
CALENDARS = {"cn-2026": calendar_of({})}


def compiled(**changes: Any) -> ObligationPlan:
    """The plan of the rule above; a name such as `obligation__due` changes an inner key, None takes one away."""
    data = deepcopy(RULE)
    for name, value in changes.items():
        *outer, last = name.split("__")
        place = data
        for part in outer:
            place = place[part]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return compile_obligation(read(data), load_channels(), CALENDARS)


def test_an_event_may_be_several_things_to_the_rule() -> None:
    plan = compiled()
    actions = ("accepted", "received", "closed", "extension_granted", "extension_ended", "urged", "visited")
    roles = [plan.role_of(Event("e", "hotline", action, from_us(0))) for action in actions]  # type: ignore[arg-type]

    assert roles == [OPENS, OPENS | BUMPS, SATISFIES, PAUSES, RESUMES, BUMPS, 0]
    assert plan.role_of(Event("e", "hotline", "received", from_us(0), link=Link("transfer", "x"))) == OPENS
    assert plan.role_of(Event("e", "hotline", "accepted", from_us(0)), False) == 0


def test_the_words_of_a_role_are_those_of_the_rule_file() -> None:
    plan = compiled()
    event = Event("e", "hotline", "received", from_us(0))

    assert plan.roles((0, 1, "e", "e", plan.role_of(event), (), event)) == ("opens", "bump")


def test_the_key_is_read_from_the_fields_of_the_id() -> None:
    plan = compiled()
    event = Event("e", "hotline", "received", from_us(0), case="w1")

    assert (plan.key_names, [get(event) for get in plan.key_fields]) == (["case"], ["w1"])


def test_stages_are_shares_of_the_budget_or_lengths_on_its_clock() -> None:
    stages = compiled().budget.stages

    assert [(s.at, s.amount_us, s.level, s.is_breach) for s in stages] == [
        ("80%", 4 * DAY_US, 1, False),
        ("100%", 5 * DAY_US, 2, True),
        ("8wd", 8 * DAY_US, 3, True),
    ]
    assert stages[0].name is not None
    assert stages[0].name.zh == "预警"


def test_four_levels_in_seven_days_are_one_clock_with_four_stages() -> None:
    stages = [
        {"at": at, "level": level} for at, level in (("2d", "blue"), ("4d", "blue"), ("6d", "yellow"), ("7d", "red"))
    ]
    plan = compiled(obligation__due="7d", obligation__calendar=None, stages=stages)

    assert [stage.amount_us // DAY_US for stage in plan.budget.stages] == [2, 4, 6, 7]
    assert [stage.is_breach for stage in plan.budget.stages] == [False, False, False, True]


def test_every_channel_of_the_rule_vouches_where_none_is_named() -> None:
    assert compiled().vouch == {"hotline"}
    assert compiled(obligation__vouch=None).vouch == {"hotline", "police"}
    assert compiled().max_hold_us == 2 * HOUR_US


@pytest.mark.parametrize(
    ("changes", "sentence", "path"),
    [
        ({"obligation": None}, "an obligation rule must have `obligation`; got none", ("kind",)),
        ({"obligation__id": []}, "`obligation.id` must name at least one field; got none", ("obligation", "id")),
        (
            {"obligation__id": ["cse"]},
            "a field must be one of Event v1; got `cse`; did you mean `case`",
            ("obligation", "id", 0),
        ),
        (
            {"obligation__opens": {}},
            "`obligation.opens` must name at least one field; got none",
            ("obligation", "opens"),
        ),
        (
            {"obligation__satisfied_by": {"actoin": "closed"}},
            "field must be one of Event v1; got `actoin`; did you mean `action`",
            ("obligation", "satisfied_by"),
        ),
        (
            {"obligation__resume_on": None},
            "`pause_on` and `resume_on` must stand together; got only `pause_on`",
            ("obligation", "pause_on"),
        ),
        (
            {"obligation__due": "soon"},
            "length must be working days such as `5wd` or a duration such as `7d`; got `soon`",
            ("obligation", "due"),
        ),
        (
            {"obligation__due": "0wd"},
            "`due` must be longer than nothing and at most ten years; got `0wd`",
            ("obligation", "due"),
        ),
        (
            {"obligation__calendar": "cn-2062"},
            "a calendar must be known; got `cn-2062`; did you mean `cn-2026`",
            ("obligation", "calendar"),
        ),
        (
            {"obligation__calendar": None},
            "`due` in working days must name a `calendar`; got `5wd`",
            ("obligation", "due"),
        ),
        (
            {"obligation__vouch": ["hotlin"]},
            "a channel must be registered; got `hotlin`; did you mean `hotline`",
            ("obligation", "vouch", 0),
        ),
        (
            {"obligation__vouch": ["court"]},
            "a channel that vouches must be one of the rule's `channels`; got `court`",
            ("obligation", "vouch", 0),
        ),
        (
            {"obligation__max_hold": "long"},
            "duration must be numbers with the units d, h, m, s, such as `1h30m`; got `long`",
            ("obligation", "max_hold"),
        ),
        ({"stages": []}, "`stages` must have at least one stage; got none", ("stages",)),
        (
            {"stages": [{"at": "late", "level": "blue"}]},
            "`at` must be a share such as `80%` or a length such as `4d`; got `late`",
            ("stages", 0, "at"),
        ),
        (
            {"stages": [{"at": "4d", "level": "blue"}]},
            "a stage must be counted as `due` is, in working days such as `4wd`; got `4d`",
            ("stages", 0, "at"),
        ),
        (
            {"stages": [{"at": "0%", "level": "blue"}]},
            "a stage must lie after the opening, by at most ten years; got `0%`",
            ("stages", 0, "at"),
        ),
        (
            {"stages": [{"at": "100%", "level": "blue"}, {"at": "5wd", "level": "red"}]},
            "`stages` must rise in time, and in level not fall; got `5wd` after `100%`",
            ("stages", 1),
        ),
        (
            {"stages": [{"at": "80%", "level": "red"}, {"at": "5wd", "level": "blue"}]},
            "`stages` must rise in time, and in level not fall; got `5wd` after `80%`",
            ("stages", 1),
        ),
        ({"bump__by": 0}, "`bump.by` must be at least 1; got `0`", ("bump", "by")),
        ({"bump__on": {}}, "`bump.on` must name at least one field; got none", ("bump", "on")),
    ],
)
def test_a_wrong_obligation_is_refused_at_its_place(
    changes: dict[str, Any], sentence: str, path: tuple[str | int, ...]
) -> None:
    with pytest.raises(RuleError) as error:
        compiled(**changes)

    assert (error.value.sentence, error.value.path) == (sentence, path)
