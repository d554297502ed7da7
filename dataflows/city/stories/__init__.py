"""The planted stories: each a function that tells it, in the order of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from dataflows.city.people import Crowd
from dataflows.city.places import Village
from dataflows.city.stories import crowds, families, grievances, places, promises, threats
from dataflows.city.stories.teller import Beat, Outage, Story, Teller
from dataflows.city.when import DAY

__all__ = ["CATALOGUE", "YEAR_CATALOGUE", "Beat", "Entry", "Outage", "Story", "tell_all"]

Tell = Callable[[Teller, Sequence[Village]], Story]
STORY_DAYS = 30


class Entry(NamedTuple):
    """One story of a catalogue."""

    name: str
    zh: str
    tell: Tell
    may_hurry: bool  # whether it keeps its meaning when it is told faster
    days: int = STORY_DAYS  # that must follow its start for the rules to say all they have to say


# What the rules of the first hour look for, and its look-alikes.
CATALOGUE = tuple(
    Entry(*entry)
    for entry in (
        ("quarrel", "邻里漏水逐级上行", grievances.quarrel, True),
        ("half-climb", "物业收费三级上行", grievances.half_climb, True),
        ("insistent", "四天三次来电(一次迟到)", grievances.insistent, True),
        ("wages", "三十余名工人讨薪", crowds.wages, True),
        ("six-neighbours", "六户业主反映电梯", crowds.six_neighbours, True),
        ("pressured", "家庭纠纷由骂到打到持刀", families.pressured, True),
        ("late-first-call", "持刀警情先到、前次来电后到", families.late_first_call, True),
        ("accelerating", "家庭争吵间隔越来越短", families.accelerating, True),
        ("single-knife", "孤立持刀警情", families.single_knife, True),
        ("harmless", "热心市民天天提建议", crowds.harmless, True),
        ("burst-main", "水管爆裂一小时六十户", crowds.burst_main, True),
        ("transfer-chain", "110转12345再转信访", grievances.transfer_chain, True),
        ("twice-delivered", "两次来电各送达三遍", grievances.twice_delivered, True),
        ("satisfied", "回访满意后的新来电", grievances.satisfied, True),
        ("week-apart", "恰好相隔七天的第三次", grievances.week_apart, False),
        ("one-caller", "一人六次反映同一小区", crowds.one_caller_six_times, True),
        ("hospital-desk", "医院医患办常用电话", crowds.hospital_desk, True),
        ("desk-110", "110指挥中心座机", crowds.desk_110, True),
        ("own-staff", "热线内部工作人员登记", crowds.own_staff, True),
        ("busy-grid-worker", "网格员巡查上报", crowds.busy_grid_worker, True),
    )
)
# The whole book: deadlines, areas, silence and threats need weeks of their own.
YEAR_CATALOGUE = (
    *CATALOGUE,
    Entry("overdue-order", "12345工单超期未办结", promises.overdue_order, False),
    Entry("overdue-petition", "信访件逾期未受理、未答复", promises.overdue_petition, False, 120),
    Entry("four-levels", "四级七天未办结", promises.four_levels, False),
    Entry("handed-back", "工单被反复退回", promises.handed_back, False),
    Entry("rebound", "办结后两次反弹", promises.rebound, False, 45),
    Entry("failed-mediation", "调解结案后动手", promises.failed_mediation, False, 45),
    Entry("blows", "邻里由吵到打到伤人", threats.neighbours_come_to_blows, False),
    Entry("arson-threat", "多次讨薪未果扬言放火", threats.unheard, False),
    Entry("despair", "反映未果称不想活", threats.despair, False),
    Entry("slow-arrears", "一月内十余名工人讨薪", threats.slow_arrears, False),
    Entry("big-family", "一家五口反映同一事", places.big_family, False),
    Entry("black-spot", "同一路口接连事故", places.black_spot, False),
    Entry("water-cut", "一街道半日停水", places.water_cut, False),
    Entry("sudden-topic", "一区县突发入学咨询", places.sudden_topic, False),
    Entry("channel-silent", "110接口中断四小时", places.channel_silent, False),
)


def tell_all(
    telling: int, start_us: int, pace: float, crowd: Crowd, villages: Sequence[Village], seed: int,
    catalogue: Sequence[Entry], end_us: int,
) -> Iterator[Story]:  # fmt: skip
    """Every story of the catalogue once, from `start_us` on, with people of its own, if it ends before `end_us`."""
    for serial, entry in enumerate(catalogue):
        if (pace < 1 and not entry.may_hurry) or start_us + entry.days * DAY * pace > end_us:
            continue
        teller = Teller(entry.name, entry.zh, telling, start_us, pace, crowd, seed)
        teller.begin(serial)
        yield entry.tell(teller, villages)
