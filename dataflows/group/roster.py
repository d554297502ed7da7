"""Which hosts make up a group, and in which life it is: a function of one Kafka topic, so that all hosts agree.

Every host writes *beats* into the topic, one after the other is acknowledged, and reads all of them. The order of the
topic is the only clock: a host is lost when another one was heard `patience` times since. Nobody leads and nobody
votes; whoever reads the same beats comes to the same life.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

from msgspec import Struct

PATIENCE = 10  # beats of another host after which one that was not heard is lost
SETTLED = 2  # beats for which who is wanted must have stayed the same, before a life begins
PORTS = 100  # of a host, behind the one of its supervisor
NO_LIFE = 0

Stage = Literal["joining", "clear", "prepared", "ended", "leaving", "gone"]


class Beat(Struct, frozen=True, omit_defaults=True):
    """What a host says of itself.

    It is `joining` until it was in a life, `clear` when nothing of an earlier life runs on it any more, and `prepared`
    when its process has taken up the state; `ended` when a process of this life has ended by itself. A host that is
    `leaving` takes part in no life that begins; `gone` is its last word.
    """

    host: str
    boot: str  # another one at each start of the supervisor
    address: str  # where the others reach its supervisor
    port: int  # and at which; its processes take some of those behind it
    processes: int
    life: int = NO_LIFE  # that this host has come to
    stage: Stage = "joining"
    unseen: tuple[str, ...] = ()  # hosts that it does not reach
    release: str = ""  # that it runs; hosts of different releases share no life
    settings: str = ""  # a digest of those that are no host's own
    works: bool = False  # whether its processes run in this life
    said_at: float = 0.0  # its own clock, Unix time; the doctor compares it, and nobody is judged by it


class Member(NamedTuple):
    """A host in a life."""

    host: str
    boot: str
    address: str
    port: int
    processes: int


class Life(NamedTuple):
    """One life of the group: its number rises, and its members run its processes."""

    number: int
    members: tuple[Member, ...] = ()  # by name
    is_orderly: bool = False  # whether all of the life before are there to end it in order

    def addresses(self) -> list[str]:
        """`host:port` of every process, in the order of their numbers; the life before had other ports."""
        return [
            f"{member.address}:{member.port + 1 + (self.number * member.processes + on_host) % PORTS}"
            for member in self.members
            for on_host in range(member.processes)
        ]

    def numbers_of(self, boot: str) -> range:
        """The numbers of the processes that a supervisor runs, by what names its start."""
        first = 0
        for member in self.members:
            if member.boot == boot:
                return range(first, first + member.processes)
            first += member.processes
        return range(0)


class Roster:
    """Reads beats, and knows the life that the group is in, or should be."""

    def __init__(self, patience: int = PATIENCE) -> None:
        self.life = Life(NO_LIFE)
        self.beats: dict[str, Beat] = {}  # the last of each host that is there
        self._patience = patience
        self._heard: dict[str, Counter[str]] = {}  # for each host how often others were heard since
        self._wanted: tuple[Member, ...] = ()
        self._settled = 0
        self._prepared = NO_LIFE  # the last life whose state was taken up

    def take(self, number: int, beat: Beat) -> None:
        """One beat further; `number` is its place in the topic."""
        self._hear(beat)
        if beat.stage == "prepared" and beat.life == self.life.number:
            self._prepared = beat.life
        wanted = tuple(_member(each) for each in _in_sight(self.beats))
        if wanted != self._wanted:
            self._wanted, self._settled = wanted, 0
        elif wanted and beat.host == wanted[0].host:
            self._settled += 1
        if wanted and self._is_due(wanted):
            # number + 1: the first place of a topic is 0, and so is no life
            self.life = Life(number + 1, wanted, self._is_orderly())
            self._settled = 0

    def _is_due(self, wanted: tuple[Member, ...]) -> bool:
        if wanted != self.life.members:
            return self._settled >= SETTLED
        # what ended before it had taken up its state would most likely do so again
        return self._is_broken() and self._settled >= (SETTLED if self.is_prepared else self._patience)

    def _hear(self, beat: Beat) -> None:
        self.beats[beat.host] = beat
        self._heard[beat.host] = Counter()
        for host, since in self._heard.items():
            if host != beat.host:
                since[beat.host] += 1
        lost = [host for host, since in self._heard.items() if max(since.values(), default=0) >= self._patience]
        for host in [*lost, *([beat.host] if beat.stage == "gone" else [])]:
            del self.beats[host], self._heard[host]

    def _is_broken(self) -> bool:
        return any(beat.stage == "ended" and beat.life == self.life.number for beat in self.beats.values())

    def _is_orderly(self) -> bool:
        """Whether the processes of the life before all run and reach each other: then they can finish what they do."""
        before = self.life
        there = {_member(beat) for beat in _in_sight(self.beats, with_leaving=True)}
        return set(before.members) <= there and not self._is_broken() and self.is_prepared

    @property
    def is_clear(self) -> bool:
        """Whether nothing of an earlier life runs any more on any host that is there."""
        return all(
            beat.stage == "joining" or (beat.life == self.life.number and beat.stage != "leaving")
            for beat in self.beats.values()
        )

    @property
    def is_prepared(self) -> bool:
        """Whether the state was taken up in this life."""
        return self._prepared == self.life.number


def _in_sight(beats: dict[str, Beat], with_leaving: bool = False) -> list[Beat]:
    """By name, the most hosts of one release that all reach each other; of as many, those with the first name."""
    there = [beat for _, beat in sorted(beats.items()) if with_leaving or beat.stage != "leaving"]
    sets = [_reached(there[first:] + there[:first]) for first in range(len(there))]
    most: list[Beat] = max(sets, key=len, default=[])
    return sorted(most, key=lambda beat: beat.host)


def _reached(beats: Iterable[Beat]) -> list[Beat]:
    """The first, and each other of its release that all before it reach."""
    found: list[Beat] = []
    for beat in beats:
        if all(_share(beat, each) for each in found):
            found.append(beat)
    return found


def _share(one: Beat, other: Beat) -> bool:
    """Whether two hosts can work in one life."""
    return one.release == other.release and one.host not in other.unseen and other.host not in one.unseen


def _member(beat: Beat) -> Member:
    return Member(beat.host, beat.boot, beat.address, beat.port, beat.processes)
