"""Stories in which words turn to threats and blows, because nobody has listened."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.city.places import Village
from dataflows.city.stories.teller import Story, Teller, spread

REPEAT, CLIMB, REBOUND = "rc.repeat-contact", "cx.channel-climb", "rb.rebound-after-closing"
NEIGHBOURS, THREAT = "nv.neighbour-violence", "ta.threat-after-contact"
ARREARS, GROUP = "wa.wage-arrears", "gi.group-incident"


def neighbours_come_to_blows(tell: Teller, villages: Sequence[Village]) -> Story:
    """Words, a complaint, blows, and at last an injury that the police enter as a fight and not as a dispute."""
    me, other = tell.people(2, tell.village(villages))
    kind, more = "dispute/neighbour", {"other": other, "parties": (me, other)}
    tell.contact("grid", tell.at(2, 10), me, kind, "与邻居{other}因停车争吵。", violence=1, **more)
    tell.contact("hotline", tell.at(9, 10), me, kind, "邻居{other}又占车位。", **more)
    tell.contact("police", tell.at(16, 19), me, kind, "邻居{other}动手推人。", violence=2, **more)
    text = "与邻居{other}打架,有人头部受伤流血。"
    tell.contact("police", tell.at(20, 20), me, "public_order/fight", text, violence=3, **more)
    return tell.finish(may=(REPEAT, CLIMB), expects={NEIGHBOURS: "yellow"})


def unheard(tell: Teller, villages: Sequence[Village]) -> Story:
    """Wages asked for three times in vain, and then a threat of fire."""
    me = tell.person(tell.village(villages))
    kind = "dispute/labour"
    for channel, day in (("hotline", 2), ("walkin", 6), ("hotline", 13)):
        tell.contact(channel, tell.at(day, 10), me, kind, "工资{money}元没有发,{phone}。")
    tell.contact("hotline", tell.at(19, 16), me, kind, "再不给工资就放火烧了工地。")
    return tell.finish(may=(REPEAT, CLIMB, REBOUND), expects={THREAT: "red"})


def despair(tell: Teller, villages: Sequence[Village]) -> Story:
    """A debt that is never paid back: the second time the caller says that there is no way to live."""
    me, other = tell.people(2, tell.village(villages))
    kind = "dispute/lending"
    tell.contact("hotline", tell.at(3, 10), me, kind, "{other}借款{money}元不还。", other=other)
    tell.contact("hotline", tell.at(15, 21), me, kind, "钱要不回来,我不想活了。", other=other)
    return tell.finish(may=(REPEAT, CLIMB, REBOUND), expects={THREAT: "yellow"})


def slow_arrears(tell: Teller, villages: Sequence[Village]) -> Story:
    """Twelve workers of one employer over four weeks: never a crowd, and yet one pay day."""
    site = tell.village(villages)
    employer = f"兴达劳务{tell.number()}公司"
    doors = ("hotline", "walkin", "grid", "hotline", "petition", "police")
    workers = tell.people(12, site)
    for index, (worker, day) in enumerate(zip(workers, spread(12, 1.4, 26.4), strict=True)):
        channel = doors[index % len(doors)]
        text = "在" + employer + "干活,工资{money}元没有发。"
        tell.contact(channel, tell.at(day), worker, "dispute/labour", text, subject=employer, at_home=False)
    return tell.finish(may=(GROUP,), expects={ARREARS: "yellow"})
