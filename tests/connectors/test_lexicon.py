"""What the lexicon hears, sentence by sentence. All sentences are made up."""

from __future__ import annotations

import pytest

from connectors.lexicon import CUES, Lexicon, Reading, load_lexicon
from connectors.yaml_file import YamlError, loads

LEXICON = load_lexicon()

HEARD = [
    # blows, injury, words
    ("丈夫酒后殴打妻子", 2, ["alcohol"]),
    ("来电人称被丈夫打了一巴掌", 2, []),
    ("两家因停车问题发生争吵", 1, []),
    ("邻居破口大骂并推搡老人", 2, []),
    ("双方发生肢体冲突，一人被打伤", 3, []),
    ("两人互殴，其中一人头破血流", 3, []),
    ("被对方打了，鼻子流血", 3, []),
    ("丈夫动手打人，妻子手臂骨折", 3, []),
    ("有人打架", 2, []),
    ("儿子打母亲，母亲已住院", 3, []),
    ("对方辱骂来电人", 1, []),
    ("夫妻吵架，声音很大", 1, []),
    ("他踢了我两脚", 2, []),
    ("没说几句就动手打人", 2, []),
    ("无缘无故打人", 2, []),
    ("没有任何原因就被打", 2, []),
    ("不但骂人还打人", 2, []),
    ("前夫多次上门家暴", 2, ["separation"]),
    ("一拳打在脸上", 2, []),
    ("群众举报路口有人斗殴", 2, []),
    # cues
    ("丈夫拿着菜刀追打妻子", 2, ["weapon"]),
    ("男子持刀在小区门口", None, ["weapon"]),
    ("用刀捅伤邻居", 3, ["weapon"]),
    ("用啤酒瓶砸伤对方", None, ["weapon"]),
    ("掐住妻子的脖子不放", 2, ["strangle"]),
    ("被丈夫掐脖子", 2, ["strangle"]),
    ("扬言要杀了她全家", 1, ["kill_threat"]),
    ("威胁说要弄死我", 1, ["kill_threat"]),
    ("前男友扬言杀人", 1, ["kill_threat", "separation"]),
    ("女子站在楼顶欲跳楼", None, ["self_harm_threat"]),
    ("欠薪工人扬言跳楼", None, ["self_harm_threat"]),
    ("老人说不想活了", None, ["self_harm_threat"]),
    ("扬言要放火烧房子", 1, ["arson_threat"]),
    ("丈夫打开液化气扬言同归于尽", 1, ["kill_threat", "self_harm_threat", "arson_threat"]),
    ("当着孩子的面打老婆", 2, ["child_present"]),
    ("孩子在场，夫妻互相撕扯", 2, ["child_present"]),
    ("男子醉酒后闹事", None, ["alcohol"]),
    ("双方闹离婚期间再次家暴", 2, ["separation"]),
    ("已分居半年", None, ["separation"]),
    ("妻子已申请人身安全保护令", None, ["protection_order"]),
    ("违反保护令再次殴打", 2, ["protection_order"]),
    ("酗酒男子掏出匕首威胁邻居", 1, ["weapon", "alcohol"]),
    ("不是没有打人", 2, []),
    ("想自杀，家属已报警", None, ["self_harm_threat"]),
    ("自杀未遂", None, ["self_harm_threat"]),
    ("隔壁夫妻又打起来了，孩子一直哭", 2, ["child_present"]),
    ("尾随前妻并威胁要弄死她", 1, ["kill_threat", "separation"]),
    ("妻子称被丈夫勒住脖子差点窒息", 2, ["strangle"]),
    ("村民因浇水纠纷持铁锹对峙", None, ["weapon"]),
    ("他说再告就烧了我家房子", 1, ["arson_threat"]),
    ("聚众持钢管斗殴", 2, ["weapon"]),
    ("对方把我推倒在地", 2, []),
    ("公公婆婆经常骂儿媳", 1, []),
    ("楼上住户深夜打骂孩子", 2, []),
    ("当事人拿出水果刀要割腕", None, ["weapon", "self_harm_threat"]),
    ("村霸带人持械殴打村民致多人受伤", 3, ["weapon"]),
    ("被人砍断手指", 3, []),
]
DENIED = [
    ("双方没有动手", 0, []),
    ("并未持刀", None, []),
    ("未发生肢体冲突", 0, []),
    ("不是打架，是在搬东西", 0, []),
    ("经核实打架不属实", 0, []),
    ("双方争吵，没有动手", 1, []),
    ("没有打架、持刀等行为", 0, []),
    ("没有喝酒", None, []),
    ("无人受伤，双方已和解", None, []),
    ("双方动手，无人受伤", 2, []),
    ("推搡但没有受伤", 2, []),
    ("否认殴打妻子", 0, []),
    ("从未打过孩子，没有打孩子", 0, []),
    ("现场未发现有人持刀", None, []),
    ("没打人", 0, []),
    ("双方情绪平稳，未再发生争吵", 0, []),
    ("城管打人视频系谣言", 0, []),
    ("老人与儿子因赡养问题争执，儿子未动手", 1, []),
]
THREATENED = [
    ("扬言要打人", 1, []),
    ("扬言要砍死邻居", 1, ["kill_threat"]),
    ("扬言要持刀报复", None, []),
    ("放话要把他打伤", 1, []),
]
SUPPOSED = [
    ("担心被打", None, []),
    ("怕丈夫回家打人", None, []),
    ("害怕对方持刀报复", None, []),
    ("如果再打人就报警", None, []),
    ("咨询家庭暴力如何取证", None, []),
    ("建议开展反家暴宣传", None, []),
    ("请问申请人身安全保护令需要什么材料", None, []),
    ("社区举办反家暴讲座", None, []),
    ("消防演练模拟放火烧房子", None, []),
    ("为避免打架请派人维持秩序", None, []),
]
INNOCENT = [
    ("刀削面馆油烟扰民", None, []),
    ("多次打电话无人接听", None, []),
    ("我打他电话不接", None, []),
    ("凌晨打车回家", None, []),
    ("楼道无人打扫", None, []),
    ("卫生间被打扫得很干净", None, []),
    ("商场打折广告音量大", None, []),
    ("窗户玻璃被打碎", None, []),
    ("工地打桩噪音大", None, []),
    ("小区树木被砍伐", None, []),
    ("物业砍了树邻居不满", None, []),
    ("燃气隐患威胁居民安全", None, []),
    ("骑车摔倒受伤骨折", None, []),
    ("施工人员高处坠落昏迷住院", None, []),
    ("孩子动手能力强", None, []),
    ("老人动手术后无人照顾", None, []),
    ("居民动手修好了路灯", None, []),
    ("邻居拿剪刀修剪绿化", None, []),
    ("拿刀切菜声音很大", None, []),
    ("打麻将声音大影响休息", None, []),
    ("孩子们在楼下踢球", None, []),
    ("商家打击报复投诉人", None, []),
    ("路边烧烤摊油烟大", None, []),
    ("焚烧垃圾气味刺鼻", None, []),
    ("儿童拿着水枪玩耍", None, []),
    ("杀虫剂气味很大", None, []),
    ("部门之间踢皮球", None, []),
    ("门口下水道堵塞", None, []),
    ("快递员打包时吵到居民", None, []),
    ("会议上被打断发言", None, []),
    ("树枝被砍断堵住道路", None, []),
    ("举报人称被打击报复", None, []),
    ("被打车软件多扣费", None, []),
    ("工人被打桩机砸伤", None, []),
    ("市场有人卖管制刀具", None, []),
    ("商铺门口酒瓶子乱扔", None, []),
]
SENTENCES = HEARD + DENIED + THREATENED + SUPPOSED + INNOCENT


