"""silence: a channel is quiet for longer than its slot expects; and absence that needs it is held back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_city import CHANNELS, DAY, HOUR, MINUTE, START, Run, make_rule, report

from alerts.calendar import Calendar
from alerts.kinds.silence import SilencePlan, compile_silence
from alerts.model import Arrival, Event, Region, from_us
from alerts.rule import Rule, compile_rule
from alerts.rule_file import RuleError, SilenceSettings

LEVELS = [{"ratio": 1, "level": "yellow"}, {"ratio": 4, "level": "red"}]
LOCAL_MIDNIGHT = -(START + 8 * HOUR) % DAY  # after the start


def silence(**parts: Any) -> Rule:
    spec = {
        "apiVersion": "rules/v1", "id": "test.silence", "version": 1, "kind": "silence", "purpose": "operations",
        "title": {"zh": "静", "en": "quiet"}, "owner": "tests", "channels": ["hotline", "police"], "key": ["channel"],
        "silence": {"expected": {"hotline": "1h"}, "events_only": {"hotline": "1h", "police": "3d"}}, "levels": LEVELS,
        **parts,
    }  # fmt: skip
    return compile_rule(spec, CHANNELS)


def plan(**settings: Any) -> SilencePlan:
    spec = msgspec.structs.replace(silence().spec, silence=msgspec.convert(settings, SilenceSettings))
    return compile_silence(spec, CHANNELS, {"cn": Calendar("cn", [], [])})


def heartbeat(at: int, channel: str = "hotline") -> Event:
    return Event(id=f"hb-{channel}-{at}", channel=channel, action="heartbeat", occurred_at=from_us(START + at))


def test_a_quiet_channel_opens_climbs_and_closes_with_the_first_thing_heard() -> None:
    run = Run(silence())
    run.tell(report("a", 0, region="620102001"))
    told = run.wait_until(10 * HOUR) + run.tell(heartbeat(11 * HOUR))

    assert [(r.state, r.level, r.reason, r.published_at) for r in told] == [
        ("open", "yellow", "opened", from_us(START + HOUR)),
        ("open", "red", "level_up", from_us(START + 4 * HOUR)),
        ("closed", "red", "quiet", from_us(START + 11 * HOUR)),
    ]
    assert told[0].key == {"channel": "hotline"}
    assert told[0].region == Region()
    assert told[0].measures == {"quiet_seconds": 3600, "expected_seconds": 3600}
    assert [e.id for e in told[0].evidence] == ["a"]


def test_a_heartbeat_at_the_very_instant_keeps_it_closed() -> None:
    run = Run(silence())
    run.tell(report("a", 0))

    assert run.tell(heartbeat(HOUR)) == []
    assert run.wait_until(2 * HOUR - 1) == []
    assert len(run.wait_until(2 * HOUR)) == 1


def test_a_channel_that_never_spoke_is_not_missed() -> None:
    run = Run(silence())
    run.tell(report("a", 0, "grid"))

    assert run.wait_until(40 * DAY) == []


def test_the_idle_time_of_the_registry_holds_where_the_rule_says_nothing() -> None:
    run = Run(silence())
    run.tell(report("a", 0, "police"))

    assert [r.published_at for r in run.wait_until(4 * DAY)] == [from_us(START + 3 * DAY)]


@pytest.mark.parametrize("reopen", [None, "2d"])
def test_the_next_outage_is_the_same_alert_only_soon_after(reopen: str | None) -> None:
    run = Run(silence(lifecycle={"reopen_within": reopen}))
    run.tell(report("a", 0))
    first = run.wait_until(2 * HOUR)[0]
    run.tell(heartbeat(3 * HOUR))
    again = run.wait_until(5 * HOUR)[0]

    assert (again.alert_id == first.alert_id) is (reopen is not None)
    assert again.reason == ("reopened" if reopen else "opened")


def test_quiet_hours_count_less() -> None:
    nights = plan(expected={"hotline": "1h"}, slots=[{"hours": "22-6", "times": 4}])
    evening = START + LOCAL_MIDNIGHT - 3 * HOUR  # 21:00
    night = evening + 2 * HOUR

    assert nights.reached_at(evening, HOUR) == evening + HOUR
    assert nights.reached_at(evening + 30 * MINUTE, HOUR) == evening + HOUR + 4 * 30 * MINUTE
    assert nights.reached_at(night, HOUR) == night + 4 * HOUR
    assert nights.reached_at(night + 6 * HOUR, HOUR) == night + 7 * HOUR + 45 * MINUTE  # 05:00: a quarter, then all


def test_weekends_count_less() -> None:
    weekends = plan(expected={"hotline": "2h"}, slots=[{"day_class": ["weekend"], "times": 3}])
    saturday = next(
        START + LOCAL_MIDNIGHT + day * DAY
        for day in range(7)
        if Calendar("x", [], []).day_class(START + LOCAL_MIDNIGHT + day * DAY) == "weekend"
    )

    assert weekends.reached_at(saturday, 2 * HOUR) == saturday + 6 * HOUR
    assert weekends.reached_at(saturday - HOUR, 2 * HOUR) == saturday + 3 * HOUR


@given(st.integers(0, 400), st.integers(1, 3000), st.integers(1, 3000))
def test_waiting_longer_never_ends_sooner_and_is_never_shorter_than_asked(since: int, one: int, more: int) -> None:
    odd = plan(slots=[{"hours": "22-6", "times": 2.5}, {"hours": "5-9", "day_class": ["weekend"], "times": 7}])
    since = START + since * 13 * MINUTE
    first, second = odd.reached_at(since, one * MINUTE), odd.reached_at(since, (one + more) * MINUTE)

    assert since + one * MINUTE <= first < second
    assert abs(odd.reached_at(first, more * MINUTE) - second) <= one + more  # rounded to a microsecond each hour


@given(st.integers(0, 400), st.integers(1, 100_000_000), st.integers(1, 3000))
def test_a_later_sign_never_means_an_earlier_rung(since: int, later: int, quiet: int) -> None:
    odd = plan(slots=[{"hours": "22-6", "times": 2.7}, {"hours": "5-9", "day_class": ["weekend"], "times": 7.1}])
    since = START + since * 13 * MINUTE

    assert odd.reached_at(since, quiet * MINUTE) <= odd.reached_at(since + later, quiet * MINUTE)


@given(
    st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["hotline", "police"])), min_size=1, max_size=12),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_slices_and_restarts_change_nothing(records: list[tuple[int, str]], cuts: list[int]) -> None:
    rule = silence(silence={"expected": {"hotline": "20m", "police": "45m"}})
    told = []
    for is_cut in (False, True):
        run = Run(rule)
        steps = [(at, 1, channel) for at, channel in sorted(set(records))]
        steps += [(at, 0, "") for at in cuts] if is_cut else []
        for at, is_record, channel in sorted(steps):
            if is_record:
                run.tell(heartbeat(at * MINUTE, channel))
            else:
                run.wait_until(at * MINUTE - 1)
                run.restart()
        run.wait_until(600 * MINUTE)
        told.append([draft.revision.content_hash for draft in run.drafts])

    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"key": ["county"]}, "the `key` of a silence rule must be [channel]; got ['county']"),
        ({"silence": {"expected": {"hotlin": "1h"}}}, "did you mean `hotline`"),
        (
            {"silence": {"events_only": {"polce": "1h"}}},
            "`silence.events_only` must name channels of the rule; got `polce`",
        ),
        ({"silence": {"expected": {"hotline": "0s"}}}, "a channel must be allowed some quiet; got `0s`"),
        ({"silence": {"slots": [{"times": 0.5}]}}, "`times` must be from 1 to 100; got 0.5"),
        ({"silence": {"slots": [{"times": 2, "hours": "22"}]}}, "`hours` must be like `22-6`, local time; got `22`"),
        ({"silence": {"slots": [{"times": 2, "day_class": ["weekend"]}]}}, "a calendar must be known; got `cn`"),
        ({"silence": {"expected": {"hotline": "9999999d"}}}, "must be missed after 60d at most; got `9999999d`"),
        ({"levels": [{"ratio": 1e308, "level": "red"}]}, "a `ratio` from 1 to 100, of what is expected; got 1e+308"),
        ({"levels": []}, "`levels` must have at least one rung; got none"),
        ({"levels": [{"level": "red"}]}, "must have a `ratio` from 1 to 100, of what is expected; got none"),
        ({"levels": LEVELS[::-1]}, "`levels` must rise from rung to rung"),
    ],
)
def test_what_cannot_be_meant_is_refused(parts: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RuleError) as refused:
        silence(**parts)

    assert sentence in refused.value.sentence


def test_a_channel_without_heartbeats_is_watched_only_where_the_rule_names_it() -> None:
    run = Run(silence(silence={"expected": {"hotline": "1h"}}))
    run.tell(report("a", 0))

    assert run.wait_until(20 * DAY) == []
    run.tell(heartbeat(20 * DAY + HOUR))
    run.tell(report("b", 20 * DAY + 2 * HOUR))
    assert run.wait_until(21 * DAY)[0].published_at == from_us(START + 20 * DAY + 3 * HOUR)


def test_other_kinds_hear_nothing_of_it() -> None:
    run = Run(make_rule())
    run.tell(report("a", 0))

    assert run.wait_until(30 * DAY) == []


def test_of_the_last_thing_heard_nobodys_words_are_kept() -> None:
    run = Run(silence())
    run.tell(report("a", 0, text="he hurts me", lat=36.1, lon=103.8))
    [opened] = run.wait_until(HOUR)

    assert [e.id for e in opened.evidence] == ["a"]
    assert b"hurts" not in run.pipeline.shards[0].snapshot()
    assert b"hurts" not in msgspec.msgpack.encode(run.pipeline.linking.quiet.state())


@pytest.mark.parametrize("at_once", [True, False])
def test_a_channel_becomes_quiet_after_the_records_of_that_instant(at_once: bool) -> None:
    run = Run(silence(), make_rule(levels=[{"gte": 1, "level": "blue"}], number=1, channels=["grid"]))
    arrivals = [Arrival(report(n, at, c), START + at) for n, at, c in (("a", 0, "hotline"), ("b", HOUR, "grid"))]
    for part in [arrivals] if at_once else [[each] for each in arrivals]:
        run.take(*part)
    run.wait_until(2 * HOUR)

    assert [r.kind for r in run.revisions] == ["threshold", "silence"]
