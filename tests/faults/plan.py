"""What goes wrong, and when: a seeded list of faults, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Literal, NamedTuple

Part = Literal["flow", "broker", "redis", "clickhouse", "state"]
Act = Literal["kill", "hang", "refuse", "lose", "damage", "rewind"]
Moment = Literal["any", "snapshot", "start", "catch-up"]
KINDS = ("flow", "broker", "redis", "clickhouse", "state", "mixed")
SERVERS: tuple[Part, ...] = ("broker", "redis", "clickhouse")
MOMENTS: tuple[Moment, ...] = ("any", "snapshot", "start", "catch-up")
STATE_ACTS: tuple[Act, ...] = ("lose", "damage", "rewind")
PAUSE_SECONDS = (0.5, 3.0)  # of peace before a fault
AWAY_AT_LEAST = 0.3  # how long a server is gone, hangs or refuses
CODES = (252, 241, 503)  # too many parts, too little memory, nobody there


class Fault(NamedTuple):
    """One thing that goes wrong; `second` goes wrong at the same time, and `flow_too` kills the flow meanwhile."""

    part: Part
    act: Act
    moment: Moment
    pause: float
    away: float
    flow_too: bool = False
    code: int = 0  # what a server that refuses answers
    second: Fault | None = None

    def __str__(self) -> str:
        words = [self.part, self.act, *self._when()]
        if self.second is not None:
            words += ["with", self.second.part, self.second.act]
        return " ".join([*words, *(["and the flow killed meanwhile"] if self.flow_too else [])])

    def _when(self) -> list[str]:
        if self.part == "flow" and self.act == "kill":
            return [f"at {self.moment}"]
        refusal = [f"with {self.code}"] if self.act == "refuse" else []
        return [] if self.part == "state" else [*refusal, f"{self.away:.1f} s"]


def faults(kind: str, count: int, seed: int, away: float, can_kill_broker: bool) -> Iterator[Fault]:
    """The faults of one round: of one part, or of all of them and several at once where the kind is `mixed`."""
    rng = Random(f"{seed}/{kind}")
    for _ in range(count):
        if kind != "mixed":
            yield _fault(kind, rng, away, can_kill_broker, 0.15)  # type: ignore[arg-type]
            continue
        fault = _fault(rng.choice((*SERVERS, "flow")), rng, away, can_kill_broker, 0.5)
        others = [part for part in SERVERS if part != fault.part]
        second = _fault(rng.choice(others), rng, away, can_kill_broker, 0.0)
        with_second = fault.part != "flow" and rng.random() < 0.4
        yield fault._replace(second=second if with_second else None)


def _fault(part: Part, rng: Random, away: float, can_kill_broker: bool, flow_too: float) -> Fault:
    act = _act(part, rng, can_kill_broker)
    moment, pause, seconds = rng.choice(MOMENTS), rng.uniform(*PAUSE_SECONDS), rng.uniform(AWAY_AT_LEAST, away)
    return Fault(part, act, moment, pause, seconds, part in SERVERS and rng.random() < flow_too, rng.choice(CODES))


def _act(part: Part, rng: Random, can_kill_broker: bool) -> Act:
    chance = rng.random()
    if part == "state":
        return rng.choice(STATE_ACTS)
    if part == "clickhouse" and chance < 0.3:
        return "refuse"
    if part == "broker" and not can_kill_broker:
        return "hang"
    return "kill" if chance < (0.9 if part == "flow" else 0.7) else "hang"
