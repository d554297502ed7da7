"""What is taken out of words, and what stays. All people and numbers are made up."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from connectors.identifiers import check_digit, find_identifiers, is_id_card, may_identify
from connectors.scrub import scrub

SCRUBBED = [
    ("请回电13800001111", "请回电[手机]"),
    ("手机138-0000-1111", "手机[手机]"),
    ("手机138 0000 1111。", "手机[手机]。"),
    ("手机１３８００００１１１１", "手机[手机]"),
    ("手机+86 13800001111", "手机[手机]"),
    ("手机8613800001111", "手机[手机]"),
    ("两个号13800001111、13900002222", "两个号[手机]、[手机]"),
    ("1 3 8 0 0 0 0 1 1 1 1", "[手机]"),
    ("座机0931-8888888", "座机[电话]"),
    ("座机(0931)8888888", "座机[电话]"),
    ("打0931-888 8888", "打[电话]"),
    ("打(0931) 888-8888", "打[电话]"),
    ("打010 8888 8888。", "打[电话]。"),
    ("电话：8888888", "电话：[电话]"),
    ("身份证620102199001011234", "身份证[证件号]"),
    ("身份证号：62010219900101123X", "身份证号：[证件号]"),
    ("证件620102 19900101 1234", "证件[证件号]"),
    ("有人用620102 1990 0101 1234登记", "有人用[证件号]登记"),
    ("有人用620102-1990-0101-123X登记", "有人用[证件号]登记"),
    ("老证620102900101123", "老证[证件号]"),
    ("车牌甘A12345逃逸", "车牌[车牌]逃逸"),
    ("新能源车甘AD12345", "新能源车[车牌]"),
    ("甘A·12345占道", "[车牌]占道"),
    ("甘 A12345占道", "[车牌]占道"),
    ("甘 AD12345占道", "[车牌]占道"),
    ("教练车甘A1234学", "教练车[车牌]"),
    ("卡号6222 0212 3456 7890 128", "卡号[卡号]"),
    ("转到4111111111111111", "转到[卡号]"),
    ("写信zhang.san@example.com反映", "写信[邮箱]反映"),
    ("加微信abc_12345", "加微信[账号]"),
    ("微信号：wxid_a1b2c3", "微信号：[账号]"),
    ("QQ 123456789", "QQ [账号]"),
    ("我叫李建国，住在附近", "我叫[姓名]，住在附近"),
    ("男子名叫张伟打人", "男子名叫[姓名]打人"),
    ("姓名：阿里木", "姓名：[姓名]"),
    ("联系人王小明", "联系人[姓名]"),
    ("当事人欧阳修文与邻居争吵", "当事人[姓名]与邻居争吵"),
    ("丈夫张强酒后打人", "丈夫[姓名]酒后打人"),
    ("我是赵敏，反映噪音", "我是[姓名]，反映噪音"),
    ("联系人殷桃", "联系人[姓名]"),
    ("我叫骆明，反映噪音", "我叫[姓名]，反映噪音"),
    ("丈夫冶木沙酒后打人", "丈夫[姓名]酒后打人"),
    ("邻居拜文忠在楼道堆物", "邻居[姓名]在楼道堆物"),
    ("我是端木磊，反映噪音", "我是[姓名]，反映噪音"),
    ("冷霜（女，40岁）报警", "[姓名]（女，40岁）报警"),
    ("李雷（男，40岁）报警", "[姓名]（男，40岁）报警"),
    ("买买提·艾力来电", "[姓名]"),
    ('{"姓名": "张三"}', '{"姓名": "[姓名]"}'),
    ("家住城关区张掖路12号3栋2单元501室，漏水", "家住[住址]，漏水"),
    ("住址：城关区张掖路街道某小区", "住址：[住址]"),
    ("地址：平凉路100号", "地址：[住址]"),
    ("3号楼2单元501室漏水", "[门牌]漏水"),
]
UNTOUCHED = [
    "",
    "小区门口路灯坏了三天没人修",
    "2026-03-02 09:30:15 来电",
    "工单20260302000123已派发",
    "费用1500.00元，面积120平方米",
    "拨打110或12345",
    "客服电话4001234567",
    "客服电话：400-123-4567",
    "住院3天花费2000元",
    "住了5年的老小区",
    "住建局答复",
    "我是高新区居民",
    "我是张掖人",
    "我是麦积区居民",
    "邻居闻到异味，邻居闻着难受",
    "丈夫冷暴力，妻子冷静下来",
    "邻居简直无法沟通，邻居简单围了个院子",
    "邻居拜年放炮，儿子拜访亲戚",
    "邻居屠宰牛羊，邻居冶炼废料",
    "邻居桑拿房漏水，邻居柏树挡光",
    "女，柏油路上摔倒",
    "营业时间0830-1130 1430-1800",
    "走甘 G30高速",
    "叫救护车",
    "叫来物业",
    "邻居楼上漏水",
    "3号楼电梯坏了",
    "第15条第3款",
    "温度-12.5度",
    "坐标36.061089，103.834303",
    "IP地址192.168.1.1",
    "甘肃省兰州市城关区",
    "双方未动手",
    "拐卖妇女儿童案",
    "姓名肖像纠纷",
    "see GB/T 31000-2015",
]

MOBILES = st.builds(
    lambda head, rest: f"1{head}{rest}",
    st.sampled_from("3456789"),
    st.text("0123456789", min_size=9, max_size=9),
)
SEPARATED = st.builds(
    lambda number, gap: f"{number[:3]}{gap}{number[3:7]}{gap}{number[7:]}",
    MOBILES,
    st.sampled_from(["", " ", "-", "·", "－"]),
)
WIDE = MOBILES.map(lambda number: number.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789"}))
ID_CARDS = st.builds(
    lambda area, day, serial: (first := f"{area}{day:%Y%m%d}{serial:03}") + check_digit(first),
    st.sampled_from(["620102", "620702", "110101", "440310"]),
    st.dates(min_value=date(1900, 1, 1), max_value=date(2025, 12, 31)),
    st.integers(0, 999),
)
PLATES = st.builds(
    lambda province, letter, rest: f"{province}{letter}{rest}",
    st.sampled_from("甘京沪粤新"),
    st.sampled_from("ABCDE"),
    st.text("0123456789", min_size=5, max_size=6),
)
IDENTIFIERS = st.one_of(MOBILES, SEPARATED, WIDE, ID_CARDS, PLATES)
# words around: Chinese, punctuation and Latin, no digits (a digit beside a number makes it another number)
WORDS = st.text(
    st.one_of(
        st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5),
        st.sampled_from("，。；：、 （）()[]\n"),
        st.sampled_from("ghijxyzGHIJ"),
    ),
    max_size=20,
)


@pytest.mark.parametrize(("text", "expected"), SCRUBBED, ids=[one[0] for one in SCRUBBED])
def test_what_names_a_person_leaves_a_marker(text: str, expected: str) -> None:
    assert scrub(text) == expected


@pytest.mark.parametrize("text", UNTOUCHED)
def test_plain_words_are_untouched(text: str) -> None:
    assert scrub(text) == text
    assert find_identifiers(text) == []


@given(st.lists(st.tuples(WORDS, IDENTIFIERS), min_size=1, max_size=4), WORDS)
def test_no_identifier_survives(pieces: list[tuple[str, str]], tail: str) -> None:
    text = "，".join(f"{words}{identifier}" for words, identifier in pieces) + f"，{tail}"

    scrubbed = scrub(text)

    assert find_identifiers(scrubbed) == []
    for _, identifier in pieces:
        assert identifier not in scrubbed


@given(st.one_of(st.text(), WORDS, st.text("0123456789 -·Xx甘A叫张三住址号[]：", max_size=60)))
@example("住址住址")
@example("叫张三三三")
@example("姓名：姓名：张三")
def test_scrubbing_again_changes_nothing(text: str) -> None:
    once = scrub(text)

    assert scrub(once) == once


@given(st.one_of(st.text(), st.text("0123456789 -·Xx甘AB叫张", max_size=60)))
def test_nothing_that_the_scanner_finds_survives_in_any_text(text: str) -> None:
    assert find_identifiers(scrub(text)) == []


@given(st.one_of(st.text(), st.text("0123456789 -·Xx甘AB", max_size=60)))
@example("１３８００００１１１１")
@example("138－0000－1111")
@example("620102　1990　0101　123" + check_digit("62010219900101123"))
@example("（0931）888　8888")
@example("甘　A12345")
def test_the_quick_no_is_never_wrong(text: str) -> None:
    assume(not may_identify(text))

    assert find_identifiers(text) == []


@given(ID_CARDS)
def test_the_scanner_finds_an_id_by_its_check_digit(card: str) -> None:
    wrong = card[:17] + ("0" if card[17] != "0" else "1")

    assert [one.kind for one in find_identifiers(f"证件{card}")] == ["id_card"]
    assert is_id_card(card)
    assert not is_id_card(wrong)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0931-8888888", "phone"),
        ("call/0931-888 8888/1", "phone"),
        ("（0931）8888888", "phone"),
        ("010-88888888", "phone"),
        ("620102 1990 0101 123" + check_digit("62010219900101123"), "id_card"),
        ("甘 A12345", "plate"),
    ],
)
def test_the_scanner_knows_how_people_write(text: str, kind: str) -> None:
    assert may_identify(text)
    assert [one.kind for one in find_identifiers(text)] == [kind]


def test_the_scanner_says_what_it_found_and_where() -> None:
    found = find_identifiers("甘A12345的司机13800001111")

    assert [(one.kind, one.value, one.start) for one in found] == [
        ("plate", "甘A12345", 0),
        ("phone", "13800001111", 10),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "0123813800001111f",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "lat 36.138000011112",
        "1772413200000000",
        "k1:bcdfghjkmnprstvzbcdf",
        "62010200100100001",
        "0123456789",
        "09318888888",
        "0931-20260302-17",
        "2026-0302-2345678",
        "9b2e4c1a-0931-4888-8888-0123456789ab",
    ],
)
def test_the_scanner_leaves_hashes_times_and_codes_alone(text: str) -> None:
    assert find_identifiers(text) == []


@pytest.mark.parametrize(
    "text", ["1" * 20_000, "住" * 5_000, "1 " * 10_000, "a" * 20_000 + "@", "叫" * 5_000, "住1" * 5_000]
)
def test_no_text_takes_long(text: str) -> None:
    assert isinstance(scrub(text), str)  # the test's own time limit is the claim
