"""Tokens: the same for the same person, nothing without the key."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.identifiers import find_identifiers
from connectors.pseudonym import (
    KINDS,
    Key,
    Keyring,
    Kind,
    generate_keyring,
    is_token,
    key_line,
    load_keyring,
    normalise,
    veiled,
)
from connectors.scrub import scrub

OLD, NEW = Key("k1", bytes(range(32))), Key("k2", bytes(range(1, 33)))
RING = Keyring([NEW, OLD])
SPELLINGS: list[tuple[Kind, list[str]]] = [
    (
        "phone",
        [
            "13800001111",
            "+86 138-0000-1111",
            "0086 13800001111",
            "８６１３８００００１１１１",
            "138.0000.1111",
        ],
    ),
    ("phone", ["0931-8888888", "(0931) 8888888"]),
    ("id_card", ["62010219900101123x", "620102 19900101 123X", "６２０１０２１９９００１０１１２３Ｘ"]),
    ("name", ["李小明", " 李 小明 ", "李小明\u3000"]),
    ("address", ["城关区张掖路1号", "城关区 张掖路１号。"]),
    ("plate", ["甘A12345", "甘a·12345", "甘Ａ１２３４５"]),
]


@pytest.mark.parametrize(("kind", "spellings"), SPELLINGS)
def test_every_spelling_of_a_value_gives_one_token(kind: Kind, spellings: list[str]) -> None:
    assert len({RING.token(kind, spelling) for spelling in spellings}) == 1


def test_kinds_do_not_meet() -> None:
    assert len({RING.token(kind, "13800001111") for kind in KINDS}) == len(KINDS)


def test_keys_do_not_meet() -> None:
    assert generate_keyring().token("name", "李小明") != generate_keyring().token("name", "李小明")


@given(st.text(min_size=1), st.sampled_from(KINDS))
def test_a_token_shows_nothing_and_is_never_taken_for_an_identifier(raw: str, kind: Kind) -> None:
    token = RING.token(kind, raw)

    assert is_token(token)
    assert token.startswith("k1:")
    assert find_identifiers(token) == []
    assert scrub(token) == token


@given(st.text(min_size=1), st.sampled_from(KINDS))
def test_normalising_twice_is_normalising_once(raw: str, kind: Kind) -> None:
    once = normalise(kind, raw)

    assert normalise(kind, once) == once


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_pair_has_no_order(one: str, other: str) -> None:
    assert RING.pair("name", one, other) == RING.pair("name", other, one)


def test_two_pairs_that_spell_alike_differ() -> None:
    assert RING.pair("name", "甲", "乙丙") != RING.pair("name", "甲乙", "丙")


def test_a_value_is_called_by_its_oldest_token_as_long_as_that_key_is_held() -> None:
    before = Keyring([OLD])

    assert RING.token("phone", "138 0000 1111") == before.token("phone", "13800001111")
    assert RING.token_once("row", "a") == before.token_once("row", "a")
    assert RING.pair("name", "甲", "乙") == before.pair("name", "乙", "甲")


def test_another_naming_is_given_the_tokens_of_every_key_the_newest_first() -> None:
    ring = RING.naming(" ".join)

    assert ring.token("name", "甲") == " ".join(Keyring([key]).token("name", "甲") for key in (NEW, OLD))
    assert ring.keys == RING.keys


@pytest.mark.skipif("sm3" not in hashlib.algorithms_available, reason="OpenSSL without SM3")
def test_sm3_where_the_law_asks_for_it() -> None:
    ring = Keyring([Key("k1", bytes(range(32)), "sm3")])

    assert is_token(ring.token("name", "李小明"))
    assert ring.token("name", "李小明") != Keyring([OLD]).token("name", "李小明")


def test_a_keyring_file_holds_the_newest_key_first(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# rotated in March\n{key_line('k2')}\n\n{key_line('k1')}\n")

    ring = load_keyring(path)

    assert [key.id for key in ring.keys] == ["k2", "k1"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "keyring must have at least one key; got none"),
        ("k1 sha256", "key must be `<id> <sha256|sm3> <hex>`; got 2 words"),
        ("K1 sha256 00", "key id must be a letter and up to 7 letters or digits; got `K1`"),
        ("k1 md5 00", "algorithm must be sha256 or sm3; got `md5`"),
        ("k1 sha256 zz", "key `k1` must be hex; got something else"),
        ("k1 sha256 0011", "key `k1` must have 32 bytes or more; got 2"),
        (f"k1 sha256 {'00' * 32}\nk1 sha256 {'01' * 32}", "key ids must differ; got k1, k1"),
    ],
)
def test_a_wrong_keyring_is_refused_and_its_secret_not_shown(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)

    with pytest.raises(ValueError) as error:
        load_keyring(path)

    assert sentence in str(error.value)
    assert "0000" not in str(error.value)


def test_a_missing_keyring_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"keyring must be in a file; got no file .*; write one line `k1 sha256"):
        load_keyring(tmp_path / "none")


@given(st.text(), st.text(), st.sampled_from(KINDS))
def test_a_veiled_text_holds_no_whole_token(before: str, after: str, kind: Kind) -> None:
    token = RING.token(kind, before)

    shown = veiled(f"{before} {token} {after}")

    assert token not in shown
    assert f"{token[:8]}…" in shown


def test_what_is_no_token_is_not_veiled() -> None:
    assert veiled("silence:4f0c2a alerts:620102 10:30") == "silence:4f0c2a alerts:620102 10:30"
