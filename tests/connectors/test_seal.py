"""Sealed boxes."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.seal import (
    Sealer,
    SealError,
    Unsealer,
    generate_private_key,
    load_sealer,
    load_unsealer,
    write_keys,
)


def test_only_the_private_key_opens_what_the_public_key_closed() -> None:
    ours, theirs = Unsealer(generate_private_key()), Unsealer(generate_private_key())
    sealed = Sealer(ours.public).seal("行 13800001111".encode())

    assert ours.unseal(sealed) == "行 13800001111".encode()
    with pytest.raises(SealError, match="box must be base64, sealed for this key"):
        theirs.unseal(sealed)


def test_two_boxes_of_the_same_row_differ() -> None:
    sealer = Sealer(Unsealer(generate_private_key()).public)

    assert sealer.seal(b"row") != sealer.seal(b"row")


@pytest.mark.parametrize("broken", ["", "no base64!", "AAAA"])
def test_what_is_no_box_is_refused(broken: str) -> None:
    with pytest.raises(SealError, match="box must be base64, sealed for this key"):
        Unsealer(generate_private_key()).unseal(broken)


def test_key_files_are_written_once_and_read_back(tmp_path: Path) -> None:
    private, public = tmp_path / "intake.key", tmp_path / "intake.pub"
    write_keys(private, public)

    assert load_unsealer(private).unseal(load_sealer(public).seal(b"row")) == b"row"
    assert private.stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        write_keys(private, public)


def test_a_missing_key_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SealError, match=r"public key for sealing must be in a file; got no file .*; write the keys"):
        load_sealer(tmp_path / "none.pub")


@pytest.mark.parametrize("text", ["", "AAAA", "not base64"])
def test_a_wrong_key_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "intake.key").write_text(text)

    with pytest.raises(SealError, match=r"private key must be base64 of 32 bytes; got \d+ bytes"):
        load_unsealer(tmp_path / "intake.key")
