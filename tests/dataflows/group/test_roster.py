from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from dataflows.group.roster import NO_LIFE, PATIENCE, PORTS, SETTLED, Beat, Life, Member, Roster, Stage
from dataflows.group.supervisor import HELD


class Topic:
    """The beats of some hosts, one after the other, as every host reads them."""

    def __init__(self) -> None:
        self.roster = Roster()
        self.said: list[Beat] = []
        self._unseen: dict[str, tuple[str, ...]] = {}
        self.releases: dict[str, str] = {}

    def beat(self, host: str, stage: Stage | None = None, life: int | None = None, boot: str = "b") -> None:
        """A host that has come to the life it should be in, unless told otherwise."""
        life = self.roster.life.number if life is None else life
        stage = stage or ("clear" if life else "joining")
        said = self._unseen.get(host, ()), self.releases.get(host, "1")
        beat = Beat(host, boot, f"10.0.0.{host}", 9470, 1, life, stage, *said)
        self.roster.take(len(self.said), beat)
        self.said.append(beat)

    def rounds(self, hosts: str, count: int = 1) -> None:
        for _ in range(count):
            for host in hosts:
                self.beat(host)

    def cut(self, one: str, *others: str) -> None:
        """A host does not reach others any more, and has noticed."""
        self._unseen[one] = others

    @property
    def hosts(self) -> str:
        return "".join(member.host for member in self.roster.life.members)


@pytest.fixture
def topic() -> Topic:
    """Three hosts in a life whose state is taken up."""
    found = Topic()
    found.rounds("123", SETTLED + 2)
    found.beat("1", "prepared")
    assert found.hosts == "123"
    return found


def test_a_life_begins_when_who_is_there_has_stayed_the_same_for_a_while() -> None:
    topic = Topic()

    topic.beat("1")
    assert topic.roster.life.number == NO_LIFE
    topic.rounds("1", SETTLED)

    assert topic.hosts == "1"
    assert topic.roster.life.number == SETTLED + 1


def test_a_host_that_joins_brings_a_life_that_begins_in_order(topic: Topic) -> None:
    before = topic.roster.life

    topic.rounds("1234", SETTLED + 1)

    assert topic.hosts == "1234"
    assert topic.roster.life.number > before.number
    assert topic.roster.life.is_orderly


def test_a_host_is_lost_when_another_was_heard_so_often_since(topic: Topic) -> None:
    topic.rounds("12", PATIENCE - 1)
    assert topic.hosts == "123"

    topic.rounds("12", SETTLED + 2)

    assert topic.hosts == "12"
    assert not topic.roster.life.is_orderly


def test_a_life_after_a_loss_begins_later_than_the_lost_host_lets_its_processes_work() -> None:
    """`PATIENCE` pauses between beats are a lease, of which it lets them work for a part after its last beat."""
    topic = Topic()
    topic.rounds("12", SETTLED + 2)
    before = topic.roster.life.number
    beats = 0
    while topic.roster.life.number == before:
        topic.beat("1")
        beats += 1

    assert beats - 1 > PATIENCE > HELD * PATIENCE


def test_slow_beats_of_all_are_no_loss(topic: Topic) -> None:
    life = topic.roster.life

    topic.rounds("321", 5 * PATIENCE)

    assert topic.roster.life == life


@pytest.mark.parametrize("gone", ["1", "3"])
def test_a_host_that_leaves_is_waited_for_and_then_forgotten(topic: Topic, gone: str) -> None:
    stay = "123".replace(gone, "")
    topic.beat(gone, "leaving")
    old = topic.roster.life.number
    topic.rounds(stay, SETTLED + 1)

    assert topic.hosts == stay
    assert topic.roster.life.is_orderly
    topic.beat(gone, "leaving", life=old)
    assert not topic.roster.is_clear
    topic.beat(gone, "gone")
    assert topic.roster.is_clear


def test_a_process_that_ended_ends_the_life_for_all(topic: Topic) -> None:
    life = topic.roster.life

    topic.beat("2", "ended")
    topic.rounds("13", SETTLED + 1)

    assert topic.roster.life.number > life.number
    assert topic.roster.life.members == life.members
    assert not topic.roster.life.is_orderly


