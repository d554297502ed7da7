"""The planted stories: each a function that tells it, in the order of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from dataflows.city.people import Crowd
from dataflows.city.places import Village
from dataflows.city.stories import crowds, families, grievances
from dataflows.city.stories.teller import Beat, Story, Teller

__all__ = ["CATALOGUE", "Beat", "Story", "tell_all"]

Tell = Callable[[Teller, Sequence[Village]], Story]
STORY_DAYS = 30

# Name, Chinese name, who tells it, and whether it keeps its meaning when it is told faster.
CATALOGUE: tuple[tuple[str, str, Tell, bool], ...] = (
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


def tell_all(
    telling: int, start_us: int, pace: float, crowd: Crowd, villages: Sequence[Village], seed: int
) -> Iterator[Story]:
    """Every story of the catalogue once, from `start_us` on, with people of its own."""
    for serial, (name, zh, tell, may_hurry) in enumerate(CATALOGUE):
        if pace < 1 and not may_hurry:
            continue
        teller = Teller(name, zh, telling, start_us, pace, crowd, seed)
        teller.begin(serial)
        yield tell(teller, villages)
