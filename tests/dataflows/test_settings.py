"""Settings: where they come from, and what is said of those that are wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from dataflows.settings import Settings, SettingsError, load_settings, required


def written(folder: Path, text: str) -> str:
    path = folder / "anlan.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_without_a_file_and_an_environment_the_defaults_hold() -> None:
    assert load_settings(None, {}) == Settings()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'kafka = "a:1"\nshards = 3')

    found = load_settings(path, {"ANLAN_KAFKA": "b:2", "OTHER": "x"})

    assert (found.kafka, found.shards) == ("b:2", 3)


def test_lists_maps_and_numbers_are_read_from_the_environment() -> None:
    found = load_settings(
        None,
        {
            "ANLAN_RULES": "a.yaml, b",
            "ANLAN_MAPPINGS": "",
            "ANLAN_RAW_MAPPINGS": "raw.police=police-110, raw.grid=grid-app",
            "ANLAN_HTTP_PORT": "8080",
            "ANLAN_CLOCK_SPEED": "7.5",
        },
    )

    assert found.rules == ("a.yaml", "b")
    assert found.mappings == ()
    assert found.raw_mappings == {"raw.police": "police-110", "raw.grid": "grid-app"}
    assert (found.http_port, found.clock_speed) == (8080, 7.5)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"ANLAN_HTTP_PORT": "web"}, "`http_port` must be `int`; got `str` (ANLAN_HTTP_PORT in the environment)"),
        ({"ANLAN_HTTP_PORT": "70000"}, "`http_port` must be `int` <= 65535; got another (ANLAN_HTTP_PORT"),
        ({"ANLAN_SHARDS": "0"}, "`shards` must be `int` >= 1; got another (ANLAN_SHARDS"),
        ({"ANLAN_CLOCK_SPEED": "0"}, "`clock_speed` must be `float` > 0.0; got another (ANLAN_CLOCK_SPEED"),
        ({"ANLAN_RAW_MAPPINGS": "raw.police"}, "`raw_mappings` must be `topic=mapping,...`; got `raw.police`"),
    ],
    ids=["no number", "no port", "no shards", "a clock that stands", "half a pair"],
)
def test_a_wrong_value_in_the_environment_is_told_by_its_name(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError) as told:
        load_settings(None, environment)

    assert str(told.value).startswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kafak = 'a:1'", "a setting must be known; got `kafak`; did you mean `kafka` ("),
        ("kafka = 3", "`kafka` must be `str`; got `int` ("),
        ("rules = 'a.yaml'", "`rules` must be `array`; got `str` ("),
        ("rules = ['a.yaml', 3]", "`rules[1]` must be `str`; got `int` ("),
        ("kafka = ", "settings must be TOML; got Invalid value"),
    ],
    ids=["misspelt", "wrong type", "not a list", "wrong member", "no TOML"],
)
def test_a_wrong_value_in_the_file_is_told_with_the_file(tmp_path: Path, text: str, sentence: str) -> None:
    path = written(tmp_path, text)

    with pytest.raises(SettingsError) as told:
        load_settings(path, {})

    assert str(told.value).startswith(sentence)
    assert str(told.value).endswith(f"({path})")


def test_a_wrong_value_that_may_be_a_secret_is_not_said_back(tmp_path: Path) -> None:
    path = written(tmp_path, "http_tokens = 20260302")

    with pytest.raises(SettingsError) as told:
        load_settings(path, {})

    assert "20260302" not in str(told.value)


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "gbk.toml").write_bytes("keyring = '密钥'".encode("gbk"))

    with pytest.raises(SettingsError, match=r"settings must be in a file; got no file \(.*missing"):
        load_settings(str(tmp_path / "missing.toml"), {})
    with pytest.raises(SettingsError, match="settings must be in a file; got `Is a directory`"):
        load_settings(str(tmp_path), {})
    with pytest.raises(SettingsError, match="settings must be TOML; got 'utf-8' codec"):
        load_settings(str(tmp_path / "gbk.toml"), {})


def test_a_setting_without_a_default_is_asked_for() -> None:
    required(Settings(keyring="k"), "keyring")

    with pytest.raises(SettingsError, match=r"`seal_key` must be set; got nothing; .*--config, or ANLAN_SEAL_KEY"):
        required(Settings(keyring="k"), "keyring", "seal_key")


def test_the_example_names_every_setting_but_those_of_the_simulation(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "deploy" / "anlan.toml.example"

    settings = load_settings(str(example), {})

    named = set(tomllib.loads(example.read_text(encoding="utf-8")))
    assert {name for name in Settings.__struct_fields__ if not name.startswith("clock_")} == named
    assert settings.http_port == 8440
