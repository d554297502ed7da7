"""Which members name a person by what they are called."""

from __future__ import annotations

import pytest

from connectors.privacy import Privacy, attr_kind
from connectors.pseudonym import Key, Keyring

PRIVACY = Privacy(Keyring([Key("t1", bytes(range(32)))]))
NAMING = {
    "name": """
        name names full_name first_name lastName caller caller_name callerName contactPerson contact_person
        applicant applicant_name complainant complainantName petitioner victim_name suspectName owner_name
        姓名 名字 联系人 联系人姓名 来电人 来电人姓名 反映人 反映人名 诉求人 投诉人 被投诉人 当事人 当事人名字
        报警人 举报人 申请人 受害人 户主 法人 负责人
    """,
    "phone": """
        phone phones tel mobile callerPhone caller_id callerId contact_number
        电话 联系电话 电话号码 手机号 来电号码 联系方式
    """,
    "id_card": "id_card idCards id_no 身份证 身份证号码 公民身份号码 证件号",
    "address": "address addresses addr home_address homeAddress callerAddr 住址 家庭地址",
    "plate": "plate plates license_plate plate_no 车牌 车牌号码",
}
NAMELESS = """
    reporter_class caller_type caller_class contact_way unit_name street_name file_names township status type owner_type
    来电人类型 诉求人数 当事人数量 与户主关系 是否法人 单位名称 小区名字 投诉类型 来电时间 联系次数 电话类型 score
"""


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NAMING.items() for name in names.split()])
def test_a_member_that_is_called_so_holds_a_person(kind: str, name: str) -> None:
    assert attr_kind(name) == kind


@pytest.mark.parametrize("name", NAMELESS.split())
def test_a_member_that_holds_a_code_a_class_or_a_count_is_kept(name: str) -> None:
    assert attr_kind(name) is None


def test_a_name_below_the_word_of_a_form_becomes_a_token() -> None:
    token = PRIVACY.keyring.token("name", "王小明")

    safe = PRIVACY.attrs({"联系人": "王小明", "当事人": ["王小明"], "被投诉人": {"姓名": "王小明"}, "诉求人数": 3})

    assert safe == {"联系人": token, "当事人": [token], "被投诉人": {"姓名": token}, "诉求人数": 3}
