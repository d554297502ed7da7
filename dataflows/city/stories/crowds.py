"""Stories in which many people say the same, or one number says many things."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.city.kinds import SUGGESTION_KINDS
from dataflows.city.people import Person
from dataflows.city.places import Village
from dataflows.city.stories.teller import Story, Teller, spread
from dataflows.city.when import MINUTE

GROUP, SURGE, ARREARS = "gi.group-incident", "sg.area-surge", "wa.wage-arrears"
WORKERS = 34
DOORS = ("hotline", "police", "petition", "grid")


class Desk(Person):
    """A telephone that is not a person: the desk of an institution."""

    __slots__ = ("_name", "_phone")

    def __init__(self, number: int, home: Village, name: str, phone: str) -> None:
        super().__init__(number, home)
        self._name, self._phone = name, phone

    @property
    def name(self) -> str:
        """What the desk calls itself."""
        return self._name

    @property
    def phone(self) -> str:
        """The landline of the desk."""
        return self._phone


HOSPITAL = ("市第二人民医院医患办", "0931-8942110")
DESK_110 = ("市公安局110指挥中心", "0931-8110110")
# Numbers that are shared by many matters: for the stop list of keys.
INSTITUTION_PHONES = (HOSPITAL[1], DESK_110[1])


def wages(tell: Teller, villages: Sequence[Village]) -> Story:
    """Thirty workers and more of one building site, through four doors in under three days."""
    site = tell.village(villages)
    employer = f"宏远建筑{tell.number()}项目部"
    workers = tell.people(WORKERS, site)
    for index, (worker, day) in enumerate(zip(workers, spread(WORKERS, 9.35, 11.7), strict=True)):
        tell.contact(
            DOORS[index % 7 % 4],
            tell.at(day),
            worker,
            "dispute/labour",
            "我叫{name},在" + employer + "干活{days}天,工资{money}元没有发。",
            subject=employer,
            at_home=False,
        )
    tell.contact(
        "hotline",
        tell.at(11.75),
        workers[0],
        "dispute/labour",
        "工资还是没有发,电话{phone}。",
        subject=employer,
        at_home=False,
    )
    return tell.finish({GROUP: "red"}, expects={ARREARS: "red"})


def six_neighbours(tell: Teller, villages: Sequence[Village]) -> Story:
    """Six owners of one estate about one lift in a day: the lowest rung and no more."""
    home = tell.village(villages)
    estate = f"{tell.person(home).estate}{tell.random.randrange(10, 99)}期"
    for index, owner in enumerate(tell.people(6, home)):
        tell.contact(
            "hotline",
            tell.at(13, 9 + index * 2),
            owner,
            "service/lift",
            "电梯又停了,业主{name}。",
            subject=estate,
        )
    return tell.finish({GROUP: "blue"})


def one_caller_six_times(tell: Teller, villages: Sequence[Village]) -> Story:
    """One person about one estate six times in two days: six calls are not six people."""
    me = tell.person(tell.village(villages))
    estate = f"{me.estate}{tell.random.randrange(100, 999)}期"
    for day in spread(6, 18, 19.5):
        tell.contact("hotline", tell.at(day, 9), me, "service/heating", "暖气不热。", subject=estate)
    return tell.finish()


def burst_main(tell: Teller, villages: Sequence[Village]) -> Story:
    """A water main bursts: sixty households of one township in fifty minutes, each for itself."""
    near = tell.village(villages)
    ward = [village for village in villages if village.code[:9] == near.code[:9]]
    start = tell.at(19, 18)
    for index in range(60):
        person = tell.person(ward[index % len(ward)])
        channel = ("hotline", "hotline", "grid", "police", "hotline", "resident")[index % 6]
        text = ("家里突然停水了。", "马路往外冒水,水管爆了。", "整栋楼没水,{phone}。")[index % 3]
        tell.contact(channel, start + index * 50 * MINUTE // 60, person, "service/water", text)
    return tell.finish(may=(SURGE,), expects={SURGE: "blue"}, about=frozenset((near.code[:9],)))


def harmless(tell: Teller, villages: Sequence[Village]) -> Story:
    """A resident with an idea a day, each about something else: nothing whatever may be said about this."""
    me = tell.person(tell.village(villages))
    doors = ("online", "hotline", "helpdesk", "petition", "grid", "walkin", "superior", "resident")
    topics = tell.random.sample(SUGGESTION_KINDS, len(SUGGESTION_KINDS))
    for index, (topic, day) in enumerate(zip(topics, spread(len(topics), 0.4, 27), strict=True)):
        kind = f"suggestion/{topic.subcategory}"
        tell.contact(doors[index % len(doors)], tell.at(day), me, kind, "{zh},热心市民{name},{phone}。")
    return tell.finish()


def hospital_desk(tell: Teller, villages: Sequence[Village]) -> Story:
    """The desk of a hospital that calls 110 and 12345 for its patients, several times a day."""
    return _desk(tell, villages, HOSPITAL, "dispute/tort", "患者家属与科室发生争执,请到场维持秩序。", 120)


def desk_110(tell: Teller, villages: Sequence[Village]) -> Story:
    """The 110 desk that rings the hotline: its own number stands where the caller's should be."""
    return _desk(tell, villages, DESK_110, "dispute/neighbour", "110指挥中心来电转述邻里纠纷一起。", 90)


def _desk(tell: Teller, villages: Sequence[Village], desk: tuple[str, str], kind: str, text: str, calls: int) -> Story:
    home = tell.village(villages)
    who = Desk(tell.person(home).number, home, *desk)
    doors = ("police", "hotline") if kind == "dispute/tort" else ("hotline",)
    for index, day in enumerate(spread(calls, 0.2, 27.3)):
        door = doors[index % len(doors)]
        tell.contact(door, tell.at(day), who, kind, text, reporter_class="organisation", at_home=False)
    return tell.finish()


def own_staff(tell: Teller, villages: Sequence[Village]) -> Story:
    """The hotline's own staff enter the same dispute day after day to follow it up."""
    clerk = tell.person(tell.village(villages))
    for day in spread(8, 3, 9):
        tell.contact(
            "hotline",
            tell.at(day, 10),
            clerk,
            "dispute/property",
            "回访登记。",
            reporter_class="staff",
            at_home=False,
        )
    return tell.finish()


def busy_grid_worker(tell: Teller, villages: Sequence[Village]) -> Story:
    """A grid worker on patrol who enters six quarrels of six homes in five days: six matters, not one."""
    beat = tell.village(villages)
    worker = tell.person(beat)
    for day in spread(6, 6, 10.5):
        tell.contact(
            "grid",
            tell.at(day, 11),
            worker,
            "dispute/neighbour",
            "巡查发现{other}家与邻居有口角,已劝和。",
            other=tell.person(beat),
            reporter_class="grid_worker",
            at_home=False,
        )
    return tell.finish()
