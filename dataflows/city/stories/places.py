"""Stories of a place, an area or a channel rather than of people."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.city.people import Person
from dataflows.city.places import Village
from dataflows.city.stories.teller import Outage, Story, Teller, spread
from dataflows.city.when import HOUR, MINUTE

SURGE, TOPIC, SILENT = "sg.area-surge", "st.sudden-topic", "cs.channel-silent"
GROUP, REPEAT, CLIMB = "gi.group-incident", "rc.repeat-contact", "cx.channel-climb"


class Relative(Person):
    """Somebody who lives with somebody else."""

    __slots__ = ("_address",)

    def __init__(self, person: Person, address: str) -> None:
        super().__init__(person.number, person.home)
        self._address = address

    @property
    def address(self) -> str:
        """The home of the family."""
        return self._address


def big_family(tell: Teller, villages: Sequence[Village]) -> Story:
    """Five of one household complain of one thing: one matter with five voices."""
    family = tell.people(5, tell.village(villages))
    address = family[0].address
    for person, day in zip(family, spread(5, 3.4, 10.4), strict=True):
        tell.contact("hotline", tell.at(day), Relative(person, address), "dispute/property", "物业收费不公示。")
    return tell.finish(may=(REPEAT,), expects={"mm.many-on-one-matter": "blue"})


def black_spot(tell: Teller, villages: Sequence[Village]) -> Story:
    """Nine accidents at one crossing in three weeks, each told by somebody else."""
    near = tell.village(villages)
    crossing = f"{near.county}{near.township}{near.short}学校门口"
    for index, day in enumerate(spread(9, 2.3, 22.7)):
        channel = ("police", "police", "hotline", "resident")[index % 4]
        person = tell.person(near)
        tell.contact(channel, tell.at(day), person, "traffic/accident", "{plate}追尾。", place=crossing, at_home=False)
    return tell.finish(expects={"sp.same-place": "yellow"})


def water_cut(tell: Teller, villages: Sequence[Village]) -> Story:
    """A township without water for half a day: thirty-six households within three hours."""
    near = tell.village(villages)
    ward = [village for village in villages if village.code[:9] == near.code[:9]]
    start = tell.at(20, 9)
    for index in range(36):
        channel = ("hotline", "hotline", "grid", "police")[index % 4]
        person = tell.person(ward[index % len(ward)])
        tell.contact(channel, start + index * 5 * MINUTE, person, "service/water", "停水了,没有通知。")
    return tell.finish(expects={SURGE: "blue"}, about=frozenset((near.code[:9],)))


def sudden_topic(tell: Teller, villages: Sequence[Village]) -> Story:
    """A rumour about school places: sixty questions in one county on one day."""
    near = tell.village(villages)
    county = [village for village in villages if village.code[:6] == near.code[:6]]
    start = tell.at(17, 8)
    for index in range(60):
        person = tell.person(county[index * 7 % len(county)])
        channel = ("hotline", "helpdesk", "online")[index % 3]
        tell.contact(channel, start + index * 9 * MINUTE, person, "consult/schooling", "听说划片变了,怎么报名?")
    return tell.finish(expects={TOPIC: "blue"}, may=(SURGE,), about=frozenset((near.code[:6], near.code[:9])))


def channel_silent(tell: Teller, villages: Sequence[Village]) -> Story:
    """The exchange with the police's 110 is down for four hours of a working day; then everything at once."""
    start = tell.at(23, 10)
    outage = Outage("police", start, start + 4 * HOUR)
    return tell.finish(expects={SILENT: "blue"}, about=frozenset((outage.channel,)), outage=outage)
