"""People of the city: everybody is somebody else, and their numbers are right."""

from __future__ import annotations

from itertools import islice

from connectors.identifiers import find_identifiers
from dataflows.city.people import Crowd, Person
from dataflows.city.places import Village

HOMES = [
    Village(f"62010200100{digit}", f"第{digit}社区居委会", "酒泉路街道", "城关区", "兰州市") for digit in range(1, 4)
]


def test_the_walk_meets_everybody_before_it_meets_anybody_twice() -> None:
    walk = Crowd(HOMES, people=500, seed=3).walk()

    assert len({person.number for person in islice(walk, 500)}) == 500


def test_nobody_shares_a_phone_an_id_number_or_a_home() -> None:
    people = [Person(number, HOMES[number % 3]) for number in (*range(20_000), *range(4_000_000, 4_020_000))]

    assert len({person.phone for person in people}) == len(people)
    assert len({person.id_number for person in people}) == len(people)
    assert len({person.address for person in people}) == len(people)


def test_identifiers_are_such_as_the_intake_knows() -> None:
    for number in range(0, 100_000, 997):
        person = Person(number, HOMES[0])
        for value, kind in ((person.phone, "phone"), (person.id_number, "id_card"), (person.plate, "plate")):
            found = find_identifiers(value)
            assert [(one.kind, one.value) for one in found] == [(kind, value)]


def test_people_of_stories_are_not_among_the_everyday() -> None:
    crowd = Crowd(HOMES, people=500, seed=3)

    everyday = {person.phone for person in islice(crowd.walk(), 500)}

    assert not everyday & {crowd.story_person(number, HOMES[0]).phone for number in range(500)}
