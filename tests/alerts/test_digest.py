"""Digests of a day: equal where the same was said, different where one word of it was another."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from revisions import a_revision
from small_city import DAY, HOUR, Run, make_rule, report

from alerts.digest import AUDIENCES, bounds, by_day, differences, digest, local_day, said
from alerts.model import Delta, Nearest, Region, Revision, Route, Suppressed, Text, to_us
from alerts.record import content_hash

NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)  # 12:00 in Shanghai
NOT_SAID = {"engine_epoch", "feed_seq", "feed_seqs", "published_at", "origin"}  # who publishes and when
LADDER = [{"gte": 3, "level": "blue"}, {"gte": 5, "level": "red"}]


def hashed(revision: Revision) -> Revision:
    return msgspec.structs.replace(revision, content_hash=content_hash(revision))


def day_of_revisions() -> list[Revision]:
    return [
        hashed(a_revision(f"a{alert}", number, NOON + timedelta(minutes=number), evidence_digest=f"{alert}{number}"))
        for alert in range(3)
        for number in range(1, alert + 2)
    ]


def another(value: Any, name: str) -> Any:
    """A value of a field that is not the one given."""
    trees: dict[str, Any] = {
        "region": Region("620102"), "text": Text("话", "words"), "route": Route("alerts:620102"),
        "suppressed_since_last": Suppressed(2), "nearest_next": Nearest("red", 1), "delta": (Delta("level", 1, 2),),
        "due": NOON, "evidence": ("one",),
    }  # fmt: skip
    if name in trees:
        return trees[name]
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, tuple | dict):
        return (*value, "more") if isinstance(value, tuple) else {**value, "more": "x"}
    if value is None or isinstance(value, int):
        return (value or 0) + 7
    return f"{value}x"


@given(st.data())
def test_neither_order_nor_repetition_changes_a_digest(data: st.DataObject) -> None:
    found = list(map(said, day_of_revisions()))
    shuffled = data.draw(st.permutations(found + data.draw(st.lists(st.sampled_from(found)))))

    assert digest(shuffled) == digest(found)


@pytest.mark.parametrize("name", sorted(set(Revision.__struct_fields__) - NOT_SAID - {"content_hash"}))
def test_a_field_that_changes_in_one_revision_changes_the_strong_digest(name: str) -> None:
    found = day_of_revisions()
    changed = [*found[:3], hashed(msgspec.structs.replace(found[3], **{name: another(getattr(found[3], name), name)}))]

    assert digest(map(said, [*changed, *found[4:]])).strong != digest(map(said, found)).strong


@pytest.mark.parametrize("name", sorted(NOT_SAID))
def test_who_published_and_when_changes_no_digest(name: str) -> None:
    found = day_of_revisions()
    changed = [hashed(msgspec.structs.replace(each, **{name: another(getattr(each, name), name)})) for each in found]

    assert digest(map(said, changed)) == digest(map(said, found))


@pytest.mark.parametrize(
    "change",
    [
        {"rule": "another"},
        {"key": {"matter": "n"}},
        {"episode": 2},
        {"level_max": "red"},
        {"evidence_digest": "other"},
        {"state": "retracted"},
        {"state": "merged"},
    ],
    ids=str,
)
def test_the_weak_digest_tells_the_alerts_apart(change: dict[str, Any]) -> None:
    one = a_revision("a", 1, NOON)
    other = msgspec.structs.replace(one, **change)

    assert digest([said(one)]).weak != digest([said(other)]).weak


def test_the_weak_digest_takes_the_last_word_and_asks_for_no_other() -> None:
    first, last = a_revision("a", 1, NOON), a_revision("a", 2, NOON, level_max="red", evidence_digest="all")
    at_once = a_revision("a", 1, NOON, level_max="red", evidence_digest="all", reason="opened")

    assert digest(map(said, [last, first])).weak == digest([said(at_once)]).weak
    assert digest(map(said, [last, first])).strong != digest([said(at_once)]).strong


def test_what_was_taken_back_and_silent_channels_are_no_part_of_the_weak_digest() -> None:
    stands = a_revision("a", 1, NOON)
    gone = [a_revision("b", 1, NOON, state="retracted"), a_revision("c", 1, NOON, state="merged")]
    silence = a_revision("d", 1, NOON, kind="silence")

    found = digest(map(said, [stands, *gone, silence]))

    assert found.weak == digest([said(stands)]).weak
    assert (found.revisions, found.alerts) == (4, 1)


def test_a_revision_belongs_to_the_local_day_in_which_it_was_detected() -> None:
    midnight = datetime(2026, 11, 19, 16, tzinfo=UTC)  # 00:00 on the 20th in Shanghai
    before = a_revision("a", 1, midnight - timedelta(microseconds=1))
    after = a_revision("a", 2, midnight, origin="shadow")
    days = [date(2026, 11, 19), date(2026, 11, 20)]

    found = by_day(map(said, [before, after]), days)

    assert {place: each.revisions for place, each in found.items()} == {
        (days[0], "told"): 1, (days[0], "shadow"): 0, (days[1], "told"): 0, (days[1], "shadow"): 1,
    }  # fmt: skip
    assert bounds(days[1]) == (to_us(midnight), to_us(midnight) + DAY)


@given(st.integers(-(10**15), 4 * 10**15))
def test_an_instant_is_inside_the_bounds_of_its_day(at: int) -> None:
    since, until = bounds(local_day(at))

    assert since <= at < until


@given(st.data())
def test_two_sides_differ_exactly_in_what_was_changed(data: st.DataObject) -> None:
    found = [said(each) for each in day_of_revisions()]
    fates = data.draw(st.lists(st.sampled_from(["same", "gone", "other"]), min_size=len(found), max_size=len(found)))
    there = [
        each if fate == "same" else msgspec.structs.replace(each, content_hash="other")
        for each, fate in zip(found, fates, strict=True)
        if fate != "gone"
    ]

    told = {(d.first.alert_id, d.first.revision): d.second is None for d in differences(found, there) if d.first}

    assert told == {
        (each.alert_id, each.revision): fate == "gone"
        for each, fate in zip(found, fates, strict=True)
        if fate != "same"
    }
    assert len(differences(there, found)) == len(told)
    assert (digest(found).strong == digest(there).strong) == (not told)


reports = st.lists(
    st.tuples(st.integers(0, 24 * 9), st.sampled_from(["x", "x", "y"])), min_size=3, max_size=14, unique=True
)


@given(history=reports, data=st.data())
def test_any_arrival_order_inside_the_lateness_gives_one_weak_digest(
    history: list[tuple[int, str]], data: st.DataObject
) -> None:
    """Over a time at whose end everything has closed: then all evidence is published."""
    delays = st.lists(st.integers(0, 359), min_size=len(history), max_size=len(history))
    found = [digest(map(said, revisions_of(history, data.draw(delays)))) for _ in range(3)]

    assert len({each.weak for each in found}) == 1


def revisions_of(history: list[tuple[int, str]], delays: list[int]) -> list[Revision]:
    """What a counting rule says of reports that come so many minutes after they happened, until all has ended."""
    run = Run(make_rule(levels=LADDER, lifecycle={"quiet_close": "1d", "reopen_within": "2d"}))
    arriving = sorted(
        (hour * HOUR + delay * 60_000_000, number)
        for number, ((hour, _), delay) in enumerate(zip(history, delays, strict=True))
    )
    for at, number in arriving:
        hour, pair = history[number]
        run.tell(report(f"e{number}", hour * HOUR, pair=pair, matter=pair), arrive=at)
    run.wait_until(20 * DAY)
    return run.revisions


def test_a_shadow_has_digests_of_its_own() -> None:
    told = [a_revision("a", 1, NOON)]
    both = [*told, a_revision("b", 1, NOON, origin="shadow")]
    day = local_day(to_us(NOON))

    assert by_day(map(said, both), [day])[day, "told"] == by_day(map(said, told), [day])[day, "told"]
    assert by_day(map(said, both), [day])[day, "shadow"] != by_day(map(said, told), [day])[day, "shadow"]
    assert AUDIENCES == ("told", "shadow")
