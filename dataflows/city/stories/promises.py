"""Stories of promises that are not kept: deadlines that pass, orders handed back, closings on paper."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.city.places import Village
from dataflows.city.stories.teller import Story, Teller

REPEAT, CLIMB, REBOUND = "rc.repeat-contact", "cx.channel-climb", "rb.rebound-after-closing"
MEDIATED = "vm.violence-after-mediation"


def overdue_order(tell: Teller, villages: Sequence[Village]) -> Story:
    """An order of the hotline that is accepted, passed on, urged, and closed weeks later."""
    me = tell.person(tell.village(villages))
    order = tell.contact("hotline", tell.at(1, 9.5), me, "service/heating", "暖气不热,家里有老人,{phone}。")
    tell.step(order, "accepted", tell.at(1, 10))
    tell.step(order, "dispatched", tell.at(1, 15), unit_level=4)
    tell.step(order, "urged", tell.at(11, 10))
    tell.step(order, "closed", tell.at(25, 16))
    return tell.finish(expects={"sla.hotline-close": "yellow"})


def overdue_petition(tell: Teller, villages: Sequence[Village]) -> Story:
    """A letter that nobody takes up in time and nobody answers in time."""
    me = tell.person(tell.village(villages))
    letter = tell.contact("petition", tell.at(2, 10), me, "dispute/urban", "征收补偿款未付,住{address}。")
    tell.step(letter, "accepted", tell.at(30, 10))
    tell.step(letter, "replied", tell.at(112, 10))
    tell.step(letter, "closed", tell.at(115, 10))
    return tell.finish(expects={"sla.petition-accept": "yellow", "sla.petition-close": "yellow"})


def four_levels(tell: Teller, villages: Sequence[Village]) -> Story:
    """A dispute that goes from the grid up to the city and is not closed within seven days of its registration."""
    me = tell.person(tell.village(villages))
    told = tell.contact("grid", tell.at(3, 9), me, "dispute/land", "承包地地界不清,请网格员调解。")
    tell.step(told, "accepted", tell.at(3, 10), unit_level=1)
    for version, day in enumerate((5.2, 7.2, 9.1), 1):
        unit = told.village.county + ("社区", "街道综治中心", "区综治中心")[version - 1]
        tell.step(told, "transferred", tell.at(day, 10), unit_level=1 + version, unit=unit, version=version)
    tell.step(told, "closed", tell.at(16, 16), unit_level=4)
    return tell.finish(expects={"sj.four-levels-seven-days": "yellow"})


def handed_back(tell: Teller, villages: Sequence[Village]) -> Story:
    """An order that four units hand on to each other, each saying that it is another's."""
    me = tell.person(tell.village(villages))
    order = tell.contact("hotline", tell.at(4, 9), me, "hazard/wire", "电线垂到路面,请处理。")
    tell.step(order, "accepted", tell.at(4, 9.3))
    units = ("街道办", "供电公司", "住建局", "城管局", "街道办", "供电公司")
    for version, unit in enumerate(units, 1):
        name = order.village.county + unit
        tell.step(order, "dispatched", tell.at(4, 10 + 9 * version), unit=name, version=version)
        tell.step(order, "transferred", tell.at(4, 14 + 9 * version), unit=name, version=version)
    tell.step(order, "closed", tell.at(8, 10))
    return tell.finish(expects={"hb.handed-back": "blue"})


def rebound(tell: Teller, villages: Sequence[Village]) -> Story:
    """Closed on paper, told again; closed on paper again, and told again."""
    me = tell.person(tell.village(villages))
    kind, words = "dispute/contract", "租房押金不退,{phone}。"
    first = tell.contact("walkin", tell.at(1, 9), me, kind, words)
    tell.step(first, "closed", tell.at(3, 9))
    second = tell.contact("hotline", tell.at(8, 9), me, kind, "已办结,但" + words)
    tell.step(second, "closed", tell.at(13, 9))
    tell.contact("hotline", tell.at(20, 9), me, kind, "第二次办结,还是" + words)
    return tell.finish(may=(REPEAT, CLIMB), expects={REBOUND: "yellow"})


def failed_mediation(tell: Teller, villages: Sequence[Village]) -> Story:
    """A boundary of two fields is settled at the counter; five days later they fight over it."""
    me, other = tell.people(2, tell.village(villages))
    kind = "dispute/land"
    first = tell.contact("walkin", tell.at(2, 9), me, kind, "与{other}地界不清。", other=other, parties=(me, other))
    tell.step(first, "resolved", tell.at(9, 15))
    tell.step(first, "closed", tell.at(9, 16))
    text = "因地界与{other}互殴,双方动手打人。"
    tell.contact("police", tell.at(14, 18), me, kind, text, other=other, parties=(other, me), violence=2)
    return tell.finish(may=(REPEAT, CLIMB, REBOUND), expects={MEDIATED: "yellow"})
