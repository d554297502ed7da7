"""`anlan keys`: a keyring is made, changed and thinned out, and nothing goes before its time."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from examined import said, verdicts
from installation import Installation

from alerts.duration import DAY_US
from connectors.names import NAMES, Names
from connectors.pseudonym import Keyring, load_keyring
from dataflows.cli import main
from dataflows.installation import clock_of, names_of, names_seen
from dataflows.settings import Settings

PHONE = "13800001111"


class Keys:
    """An installation and what `anlan keys` says of it."""

    def __init__(self, folder: Path) -> None:
        self.settings: Settings = Installation(folder, state=str(folder / "state")).settings
        self.path = Path(self.settings.keyring)

    def __call__(self, *arguments: str) -> Result:
        environment = {"ANLAN_KEYRING": str(self.path), "ANLAN_STATE": self.settings.state}
        return CliRunner().invoke(main, ["keys", *arguments], env=environment)

    def rotate(self) -> None:
        assert self("rotate", str(self.path)).exit_code == 0

    def ids(self) -> list[str]:
        return [key.id for key in load_keyring(self.path).keys]

    def flow_runs(self, days_ago: int) -> Names:
        """The flow starts with the keyring as it is, so many days ago."""
        clock = clock_of(self.settings)
        names = Names(Path(self.settings.state) / NAMES, 0, lambda: clock() - days_ago * DAY_US)
        names.hold(load_keyring(self.path))
        return names


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def test_a_rotation_adds_a_fresh_key_above_the_others_for_the_same_owner_alone(keys: Keys) -> None:
    (old,) = load_keyring(keys.path).keys
    keys.path.write_text("# made by hand\n" + keys.path.read_text())
    keys.path.chmod(0o400)

    result = keys("rotate", str(keys.path), "--algorithm", "sha256")

    fresh, kept = load_keyring(keys.path).keys
    assert result.output == f"{keys.path} holds k2, k1; start every door again\n"
    assert (fresh.id, kept) == ("k2", old)
    assert fresh.secret != old.secret
    assert keys.path.stat().st_mode & 0o777 == 0o400
    assert "# made by hand" in keys.path.read_text()
    assert list(keys.path.parent.glob("*.new")) == []


@pytest.mark.parametrize("key_id", ["k1", "K 2"], ids=["there already", "no id"])
def test_a_rotation_that_would_spoil_the_keyring_leaves_it_as_it_was(keys: Keys, key_id: str) -> None:
    before = keys.path.read_bytes()

    result = keys("rotate", str(keys.path), "--id", key_id)

    assert result.exit_code == 1
    assert "must" in result.output
    assert keys.path.read_bytes() == before
    assert list(keys.path.parent.glob("*.new")) == []


def test_a_key_without_a_number_needs_the_name_of_the_next(keys: Keys) -> None:
    keys("rotate", str(keys.path), "--id", "spring")

    result = keys("rotate", str(keys.path))

    assert "the newest key must end in a number; got `spring`; name the next one with --id" in result.output


def test_it_shows_until_when_each_key_is_needed_and_no_secret(keys: Keys) -> None:
    before = keys("show").output
    keys.flow_runs(0)
    keys.rotate()
    names = keys.flow_runs(0)
    Keyring(load_keyring(keys.path).keys, names.name).token("phone", PHONE)
    names.save()

    shown = keys("show").output

    assert "no flow has held it yet" in before
    assert "until a newer one has been held for long enough" in shown
    assert f"until {names_seen(keys.settings)[0][0].needed().removeprefix('until ')}" in shown
    assert "1 token of newer keys leads to a name of an older one" in shown
    assert not [key for key in load_keyring(keys.path).keys if key.secret.hex()[:8] in shown]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["forget", "k1"], "`k1` must be held until 20"),
        (["forget", "k2"], "must be one of the older ones of the keyring; got the newest"),
        (["forget", "k7", "--now"], "must be one of the older ones of the keyring; got `k7`"),
    ],
)
def test_a_key_that_is_needed_or_not_there_is_not_forgotten(keys: Keys, arguments: list[str], sentence: str) -> None:
    keys.rotate()
    keys.flow_runs(7)

    result = keys(*arguments)

    assert result.exit_code == 1
    assert sentence in result.output
    assert keys.ids() == ["k2", "k1"]


def test_a_key_that_no_flow_has_held_is_not_known_to_be_needed_no_more(keys: Keys) -> None:
    keys.rotate()

    assert "must be held until `anlan run` has held it and a newer one for long enough" in keys("forget", "k1").output


def test_a_key_is_forgotten_when_its_time_has_come_and_names_live_on(keys: Keys) -> None:
    keys.rotate()
    names = keys.flow_runs(1_000)
    name = Keyring(load_keyring(keys.path).keys, names.name).token("phone", PHONE)
    names.save()

    result = keys("forget", "k1")

    assert result.output == "`k1` is forgotten; 1 name of older keys live on\n"
    assert keys.ids() == ["k2"]
    with names_of(keys.settings, []) as later:
        later.hold(load_keyring(keys.path))
        assert name.startswith("k1:")


def test_a_key_that_leaked_goes_at_once_and_the_names_with_it_if_so_wanted(keys: Keys) -> None:
    keys.rotate()
    names = keys.flow_runs(0)
    Keyring(load_keyring(keys.path).keys, names.name).token("phone", PHONE)
    names.save()

    result = keys("forget", "k1", "--now", "--names")

    assert result.output == "`k1` is forgotten; 1 name as well\n"
    with names_of(keys.settings, []) as later:
        later.hold(load_keyring(keys.path))
        assert Keyring(load_keyring(keys.path).keys, later.name).token("phone", PHONE).startswith("k2:")


@pytest.mark.parametrize(("days_ago", "verdict"), [(7, "ok"), (1_000, "attention")])
def test_the_doctor_says_when_an_older_key_can_go(keys: Keys, days_ago: int, verdict: str) -> None:
    keys.rotate()
    keys.flow_runs(days_ago)

    _, line = said("keyring", keys.settings)

    assert line.verdict == verdict
    assert line.remedy == ("" if verdict == "ok" else "`anlan keys forget k1`")


def test_the_doctor_says_nothing_of_keys_before_a_rotation(keys: Keys) -> None:
    keys.flow_runs(7)

    assert verdicts(said("keyring", keys.settings)) == ["ok"]
