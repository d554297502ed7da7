"""What the subcategories of events are called in a Chinese sentence."""

from __future__ import annotations

TOPICS_ZH = {
    # the classes of disputes
    "family": "婚恋家庭",
    "neighbour": "邻里",
    "personality": "人身",
    "property": "财产",
    "tort": "侵权",
    "contract": "合同",
    "labour": "劳动人事",
    "lending": "借贷",
    "land": "土地",
    "civil": "民事",
    "urban": "城建",
    "civil_affairs": "民政",
    "enforcement": "执法",
    "litigation": "涉法涉诉",
    "discipline": "作风",
    "ethnic_religious": "民族宗教",
    "other": "其他",
    # what else a city is told of
    "theft": "盗窃",
    "fraud": "电信诈骗",
    "injury": "故意伤害",
    "noise": "噪声扰民",
    "fight": "打架斗殴",
    "gambling": "赌博",
    "accident": "交通事故",
    "congestion": "交通拥堵",
    "parking": "违法停车",
    "blaze": "火情",
    "manhole": "井盖缺失",
    "wire": "电线脱落",
    "gas": "燃气异味",
    "water": "停水漏水",
    "heating": "供热",
    "power": "停电",
    "sanitation": "垃圾清运",
    "rescue": "求助走失",
    "lift": "电梯故障",
    "social_security": "社保咨询",
    "household": "户籍咨询",
    "medical": "医保咨询",
    "schooling": "入学咨询",
    "lost": "失物招领",
    "misc": "其他事项",
}


def topic(subcategory: str | None) -> str:
    """The Chinese name of a subcategory; the subcategory itself where it has none."""
    return TOPICS_ZH.get(subcategory or "", subcategory or "")
