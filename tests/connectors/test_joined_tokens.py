"""Tokens of one value on their way to the intake: joined while a key changes, and nobody else can join them."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.identifiers import find_identifiers
from connectors.joined_tokens import joining, named_by
from connectors.names import Names
from connectors.privacy import Privacy
from connectors.pseudonym import Key, Keyring, is_token
from connectors.scrub import scrub

K1, K2, K3 = (Key(f"k{number}", bytes([number]) * 32) for number in (1, 2, 3))
BEFORE, BOTH, AFTER = Keyring([K1]), Keyring([K2, K1]), Keyring([K2])


@pytest.fixture
def names(tmp_path: Path) -> Names:
    return Names(tmp_path / "names", 0, lambda: 0)


def sent(keyring: Keyring, name: str = "李小明") -> bytes:
    token = joining(keyring).token("name", name)
    return b'{"id":"a/%b/7","reporter":"%b","attrs":{"n":["%b"]}}' % ((token.encode(),) * 3)


@pytest.mark.parametrize("keyring", [BEFORE, BOTH, Keyring([K3, K2, K1])], ids=["one key", "two", "three"])
def test_all_tokens_are_sent_as_one_word_that_no_door_takes_for_a_raw_value(keyring: Keyring) -> None:
    word = joining(keyring).token("phone", "13800001111")

    assert is_token(word)
    assert word.count(":") == len(keyring.keys)
    assert scrub(word) == word
    assert find_identifiers(word) == []
    assert Privacy(keyring).attrs({"phone": word, "x": [word]}) == {"phone": word, "x": [word]}


def test_the_intake_puts_the_name_in_their_place_wherever_they_stand(names: Names) -> None:
    during = named_by(BOTH, names)(sent(BOTH))
    after = named_by(AFTER, names)(sent(AFTER))

    assert during == after == sent(BEFORE)
    assert named_by(AFTER, names)(sent(AFTER, "王芳")) == sent(AFTER, "王芳")


def test_without_a_second_key_nothing_is_touched(names: Names) -> None:
    assert named_by(BEFORE, names)(sent(BEFORE)) == sent(BEFORE)
    assert names.is_empty


@pytest.mark.parametrize(
    "word",
    [
        joining(BOTH).token("name", "甲")[:-1] + "b",
        "~".join([AFTER.token("name", "甲"), BEFORE.token("name", "乙"), "b" * 20]),
        joining(Keyring([Key("k2", bytes(32)), K1])).token("name", "甲"),
        joining(Keyring([K3, K1])).token("name", "甲"),
    ],
    ids=["another proof", "two people", "another secret", "a key that is not here"],
)
def test_who_has_not_the_newest_key_gives_nobody_the_name_of_another(names: Names, word: str) -> None:
    named = named_by(BOTH, names)(word.encode())

    assert named.decode() == word.split("~")[1]
    assert names.is_empty
