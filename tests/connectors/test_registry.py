"""The registry of channels, and the YAML reader it stands on."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.duration import parse_duration
from alerts.model import Text
from connectors.registry import load_channels
from connectors.yaml_file import YamlError, load, loads

RANKS = {
    "police": 2,
    "hotline": 2,
    "petition": 3,
    "grid": 1,
    "court": 3,
    "helpdesk": 1,
    "superior": 4,
    "walkin": 2,
    "online": 2,
    "resident": 1,
}
ONE = """\
apiVersion: channels/v1
channels:
  police:
    label: {zh: 公安110, en: Police 110}
    rank: 2
    lateness: 30m
    idle: 1h
"""


def test_the_ten_channels_have_the_ranks_of_the_contract() -> None:
    assert {name: channel.rank for name, channel in load_channels().items()} == RANKS


def test_a_channel_is_waited_for_less_long_than_it_may_be_quiet() -> None:
    assert [one.id for one in load_channels().values() if one.lateness_us >= one.idle_us] == []


def test_lateness_and_idle_are_microseconds(tmp_path: Path) -> None:
    path = tmp_path / "channels.yaml"
    path.write_text(ONE, encoding="utf-8")

    police = load_channels(path)["police"]

    assert (police.lateness_us, police.idle_us) == (parse_duration("30m"), parse_duration("1h"))
    assert (police.label.zh, police.label.en) == ("公安110", "Police 110")


def test_a_channel_may_have_a_shorter_name_inside_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "channels.yaml"
    path.write_text(ONE.replace("    rank", '    short: {zh: "110", en: police}\n    rank'), encoding="utf-8")

    assert load_channels(path)["police"].short == Text("110", "police")


def test_a_channel_is_called_by_its_label_where_it_has_no_shorter_name(tmp_path: Path) -> None:
    path = tmp_path / "channels.yaml"
    path.write_text(ONE, encoding="utf-8")

    assert load_channels(path)["police"].short is None


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("channels/v1", "channels/v2", "`apiVersion` must be `channels/v1`; got `channels/v2`"),
        ("    idle: 1h\n", "", "channel `police` must have `idle`; got nothing"),
        ("idle: 1h", "idle: soon", "duration must be numbers with the units d, h, m, s"),
        ("lateness: 30m", "latness: 30m", "got `latness`; did you mean `lateness`?"),
        ("rank: 2", "rank: high", "`rank` of channel `police` must be 1 to 9; got `high`"),
        ("zh: 公安110, ", "", "`label` of channel `police` must have zh and en"),
        ("    rank", "    short: {zh: 110}\n    rank", "`short` of channel `police` must have zh and en"),
    ],
)
def test_a_wrong_registry_is_refused_with_its_line(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    path = tmp_path / "channels.yaml"
    path.write_text(ONE.replace(old, new), encoding="utf-8")

    with pytest.raises(YamlError) as error:
        load_channels(path)

    assert sentence in str(error.value)
    assert "channels.yaml:" in str(error.value)


def test_a_registry_without_channels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "channels.yaml"
    path.write_text("apiVersion: channels/v1\nchannels: {}\n")

    with pytest.raises(YamlError, match="must be a map with at least one channel; got none"):
        load_channels(path)


def test_yaml_scalars_are_those_of_people() -> None:
    data = loads("a: no\nb: 0101\nc: 09:30\nd: 2026-03-02\ne: true\nf: 1.5\ng: -3\nh:\non: 1\n").data

    assert data == {
        "a": "no",
        "b": "0101",
        "c": "09:30",
        "d": "2026-03-02",
        "e": True,
        "f": 1.5,
        "g": -3,
        "h": None,
        "on": 1,
    }


def test_a_document_knows_the_line_of_each_part() -> None:
    document = loads("a: 1\nb:\n  - {c: 2}\n  - d: 3\n", "x.yaml")

    assert document.line_of(("b", 1, "d")) == 4
    assert document.line_of(("b", 1, "nothing", "there")) == 4
    assert document.at(("b", 0)) == "x.yaml:3"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\na: 2\n", "a key must come once; got `a` again (x.yaml:2)"),
        ("a: [1\n", "file must be YAML; got"),
        ("a: !!python/object:os.system 1\n", "file must be YAML; got"),
    ],
)
def test_what_is_no_good_yaml_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(YamlError) as error:
        loads(text, "x.yaml")

    assert sentence in str(error.value)


def test_a_part_that_must_be_a_map_says_so() -> None:
    document = loads("a: [1]\n", "x.yaml")

    with pytest.raises(YamlError, match=r"`a` must be a map; got `\[1\]` \(x.yaml:1\)"):
        document.check_keys(document.data["a"], ("b",), ("a",))


def test_an_empty_file_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("")

    assert load(tmp_path / "empty.yaml").data is None
