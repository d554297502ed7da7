"""What the events of job R say: categories, states and the sentences that their texts are made of."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.reference.draws import bits, units

TEXTS = 20_000
SHORTEST, LONGEST = 40, 80  # characters
MOST_PHRASES = 24  # of one text

# one row a channel: police, hotline, petition, grid
CATEGORIES = (
    ("治安", "纠纷", "盗窃", "诈骗", "交通", "求助", "噪音", "走失"),
    ("供暖", "物业", "噪音", "市容", "交通", "供水", "欠薪", "咨询"),
    ("欠薪", "征地", "物业", "拆迁", "医疗", "教育", "环保", "其他"),
    ("隐患", "市容", "纠纷", "走访", "环保", "设施", "消防", "其他"),
)
STATES = ("open", "doing", "done", "void")
PHRASES = (
    "居民反映", "楼道堆放杂物", "长期无人清理", "夜间施工噪音扰民", "多次投诉未解决", "要求尽快处理", "供暖温度不达标",
    "物业推诿扯皮", "邻里因停车发生争执", "情绪较为激动", "已到现场核查", "需联合执法部门处置", "工资拖欠数月",
    "涉及人数较多", "可能引发群体事件", "路灯损坏存在隐患", "井盖缺失", "老人走失请求协助", "疑似电信诈骗",
    "已做好解释工作", "请社区跟进回访", "下水道堵塞污水外溢", "消防通道被占用", "持续多日", "再次来电催办",
    "对处理结果不满意", "扬言上访", "现场秩序平稳", "已转交责任单位", "限期三日内答复",
)  # fmt: skip


def text_pool() -> list[str]:
    """The texts that events take theirs from; most are short."""
    length, phrase = units(16), bits(17)
    return [_text(number, min(SHORTEST + int(41 * length(number) ** 3), LONGEST), phrase) for number in range(TEXTS)]


def _text(number: int, length: int, phrase: Callable[[int], int]) -> str:
    text, at = "", number * MOST_PHRASES
    while len(text) < length:
        text += PHRASES[phrase(at) % len(PHRASES)] + "，"
        at += 1
    return text[: length - 1] + "。"