@pytest.mark.parametrize(("text", "violence", "cues"), SENTENCES, ids=[one[0] for one in SENTENCES])
def test_a_sentence_is_heard_as_a_person_hears_it(text: str, violence: int | None, cues: list[str]) -> None:
    reading = LEXICON.read(text)

    assert (reading.violence, list(reading.cues)) == (violence, cues)


def test_the_table_is_long_and_half_of_it_is_hard() -> None:
    assert len(SENTENCES) >= 80
    assert len(DENIED) + len(THREATENED) + len(SUPPOSED) + len(INNOCENT) >= len(HEARD)


def test_each_cue_has_a_sentence() -> None:
    assert {cue for _, _, cues in HEARD for cue in cues} == set(CUES)


def test_words_of_another_clause_deny_nothing() -> None:
    assert LEXICON.read("他没有道歉，动手打人").violence == 2


def test_an_empty_text_says_nothing() -> None:
    assert LEXICON.read("") == Reading()


def _with(old: str, new: str) -> str:
    text = (
        "apiVersion: lexicon/v1\nid: x\nversion: 1\nreach: 5\n"
        "words: [{violence: 1, of: [吵]}]\ncombinations: []\ninjury: []\ninnocent: []\nthreat: []\n"
        "negation: []\nturn: []\ntaken_back: []\nnot_negation: []\nsupposed: []\nnot_supposed: []\n"
        "story: []\n"
    )
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("violence: 1, of", "violence: 7, of", "`violence` must be 1, 2 or 3; got `7` (x.yaml:5)"),
        ("violence: 1, of", "cue: knife, of", "`cue` must be one of"),
        ("{violence: 1, ", "{", "words must have `violence` or `cue`; got neither (x.yaml:5)"),
        ("injury:", "injuries:", "got `injuries`; did you mean `injury`? (x.yaml:7)"),
        ("lexicon/v1", "lexicon/v2", "`apiVersion` must be `lexicon/v1`; got `lexicon/v2` (x.yaml:1)"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(old: str, new: str, sentence: str) -> None:
    with pytest.raises(YamlError) as error:
        Lexicon(loads(_with(old, new), "x.yaml"))

    assert sentence in str(error.value)
