"""A book of all kinds at once: the same log gives the same bytes, and every alert a whole life, edits included."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from small_city import CHANNELS, DAY, HOUR, RANKS, START

from alerts import track
from alerts.alert import Draft
from alerts.calendar import calendar_of
from alerts.kept import decode, merge, version_of
from alerts.linker import COMPONENT, PIECE
from alerts.model import Arrival, Book, Event, Link, ReadUp, Record, Revision, Slice, from_us
from alerts.pipeline import Pipeline
from alerts.record import content_hash
from alerts.rule import Rule
from alerts.rule_book import RuleBook
from alerts.rule_file import read

CALENDARS = {"cn": calendar_of({"holidays": ["2026-02-28..2026-03-01"], "workdays": ["2026-03-07"]}, "cn")}
HALF = HOUR // 2
CONTACT = {"contact": {"action": ["received"]}}
LADDER = [{"gte": 2, "level": "blue"}, {"gte": 4, "level": "red"}]
LIFE = {"quiet_close": "20h", "reopen_within": "1d", "min_gap": "1h", "max_gap": "4h", "max_quiet_update": "6h"}


def spec(kind: str, name: str, **parts: Any) -> dict[str, Any]:
    return {
        "apiVersion": "rules/v1", "id": f"mixed.{name}", "version": 1, "kind": kind, "title": {"zh": name, "en": name},
        "owner": "tests", "purpose": "life-safety", "channels": list(RANKS), "select": CONTACT, "key": ["pair"],
        "window": {"size": "1d", "lateness": "4h"}, "lifecycle": LIFE, "explain": {"zh": "甲", "en": "{channels}"},
        **parts,
    }  # fmt: skip


OWED = {
    "id": ["matter"], "opens": {"action": ["received"]}, "satisfied_by": {"action": ["closed"]}, "due": "10h",
    "pause_on": {"action": ["extension_granted"]}, "resume_on": {"action": ["extension_ended"]},
    "vouch": ["hotline", "grid"], "max_hold": "3h",
}  # fmt: skip
STAGES = [{"at": "50%", "level": "blue"}, {"at": "100%", "level": "yellow"}, {"at": "15h", "level": "yellow"}]
WORKING = [{"at": "50%", "level": "blue"}, {"at": "1wd", "level": "yellow"}]
AREA = {
    "key": ["township", "subcategory"], "window": {"size": "2h", "slide": "1h", "lateness": "2h"},
    "baseline": {"slot": [], "history": "3d", "min_slots": 4, "exclude": "flagged_surges"},
    "when": {"all": [{"count_gte": 2}], "hold": 1}, "levels": [{"ratio": 1.5, "level": "blue"}],
    "roll_up": {"to": "county", "gte": 2}, "evidence": {"top_k": {"township": 2}},
    "lifecycle": {"reopen_within": "6h", "close_when": {"ratio_lt": 1.2, "hold": 1}}, "explain": "{top.township}",
}  # fmt: skip
DAILY = {
    **AREA, "key": ["county", "subcategory"], "window": {"size": "6h", "slide": "2h", "lateness": "2h"},
    "baseline": {"stat": "negative_binomial", "history": "5d", "guard": "0d", "p": 0.9, "min_slots": 1},
}  # fmt: skip
DAILY.pop("roll_up")
BOOK: tuple[dict[str, Any], ...] = (
    spec("surge", "area", **AREA),
    spec("surge", "daily", **DAILY),
    spec("match", "match", window={"lateness": "4h"}, levels=[{"event": {"violence|gte": 2}, "level": "yellow"}]),
    spec("new_value", "new", of="subcategory", window={"lateness": "4h"}, levels=[{"gte": 1, "level": "blue"}],
         when={"new_value": {"forget_after": "3d", "known_for": "1h"}}),
    spec("obligation", "owed", obligation=OWED, stages=STAGES, bump={"on": {"action": ["urged"]}}, select={}, key=[],
         window={"lateness": "8h"}),
    spec("obligation", "owed-working", obligation={**OWED, "due": "1wd", "calendar": "cn", "id": ["case"]}, key=[],
         stages=WORKING, select={}, window={"lateness": "8h"}, lifecycle={"reopen_within": "2h"}),
    spec("ratio", "ratio", levels=[{"ratio": 0.5, "level": "blue"}, {"ratio": 0.9, "level": "red"}],
         when={"ratio": {"of": {"violence|gte": 1}, "at_least": 2}}),
    spec("score", "score", levels=LADDER, when={"score": [
        {"name": "hurt", "event": {"violence|gte": 1}, "points": 2, "cap": 4},
        {"name": "police", "event": {"channel": ["police"]}, "points": 1},
    ]}),
    spec("silence", "silence", key=["channel"], window={}, select={}, channels=["hotline", "grid"],
         silence={"expected": {"hotline": "5h", "grid": "7h"}, "events_only": {"grid": "9h"}},
         levels=[{"ratio": 1, "level": "blue"}, {"ratio": 2, "level": "red"}], lifecycle={"reopen_within": "2h"}),
    spec("threshold", "threshold", key=["matter"], levels=LADDER),
)  # fmt: skip
SEEDS = (2, 6, 7, 10, 1033, 1042, 3017)
EDITS = ("levels", "lateness", "text", "gone", "status", "stages", "expected", "vouch", "top", "everything")

CHANCES: dict[str, list[Any]] = {
    "channel": ["hotline", "hotline", "grid", "grid", "police"],
    "action": ["received"] * 5 + ["closed", "closed", "extension_granted", "extension_ended", "urged", "heartbeat"],
    "case": [None, "c1", "c2"],
    "matter": [None, None, "m1"],
    "pair": [None, "x", "x", "y"],
    "subcategory": [None, "noise", "noise", "wages"],
    "violence": [None, 0, 1, 2],
    "region": ["620102001", "620102002", "620102003"],
    "link": [None, None, "c1", "e0", "e1", "e5"],
}
READ_UP: tuple[list[str], ...] = (["hotline", "grid"], ["hotline"], [])
SIX_DAYS = 24 * 6 * 2  # in half hours
Step = tuple[str, int, int, Any]  # what, half hours after the start, half hours of delay, parts


def history(rng: random.Random) -> list[Step]:
    """What may happen in six days, crowded enough that everything meets everything."""
    steps: list[Step] = []
    for _ in range(rng.randint(15, 60)):
        parts = {name: rng.choice(chances) for name, chances in CHANCES.items()}
        steps.append(("event", rng.randint(0, SIX_DAYS), rng.randint(0, 9), parts))
    for _ in range(rng.randint(0, 2)):
        steps.append(("read_up", rng.randint(0, SIX_DAYS), 0, rng.choice(READ_UP)))
    for _ in range(rng.randint(0, 4)):
        steps.append(("edit", rng.randint(0, SIX_DAYS), 0, rng.choice(EDITS)))
    return steps


def compiled(book: RuleBook) -> list[Rule]:
    return book.compiled(CHANNELS, CALENDARS)


def edited(book: Sequence[dict[str, Any]], what: str, version: int) -> list[dict[str, Any]]:
    """The book after one more edit; every rule that changes gets the next version."""
    rules = {rule["id"].removeprefix("mixed."): copy.deepcopy(rule) for rule in book}
    if what == "gone":
        gone = sorted(rules)[version % len(rules)]
        return [rule for name, rule in rules.items() if name != gone]
    if what == "everything":
        return [{**rule, "version": 1 + version} for rule in BOOK]
    for name, rule in rules.items():
        if what == "levels" and name in ("threshold", "score", "ratio", "area"):
            rule["levels"] = [{**rule["levels"][0], "level": ("blue", "yellow")[version % 2]}]
        elif what == "lateness" and name in ("threshold", "owed", "area", "new"):
            rule["window"] = {**rule["window"], "lateness": f"{2 + version % 3}h"}
        elif what == "text":
            rule["explain"] = f"{version} {{channels}}"
        elif what == "status" and name in ("owed", "silence", "area", "score"):
            rule["status"] = ("live", "shadow")[version % 2]
        elif what == "stages" and name == "owed":
            rule["stages"] = [{**STAGES[0], "level": ("blue", "yellow")[version % 2]}, *STAGES[1:]]
        elif what == "expected" and name == "silence":
            rule["silence"] = {"expected": {"hotline": f"{1 + version % 3}h", "grid": "7h"}}
        elif what == "vouch" and name == "owed":
            rule["obligation"] = {**rule["obligation"], "vouch": [["hotline"], ["grid"]][version % 2]}
        elif what == "top" and name == "area":
            rule["evidence"] = {"top_k": {("unit", "channel")[version % 2]: 2}}
            rule["explain"] = "{top.unit} {top.channel}"
        rule["version"] = 1 + version
    return list(rules.values())


def later(at: int, channel: str, action: Any, **fields: Any) -> Arrival:
    name = f"{action}-{channel}-{at}-{len(fields)}-{fields.get('case')}"
    return Arrival(Event(id=name, channel=channel, action=action, occurred_at=from_us(at), **fields), at)


def log_of(steps: Sequence[Step]) -> list[Record]:
    """The records of some steps in the order of their arrival."""
    found: list[tuple[int, int, Record]] = []
    book: Sequence[dict[str, Any]] = BOOK
    for number, (what, half, delay, parts) in enumerate(sorted(steps, key=lambda step: (step[1], step[0]))):
        at = START + half * HALF
        if what == "edit":
            book = edited(book, parts, number + 1)
            found.append((at, number, Book(at, tuple(copy.deepcopy(rule) for rule in book))))
        elif what == "read_up":
            found.append((at, number, ReadUp(at, tuple(parts))))
        else:
            link = Link("transfer", parts["link"]) if parts["link"] else None
            category = "dispute" if parts["subcategory"] else None
            fields = {**parts, "link": link, "category": category}
            event = Event(id=f"e{number}", occurred_at=from_us(at), unit="u", **fields)
            found.append((at + delay * HALF, number, Arrival(event, at + delay * HALF)))
    return [record for *_, record in sorted(found, key=lambda each: each[:2])]


class Flow:
    """The stages over one log, with a pool of what was said, stopped and started where it is told."""

    def __init__(self, shards: int) -> None:
        self.rules = [Rule(read(rule), CHANNELS, number, CALENDARS) for number, rule in enumerate(BOOK)]
        self.shards = shards
        self.pool: dict[str, Event] = {}
        self.pipeline = self._pipeline()
        self.drafts: list[Draft] = []
        self.saved: list[list[bytes]] = []  # of every stage, a snapshot and the changes behind it

    def take(self, cut: Slice) -> None:
        routed, drafts = self.pipeline.take(cut)
        self.pool |= {each.event.id: each.event for each in routed.pooled}
        self.drafts += drafts
        assert not routed.refused

    def save(self) -> None:
        self.saved.append(self.pipeline.changes())

    def restart(self, cuts: random.Random) -> None:
        """Go on from what was saved, some of which was put together in between."""
        if len(self.saved) > 1:
            first = cuts.randrange(len(self.saved))
            run = slice(first, cuts.randint(first, len(self.saved)) + 1)
            self.saved[run] = [[merge(frames) for frames in zip(*self.saved[run], strict=True)]]
        self.pipeline = self.restored(*self.saved)

    def restored(self, *saved: list[bytes]) -> Pipeline:
        """The stages, as they were saved."""
        pipeline = self._pipeline()
        pipeline.restore(*saved)
        return pipeline

    @property
    def revisions(self) -> list[Revision]:
        return [draft.revision for draft in self.drafts if not draft.standing]

    def _pipeline(self) -> Pipeline:
        return Pipeline(self.rules, CHANNELS, self.shards, compiled, self._history)

    def _history(self, channels: frozenset[str], since: int, before: int) -> list[Event]:
        return [e for e in self.pool.values() if e.channel in channels and e.occurred_at >= from_us(since)]


def run(log: Sequence[Record], shards: int = 1, cuts: random.Random | None = None, restarts: bool = False) -> Flow:
    """A log through the stages, one record a slice or cut anywhere, and then five quiet weeks."""
    flow = Flow(shards)
    position = 0
    while position < len(log):
        step = cuts.randint(1, 5) if cuts else 1
        part = log[position : position + step]
        flow.take(Slice(part[-1].arrived_us, part))
        position += step
        if restarts and cuts is not None and cuts.random() < 0.6:
            flow.save()
            if cuts.random() < 0.6:
                flow.restart(cuts)
    end = log[-1].arrived_us
    for day in range(1, 36) if cuts is None else (9, 35):
        flow.take(Slice(end + day * DAY, []))
        if restarts and cuts is not None:
            flow.save()
            flow.restart(cuts)
    return flow


def short(flow: Flow) -> list[tuple[Any, ...]]:
    return [
        (r.published_at, r.rule, r.rule_generation, tuple(r.key.values()), r.episode, r.revision, r.state, r.reason,
         r.level, r.confidence, r.stage, r.text.en, r.feed_seq, r.content_hash)
        for r in flow.revisions
    ]  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_slices_shards_and_restarts_change_no_byte_and_every_alert_lives_one_whole_life(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    log = log_of(history(rng))
    plain = run(log)
    said = short(plain)

    assert [each[0] for each in said] == sorted(each[0] for each in said), "in the order of the clock"
    assert short(run(log, cuts=rng)) == said
    assert short(run(log, shards=3, cuts=rng)) == said
    assert short(run(log, shards=2, cuts=rng, restarts=True)) == said
    monkeypatch.setattr(track, "PIECES_ABOVE", 1)
    assert short(run(log, shards=2, cuts=rng, restarts=True)) == said
    check_lives(plain.revisions)


@pytest.mark.parametrize("seed", SEEDS)
def test_any_arrival_order_inside_the_lateness_ends_the_same(seed: int) -> None:
    rng = random.Random(seed)
    happened = [step for step in history(rng) if step[0] == "event"]
    answers = []
    for _ in range(3):
        delayed = [(what, half, rng.randint(0, 3), parts) for what, half, _, parts in happened]
        answers.append(weak(run(log_of(delayed))))

    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("long", [True, False], ids=["in pieces", "whole"])
def test_a_snapshot_and_the_changes_behind_it_are_the_next_snapshot(
    seed: int, long: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if long:
        monkeypatch.setattr(track, "PIECES_ABOVE", 1)
    rng = random.Random(seed)
    log = log_of(history(rng))
    flow = Flow(shards=2)
    monkeypatch.setattr("alerts.kept.LARGE", seed % 3 * 1_000)
    kept = flow.pipeline.changes()
    for record in [*log, *(ReadUp(log[-1].arrived_us + day * DAY, ()) for day in range(1, 100, 7))]:
        flow.take(Slice(record.arrived_us, [record]))
        ahead = flow.pipeline.save_ahead(rng.random())
        kept = [merge([before, after]) if after else before for before, after in zip(kept, ahead, strict=True)]
        if rng.random() < 0.3:
            kept = [merge(frames) for frames in zip(kept, flow.pipeline.changes(), strict=True)]
        if rng.random() < 0.1:
            kept = [merge(frames) for frames in zip(kept, flow.pipeline.changes(), strict=True)]
            again, whole = flow.restored(kept).snapshot(), flow.pipeline.snapshot()

            link, *_ = parts_of(kept)
            assert {(COMPONENT, name[1]) for name in link if name[0] == PIECE} <= set(link)
            assert parts_of(again[:1]) == parts_of(whole[:1])
            assert parts_of(kept[1:]) == parts_of(whole[1:])
            kept = whole


def parts_of(frames: Sequence[bytes]) -> list[dict[Any, Any]]:
    """What the frame of each stage holds, read."""
    versions = [version_of(frame) for frame in frames]
    parts = [decode([frame], version) for frame, version in zip(frames, versions, strict=True)]
    return [{name: msgspec.msgpack.decode(value) for name, value in each.items()} for each in parts]


def weak(flow: Flow) -> set[tuple[Any, ...]]:
    """Rule, key, episode, highest level and evidence of what stands, of the kinds that nobody vouches for."""
    final = {draft.revision.alert_id: draft for draft in flow.drafts}
    return {
        (said.rule, *said.key.values(), said.episode, said.level_max, draft.evidence_ids)
        for draft in final.values()
        if (said := draft.revision).state not in ("retracted", "merged") and said.kind not in ("obligation", "silence")
    }


def check_lives(revisions: Sequence[Revision]) -> None:
    """Numbered without gaps, chained, one closing for each opening, one open alert for one problem; plain JSON."""
    last: dict[str, Revision] = {}
    open_now: dict[tuple[str, ...], str] = {}
    for revision in revisions:
        before = last.get(revision.alert_id)
        problem = (revision.rule, *revision.key, *revision.key.values())
        again = msgspec.json.decode(msgspec.json.encode(revision), type=Revision)
        assert content_hash(revision) == revision.content_hash == content_hash(again)
        assert revision.revision == (before.revision + 1 if before else 1)
        assert revision.prev_hash == (before.content_hash if before else "")
        if revision.state == "open":
            assert open_now.setdefault(problem, revision.alert_id) == revision.alert_id
        else:
            assert open_now.pop(problem) == revision.alert_id, "one closing for each opening"
        last[revision.alert_id] = revision


def test_when_all_is_over_and_time_has_passed_little_is_left() -> None:
    log = log_of([step for step in history(random.Random(5)) if step[0] == "event"])
    flow = run(log)
    end = log[-1].arrived_us
    for days in range(50, 260, 3):
        at = end + days * DAY
        records = [later(at, "hotline", "heartbeat"), later(at, "grid", "heartbeat")]
        if days == 50:
            records += [later(at, "police", "closed", case=case, matter="m1") for case in ("c1", "c2")]
        if days == 122:  # something happens, so that the surges look again
            records.append(later(at, "police", "received", case="c3", region="620102001", subcategory="noise"))
            records.append(later(at + 1, "police", "closed", case="c3"))
        flow.take(Slice(at + 1, records))
    flow.take(Slice(end + 259 * DAY, [later(end + 259 * DAY, "police", "visited")]))
    [shard] = flow.pipeline.shards
    kept = {name: (events, is_open) for name, _, events, is_open in shard.sizes() if events or is_open}

    assert len(flow.pipeline.linking.linker) == 1
    # a surge lets go of its last window when it looks again; of a silent channel the last sign is kept
    assert kept == {"mixed.area": (1, 0), "mixed.daily": (1, 0), "mixed.silence": (2, 2)}
    assert [timer for group in shard.timers._waiting for timer in group] == []
    assert [timer for timer in shard.timers._clock if timer[0] < end] == []
    assert not any(alerts for rule, alerts in zip(shard.rules, shard.alerts, strict=True) if rule.plan is None)
