"""The desk: acks, closings, silences, inhibition and climbing, as one alert goes through them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from small_city import CHANNELS, DAY, HOUR, MINUTE, START, Run, make_rule, report, said
from small_desk import GRID, INHIBIT, LIFE, STEPS, routing

from alerts.model import AlertLink, Matchers, Revision, Silencing, from_us
from alerts.record import content_hash
from alerts.rule import Rule, compile_rule


def red(**parts: Any) -> Rule:
    """A rule whose first report is red."""
    return make_rule(levels=[{"gte": 1, "level": "red"}], lifecycle=LIFE, **parts)


def climbing(**parts: Any) -> Rule:
    """Blue at one report, yellow at three, red at five."""
    levels = [{"gte": 1, "level": "blue"}, {"gte": 3, "level": "yellow"}, {"gte": 5, "level": "red"}]
    return make_rule(levels=levels, lifecycle=LIFE, **parts)


def run_of(rule: Rule, **parts: Any) -> Run:
    """A run at whose beginning one report has opened an alert."""
    run = Run(rule, routing=routing(**parts))
    run.tell(report("e0", 0, grid=GRID))
    return run


def tell(run: Run, number: int, at: int, **fields: Any) -> list[Revision]:
    return run.tell(report(f"e{number}", at, **{"grid": GRID, **fields}))


def at(revision: Revision) -> float:
    """Minutes after the start at which it was said."""
    return (revision.detected_at - from_us(START)).total_seconds() / 60


def alert(run: Run) -> str:
    return run.revisions[0].alert_id


# climbing


def test_an_unacked_red_alert_walks_up_the_five_levels_on_its_chains_times() -> None:
    run = run_of(red())
    run.wait_until(2 * HOUR)

    assert [(at(r), r.reason, r.route.rung, r.route.region) for r in run.revisions] == [
        (0, "opened", "grid", GRID),
        (10, "escalated", "village", "620102001001"),
        (20, "escalated", "township", "620102001"),
        (40, "escalated", "county", "620102"),
        (60, "escalated", "city", "620100"),
    ]
    assert run.revisions[0].route.next_repeat_at == from_us(START + 10 * MINUTE)
    assert run.revisions[-1].route.next_repeat_at is None
    assert run.revisions[-1].route.roles == ("grid.officer", "duty.village", "duty.street", "duty.county", "duty.city")


def test_climbing_stops_at_an_ack() -> None:
    run = run_of(red())
    run.wait_until(12 * MINUTE)

    run.do(15 * MINUTE, "ack", alert_id=alert(run))
    run.wait_until(20 * HOUR)

    assert [r.reason for r in run.revisions] == ["opened", "escalated", "acked"]
    assert run.revisions[-1].state == "acked"


def test_climbing_stops_at_a_close() -> None:
    run = run_of(red())

    run.do(5 * MINUTE, "close", alert_id=alert(run), disposition="benign")
    run.wait_until(5 * HOUR)

    assert said(run.revisions) == [(1, "open", "red", "opened"), (2, "closed", "red", "resolved_by_user")]


def test_nothing_climbs_behind_the_horizon() -> None:
    run = run_of(red(), chains={"urgent": {"steps": STEPS, "horizon": "25m"}})
    run.wait_until(5 * HOUR)

    assert [r.route.rung for r in run.revisions] == ["grid", "village", "township"]


def test_steps_whose_region_nobody_knows_are_left_out_and_the_first_of_the_rest_is_told_at_once() -> None:
    run = Run(red(), routing=routing())
    run.tell(report("e0", 0, region="620102"))
    run.wait_until(5 * HOUR)

    assert [(at(r), r.route.rung) for r in run.revisions] == [(0, "county"), (20, "city")]


STEADY = {"urgent": {"steps": [{"to": "township"}, {"to": "county", "after": "8h"}, {"to": "city", "after": "1d"}]}}


def test_a_level_that_was_told_stays_told_when_less_of_the_region_is_known() -> None:
    run = run_of(red(channels=["hotline", "police"]), chains=STEADY)
    run.wait_until(8 * HOUR)

    told = run.tell(report("e1", 8 * HOUR + 30 * MINUTE, "police", region="620102"))
    later = run.wait_until(2 * DAY)

    assert [(r.reason, r.route.rung, r.route.next_repeat_at) for r in told] == [
        ("new_channel", "county", from_us(START + DAY))
    ]
    assert [(at(r) / 60, r.reason, r.route.rung) for r in later] == [(24, "escalated", "city")]


def test_a_level_below_that_is_known_later_is_told_beside_those_above_and_the_next_in_its_time() -> None:
    run = Run(red(channels=["hotline", "police"]), routing=routing())
    run.tell(report("e0", 0, region="620102"))

    told = tell(run, 1, 16 * MINUTE, channel="police")
    run.restart()
    later = run.wait_until(2 * HOUR)

    assert [(r.reason, r.route.rung, r.route.roles) for r in told] == [
        ("new_channel", "county", ("grid.officer", "duty.village", "duty.street", "duty.county"))
    ]
    assert [(at(r), r.reason, r.route.rung) for r in later] == [(20, "escalated", "city")]


def test_the_first_level_that_is_known_is_told_at_once_also_where_less_is_known_than_before() -> None:
    run = run_of(red(channels=["hotline", "police"]), chains=STEADY)

    told = run.tell(report("e1", HOUR, "police", region="620102"))
    later = tell(run, 2, 2 * HOUR, channel="police") + run.wait_until(9 * HOUR)

    assert [(r.route.rung, r.route.roles) for r in told] == [("county", ("duty.county",))]
    assert [r.reason for r in later if r.reason == "escalated"] == []


def test_an_alert_that_comes_to_another_chain_goes_on_there_from_the_level_that_was_told() -> None:
    other = {"steps": [{"to": "village"}, {"to": "township", "after": "2h"}, {"to": "county", "after": "12h"}]}
    routes = [{"match": {"region": ["620103"]}, "chain": "other"}, {"chain": "urgent"}]
    run = run_of(red(channels=["hotline", "police"]), chains={**STEADY, "other": other}, routes=routes)

    told = run.tell(report("e1", HOUR, "police", grid="62010300100101"))
    later = run.wait_until(2 * DAY)

    assert [(r.route.chain, r.route.rung, r.route.roles) for r in told] == [
        ("other", "township", ("duty.village", "duty.street"))
    ]
    assert [(at(r) / 60, r.reason, r.route.rung) for r in later] == [(12, "escalated", "county")]


def test_a_chain_that_another_routing_calls_otherwise_goes_on() -> None:
    run = run_of(red())
    run.wait_until(20 * MINUTE)

    run.route(25 * MINUTE, routing(chains={"now": {"steps": STEPS}}, routes=[{"chain": "now"}]))
    later = run.wait_until(2 * HOUR)

    assert [(at(r), r.route.chain, r.route.rung) for r in later] == [(40, "now", "county"), (60, "now", "city")]


def test_an_alert_that_an_earlier_release_kept_goes_on_from_the_level_that_was_told() -> None:
    run = Run(red(), routing=routing())
    run.tell(report("e0", 0, region="620102"))
    [each] = run.pipeline.publishing.desk.alerts.values()
    each.climbs, each.skipped, each.rung = None, 0, 0  # its rung was a place among the steps whose region was known

    assert [(at(r), r.route.rung) for r in run.wait_until(2 * HOUR)] == [(20, "city")]


def test_a_level_rise_begins_the_chain_of_its_level() -> None:
    run = run_of(climbing())
    for number in range(1, 5):
        tell(run, number, number * MINUTE)
    run.wait_until(16 * MINUTE)

    assert [(at(r), r.level, r.reason, r.route.rung) for r in run.revisions] == [
        (0, "blue", "opened", None),
        (2, "yellow", "level_up", None),
        (4, "red", "level_up", "grid"),
        (14, "red", "escalated", "village"),
    ]


# acks


def test_an_ack_ends_at_its_time_and_people_are_told_again() -> None:
    run = run_of(red())

    run.do(MINUTE, "ack", alert_id=alert(run), until=from_us(START + HOUR))
    run.wait_until(70 * MINUTE + 1)

    assert [(at(r), r.state, r.reason, r.route.rung) for r in run.revisions] == [
        (0, "open", "opened", "grid"),
        (1, "acked", "acked", "grid"),
        (60, "open", "ack_expired", "grid"),
        (70, "open", "escalated", "village"),
    ]


def test_an_ack_that_names_no_end_has_that_of_its_role() -> None:
    run = run_of(red())

    run.do(MINUTE, "ack", alert_id=alert(run), role="duty.county")
    run.wait_until(8 * HOUR + MINUTE + 1)

    assert (run.revisions[-1].reason, at(run.revisions[-1])) == ("ack_expired", 481)


def test_an_ack_longer_than_its_role_may_is_refused() -> None:
    run = run_of(red())

    assert run.do(MINUTE, "ack", alert_id=alert(run), role="duty", until=from_us(START + 9 * HOUR)) == []
    assert run.acted.verdict == "refused"
    assert run.acted.sentence.startswith("an ack of role `duty` must end within 8h; got ")


def test_what_the_stream_says_of_an_acked_alert_leaves_it_acked() -> None:
    run = run_of(climbing(channels=["hotline", "police"]))
    run.do(MINUTE, "ack", alert_id=alert(run))

    told = tell(run, 1, 5 * MINUTE, channel="police")

    assert [(r.state, r.reason) for r in told] == [("acked", "new_channel")]


def test_a_level_rise_cancels_an_ack() -> None:
    run = run_of(climbing())
    run.do(MINUTE, "ack", alert_id=alert(run))
    tell(run, 1, 2 * MINUTE)

    told = tell(run, 2, 3 * MINUTE)

    assert [(r.state, r.level, r.reason) for r in told] == [("open", "yellow", "level_up")]
    assert "ack_expired" not in [r.reason for r in run.wait_until(3 * DAY)]


@pytest.mark.parametrize(("action", "more"), [("ack", {}), ("close", {"disposition": "benign"})])
def test_nobody_acks_or_closes_a_level_that_they_have_not_seen(action: str, more: dict[str, Any]) -> None:
    run = run_of(climbing())
    for number in range(1, 3):
        tell(run, number, number * MINUTE)

    assert run.do(5 * MINUTE, action, alert_id=alert(run), revision=1, **more) == []
    assert "it has risen to yellow with revision 2: look again" in run.acted.sentence
    assert run.do(6 * MINUTE, action, alert_id=alert(run), revision=2, **more) != []


def test_an_ack_is_given_back() -> None:
    run = run_of(red())
    run.do(MINUTE, "ack", alert_id=alert(run))
    told = run.do(2 * MINUTE, "unack", alert_id=alert(run))

    assert [(r.state, r.reason, r.route.next_repeat_at) for r in told] == [
        ("open", "unacked", from_us(START + 12 * MINUTE))
    ]


# closing and opening again


def test_a_report_after_a_person_has_closed_opens_the_same_alert_inside_reopen_within() -> None:
    run = run_of(climbing(channels=["hotline", "police"]))
    run.do(MINUTE, "close", alert_id=alert(run), disposition="already_handled")

    told = tell(run, 1, 2 * HOUR, channel="police")

    assert said(told) == [(3, "open", "blue", "reopened")]


def test_a_report_long_after_a_person_has_closed_begins_the_next_episode() -> None:
    rule = climbing(channels=["hotline", "police"])
    rule.life.reopen_within = 30 * MINUTE
    run = run_of(rule)
    run.do(MINUTE, "close", alert_id=alert(run), disposition="already_handled")

    told = tell(run, 1, 2 * HOUR, channel="police")

    assert said(told) == [(1, "open", "blue", "opened")]
    assert (told[0].episode, told[0].links) == (2, (AlertLink("previous", alert(run)),))
    told = run.wait_until(5 * DAY)
    assert [(r.episode, r.state, r.reason) for r in told][-1] == (2, "closed", "quiet")


def test_a_report_that_was_folded_before_a_person_closed_opens_nothing() -> None:
    run = run_of(climbing())
    tell(run, 1, 5 * MINUTE)  # folded, and told of after an hour
    run.do(10 * MINUTE, "close", alert_id=alert(run), disposition="already_handled")

    assert run.wait_until(2 * HOUR) == []
    assert said(tell(run, 2, 3 * HOUR)) == [(3, "open", "yellow", "reopened")]


def test_a_report_that_is_folded_after_a_person_has_closed_opens_the_alert_by_when_it_came() -> None:
    rule = climbing()
    rule.life.reopen_within = 30 * MINUTE
    run = run_of(rule)
    run.do(10 * MINUTE, "close", alert_id=alert(run), disposition="already_handled")
    tell(run, 1, 35 * MINUTE)

    told = run.wait_until(2 * HOUR)

    assert [(at(r), r.episode, r.revision, r.reason) for r in told] == [(60, 1, 3, "reopened")]


def chain(**life: Any) -> Rule:
    """Blue at two steps of channels, unless somebody was satisfied in between."""
    when = {"chain": {"measure": "channel_rank", "min_steps": 2}, "eager": True}
    return make_rule(
        "progression", when=when, unless={"fine": {"satisfied": [True]}}, levels=[{"steps": 2, "level": "blue"}],
        lifecycle={**LIFE, "quiet_close": "1d", "reopen_within": "20d", **life},
    )  # fmt: skip


def climb(run: Run, at: int) -> list[Revision]:
    run.tell(report(f"grid{at}", at, "grid", grid=GRID))
    return run.tell(report(f"hotline{at}", at + MINUTE, grid=GRID))


def test_a_report_opens_what_a_person_has_closed_though_the_stream_has_taken_it_back_meanwhile() -> None:
    run = Run(chain(), routing=routing())
    climb(run, 0)
    run.do(2 * MINUTE, "close", alert_id=alert(run), disposition="already_handled")
    assert run.tell(report("fine", 1, action="visited", satisfied=True, grid=GRID), arrive=HOUR) == []

    assert said(climb(run, 9 * DAY)) == [(3, "open", "blue", "reopened")]


def test_a_new_channel_that_waits_for_its_distance_while_a_person_closes_opens_nothing() -> None:
    rule = climbing(channels=["hotline", "police"])
    rule.life.min_gap = rule.life.max_gap = 20 * MINUTE
    run = run_of(rule)
    tell(run, 1, 5 * MINUTE, channel="police")
    run.do(10 * MINUTE, "close", alert_id=alert(run), disposition="benign")

    assert run.wait_until(HOUR) == []


def test_an_episode_that_ends_after_a_person_has_closed_it_is_not_closed_twice() -> None:
    run = run_of(red())
    run.do(MINUTE, "close", alert_id=alert(run), disposition="true_positive")
    run.wait_until(9 * DAY)

    assert [r.state for r in run.revisions] == ["open", "closed"]


def test_the_next_episode_of_the_stream_is_the_next_of_readers() -> None:
    rule = climbing(channels=["hotline", "police"])
    rule.life.reopen_within = 30 * MINUTE
    run = run_of(rule)
    run.do(MINUTE, "close", alert_id=alert(run), disposition="benign")
    tell(run, 1, 2 * HOUR, channel="police")  # the second
    run.restart()
    told = tell(run, 2, 20 * DAY)  # the stream's second

    opened = [r for r in told if r.reason == "opened"]
    assert [(r.episode, r.revision) for r in opened] == [(3, 1)]
    assert len({r.alert_id for r in run.revisions}) == 3


def test_only_what_a_person_has_closed_can_a_person_open() -> None:
    run = run_of(red())
    run.do(MINUTE, "close", alert_id=alert(run), disposition="false_positive")
    assert said(run.do(2 * MINUTE, "reopen", alert_id=alert(run))) == [(3, "open", "red", "reopened")]
    assert run.do(3 * MINUTE, "reopen", alert_id=alert(run)) == []
    assert "only what a person has closed can a person open" in run.acted.sentence


# aftercare


def cared_for(reopen_within: int) -> Run:
    """A blue alert that a person closed ten minutes after it opened; aftercare is for five days."""
    levels = [{"gte": 1, "level": "blue"}, {"gte": 4, "level": "yellow"}]
    life = {**LIFE, "aftercare": {"for": "5d", "level_plus": 1}}
    rule = make_rule(levels=levels, lifecycle=life, channels=["hotline", "police"], window={"size": "9d"})
    rule.life.reopen_within = reopen_within
    rule.life.quiet_close = 20 * DAY
    run = run_of(rule)
    run.do(10 * MINUTE, "close", alert_id=alert(run), disposition="true_positive")
    return run


@pytest.mark.parametrize(("reopen_within", "revision"), [(2 * DAY, (3, "reopened")), (HOUR, (1, "opened"))])
def test_aftercare_opens_what_a_person_has_closed_one_level_higher(
    reopen_within: int, revision: tuple[int, str]
) -> None:
    run = cared_for(reopen_within)

    told = tell(run, 1, DAY, channel="police")

    assert [(r.revision, r.reason, r.level, r.level_max) for r in told] == [(*revision, "yellow", "yellow")]
    assert told[0].nearest_next is not None
    assert (told[0].nearest_next.level, told[0].nearest_next.needs) == ("red", 2)
    tell(run, 2, 2 * DAY)
    run.restart()
    assert [(r.reason, r.level) for r in tell(run, 3, 2 * DAY + MINUTE)] == [("level_up", "red")]


def test_what_is_taken_back_is_taken_back_at_the_level_that_was_told() -> None:
    """Aftercare of the stream and that of the desk are one and the same."""
    run = Run(chain(reopen_within="1h", aftercare={"for": "5d", "level_plus": 1}), routing=routing())
    climb(run, 0)
    run.wait_until(2 * DAY)
    told = climb(run, 3 * DAY)
    assert [(r.episode, r.reason, r.level) for r in told] == [(2, "opened", "yellow")]
    run.do(3 * DAY + 2 * MINUTE, "close", alert_id=told[0].alert_id, disposition="true_positive")
    tell(run, 9, 3 * DAY + 3 * MINUTE, channel="hotline")
    assert [(r.reason, r.level) for r in run.wait_until(3 * DAY + 2 * HOUR)] == [("reopened", "yellow")]

    fine = report("fine", 3 * DAY + 1, action="visited", satisfied=True, grid=GRID)
    told = run.tell(fine, arrive=3 * DAY + 3 * HOUR)

    assert [(r.state, r.level, r.level_max) for r in told] == [("retracted", "yellow", "yellow")]


def test_after_aftercare_what_a_person_has_closed_opens_at_its_own_level() -> None:
    run = cared_for(9 * DAY)

    assert said(tell(run, 1, 6 * DAY, channel="police")) == [(3, "open", "blue", "reopened")]


def test_nobody_is_asked_for_a_return_visit_while_the_alert_is_open_again() -> None:
    run = cared_for(2 * DAY)
    tell(run, 1, DAY, channel="police")

    run.wait_until(10 * DAY)
    assert [row.action.action for row in run.pipeline.acted] == ["close"]

    run.do(11 * DAY, "close", alert_id=alert(run), disposition="benign")
    run.wait_until(16 * DAY)
    assert [(row.action.action, row.at) for row in run.pipeline.acted[2:]] == [("ask_visit", run.acted.at)]
    assert run.acted.at == from_us(START + 16 * DAY)


# silences


def silence(**parts: Any) -> Silencing:
    matchers = parts.pop("matchers", Matchers(rule="test.*"))
    return Silencing(matchers, **parts)


def test_a_silence_mutes_delivery_and_its_end_says_once_what_was_muted() -> None:
    run = Run(climbing(channels=["hotline", "police"]), routing=routing())
    run.do(0, "silence", silence=silence(), why="drill", until=from_us(START + HOUR))

    opened = tell(run, 0, MINUTE)
    more = tell(run, 1, 5 * MINUTE, channel="police")
    caught_up = run.wait_until(2 * HOUR)

    assert [(r.reason, r.route.roles, r.route.muted_by) for r in opened + more] == [
        ("opened", (), ("silence:a1",)), ("new_channel", (), ("silence:a1",)),
    ]  # fmt: skip
    assert [(at(r), r.reason, r.route.muted_by, r.revision) for r in caught_up] == [(60, "unmuted", (), 3)]


def test_a_level_rise_passes_a_silence() -> None:
    run = run_of(climbing())
    run.do(0, "silence", silence=silence(), why="drill", until=from_us(START + DAY))
    tell(run, 1, MINUTE)

    told = tell(run, 2, 2 * MINUTE)

    assert [(r.reason, r.route.muted_by) for r in told] == [("level_up", ())]


def test_only_a_silence_of_a_role_that_may_stops_a_level_rise() -> None:
    run = run_of(climbing())
    loud = silence(mute_level_rise=True)
    run.do(0, "silence", silence=loud, why="drill", role="duty")
    assert run.acted.sentence == "role `duty` must be allowed to mute a level rise; it is not"

    run.do(1, "silence", silence=loud, why="drill")
    tell(run, 1, MINUTE)

    assert [r.route.muted_by for r in tell(run, 2, 2 * MINUTE)] == [("silence:a2",)]


def test_a_closing_is_delivered_although_the_alert_was_muted() -> None:
    run = Run(red(), routing=routing())
    run.do(0, "silence", silence=silence(), why="drill", until=from_us(START + 6 * DAY))
    tell(run, 0, MINUTE)

    told = run.wait_until(5 * DAY)

    assert [(r.state, r.route.muted_by) for r in told] == [("closed", ())]


def test_a_silence_ends_when_an_alert_that_it_mutes_rises_or_closes() -> None:
    run = Run(climbing(), routing=routing())
    run.do(0, "silence", silence=silence(on_level_rise=True), why="known", until=from_us(START + DAY))
    tell(run, 0, MINUTE)
    tell(run, 1, 2 * MINUTE)

    told = tell(run, 2, 3 * MINUTE) + run.tell(report("other", 4 * MINUTE, pair="y", grid=GRID))

    assert [(r.key["pair"], r.reason, r.route.muted_by) for r in told] == [("x", "level_up", ()), ("y", "opened", ())]


def test_ending_a_silence_by_hand_says_what_it_muted_and_nothing_twice() -> None:
    run = Run(red(), routing=routing())
    run.do(0, "silence", silence=silence(), why="drill", until=from_us(START + DAY))
    tell(run, 0, MINUTE)

    told = run.do(2 * MINUTE, "unsilence", of="a1")
    later = run.wait_until(2 * DAY)

    assert [r.reason for r in told] == ["unmuted"]
    assert "unmuted" not in [r.reason for r in later]


def test_a_muted_alert_does_not_climb_and_begins_when_it_is_heard() -> None:
    run = Run(red(), routing=routing())
    run.do(0, "silence", silence=silence(), why="drill", until=from_us(START + 3 * HOUR))
    tell(run, 0, MINUTE)

    told = run.wait_until(3 * HOUR + 11 * MINUTE)

    assert [(at(r), r.reason, r.route.rung) for r in told] == [(180, "unmuted", "grid"), (190, "escalated", "village")]


def test_two_silences_one_after_the_other_leave_nothing_unsaid() -> None:
    run = Run(red(), routing=routing())
    run.do(0, "silence", silence=silence(), why="drill", until=from_us(START + HOUR))
    tell(run, 0, MINUTE)
    run.do(2 * MINUTE, "silence", silence=silence(), why="drill", until=from_us(START + 2 * HOUR))

    told = run.wait_until(2 * HOUR + 1)

    assert [(at(r), r.reason) for r in told] == [(120, "unmuted")]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"silence": Silencing(Matchers()), "why": "x"}, "that would mute everything"),
        ({"silence": Silencing(Matchers(rule="a")), "why": ""}, "`why` must say what a silence is for"),
        (
            {"silence": Silencing(Matchers(rule="a")), "why": "x", "until": from_us(START + 8 * DAY)},
            "must end within 7d",
        ),
        ({"silence": Silencing(Matchers(rule="a")), "why": "x", "scope": "620102"}, "inside that of who acts"),
        ({"silence": Silencing(Matchers(region="620103")), "why": "x", "scope": "620102"}, "inside that of who acts"),
    ],
    ids=["everything", "no reason", "too long", "no region", "another region"],
)  # fmt: skip
def test_a_silence_that_must_not_be_is_refused(fields: dict[str, Any], sentence: str) -> None:
    run = run_of(red())
    run.do(MINUTE, "silence", **fields)

    assert run.acted.verdict == "refused"
    assert sentence in run.acted.sentence


# inhibition


def two_rules() -> Run:
    """`a` is red at once and closes after a day, `b` is blue; both of the same pair."""
    first = make_rule(id="test.a", levels=[{"gte": 1, "level": "red"}], lifecycle={**LIFE, "quiet_close": "1d"},
                      channels=["police"], window={"size": "2d", "lateness": "0s"})  # fmt: skip
    second = make_rule(id="test.b", number=1, levels=[{"gte": 1, "level": "blue"}],
                       lifecycle={**LIFE, "quiet_close": "9d"}, window={"size": "2d", "lateness": "0s"})  # fmt: skip
    return Run(first, second, routing=routing(inhibit=INHIBIT))


def test_an_open_source_mutes_the_lower_alert_of_the_same_key_until_it_closes() -> None:
    run = two_rules()
    told = tell(run, 0, 0, channel="police")
    source = next(r.alert_id for r in told if r.rule == "test.a")

    muted = next(r for r in told if r.rule == "test.b")
    tell(run, 1, 25 * HOUR, channel="police", pair="other")
    after = [r for r in run.wait_until(26 * HOUR) + run.revisions if r.rule == "test.b" and r.key["pair"] == "x"]

    assert muted.route.muted_by == (f"alert:{source}",)
    assert AlertLink("inhibited_by", source) in muted.links
    assert [(r.reason, r.route.muted_by, r.links) for r in after if r.reason == "unmuted"] == [("unmuted", (), ())]


def test_another_key_is_not_muted() -> None:
    run = two_rules()
    tell(run, 0, 0, channel="police")

    told = tell(run, 1, MINUTE, channel="hotline", pair="y")

    assert [(r.rule, r.route.muted_by) for r in told] == [("test.b", ())]


def test_a_silent_channel_mutes_what_was_owed_through_it_before_it_fell_silent() -> None:
    """The obligation is open on a data gap: the silent channel is the one that did not vouch."""
    parts: dict[str, Any] = {"apiVersion": "rules/v1", "version": 1, "title": {"zh": "测", "en": "t"}, "owner": "tests",
                             "purpose": "operations"}  # fmt: skip
    obligation = {"id": ["case"], "opens": {"action": ["accepted"]}, "satisfied_by": {"action": ["closed"]},
                  "due": "1d", "vouch": ["grid", "hotline"], "max_hold": "1h"}  # fmt: skip
    owed = compile_rule({**parts, "id": "test.owed", "kind": "obligation", "channels": obligation["vouch"],
                         "obligation": obligation, "stages": [{"at": "1d", "level": "yellow"}]}, CHANNELS)  # fmt: skip
    quiet = compile_rule({**parts, "id": "test.quiet", "kind": "silence", "channels": ["grid"], "key": ["channel"],
                          "silence": {"events_only": {"grid": "2d"}},
                          "levels": [{"ratio": 1, "level": "yellow"}]}, CHANNELS, 1)  # fmt: skip
    inhibit = [{"name": "silent", "source": {"kind": ["silence"]}, "target": {"kind": ["obligation"]},
                "equal": ["channel"]}]  # fmt: skip
    steps = [{"to": "township"}, {"to": "city", "after": "30h"}]
    run = Run(owed, quiet, routing=routing(
        chains={"steady": {"steps": steps}}, routes=[{"chain": "steady"}], inhibit=inhibit,
    ))  # fmt: skip
    tell(run, 0, 0, channel="grid", action="accepted", case="w1")
    tell(run, 1, 24 * HOUR, channel="hotline")

    told = run.wait_until(60 * HOUR)
    again = tell(run, 2, 61 * HOUR, channel="grid")

    assert [(at(r) / 60, r.rule, r.reason) for r in told] == [(25, "test.owed", "opened"), (48, "test.quiet", "opened")]
    assert told[0].confidence == "data_gap"
    assert [each["channel"] for each in told[0].vouched_by] == ["hotline"]
    assert [(r.rule, r.reason) for r in again] == [("test.quiet", "quiet"), ("test.owed", "unmuted")]


# intervals


def test_what_opens_outside_the_interval_is_said_when_it_begins() -> None:
    parts = {
        "intervals": {"office": {"hours": ["08:30-12:00"], "days": ["workday", "weekend"]}},
        "routes": [{"during": "office"}],
    }
    run = run_of(red(), **parts)
    night = run.revisions[0]
    told = run.wait_until(2 * DAY)

    assert night.route.muted_by == ("interval:office",)
    assert [(r.reason, r.route.muted_by) for r in told] == [("unmuted", ())]
    assert told[0].detected_at.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%H:%M") == "08:30"


def test_another_routing_says_what_only_the_old_one_muted() -> None:
    parts = {
        "intervals": {"office": {"hours": ["08:30-12:00"], "days": ["workday", "weekend"]}},
        "routes": [{"during": "office"}],
    }
    run = run_of(red(), **parts)

    told = run.route(MINUTE, routing())
    run.restart()
    later = run.wait_until(12 * MINUTE)

    assert [(r.reason, r.route.rung) for r in told] == [("unmuted", "grid")]
    assert [(at(r), r.reason, r.route.rung) for r in later] == [(11, "escalated", "village")]


# supervision, visits, audit


def test_a_supervision_notice_that_nobody_answers_is_said_at_its_deadline() -> None:
    run = run_of(climbing())
    run.do(MINUTE, "supervise", alert_id=alert(run), assigned_to="street", until=from_us(START + HOUR))

    told = run.wait_until(2 * HOUR)

    assert [(at(r), r.reason) for r in told] == [(60, "supervision_overdue")]


def test_a_supervision_notice_that_is_answered_is_not() -> None:
    run = run_of(climbing())
    run.do(MINUTE, "supervise", alert_id=alert(run), assigned_to="street", until=from_us(START + HOUR))
    run.do(2 * MINUTE, "answer", alert_id=alert(run), of="a1", why="visited", role="supervisor")

    assert run.wait_until(2 * HOUR) == []


def test_a_late_answer_to_a_supervision_notice_is_an_answer_once() -> None:
    run = run_of(climbing())
    run.do(MINUTE, "supervise", alert_id=alert(run), assigned_to="street", until=from_us(START + HOUR))
    run.wait_until(2 * HOUR)
    run.restart()

    run.do(3 * HOUR, "answer", alert_id=alert(run), of="a1", why="visited", role="supervisor")
    assert run.acted.verdict == "done"

    run.do(4 * HOUR, "answer", alert_id=alert(run), of="a1", why="visited", role="supervisor")
    assert (run.acted.verdict, run.acted.sentence) == (
        "refused", "`of` must be a supervision notice that waits for its answer; got `a1`",
    )  # fmt: skip


def test_the_end_of_aftercare_asks_for_a_return_visit() -> None:
    run = run_of(make_rule(levels=[{"gte": 1, "level": "red"}],
                           lifecycle={**LIFE, "aftercare": {"for": "14d", "level_plus": 1}}))  # fmt: skip
    run.wait_until(30 * DAY)

    assert [r.state for r in run.revisions] == ["open", "closed"] or run.revisions[-1].state == "closed"
    closed = run.revisions[-1].detected_at
    assert (run.acted.action.action, run.acted.action.alert_id) == ("ask_visit", alert(run))
    assert (run.acted.at - closed).days == 14


def test_an_action_that_comes_again_does_nothing() -> None:
    run = run_of(red())
    run.do(MINUTE, "ack", alert_id=alert(run), action_id="once")

    assert run.do(2 * MINUTE, "ack", alert_id=alert(run), action_id="once") == []
    run.restart()
    assert run.do(3 * MINUTE, "ack", alert_id=alert(run), action_id="once") == []
    assert len(run.pipeline.acted) == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"role": "viewer"}, "role `viewer` must be allowed to ack; it may: nothing"),
        ({"alert_id": "unknown"}, "alert must be open or closed a short time ago; got `unknown`"),
        ({"scope": "620103"}, "alert must lie in the region of who acts, `620103`; got one of another"),
    ],
)
def test_who_may_not_act_is_refused_with_a_sentence(fields: dict[str, Any], sentence: str) -> None:
    run = run_of(red())
    run.do(MINUTE, "ack", **{"alert_id": alert(run), **fields})

    assert run.acted.verdict == "refused"
    assert sentence in run.acted.sentence
    assert run.wait_until(11 * MINUTE)[-1].reason == "escalated"


def test_revisions_are_gapless_and_chained() -> None:
    run = run_of(red())
    run.do(5 * MINUTE, "ack", alert_id=alert(run), until=from_us(START + HOUR))
    run.wait_until(2 * HOUR)
    run.do(3 * HOUR, "close", alert_id=alert(run), disposition="true_positive")

    assert [r.revision for r in run.revisions] == list(range(1, len(run.revisions) + 1))
    assert [r.prev_hash for r in run.revisions] == ["", *(r.content_hash for r in run.revisions[:-1])]
    assert all(r.content_hash == content_hash(r) for r in run.revisions)


def test_a_feed_that_an_alert_leaves_is_told() -> None:
    run = Run(climbing(), routing=routing())
    run.tell(report("e0", 0, region="620102"))
    run.tell(report("e1", MINUTE, region="620103"))

    told = run.tell(report("e2", 2 * MINUTE, region="620103"))

    assert told[0].route.feed == "alerts:620103"
    assert told[0].feed_seqs == {"alerts:620103": 1, "alerts:620102": 2}
