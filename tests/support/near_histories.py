"""Small histories of two pairs under a rule of every kind that counts, for tests that ask how near they came."""

from __future__ import annotations

from typing import Any

import near_by_definition as by_trying
from hypothesis import strategies as st
from small_city import DAY, HOUR, MINUTE, RANKS, START, make_rule

from alerts.model import Arrival, Event, Link, from_us

LIFE = {"quiet_close": "1d", "reopen_within": "2d"}
UNLESS = {"fine": {"action": ["visited"], "satisfied": [True]}}
STEPS: list[dict[str, Any]] = [
    {"name": "a", "event": {"channel": ["grid"]}},
    {"name": "b", "event": {"channel": ["hotline", "petition"]}},
    {"name": "c", "event": {"channel": ["police", "petition"]}},
]
RULES = [
    make_rule("threshold", 0, id="t.count", lifecycle=LIFE),
    make_rule("distinct", 1, id="t.people", of="reporter", lifecycle=LIFE),
    make_rule(
        "sequence", 2, id="t.steps", lifecycle=LIFE, when={"steps": STEPS, "within": "40h", "gap_max": "20h"},
        levels=[{"steps": 2, "level": "blue"}, {"steps": 3, "level": "red"}],
    ),
    make_rule(
        "progression", 3, id="t.climb", lifecycle=LIFE, unless=UNLESS,
        when={"chain": {"measure": "channel_rank", "min_steps": 2}, "eager": True},
        levels=[{"steps": 2, "level": "blue"}, {"steps": 4, "level": "yellow"}, {"measure_gte": 4, "level": "red"}],
    ),
    make_rule(
        "progression", 4, id="t.worse", lifecycle=LIFE,
        when={
            "any": [
                {"name": "cue", "prior_gte": 2, "event": {"cues|any": ["weapon"]}, "level": "red"},
                {"name": "rising", "chain": {"measure": "violence", "min_steps": 3}, "level": "yellow"},
            ]
        },
    ),
]  # fmt: skip
SIZE = 2 * DAY
RUNGS = {
    "t.count": [by_trying.counts(3, 1), by_trying.counts(5, 3)],
    "t.people": [by_trying.distinct("reporter", 3, 1), by_trying.distinct("reporter", 5, 3)],
    "t.steps": [
        by_trying.steps(["a", "b"], 40 * HOUR, 20 * HOUR, 1),
        by_trying.steps(["a", "b", "c"], 40 * HOUR, 20 * HOUR, 3),
    ],
    "t.climb": [
        by_trying.climbs("channel_rank", range(1, 5), 2, 1),
        by_trying.climbs("channel_rank", range(1, 5), 4, 2),
        by_trying.climbs("channel_rank", range(1, 5), 2, 3, least=4),
    ],
    "t.worse": [by_trying.after("weapon", 2, 3), by_trying.climbs("violence", range(4), 3, 2)],
}

told: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    hour=st.one_of(st.integers(0, 12).map(lambda tens: 10 * tens), st.integers(0, 120)),  # often just on an edge
    second=st.sampled_from([0, 0, 1, 1800]),
    channel=st.sampled_from(sorted(RANKS)),
    pair=st.sampled_from(["x", "x", "y"]),
    reporter=st.sampled_from(["p1", "p2", "p3", "p4", None]),
    violence=st.sampled_from([None, 0, 1, 2, 3]),
    weapon=st.sampled_from([False, False, True]),
    satisfied=st.sampled_from([False] * 6 + [True]),
    follows=st.sampled_from([None] * 5 + [0, 1, 2]),
    delay=st.integers(0, 6 * 60),
)
histories = st.lists(told, min_size=1, max_size=9)
hours = st.one_of(st.integers(0, 19).map(lambda tens: 10 * tens), st.integers(0, 24 * 8))


def arrivals(history: list[dict[str, Any]]) -> list[Arrival]:
    """The log of a history, in order of arrival."""
    found = []
    for number, each in enumerate(history):
        at = START + each["hour"] * HOUR + each["second"] * 1_000_000
        follows = followed(history, number)
        event = Event(
            id=f"e{number}", channel=each["channel"], action="visited" if each["satisfied"] else "received",
            occurred_at=from_us(at), pair=each["pair"], reporter=each["reporter"], violence=each["violence"],
            matter=each["pair"], cues=("weapon",) if each["weapon"] else (),
            link=None if follows is None else Link("transfer", f"e{follows}"),
            satisfied=True if each["satisfied"] else None,
        )  # fmt: skip
        found.append(Arrival(event, at + each["delay"] * MINUTE))
    return sorted(found, key=lambda arrival: (arrival.arrived_us, arrival.event.id))


def followed(history: list[dict[str, Any]], number: int) -> int | None:
    """The earlier report that a report is the same contact as; what happened later is never waited for long enough."""
    follows = history[number]["follows"]
    if follows is None or follows >= number or _when(history[follows]) > _when(history[number]):
        return None
    return int(follows)


def _when(each: dict[str, Any]) -> tuple[int, int]:
    return each["hour"], each["second"]


def arrived(each: dict[str, Any]) -> int:
    return START + each["hour"] * HOUR + each["second"] * 1_000_000 + each["delay"] * MINUTE  # type: ignore[no-any-return]


def first_of_contact(history: list[dict[str, Any]], number: int, at: int) -> int:
    """The first report of the contact that a report is part of, as far as its links are known by `at`."""
    follows = followed(history, number)
    if follows is None:
        return number
    return follows if arrived(history[follows]) > at else first_of_contact(history, follows, at)


def known(history: list[dict[str, Any]], pair: str, at: int, resets: bool) -> list[dict[str, Any]]:
    """The reports of a pair that have arrived by `at`, as the reference reads them."""
    found = []
    for number, each in enumerate(history):
        time = START + each["hour"] * HOUR + each["second"] * 1_000_000
        if each["pair"] != pair or arrived(each) > at:
            continue
        steps = {step["name"] for step in STEPS if each["channel"] in step["event"]["channel"]}
        found.append(
            {
                **each, "id": f"e{number}", "t": time, "rank": RANKS[each["channel"]],
                "contact": f"e{first_of_contact(history, number, at)}",
                "channel_rank": RANKS[each["channel"]], "steps": steps, "selected": not each["satisfied"],
                "resets": resets and each["satisfied"],
            }
        )  # fmt: skip
    return found
