"""What people call about: kinds of contact, their Chinese names, and how much of each a channel hears."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from itertools import accumulate

from msgspec import Struct

CHANNELS = (
    "police",
    "hotline",
    "petition",
    "grid",
    "court",
    "helpdesk",
    "superior",
    "walkin",
    "online",
    "resident",
)


class Kind(Struct, frozen=True, gc=False):
    """A category and subcategory with the Chinese name that departments write."""

    category: str
    subcategory: str
    zh: str


# How often each channel hears of it, in the order of CHANNELS.
_WEIGHTS = """
dispute      family           婚恋家庭纠纷        50  20  20  40  90  20  2   60  5   5
dispute      neighbour        邻里纠纷            40  30  10  60  30  30  2   50  10  20
dispute      personality      人格权纠纷          4   3   3   2   15  3   0   6   3   1
dispute      property         物权相关纠纷        4   45  20  20  50  20  4   30  20  15
dispute      tort             侵权相关纠纷        10  15  15  5   60  8   3   20  5   3
dispute      contract         合同及相关纠纷      12  60  20  4   120 20  4   40  20  5
dispute      labour           劳动人事争议        12  50  40  8   60  25  10  60  15  5
dispute      lending          金融借贷纠纷        8   15  15  3   150 10  2   30  5   1
dispute      land             土地及资源权属纠纷  3   6   30  15  15  8   6   20  4   4
dispute      civil            其他民商事纠纷      2   5   4   2   30  4   1   8   2   1
dispute      urban            城乡建设发展纠纷    3   25  40  10  8   10  10  20  20  10
dispute      civil_affairs    涉民政纠纷          2   8   15  8   2   8   4   12  5   3
dispute      enforcement      其他行政执法纠纷    4   15  25  4   5   6   8   12  8   3
dispute      litigation       涉法涉诉纠纷        1   3   35  1   10  3   10  10  3   0
dispute      discipline       涉组织涉纪检纠纷    0   2   20  1   0   1   6   4   3   0
dispute      ethnic_religious 涉民族宗教纠纷      0   1   3   1   0   1   1   1   0   0
dispute      other            其他纠纷            8   10  8   6   8   6   1   8   3   3
crime        theft            盗窃                45  3   2   3   0   1   0   1   1   2
crime        fraud            电信诈骗            50  6   3   2   0   3   0   2   2   1
crime        injury           故意伤害            8   0   1   0   0   0   0   0   0   0
public_order noise            噪声扰民            70  60  3   15  0   15  0   2   20  30
public_order fight            打架斗殴            45  1   0   4   0   0   0   0   0   1
public_order gambling         赌博                10  2   1   3   0   1   0   0   1   2
traffic      accident         交通事故            190 2   1   3   0   1   0   1   1   3
traffic      congestion       交通拥堵            25  15  0   5   0   5   0   0   10  15
traffic      parking          违法停车            60  45  1   20  0   15  0   0   20  40
fire         blaze            火情                20  1   0   6   0   1   0   0   0   4
hazard       manhole          井盖缺失            3   18  0   45  0   12  0   0   8   50
hazard       wire             电线脱落            4   10  0   25  0   6   0   0   3   20
hazard       gas              燃气异味            6   12  0   12  0   5   0   1   1   6
service      water            停水漏水            8   90  3   30  0   40  2   3   15  30
service      heating          供热不热            2   80  4   20  0   40  2   4   20  15
service      power            停电故障            4   60  1   15  0   25  1   1   8   10
service      sanitation       垃圾清运            1   45  2   70  0   30  1   1   20  60
service      rescue           求助走失            70  4   0   8   0   8   0   3   0   3
service      lift             电梯故障            8   30  1   20  0   15  0   1   8   10
consult      social_security  社保咨询            2   80  3   4   0   50  0   30  15  3
consult      household        户籍咨询            25  40  2   4   0   30  0   20  8   2
consult      medical          医保咨询            1   60  2   4   0   35  0   15  10  2
consult      schooling        入学咨询            1   40  3   2   0   25  1   10  15  2
other        lost             失物招领            40  10  0   3   0   8   0   3   0   3
other        misc             其他事项            60  25  6   12  0   15  2   10  8   8
"""

_SUGGESTIONS = """
greening 绿化  bus 公交线路  library 图书馆  park 公园设施  bench 休息座椅  toilet 公共厕所
lamp 路灯  bikelane 非机动车道  crossing 人行横道  signal 红绿灯时长  sports 体育场地
playground 儿童游乐  market 便民市场  canteen 老年食堂  clinic 社区门诊  charging 充电桩
bike 共享单车  sign 指路标牌  museum 博物馆  reading 全民阅读  river 河道治理  air 空气质量
sorting 垃圾分类  dogs 文明养犬  smoking 公共场所控烟  ramp 无障碍通道  liftadd 加装电梯
kindergarten 幼儿园  tutoring 课后服务  volunteer 志愿服务  festival 节庆活动  tourism 旅游服务
noodle 牛肉面品牌  heritage 非遗保护  street 背街小巷  drain 雨水管网  roof 屋顶防水  mail 快递柜
wifi 公共网络  app 政务应用  queue 窗口排队  forms 办事材料  taxi 出租车  airport 机场大巴
rail 地铁站口  bridge 过江桥梁  square 广场舞  pool 游泳馆  seedbed 社区菜园  archive 档案查询
"""

_TOPICS = _SUGGESTIONS.split()
SUGGESTION_KINDS = tuple(
    Kind("suggestion", f"{name}", f"建议{zh}") for name, zh in zip(_TOPICS[::2], _TOPICS[1::2], strict=True)
)
_SUGGESTION_WEIGHT = dict(zip(CHANNELS, (0, 45, 15, 10, 0, 20, 5, 8, 60, 30), strict=True))

_ROWS = [line.split() for line in _WEIGHTS.strip().splitlines()]
KINDS = {f"{row[0]}/{row[1]}": Kind(row[0], row[1], row[2]) for row in _ROWS} | {
    f"suggestion/{kind.subcategory}": kind for kind in SUGGESTION_KINDS
}


def weights(channel: str) -> dict[str, int]:
    """How often the channel hears of each kind that is not a suggestion."""
    column = 3 + CHANNELS.index(channel)
    return {f"{row[0]}/{row[1]}": int(row[column]) for row in _ROWS if int(row[column])}


def picker(channel: str) -> Callable[[float], Kind]:
    """A function from an even number in [0, 1) to a kind, after the weights of the channel."""
    table = weights(channel)
    kinds = [KINDS[name] for name in table] + list(SUGGESTION_KINDS)
    share = _SUGGESTION_WEIGHT[channel] / len(SUGGESTION_KINDS)
    edges = list(accumulate([float(weight) for weight in table.values()] + [share] * len(SUGGESTION_KINDS)))
    total = edges[-1]

    def pick(even: float) -> Kind:
        return kinds[bisect(edges, even * total)]

    return pick
