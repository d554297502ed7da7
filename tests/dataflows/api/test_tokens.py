"""The file of tokens: what may stand in it, and that it is read again when it changes."""

from __future__ import annotations

import hashlib
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors.yaml_file import YamlError
from dataflows.api import tokens
from dataflows.api.tokens import TokenBook, make_token, read_tokens
from dataflows.cli import main

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DIGEST = "a" * 64


def written(path: Path, *entries: str) -> Path:
    path.write_text("\n".join(["apiVersion: tokens/v1", "tokens:", *entries, ""]), encoding="utf-8")
    return path


def entry(**fields: str) -> str:
    values = {"sha256": DIGEST, "name": "li", "role": "viewer"} | fields
    return "  - " + "\n    ".join(f'{name}: "{value}"' for name, value in values.items())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.yaml"


@pytest.fixture(autouse=True)
def _looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "LOOK_SECONDS", 0.0)


def test_the_bearer_of_a_made_token_is_who_the_entry_names(path: Path) -> None:
    token, made = make_token('李 "四"', "duty.county", "620102", NOW + timedelta(days=1))
    book = TokenBook(written(path, made))

    caller = book.caller(token, NOW)

    assert caller is not None
    assert (caller.name, caller.role, caller.region) == ('李 "四"', "duty.county", "620102")
    assert token not in path.read_text(encoding="utf-8")
    assert book.caller(token + "x", NOW) is None
    assert book.caller(hashlib.sha256(token.encode()).hexdigest(), NOW) is None, "the hash opens nothing"


def test_an_entry_is_added_to_a_file_that_keeps_what_it_had(path: Path) -> None:
    command = ["tokens", "make", "--role", "viewer", "--file", str(path), "--name"]
    first = CliRunner().invoke(main, [*command, "li"])
    path.chmod(0o640)
    second = CliRunner().invoke(main, [*command, "wang"])

    shown = [said.output.split()[-1] for said in (first, second)]
    callers = [TokenBook(path).caller(token, NOW) for token in shown]
    assert [caller and caller.name for caller in callers] == ["li", "wang"]
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_wrong_gets_no_entry(path: Path) -> None:
    written(path, entry(sha256="no digest"))
    before = path.read_bytes()
    said = CliRunner().invoke(main, ["tokens", "make", "--role", "viewer", "--name", "li", "--file", str(path)])

    assert said.exit_code == 1
    assert "tokens must be as documented" in said.output
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_token_ends_at_its_time(path: Path) -> None:
    token, made = make_token("li", "viewer", "", NOW)
    book = TokenBook(written(path, made))

    assert book.caller(token, NOW - timedelta(microseconds=1)) is not None
    assert book.caller(token, NOW) is None


def test_a_token_that_is_taken_out_of_the_file_opens_nothing_any_more(path: Path) -> None:
    (gone, first), (stays, second) = make_token("li", "viewer", ""), make_token("wang", "viewer", "")
    book = TokenBook(written(path, first, second))
    assert book.caller(gone, NOW) is not None

    written(path, second)

    assert book.caller(gone, NOW) is None
    assert book.caller(stays, NOW) is not None


def test_a_file_that_becomes_wrong_leaves_what_was_and_is_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    token, made = make_token("li", "viewer", "")
    book = TokenBook(written(path, made))

    path.write_text("tokens: [", encoding="utf-8")
    with caplog.at_level(logging.ERROR):
        assert book.caller(token, NOW) is not None
    path.unlink()
    assert book.caller(token, NOW) is not None

    assert "tokens_refused error=file must be YAML" in caplog.text
    assert "tokens must be in a file; got no file" in caplog.text


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([], r"tokens must be as documented; got Expected `array`, got `null` - at `\$.tokens`"),
        ([entry(sha256="abc")], "tokens must be as documented; got Expected `str` matching regex"),
        ([entry(region="6201")], r"matching regex .* at `\$.region`"),
        ([entry(region="620100")], 'region `620100`, which is a city: the city is `region: ""`'),
        ([entry(expires="2026-03-02T00:00:00")], r"Expected `datetime` with a timezone component - at `\$.expires`"),
        ([entry(token="x")], "Object contains unknown field `token`"),
        ([entry(), entry(name="wang")], "a token must stand there once; got one twice"),
    ],
    ids=["none", "no hash", "half a county", "a city", "no zone", "the token itself", "twice"],
)
def test_what_is_wrong_in_the_file_is_said_with_its_place(path: Path, entries: list[str], sentence: str) -> None:
    with pytest.raises(YamlError, match=sentence) as said:
        read_tokens(written(path, *entries))

    assert f"{path}:1)" in str(said.value)


def test_a_file_that_is_not_there_is_said(path: Path) -> None:
    with pytest.raises(YamlError, match="tokens must be in a file; got no file"):
        TokenBook(path)


def test_the_command_shows_the_token_once_and_an_entry_that_can_be_read(path: Path) -> None:
    options = ["--name", "li", "--role", "duty.county", "--region", "620102", "--expires", "2027-01-01"]
    found = CliRunner().invoke(main, ["tokens", "make", *options])
    token = found.output.split("\n")[1].strip()
    made = found.output.partition("in the file:\n")[2]

    caller = TokenBook(written(path, made)).caller(token, NOW)

    assert caller is not None
    assert caller.expires == datetime(2027, 1, 1, tzinfo=UTC)
    assert found.output.count(token) == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--role", "boss"], "role must be one of the routing, or begin with one and a dot; got `boss`"),
        (["--role", "viewer", "--region", "6201"], "a token must be as documented; got Expected `str` matching regex"),
    ],
    ids=["role", "region"],
)
def test_the_command_refuses_what_the_file_would_not_take(options: list[str], sentence: str) -> None:
    found = CliRunner().invoke(main, ["tokens", "make", "--name", "li", *options])

    assert (found.exit_code, sentence in found.output) == (1, True), found.output


def test_a_file_is_read_again_only_when_it_has_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token, made = make_token("li", "viewer", "")
    book = TokenBook(written(path, made))
    monkeypatch.setattr(tokens, "read_tokens", lambda _: pytest.fail("read again"))

    assert book.caller(token, NOW) is not None
    os.utime(path, ns=(1, 1))
    with pytest.raises(pytest.fail.Exception):
        book.caller(token, NOW)


def test_only_whom_the_file_names_now_may_stay(path: Path) -> None:
    (gone, first), (_, second) = make_token("li", "viewer", ""), make_token("wang", "viewer", "")
    book = TokenBook(written(path, first, second))
    caller = book.caller(gone, NOW)
    assert caller is not None
    assert book.names(caller)

    written(path, second)

    assert not book.names(caller)
