"""Routing: which route fits, how a chain climbs, what a role may do, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from small_city import CALENDARS, Run, make_rule, report
from small_desk import GRID, routing

from alerts.desk.routing import Routing, lies_in, values_of
from alerts.desk.routing_file import read_routing
from alerts.duration import MINUTE_US
from alerts.model import Region, Revision
from connectors.calendars import load_calendars
from connectors.routing_file import ROUTING_FILE, RoutingError, load_routing

WHERE = Region("620102", "620102001", "620102001001", GRID)


def a_revision(**fields: Any) -> Revision:
    run = Run(make_rule(levels=[{"gte": 1, "level": "red"}], route={"roles": ["unit"]}, **fields))
    return run.tell(report("e", 0, grid=GRID))[0]


def made(**parts: Any) -> Routing:
    return Routing(routing(**parts), CALENDARS)


def test_the_first_route_that_fits_counts() -> None:
    parts: dict[str, Any] = {
        "chains": {"a": {"steps": [{"to": "county"}]}, "b": {"steps": [{"to": "city"}]}},
        "routes": [
            {"match": {"rule": ["other.*"]}, "chain": "b"},
            {"match": {"rule": ["test.*"], "region": ["620102"]}, "chain": "a", "roles": ["centre"]},
            {"chain": "b"},
        ],
    }
    way = made(**parts).way(a_revision(), ("unit",), None)

    assert (way.chain, way.roles, [step.to for step in way.steps]) == ("a", ("unit", "centre"), ["county"])


def test_the_chain_that_a_rule_names_comes_before_that_of_its_route() -> None:
    parts: dict[str, Any] = {"chains": {"a": {"steps": [{"to": "county"}]}, "b": {"steps": [{"to": "city"}]}},
                             "routes": [{"chain": "a"}]}  # fmt: skip

    assert made(**parts).way(a_revision(), (), "b").chain == "b"
    assert made(**parts).way(a_revision(), (), "unknown").chain == "a"


def test_a_step_names_the_roles_of_its_level_or_its_own() -> None:
    steps = [{"to": "township"}, {"to": "county", "after": "1h", "roles": ["chief"]}]
    way = made(chains={"urgent": {"steps": steps}}).way(a_revision(), (), None)

    assert [(step.region, step.after, step.roles) for step in way.steps] == [
        ("620102001", 0, ("duty.street",)),
        ("620102", 60 * MINUTE_US, ("chief",)),
    ]


def test_a_role_is_known_by_its_whole_name_or_by_what_stands_before_the_dot() -> None:
    routing_ = made(roles={"duty": {"may": ["ack"]}, "duty.city": {"may": ["ack", "close"]}})

    assert routing_.powers("duty.street").may == {"ack"}
    assert routing_.powers("duty.city").may == {"ack", "close"}
    assert routing_.powers("guest").may == frozenset()


@pytest.mark.parametrize(
    ("code", "lies"),
    [("620102", True), ("620102001", True), (GRID, True), ("620100", True), ("620103", False), ("620102002", False)],
)
def test_where_a_region_lies(code: str, lies: bool) -> None:
    assert lies_in(WHERE, code) is lies


def test_nothing_lies_in_a_region_that_is_not_known() -> None:
    assert not lies_in(Region(), "620102")


def test_what_is_compared_for_inhibition() -> None:
    revision = a_revision(evidence={"fields": ["id", "subject"]})

    assert values_of(revision, "pair") == {"x"}
    assert values_of(revision, "key") == {"pair=x"}
    assert values_of(revision, "county") == {"620102"}
    assert values_of(revision, "unheard") == frozenset()


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"routes": [{"chain": "none"}]}, "chain must be there; got `none`; there are: urgent"),
        ({"routes": [{"during": "noon"}]}, "interval must be there; got `noon`; there are: none"),
        ({"intervals": {"x": {"hours": ["08:00-09:00"], "calendar": "us"}}}, "calendar must be there; got `us`"),
        ({"chains": {"urgent": {"steps": []}}}, "the steps of chain `urgent` must be there and come one after"),
        ({"chains": {"urgent": {"steps": [{"to": "city", "after": "1h"}, {"to": "county"}]}}}, "one after the other"),
        ({"roles": {"duty": {"may": ["dance"]}}}, "Invalid enum value 'dance'"),
        ({"rutes": []}, "Object contains unknown field `rutes`"),
    ],
    ids=["chain", "interval", "calendar", "no steps", "backwards", "power", "unknown key"],
)
def test_what_is_wrong_is_refused_with_a_sentence(parts: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        made(**parts)


def test_the_shipped_routing_is_right_and_covers_every_level() -> None:
    file = load_routing(ROUTING_FILE, load_calendars())

    assert [step.to for step in file.chains["urgent"].steps] == ["grid", "village", "township", "county", "city"]
    assert set(file.levels) == {"grid", "village", "township", "county", "city"}


def test_a_routing_file_that_is_wrong_is_refused_with_its_name(tmp_path: Any) -> None:
    path = tmp_path / "routing.yaml"
    path.write_text(yaml.safe_dump({"apiVersion": "routing/v1", "routes": [{"chain": "none"}]}), encoding="utf-8")

    with pytest.raises(RoutingError, match=r"chain must be there; got `none`; there are: none \(.*routing.yaml\)"):
        load_routing(path, load_calendars())


def test_a_file_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="routing must be as documented; got Invalid enum value 'routing/v2'"):
        read_routing({"apiVersion": "routing/v2"})
