"""Stories about one grievance that is not solved, and their look-alikes that must stay quiet."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.city.places import Village
from dataflows.city.stories.teller import Story, Teller
from dataflows.city.when import HOUR, MINUTE

NEIGHBOUR = "dispute/neighbour"
PROPERTY = "dispute/property"
CLIMB, REPEAT = "cx.channel-climb", "rc.repeat-contact"


def quarrel(tell: Teller, villages: Sequence[Village]) -> Story:
    """A leak between neighbours: grid worker, hotline, police, petition, and back down from above."""
    me, other = tell.people(2, tell.village(villages))
    text = "楼上邻居{other}家卫生间漏水泡了我家屋顶,"
    first = tell.contact("grid", tell.at(2, 9), me, NEIGHBOUR, text + "请网格员上门看看。", other=other)
    tell.step(first, "accepted", tell.at(2, 9.5), unit_level=1)
    tell.contact("hotline", tell.at(4, 10), me, NEIGHBOUR, text + "社区说管不了,电话{phone}。", other=other)
    tell.contact("police", tell.at(5, 21), me, NEIGHBOUR, text + "两家吵起来了。", other=other, violence=1)
    tell.contact("hotline", tell.at(6, 9), me, NEIGHBOUR, text + "仍无人处理,姓名{name}。", other=other)
    letter = tell.contact("petition", tell.at(7, 15), me, NEIGHBOUR, text + "多次反映无果。", other=other)
    tell.step(letter, "accepted", tell.at(9, 10))
    tell.contact("superior", tell.at(16, 11), me, NEIGHBOUR, text + "信访人{name}请求督办。", other=other)
    return tell.finish({CLIMB: "red", REPEAT: "yellow"})


def half_climb(tell: Teller, villages: Sequence[Village]) -> Story:
    """A property fee: grid worker, hotline, petition. Three steps and no order from above."""
    me = tell.person(tell.village(villages))
    tell.contact("grid", tell.at(3, 10), me, PROPERTY, "物业乱收费,请网格员转达。")
    tell.contact("hotline", tell.at(11, 10), me, PROPERTY, "物业收费不公示,我是业主{name}。")
    tell.contact("petition", tell.at(20, 10), me, PROPERTY, "物业收费问题未解决,住{address}。")
    return tell.finish({CLIMB: "yellow"}, (REPEAT,))  # told faster, it is a repeat as well


def insistent(tell: Teller, villages: Sequence[Village]) -> Story:
    """Rubbish chute next door: the hotline three times in four days, the second call delivered hours late."""
    me, other = tell.people(2, tell.village(villages))
    text = "邻居{other}把杂物堆在楼道,"
    tell.contact("hotline", tell.at(8, 9), me, NEIGHBOUR, text + "请处理。", other=other, times=2)
    tell.contact("hotline", tell.at(10, 10), me, NEIGHBOUR, text + "没有人来。", other=other, late_us=4 * HOUR)
    tell.contact("hotline", tell.at(11, 12), me, NEIGHBOUR, text + "第三次打来。", other=other, times=3)
    return tell.finish({REPEAT: "blue"})


def twice_delivered(tell: Teller, villages: Sequence[Village]) -> Story:
    """Two calls, each delivered three times: two contacts are not three."""
    me = tell.person(tell.village(villages))
    tell.contact("hotline", tell.at(5, 9), me, "dispute/contract", "办卡不退钱。", times=3)
    tell.contact("hotline", tell.at(7, 9), me, "dispute/contract", "商家还是不退,{phone}。", times=3)
    return tell.finish()


def transfer_chain(tell: Teller, villages: Sequence[Village]) -> Story:
    """Two calls to 110, each handed to 12345 and on from there: transfers are the same contact."""
    me, other = tell.people(2, tell.village(villages))
    text = "与{other}因借款{money}元发生纠纷。"
    more = {"other": other}
    for day in (6.0, 9.0):
        call = tell.contact("police", tell.at(day, 18), me, "dispute/lending", text, **more)
        order = tell.contact(
            "hotline",
            call.occurred_us + 9 * MINUTE,
            me,
            "dispute/lending",
            "110转办:" + text,
            transfer_of=("police", call.case),
            **more,
        )
        tell.contact(
            "petition",
            order.occurred_us + 50 * MINUTE,
            me,
            "dispute/lending",
            "12345转送:" + text,
            transfer_of=("hotline", order.case),
            **more,
        )
    return tell.finish()


def satisfied(tell: Teller, villages: Sequence[Village]) -> Story:
    """Solved by the grid worker, confirmed on the return visit, and a new question much later."""
    me = tell.person(tell.village(villages))
    first = tell.contact("grid", tell.at(2, 9), me, NEIGHBOUR, "邻居装修噪声大。")
    tell.step(first, "closed", tell.at(3, 9), unit_level=1)
    tell.step(first, "visited", tell.at(4, 10), satisfied=True, unit_level=1)
    tell.contact("hotline", tell.at(18, 9), me, NEIGHBOUR, "邻居又开始装修了,想问问时间规定。")
    return tell.finish()


def week_apart(tell: Teller, villages: Sequence[Village]) -> Story:
    """Three calls, the third exactly seven days after the first: the window is open at its old end."""
    me = tell.person(tell.village(villages))
    start = tell.at(10, 9)
    for days, text in ((0, "反映物业费。"), (2, "再次反映物业费。"), (7, "物业费还没有说法。")):
        tell.contact("hotline", start + days * 24 * HOUR, me, PROPERTY, text)
    return tell.finish()
