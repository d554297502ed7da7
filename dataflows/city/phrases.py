"""What people say: templates with slots for each kind, in the words of call-takers and of the web.

The slots `{name} {other} {phone} {id} {plate} {address}` put people's data into the free text on purpose:
that is where departments leak it, and the intake must find it there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dataflows.city.kinds import Kind
from dataflows.city.people import Person

OPENERS = (
    "",
    "",
    "",
    "市民来电反映:",
    "来电人{name}称:",
    "报警人(电话{phone})称,",
    "反映人{name},",
    "诉求人自述:",
    "您好,我叫{name},",
    "据{short}居民反映,",
)
CLOSERS = (
    "",
    "",
    "",
    "请相关部门核实处理。",
    "希望尽快解决。",
    "联系电话{phone}。",
    "回电请打{phone}。",
    "身份证号{id},望回复。",
    "已多日无人处理。",
    "要求保密。",
)

PHRASES: dict[str, tuple[str, ...]] = {
    "dispute/family": (
        "夫妻二人因家庭琐事在{address}发生争吵,要求调解。",
        "与丈夫{other}因孩子抚养问题发生口角,对方姓名{other}。",
        "因赡养老人与弟弟{other}意见不合,请社区出面调解。",
        "婆媳之间因做饭琐事拌嘴,希望有人上门劝一劝。",
        "离婚后前夫{other}不按时给抚养费{money}元。",
    ),
    "dispute/neighbour": (
        "楼上邻居{other}家卫生间漏水,把{address}屋顶泡了。",
        "与邻居{other}因楼道堆放杂物发生争执。",
        "邻居{other}私搭雨棚挡光,多次沟通没有结果。",
        "对门装修把公共墙面打穿,双方争执不下。",
        "因院内停车占道与邻居{other}(车牌{plate})发生口角。",
    ),
    "dispute/labour": (
        "在{company}干活{days}天,工资{money}元一直没有发。",
        "{company}拖欠工资,负责人{other}电话不接。",
        "被{company}辞退,没有给经济补偿,也没有缴社保。",
        "工伤后{company}不认,住院费{money}元自己垫付。",
    ),
    "dispute/property": (
        "{estate}物业收费不公示,电梯广告收入去向不明。",
        "物业以未交物业费为由不给门禁卡,业主{name}不满。",
        "开发商迟迟不办不动产证,已拖{days}天。",
    ),
    "dispute/contract": (
        "在{company}办的健身卡,门店关门,剩余{money}元不退。",
        "租房到期,房东(姓名{other})不退押金{money}元。",
        "网购家具与描述不符,商家{company}拒绝退货。",
        "装修公司{company}收了{money}元后停工{days}天。",
    ),
    "dispute/lending": (
        "借给姓名为{other}的朋友{money}元,约定{days}天归还,至今不还。",
        "{company}的理财到期不兑付,本金{money}元。",
    ),
    "dispute/tort": (
        "在{company}门口滑倒摔伤,店家不愿承担医药费{money}元。",
        "孩子在学校被同学撞伤,双方家长对赔偿有分歧。",
        "对医院的诊疗结果有异议,要求封存病历。",
    ),
    "dispute/land": (
        "与邻居{other}家承包地地界不清,多年未解决。",
        "宅基地确权面积与实际不符,村上{days}天没有答复。",
    ),
    "dispute/urban": (
        "房屋征收补偿标准不明,签约后{days}天未付过渡费。",
        "小区门口修路,挖开后一直没有恢复,出行不便。",
    ),
    "crime/theft": (
        "停在{estate}楼下的电动车被盗,价值{money}元。",
        "家中无人,回来发现门锁被撬,丢失现金{money}元。",
    ),
    "crime/fraud": (
        "接到自称客服的电话,被骗转账{money}元,账户名{other}。",
        "网上刷单被骗{money}元,对方号码{phone2}。",
    ),
    "public_order/noise": (
        "{estate}楼下烧烤店凌晨仍在营业,吵得睡不着。",
        "工地夜间施工,噪声很大,已持续{days}天。",
        "广场舞音响太大,劝说后仍不改。",
    ),
    "public_order/fight": (
        "两人酒后在路边推搡,其中一人叫{other}。",
        "有人在饭馆里打架,已被劝开。",
    ),
    "traffic/accident": (
        "{plate}与{plate2}在路口追尾,无人受伤,影响通行。",
        "骑电动车被{plate}剐蹭,司机在场。",
        "三车相撞,其中一辆是{plate},请交警到场。",
    ),
    "traffic/parking": (
        "{plate}堵住{estate}出口,联系不上车主。",
        "小区消防通道被{plate}占用。",
    ),
    "fire/blaze": ("{estate}楼道里电动车充电冒烟,已用灭火器扑灭。", "路边垃圾桶着火,火势不大。"),
    "hazard/manhole": ("{short}巷口井盖缺失,夜里看不见。", "污水井盖破损,车辆经过有响声。"),
    "hazard/gas": ("{address}厨房闻到燃气味,已关阀开窗。",),
    "service/water": (
        "{address}家里停水,物业说是管网问题。",
        "路面往外冒水,像是水管爆了,水已经淹到人行道。",
        "{estate}整栋楼没有水,老人做饭困难。",
        "水管爆裂,水从地下往上涌,{short}这边都停水了。",
    ),
    "service/heating": ("{address}室内温度不到16度,供热公司没有人来。", "暖气不热已{days}天,家里有婴儿。"),
    "service/rescue": (
        "老人姓名{other},身份证{id2},上午出门后走失,穿蓝色外套。",
        "钥匙锁在屋里,孩子在家,请帮忙开锁,地址{address}。",
    ),
    "consult/social_security": (
        "咨询退休人员(姓名{name},身份证{id})社保资格认证怎么办。",
        "咨询灵活就业社保缴费档次。",
    ),
    "consult/household": ("咨询新生儿落户需要什么材料。", "咨询户口从{short}迁出怎么办理。"),
    "consult/medical": ("咨询异地就医备案,参保人身份证{id}。", "咨询慢病门诊报销比例。"),
    "other/lost": ("在公交车上丢失钱包,内有姓名{name}的身份证{id}。", "捡到一部手机,想交还失主。"),
}
_ANY = (
    "反映{zh}问题,地点在{address}。",
    "{estate}存在{zh}的情况,已有{days}天。",
    "关于{zh}一事,找过{company},没有结果。",
    "{short}附近{zh},希望有人来看看。",
)
_SUGGEST = (
    "{zh},建议在{short}先试点。",
    "关于{zh},我有一点想法,盼采纳。",
    "走访了{days}天,{zh}这件事可以做得更好。",
)
_COMPANIES = (
    "宏远建筑",
    "金城物业",
    "陇上餐饮",
    "鑫达商贸",
    "九州装饰",
    "兰新物流",
    "百合健身",
    "祁连牧业",
    "河西种业",
    "安泰劳务",
)


class _Slots(dict[str, str]):
    """The values of the slots, worked out only when a template asks for them."""

    def __init__(self, person: Person, other: Person, kind: Kind, even: Callable[[], float]) -> None:
        self._person, self._other, self._kind, self._even = person, other, kind, even

    def __missing__(self, slot: str) -> str:
        return _SLOTS[slot](self)


_SLOTS: dict[str, Callable[[Any], str]] = {
    "name": lambda s: s._person.name,
    "phone": lambda s: s._person.phone,
    "id": lambda s: s._person.id_number,
    "plate": lambda s: s._person.plate,
    "address": lambda s: s._person.address,
    "estate": lambda s: s._person.estate,
    "short": lambda s: s._person.home.short,
    "zh": lambda s: s._kind.zh,
    "other": lambda s: s._other.name,
    "phone2": lambda s: s._other.phone,
    "id2": lambda s: s._other.id_number,
    "plate2": lambda s: s._other.plate,
    "money": lambda s: str(int(s._even() * 400 + 1) * 100),
    "days": lambda s: str(int(s._even() * 58) + 2),
    "company": lambda s: _COMPANIES[int(s._even() * len(_COMPANIES))],
}


def say(kind: Kind, person: Person, even: Callable[[], float]) -> str:
    """A text as it would stand in the export, with somebody's data in it about every second time."""
    bodies = PHRASES.get(f"{kind.category}/{kind.subcategory}") or (_SUGGEST if kind.category == "suggestion" else _ANY)
    template = (
        OPENERS[int(even() * len(OPENERS))] + bodies[int(even() * len(bodies))] + CLOSERS[int(even() * len(CLOSERS))]
    )
    other = Person(person.number + 7, person.home)
    return fill(template, kind, person, other, even)


def fill(template: str, kind: Kind, person: Person, other: Person, even: Callable[[], float]) -> str:
    """The template with its slots filled."""
    return template.format_map(_Slots(person, other, kind, even))
