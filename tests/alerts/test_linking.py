"""The first stage: no event twice, nothing lost, every event in its matter, and moved where it belongs."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_city import CHANNELS, DAY, HOUR, MINUTE, START, Run, make_rule, report

from alerts.kept import StateVersionError, decode, encode
from alerts.linking import DEDUP_AT_LEAST, STATE_VERSION, Linking, Routed
from alerts.model import Arrival, Event, Link, MatterLink, Slice, from_us

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)


def arrival(event: Event, arrive: int, source: str = "") -> Arrival:
    return Arrival(event, START + arrive, source)


def stage(**parts: Any) -> Linking:
    return Linking([make_rule(**parts)], CHANNELS, 1)


def take(linking: Linking, *arrivals: Arrival) -> Routed:
    return linking.take(Slice(arrivals[-1].arrived_us, list(arrivals)))[0]


def test_an_id_that_comes_again_is_a_dead_letter_that_says_where_it_came_from_first() -> None:
    routed = take(stage(), arrival(report("a", 0), 1, "file:x:1"), arrival(report("a", 0), 2, "file:x:9"))
    letter = routed.dead[0]

    assert [p.event.id for p in routed.pooled] == ["a"]
    assert (letter.reason, letter.source, letter.channel) == ("duplicate_id", "file:x:9", "hotline")
    assert letter.sentence == "event `id` must be unique; got `a` again (first came from file:x:1)"
    assert letter.failed_at == from_us(START + 2)


def test_a_row_that_the_intake_wrote_twice_is_fenced_without_a_word() -> None:
    routed = take(stage(), arrival(report("a", 0), 1, "kafka:raw/0/7"), arrival(report("a", 0), 2, "kafka:raw/0/7"))

    assert len(routed.pooled) == 1
    assert routed.dead == []
    assert routed.fenced == {"hotline": 1}


def test_a_duplicate_that_the_intake_wrote_twice_is_one_dead_letter() -> None:
    again = [arrival(report("a", 0), at, "kafka:raw/0/9") for at in (2, 3)]
    unknown = [arrival(report("a", 0), at) for at in (4, 5)]
    routed = take(stage(), arrival(report("a", 0), 1, "kafka:raw/0/7"), *again, *unknown)

    ids = [letter.id for letter in routed.dead]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_rows_of_unknown_source_are_not_taken_for_the_same_row() -> None:
    routed = take(stage(), arrival(report("a", 0), 1), arrival(report("a", 0), 2))

    assert [letter.sentence for letter in routed.dead] == ["event `id` must be unique; got `a` again"]


@pytest.mark.parametrize(("after", "again"), [(0, False), (1, True)], ids=["at the edge", "after it"])
@pytest.mark.parametrize("ticks", [(), (3 * DAY,), (3 * DAY, 6 * DAY, 7 * DAY)], ids=str)
def test_how_long_an_id_is_remembered_does_not_depend_on_where_slices_end(
    after: int, again: bool, ticks: tuple[int, ...]
) -> None:
    linking = stage()
    take(linking, arrival(report("a", 0), 0))
    for tick in ticks:
        linking.take(Slice(START + tick, []))
    routed = take(linking, arrival(report("b", 0), DEDUP_AT_LEAST), arrival(report("a", 0), DEDUP_AT_LEAST + after))

    assert ("a" in [p.event.id for p in routed.pooled]) == again


def test_ids_are_remembered_as_long_as_the_longest_lateness() -> None:
    linking = stage(window={"size": "2d", "lateness": "20d"})
    take(linking, arrival(report("a", 0), 0))

    assert len(take(linking, arrival(report("a", 0), 19 * DAY)).dead) == 1


def test_remembered_ids_do_not_grow_for_ever() -> None:
    linking = stage()
    for hour in range(24 * 20):
        take(linking, arrival(report(f"e{hour}", hour * HOUR), hour * HOUR))

    assert 24 * 7 + 1 <= len(linking._seen) <= 24 * 8 + 2


def test_an_event_of_a_channel_that_left_the_register_is_a_dead_letter() -> None:
    routed = take(stage(), arrival(report("a", 0, "radio"), 0, "file:x:1"))

    assert routed.pooled == []
    assert routed.dead[0].sentence == "event `channel` must be registered; got `radio`"
    assert routed.dead[0].reason == "unknown_channel"


def test_a_heartbeat_moves_the_clock_and_is_neither_pooled_nor_linked() -> None:
    linking = stage()
    routed = take(linking, arrival(report("hb", HOUR, "police", action="heartbeat"), HOUR))

    assert routed.heartbeats == {"police": 1}
    assert (routed.pooled, routed.links, routed.work[0].items) == ([], [], [])
    assert linking.watermarks.data_watermark("police") == START + HOUR


def test_late_events_are_counted_for_each_rule_and_still_pooled() -> None:
    rules = [
        make_rule("threshold", 0, id="test.short", window={"size": "2d", "lateness": "1h"}),
        make_rule("threshold", 1, id="test.long", window={"size": "2d", "lateness": "12h"}),
    ]
    run = Run(*rules)
    run.tell(report("a", 10 * HOUR))
    run.tell(report("b", 8 * HOUR), arrive=10 * HOUR + MINUTE)
    run.tell(report("c", -5 * HOUR), arrive=10 * HOUR + 2 * MINUTE)
    late = [(each.event_id, each.rule) for routed in run.routed for each in routed.late]

    assert late == [("b", "test.short"), ("c", "test.short"), ("c", "test.long")]
    assert [p.event.id for routed in run.routed for p in routed.pooled] == ["a", "b", "c"]
    assert run.routed[1].late[0].watermark == from_us(START + 9 * HOUR + MINUTE)


@pytest.mark.parametrize(("behind", "is_late"), [(0, False), (1, True)], ids=["at the watermark", "behind it"])
def test_an_event_is_late_when_it_is_older_than_the_watermark(behind: int, is_late: bool) -> None:
    run = Run(make_rule())
    run.tell(report("a", 10 * HOUR))
    run.tell(report("b", 5 * HOUR - behind), arrive=11 * HOUR)

    assert bool(run.routed[-1].late) == is_late


def test_what_a_channel_brings_with_its_first_word_is_not_late() -> None:
    """A channel that delivers once a day: nobody was waiting for anything before it spoke."""
    run = Run(make_rule())
    run.tell(report("a", 0), arrive=27 * HOUR)

    assert run.routed[-1].late == []


def test_an_event_without_the_key_is_pooled_and_goes_to_no_rule() -> None:
    routed = take(stage(), arrival(report("a", 0, pair=None), 0))

    assert len(routed.pooled) == 1
    assert routed.work[0].items == []


def test_what_detection_keeps_of_an_event_holds_no_words_and_no_exact_place() -> None:
    routed = take(stage(), arrival(report("a", 0, text="words", lat=36.0, lon=103.8), 0))
    entry = routed.work[0].items[0].entry

    assert entry is not None
    assert (entry[6].text, entry[6].lat, entry[6].lon) == (None, None, None)
    assert routed.pooled[0].event.text == "words"


def test_a_move_is_pooled_again_and_its_link_says_what_was_before() -> None:
    linking = stage()
    topic = {"category": "dispute", "matter": None}
    first = take(linking, arrival(report("b", HOUR, **topic), HOUR, "row-b"))
    routed = take(linking, arrival(report("a", 0, **topic), 2 * HOUR, "row-a"))
    matter = routed.pooled[0].matter

    assert [(p.event.id, p.matter, p.source) for p in routed.pooled] == [("a", matter, "row-a"), ("b", matter, "row-b")]
    moved: MatterLink = next(link for link in routed.links if link.event_id == "b")
    assert (moved.previous, moved.matter, moved.reason, moved.proposed) == (
        first.pooled[0].matter,
        matter,
        "pair",
        True,
    )


def test_links_and_pooled_events_come_in_pairs() -> None:
    linking = stage()
    topic = {"category": "dispute", "matter": None}
    for number, at in enumerate((5, 3, 1, 4)):
        routed = take(linking, arrival(report(f"e{number}", at, **topic), 10 + number))

        assert [link.event_id for link in routed.links] == [p.event.id for p in routed.pooled]
        assert [link.matter for link in routed.links] == [p.matter for p in routed.pooled]


told = st.lists(
    st.tuples(
        st.integers(0, 9),  # which id
        st.sampled_from(["", "row-1", "row-2"]),
        st.sampled_from(["received", "received", "heartbeat"]),
        st.integers(0, 40),  # arrival
        st.integers(0, 9),  # delay
    ),
    max_size=25,
)


@given(told=told, seed=st.integers(0, 1 << 30))
@settings(max_examples=200, deadline=None, phases=PHASES)
def test_every_arrival_ends_in_exactly_one_place(told: list[Any], seed: int) -> None:
    rng = random.Random(seed)
    log = sorted(
        (
            arrival(report(f"e{name}", (at - delay) * HOUR, action=action, matter=None), at * HOUR, source)
            for name, source, action, at, delay in told
        ),
        key=lambda each: each.arrived_us,
    )
    linking = stage()
    counts = {"pooled": 0, "moved": 0, "dead": 0, "fenced": 0, "heartbeats": 0}
    position = 0
    while position < len(log):
        part = log[position : position + rng.randint(1, 6)]
        position += len(part)
        routed = take(linking, *part)
        counts["pooled"] += sum(link.previous is None for link in routed.links)
        counts["dead"] += len(routed.dead)
        counts["fenced"] += sum(routed.fenced.values())
        counts["heartbeats"] += sum(routed.heartbeats.values())
        if rng.random() < 0.3:
            kept = linking.snapshot()
            linking = stage()
            linking.restore([kept])

    assert sum(counts.values()) == len(log)
    assert counts["pooled"] + counts["heartbeats"] == len({each.event.id for each in log})


def test_what_is_saved_is_what_has_changed() -> None:
    linking = stage()
    take(linking, arrival(report("a", 0, matter="m1"), 1), arrival(report("b", 0, matter="m2"), 2))
    whole = set(decode([linking.changes()], STATE_VERSION))
    take(linking, arrival(report("c", 3, matter="m1"), 3))

    assert whole == {("head",), ("book",), ("routing",), ("merged",), ("ids", 0), ("component", 0), ("component", 1)}
    assert set(decode([linking.changes()], STATE_VERSION)) == {("head",), ("ids", 1), ("piece", 0, 0)}
    assert set(decode([linking.changes()], STATE_VERSION)) == {("head",)}


@pytest.mark.parametrize("few", [0, 1, 2, 99])
def test_what_is_saved_ahead_of_a_snapshot_is_what_is_kept_at_last(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.linker_component.FEW", few)
    rng = random.Random(few)
    linking = stage()
    frames = [linking.changes()]
    for number in range(120):
        case = rng.choice(["a", "b", "c", "d", "e", None])
        link = Link("merge", f"e{rng.randrange(number)}") if number and rng.random() < 0.1 else None
        told = report(f"e{number}", number + rng.randint(-3, 0), matter=None, case=case, link=link)
        take(linking, arrival(told, number + 1))
        linking.save_ahead(rng.random())
        if rng.random() < 0.1:
            frames.append(linking.changes())
    frames.append(linking.changes())
    back = stage()
    back.restore(frames)
    saved, kept = (decode([each.snapshot()], STATE_VERSION) for each in (back, linking))

    assert sum(name[0] == "component" for name in kept) > 5
    assert saved == kept


def test_two_components_that_become_one_are_one_in_what_is_saved() -> None:
    linking = stage()
    take(linking, arrival(report("a", 0, matter="m1"), 1), arrival(report("b", 0, matter="m2"), 2))
    saved = [linking.changes()]
    take(linking, arrival(report("c", 3, matter=None, case="a", link=Link("merge", "b")), 3))
    saved.append(linking.changes())

    assert [name[0] for name in decode(saved, STATE_VERSION)].count("component") == 1


def test_state_of_another_version_is_refused_with_a_sentence() -> None:
    with pytest.raises(StateVersionError, match="state must have version 7; got 99; rebuild from the intake log"):
        stage().restore([encode(99, {}, whole=True)])


def test_what_a_silent_channel_kept_back_is_noted_when_it_is_back() -> None:
    owed = {"id": ["case"], "opens": {"action": ["accepted"]}, "satisfied_by": {"action": ["closed"]}, "due": "5d"}
    silence = make_rule("silence", key=["channel"], levels=[{"ratio": 1, "level": "yellow"}])
    promise = make_rule("obligation", 1, obligation=owed, stages=[{"at": "100%", "level": "blue"}])
    linking = Linking([silence, promise], CHANNELS, 1)
    take(linking, arrival(report("a", 0, action="heartbeat"), 0))
    routed = linking.take(Slice(START + 20 * DAY, [arrival(report("b", 20 * DAY), 20 * DAY)]))[-1]

    assert [(g.rule, g.channel, g.from_at, g.until_at) for g in routed.gaps] == [
        ("test.obligation", "hotline", from_us(START), from_us(START + 20 * DAY))
    ]
