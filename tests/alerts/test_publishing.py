"""The feed: one order over all shards, numbered without a gap."""

from __future__ import annotations

import random

import msgspec
import pytest
from small_city import MINUTE, Run, make_rule, report

from alerts.alert import Draft
from alerts.kept import StateVersionError, decode, encode
from alerts.publishing import Answer, Published, Publishing
from alerts.record import content_hash


@pytest.fixture(scope="module")
def drafts() -> list[Draft]:
    """One draft for each of twelve keys, a minute apart."""
    run = Run(make_rule(levels=[{"gte": 1, "level": "blue"}]))
    for number in range(12):
        run.tell(report(f"e{number}", number * MINUTE, pair=f"p{number}"))
    return run.drafts


END = 1 << 61  # a clock behind every draft


def give(feed: Publishing, cut: int, drafts: list[Draft]) -> list[Draft]:
    """One shard's answer to a slice, and what goes out then."""
    return feed.take(Answer(cut, END, drafts)).drafts


def numbers(found: list[Draft]) -> list[int]:
    return [draft.revision.feed_seq for draft in found]


def test_nothing_goes_out_before_every_shard_has_answered(drafts: list[Draft]) -> None:
    feed = Publishing(2)

    assert give(feed, 0, drafts[:1]) == []
    assert numbers(give(feed, 0, drafts[1:2])) == [1, 2]


def test_slices_go_out_in_their_order_whoever_answers_first(drafts: list[Draft]) -> None:
    feed = Publishing(2)

    assert give(feed, 1, drafts[2:3]) == give(feed, 1, drafts[3:4]) == give(feed, 0, drafts[:1]) == []

    out = give(feed, 0, drafts[1:2])

    assert [draft.evidence_ids for draft in out] == [("e0",), ("e1",), ("e2",), ("e3",)]
    assert numbers(out) == [1, 2, 3, 4]


def test_how_keys_are_spread_over_shards_changes_nothing(drafts: list[Draft]) -> None:
    rng = random.Random(1)
    one = give(Publishing(1), 0, list(drafts))
    three = Publishing(3)
    parts = [[d for n, d in enumerate(drafts) if n % 3 == shard] for shard in range(3)]
    rng.shuffle(parts)

    assert [give(three, 0, part) for part in parts][-1] == one


def test_what_stands_at_the_end_takes_no_number(drafts: list[Draft]) -> None:
    standing = msgspec.structs.replace(drafts[0], standing=True)
    out = give(Publishing(1), 0, [drafts[0], standing, drafts[1]])

    assert [draft.standing for draft in out] == [False, True, False]
    assert numbers([out[0], out[2]]) == [1, 2]
    assert out[1].revision.revision == 1


def test_numbers_go_on_after_a_restart(drafts: list[Draft]) -> None:
    feed = Publishing(1)
    give(feed, 0, drafts[:3])
    later = Publishing(1)
    later.restore([feed.snapshot()])

    assert numbers(give(later, 1, drafts[3:4])) == [4]


def test_state_of_another_version_is_refused_with_a_sentence() -> None:
    with pytest.raises(StateVersionError, match="state must have version 3; got 99; rebuild from the intake log"):
        Publishing(1).restore([encode(99, {}, whole=True)])


def test_after_a_rebuild_nothing_is_said_again_and_the_numbers_go_on(drafts: list[Draft]) -> None:
    feed = Publishing(1, Published(70, drafts[4].order[0], {}))

    out = give(feed, 0, list(drafts))

    assert out == [
        msgspec.structs.replace(
            draft,
            revision=msgspec.structs.replace(
                draft.revision, feed_seq=71 + number, feed_seqs={"alerts:unknown": 1 + number}
            ),
        )
        for number, draft in enumerate(drafts[5:])
    ]


def test_an_alert_that_readers_know_goes_on_behind_its_last_revision_through_a_restart(drafts: list[Draft]) -> None:
    alert = drafts[0].revision.alert_id
    same = [msgspec.structs.replace(d, revision=msgspec.structs.replace(d.revision, alert_id=alert)) for d in drafts]
    feed = Publishing(1, Published(70, 0, {alert: (9, "hash of 9"), "another": (1, "x")}))
    frames = [feed.snapshot()]
    found = []
    for number, draft in enumerate(same[:4]):
        found += [out.revision for out in give(feed, number, [draft])]
        frames.append(feed.changes())
        later = Publishing(1)
        later.restore(frames)
        feed = later if number % 2 else feed

    assert [revision.revision for revision in found] == [10, 11, 12, 13]
    assert [r.prev_hash for r in found] == ["hash of 9", *[r.content_hash for r in found[:-1]]]
    assert all(revision.content_hash == content_hash(revision) for revision in found)


def test_what_is_saved_ahead_is_in_the_next_frame_as_it_was_last(drafts: list[Draft]) -> None:
    feed, rng = Publishing(1), random.Random(2)
    frames = [feed.snapshot()]
    for number, draft in enumerate([*drafts, *drafts]):
        changed = msgspec.structs.replace(draft.revision, revision=number + 1)
        give(feed, number, [msgspec.structs.replace(draft, revision=changed)])
        feed.save_ahead(rng.random())
        if number % 5 == 0:
            frames.append(feed.changes())
    frames.append(feed.changes())
    later = Publishing(1)
    later.restore(frames)

    assert len(frames) == 7
    assert decode([later.snapshot()], 3) == decode([feed.snapshot()], 3)
    assert len(later.desk.alerts) == 12


def test_what_is_saved_ahead_leaves_little_for_the_snapshot(drafts: list[Draft]) -> None:
    feed = Publishing(1)
    feed.snapshot()
    give(feed, 0, list(drafts))
    feed.save_ahead(0.5)
    left = len(feed.desk.moved)
    feed.save_ahead(1.0)

    assert (left, len(feed.desk.moved)) == (6, 0)