def test_a_life_that_ended_before_it_had_taken_up_the_state_is_tried_again_after_a_lease(topic: Topic) -> None:
    topic.rounds("1234", SETTLED + 1)
    life = topic.roster.life
    for _ in range(PATIENCE - 1):
        topic.rounds("134")
        topic.beat("2", "ended")
    assert topic.roster.life == life

    topic.rounds("13", 2)

    assert topic.roster.life.number > life.number


def test_what_ended_in_an_earlier_life_ends_no_later_one(topic: Topic) -> None:
    old = topic.roster.life.number
    topic.beat("2", "ended")
    topic.rounds("13", SETTLED + 1)
    life = topic.roster.life

    topic.beat("2", "ended", life=old)
    topic.rounds("13", SETTLED + 1)

    assert topic.roster.life == life


def test_a_supervisor_that_was_started_again_is_another_member(topic: Topic) -> None:
    for _ in range(SETTLED + 2):
        topic.rounds("12")
        topic.beat("3", "joining", life=NO_LIFE, boot="another")

    assert [member.boot for member in topic.roster.life.members] == ["b", "b", "another"]
    assert not topic.roster.life.is_orderly


@pytest.mark.parametrize(("one", "other"), [("2", "3"), ("3", "2")])
def test_of_two_hosts_that_do_not_reach_each_other_the_first_stays(topic: Topic, one: str, other: str) -> None:
    topic.cut(one, other)

    topic.rounds("123", SETTLED + 2)

    assert topic.hosts == "12"
    assert not topic.roster.life.is_orderly


def test_a_host_that_reaches_nobody_is_left_out_whatever_its_name(topic: Topic) -> None:
    topic.cut("1", "2", "3")

    topic.rounds("123", SETTLED + 2)

    assert topic.hosts == "23"


def test_hosts_of_two_releases_share_no_life_and_the_more_of_them_work(topic: Topic) -> None:
    """An upgrade, host by host: 3, then 2 and 1, then all."""
    found = []
    for host in "321":
        topic.beat(host, "gone")
        topic.releases[host] = "2"
        topic.rounds("123", 2 * SETTLED + 2)
        found.append(topic.hosts)

    assert found == ["12", "23", "123"]


def test_a_life_is_clear_when_every_host_that_was_in_one_has_come_to_it(topic: Topic) -> None:
    topic.cut("2", "3")
    old = topic.roster.life.number
    topic.rounds("12", SETTLED + 2)
    topic.beat("3", life=old)
    topic.rounds("12", SETTLED + 2)

    assert topic.hosts == "12"
    assert not topic.roster.is_clear
    topic.beat("3")
    assert topic.roster.is_clear


def test_the_state_is_taken_up_once_in_a_life(topic: Topic) -> None:
    assert topic.roster.is_prepared

    topic.rounds("1234", SETTLED + 1)

    assert not topic.roster.is_prepared
    topic.beat("2", "prepared")
    assert topic.roster.is_prepared


def test_who_begins_to_read_later_comes_to_the_same_life() -> None:
    """Once a host that joins has been heard; whatever was said before, and from wherever it reads on."""
    rng = Random(5)
    topic = Topic()
    for _ in range(400):
        topic.rounds("".join(rng.sample("12345", rng.randrange(1, 6))), rng.randrange(1, 4))
        if not rng.randrange(30):
            topic.beat(rng.choice("12345"), "ended")
    topic.rounds("123", PATIENCE * 2)
    start = len(topic.said) - 6 * PATIENCE
    topic.rounds("1236", SETTLED + 5)
    late = Roster()
    for place, beat in enumerate(topic.said):
        if place >= start:
            late.take(place, beat)

    assert topic.hosts == "1236"
    # how the life before is to be ended concerns those who were in it
    assert late.life._replace(is_orderly=False) == topic.roster.life._replace(is_orderly=False)


def test_processes_are_numbered_by_host_and_take_other_ports_in_the_next_life() -> None:
    members = (Member("a", "x", "10.0.0.1", 9470, 2), Member("b", "y", "10.0.0.2", 9470, 1))
    lives = [Life(number, members) for number in range(7, 7 + PORTS)]

    assert [list(lives[0].numbers_of(boot)) for boot in ("x", "y", "z")] == [[0, 1], [2], []]
    assert lives[0].addresses() == ["10.0.0.1:9485", "10.0.0.1:9486", "10.0.0.2:9478"]
    assert all(not set(one.addresses()) & set(other.addresses()) for one, other in pairwise(lives))
