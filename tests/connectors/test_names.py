"""Names outlive their key: as long as somebody may stand in a window, and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.duration import DAY_US
from connectors.journal import DiskFullError
from connectors.names import HeldKey, KeyringError, Names
from connectors.pseudonym import Key, Keyring

K1, K2, K3 = (Key(f"k{number}", bytes([number]) * 32) for number in (1, 2, 3))
KEEP = 90


class Intake:
    """Names with a clock in days that a test moves."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state" / "names"
        self.day = 20_000
        self.names = self.opened()

    def opened(self) -> Names:
        return Names(self.path, KEEP * DAY_US, lambda: self.day * DAY_US)

    def restart(self) -> None:
        self.names.__exit__()
        self.names = self.opened()

    def call(self, *keys: Key, name: str = "李小明") -> str:
        """The key whose token somebody is called by."""
        called = Keyring(keys, self.names.name).token("name", name)
        self.names.save()
        return called.partition(":")[0]


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    intake = Intake(tmp_path)
    yield intake
    intake.names.__exit__()


def test_without_another_key_nothing_is_written(intake: Intake) -> None:
    assert intake.call(K1) == "k1"
    assert intake.names.is_empty


def test_a_name_outlives_its_key_as_long_as_it_is_used(intake: Intake) -> None:
    assert intake.call(K2, K1) == "k1"
    for _ in range(5):
        intake.day += KEEP
        intake.restart()
        assert intake.call(K2) == "k1"

    assert intake.call(K2, name="王芳") == "k2"


def test_it_ends_when_no_rule_can_remember_its_bearer(intake: Intake) -> None:
    intake.call(K2, K1)
    intake.day += KEEP + 2

    assert intake.call(K2) == "k2"
    assert intake.names.count() == 0


def test_somebody_may_be_called_by_a_key_that_was_gone_two_changes_ago(intake: Intake) -> None:
    assert [intake.call(*keys) for keys in [(K1,), (K2, K1), (K2,), (K3, K2), (K3,)]] == ["k1"] * 5


def test_nothing_of_a_name_that_has_ended_stays_on_the_disk(intake: Intake) -> None:
    old = Keyring([K1]).token("name", "李小明").encode()
    intake.call(K2, K1)
    intake.restart()
    assert old in intake.path.read_bytes()

    assert intake.names.forget_all() == 1
    assert intake.call(K2) == "k2"
    intake.restart()
    assert not [file for file in intake.path.parent.iterdir() if old in file.read_bytes()]


def test_a_full_disk_is_said_and_what_was_named_is_written_later(intake: Intake) -> None:
    intake.names._file.execute("PRAGMA max_page_count = 1")
    names = Keyring([K2, K1], intake.names.name)
    for number in range(2_000):
        names.token("name", f"李{number}")
    with pytest.raises(DiskFullError, match=r"names must find room on the disk; got `.*full`"):
        intake.names.save()

    intake.names._file.execute("PRAGMA max_page_count = 100000")
    intake.names.save()
    assert intake.names.count() == 2_000


def test_an_old_key_is_needed_until_the_next_was_held_for_long_enough(intake: Intake) -> None:
    intake.names.hold(Keyring([K1]))
    first = intake.day
    intake.day += 10
    intake.names.hold(Keyring([K2, K1]))
    second = intake.day

    assert intake.names.held() == [
        HeldKey("k1", first * DAY_US, (second + KEEP) * DAY_US),
        HeldKey("k2", second * DAY_US, None),
    ]


def test_a_key_that_is_still_needed_must_be_held(intake: Intake) -> None:
    intake.names.hold(Keyring([K1]))
    with pytest.raises(KeyringError, match="keyring must hold `k1` until 2025-01-02, or windows are cut in two"):
        intake.names.hold(Keyring([K2]))
    intake.names.hold(Keyring([K2, K1]))
    with pytest.raises(KeyringError, match="keyring must hold `k2` until a newer one has been held for long enough"):
        intake.names.hold(Keyring([K1]))
    intake.day += KEEP - 1
    with pytest.raises(KeyringError, match=r"keyring must hold `k1` until 2025-01-02.*`anlan keys forget k1 --now`"):
        intake.names.hold(Keyring([K2]))

    intake.day += 1
    intake.names.hold(Keyring([K2]))
    assert [key.id for key in intake.names.held()] == ["k2"]


def test_a_key_that_is_let_go_before_its_time_is_not_asked_for(intake: Intake) -> None:
    intake.names.hold(Keyring([K2, K1]))
    intake.names.let_go("k1")

    intake.names.hold(Keyring([K2]))


def test_another_secret_under_the_same_id_is_refused(intake: Intake) -> None:
    intake.names.hold(Keyring([K1]))

    with pytest.raises(KeyringError, match="key `k1` must be the one that it was; got another secret under its id"):
        intake.names.hold(Keyring([Key("k1", K2.secret)]))


def test_a_keyring_that_was_refused_changes_nothing(intake: Intake) -> None:
    intake.names.hold(Keyring([K1]))
    before = intake.names.held()
    intake.day += 1
    with pytest.raises(KeyringError):
        intake.names.hold(Keyring([K2]))

    assert intake.names.held() == before


def test_the_file_is_for_its_owner_alone(intake: Intake) -> None:
    assert intake.path.stat().st_mode & 0o077 == 0
