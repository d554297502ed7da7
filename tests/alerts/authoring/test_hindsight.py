"""Hindsight: what it remembers agrees with what was published, in the simulated city as well."""

from __future__ import annotations

import pytest
from small_city import CHANNELS, DAY, HOUR, MINUTE, START, make_rule, report

from alerts.authoring.explained import explain_event
from alerts.authoring.hindsight import Hindsight, look_back
from alerts.authoring.nearness import Gauges, board
from alerts.authoring.why_not import Asker
from alerts.model import Arrival, Link, to_us
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.city import City
from dataflows.city.direct import events


@pytest.fixture(scope="module")
def city() -> Hindsight:
    channels = load_channels()
    told = events(City(days=10, reports_per_day=60, with_broken=False))
    arrivals = [Arrival(event, to_us(event.arrived_at or event.occurred_at)) for event in told]
    log = sorted(arrivals, key=lambda arrival: (arrival.arrived_us, arrival.event.id))
    return look_back(load_rules([RULES_FOLDER], channels), channels, log)


def test_the_board_and_why_not_say_the_same_of_a_key(city: Hindsight) -> None:
    asker = Asker(city, city.channels)
    rules = {rule.id: rule for rule in city.rules}
    places = board(city, Gauges(city.rules, city.channels), city.now)

    assert len(places) > 100
    for place in places[::25]:
        assert asker.why_not(rules[place.rule], place.key).now.nearest == place.distance


def test_what_fired_is_not_on_the_board_at_its_own_level(city: Hindsight) -> None:
    for place in board(city, Gauges(city.rules, city.channels), city.now):
        assert {"blue": 1, "yellow": 2, "red": 3}[place.distance.level] > place.open_level


def test_every_evidence_of_an_alert_says_so_when_asked(city: Hindsight) -> None:
    assert len(city.drafts) > 5
    for alert_id in list(city.drafts)[:5]:
        for event_id in city.drafts[alert_id][-1].evidence_ids:
            under = explain_event(city, city.channels, event_id)
            assert alert_id in {each for rule in under for each in rule.alerts}


def test_an_event_that_moves_is_remembered_where_it_ended() -> None:
    rule = make_rule(key=["matter"])
    late = report("first", 0, "police", matter=None, pair=None)
    told = [report("second", MINUTE, matter=None, pair=None, link=Link("transfer", "first"))]
    arrivals = [Arrival(told[0], START + MINUTE), Arrival(late, START + HOUR)]

    hindsight = look_back([rule], CHANNELS, arrivals)

    assert [len(hindsight.entries(rule, key)) for rule, key in hindsight.counted_keys()] == [2]


def test_until_leaves_out_what_arrived_later_and_moves_the_clock() -> None:
    rule = make_rule(lifecycle={"quiet_close": "1d"})
    told = [report(f"e{n}", n * HOUR) for n in range(3)]
    arrivals = [Arrival(event, to_us(event.occurred_at)) for event in told]

    early = look_back([rule], CHANNELS, arrivals, START + HOUR)
    late = look_back([rule], CHANNELS, arrivals, START + 10 * DAY)

    assert (sorted(early.pooled), early.now, early.drafts) == (["e0", "e1"], START + HOUR, {})
    assert [late.last(name).state for name in late.drafts] == ["closed"]
