"""Who lives in the city. A person is a number; name, phone, ID number, plate and home follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import gcd

from dataflows.city.places import Village

_WORDS = """
SURNAMES 王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 马 朱 胡 郭 何 高 林 罗 郑 梁 谢 宋 唐 许 韩 冯 邓 曹
SURNAMES 彭 曾 肖 田 董 袁 潘 于 蒋 蔡 余 杜 叶 程 苏 魏 吕 丁 任 沈
GIVEN 伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 霞 平 刚 桂英 建国 秀兰 玉兰 志强 海燕
GIVEN 晓东 文博 雅琴 永红 小龙 国庆 春梅 振华 彩霞 立新 占元 生荣 得福 守义 宝珍 玉珍 淑兰 丽华
GIVEN 建军 金凤 雪梅 兴旺 天佑 慧敏
PREFIXES 130 131 132 133 135 136 137 138 139 150 151 152 153 155 156 157 158 159
PREFIXES 166 173 175 176 177 178 180 181 182 183 185 186 187 188 189 191 198 199
ESTATES 花园 家苑 小区 新村 华庭 嘉园 雅居 名邸 佳苑 公寓
ESTATE_NAMES 金河 兰苑 黄河 天庆 鸿运 安居 丰泽 祁连 瑞和 雁滩 西津 白塔 陇原 甘泉 九州 和平
"""


def _words(name: str) -> list[str]:
    lines = (line.split() for line in _WORDS.strip().splitlines())
    return [word for first, *rest in lines if first == name for word in rest]


SURNAMES, GIVEN, PREFIXES = _words("SURNAMES"), _words("GIVEN"), _words("PREFIXES")
ESTATES, ESTATE_NAMES = _words("ESTATES"), _words("ESTATE_NAMES")

_CHECK = "10X98765432"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_BIRTHDAYS = 60 * 12 * 28
_DOORS = 9 * 4 * 33 * 4  # of one estate
_BLOCK = _DOORS * 160  # all estates of a village


class Person:
    """One inhabitant. Nothing is stored but the number and the village; the rest is worked out when asked."""

    __slots__ = ("home", "number")

    def __init__(self, number: int, home: Village) -> None:
        self.number = number
        self.home = home

    @property
    def name(self) -> str:
        """Surname and given name; many share one, as in life."""
        mixed = self.number * 2_654_435_761 >> 7
        return SURNAMES[mixed % len(SURNAMES)] + GIVEN[mixed // 64 % len(GIVEN)]

    @property
    def phone(self) -> str:
        """An eleven-digit mobile number that nobody else has."""
        rest, prefix = divmod(self.number, len(PREFIXES))
        return f"{PREFIXES[prefix]}{(rest * 6_700_417 + 1_234_567) % 100_000_000:08d}"

    @property
    def id_number(self) -> str:
        """An eighteen-character ID number with a right check digit, that nobody else of the county has."""
        order, birthday = divmod(self.number, _BIRTHDAYS)
        year, rest = divmod(birthday, 12 * 28)
        body = f"{self.home.code[:6]}{1946 + year}{rest // 28 + 1:02d}{rest % 28 + 1:02d}{order % 1000:03d}"
        total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
        return body + _CHECK[total % 11]

    @property
    def plate(self) -> str:
        """A number plate of the city of the home."""
        letter = "A" if self.home.code.startswith("6201") else "G"
        return f"甘{letter}{self.number * 48_271 % 100_000:05d}"

    @property
    def estate(self) -> str:
        """The compound of the home."""
        at = self.number // _DOORS
        return ESTATE_NAMES[at % 16] + ESTATES[at // 16 % 10]

    @property
    def address(self) -> str:
        """The home, exact to the door; every household of the city has another."""
        home, at = self.home, self.number
        block = f"{block}区" if (block := at // _BLOCK) else ""
        door = f"{at % 9 + 1}号楼{at // 9 % 4 + 1}单元{at // 36 % 33 + 1:02d}{at // 1188 % 4 + 1:02d}室"
        return f"{home.county}{home.township}{home.short}{self.estate}{block}{door}"


class Crowd:
    """The people of a city: an endless walk over them that meets nobody twice before it has met all.

    Numbers from `people` upwards are kept for planted stories, so a story never meets the everyday.
    """

    def __init__(self, homes: Sequence[Village], people: int, seed: int) -> None:
        self._homes = homes
        self._people = people
        self._seed = seed

    def person(self, number: int) -> Person:
        """The person of that number."""
        return Person(number, self._homes[number % len(self._homes)])

    def story_person(self, number: int, home: Village) -> Person:
        """A person kept for stories, who lives where the story needs it."""
        return Person(self._people + number, home)

    def walk(self) -> Iterator[Person]:
        """One person after the other, in an order that only the seed decides."""
        people, homes = self._people, self._homes
        stride = _stride(people)
        at = self._seed * 7_919 % people
        while True:
            at = (at + stride) % people
            yield Person(at, homes[at % len(homes)])


def _stride(people: int) -> int:
    stride = int(people * 0.618) | 1
    while gcd(stride, people) != 1:
        stride += 2
    return stride
