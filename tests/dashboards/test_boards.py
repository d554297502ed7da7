"""The boards as they are committed: what the functions build, in Grafana's own schema, and fit to be looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import pytest
from grafana_boards import CLICKHOUSE, PROMETHEUS, REDIS, committed, panels, queries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from jsonschema import Draft7Validator

from alerts.model import Action, Category, Disposition, Doing, Level, LinkType, RuleGap, State, Verdict
from connectors.tables import load_tables
from dashboards import colours, columns, links, words
from dashboards.__main__ import FOLDER, differing, files, main
from dataflows import alert_words

ROOT = FOLDER.parent.parent
SCHEMA = json.loads((Path(__file__).parent / "schema" / "grafana-13.2.3.json").read_text(encoding="utf-8"))
BOARDS = committed()
PANELS = {f"{name}/{panel['title']}": (board, panel) for name, board in BOARDS.items() for panel in panels(board)}
BUILT_IN = ("__rate_interval", "__data", "__field", "__url_time_range")
each_board = pytest.mark.parametrize("name", BOARDS)
each_panel = pytest.mark.parametrize("name", PANELS)


def test_what_is_committed_is_what_the_functions_build() -> None:
    assert differing() == []


def test_a_file_that_was_changed_by_hand_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = dict(files())[FOLDER / "rules.json"]
    monkeypatch.setattr("dashboards.__main__.FOLDER", tmp_path)
    monkeypatch.setattr("dashboards.__main__.REMINDERS", tmp_path / "rules.yaml")
    main([])
    (tmp_path / "rules.json").write_text(text.replace("规则", "规矩"), encoding="utf-8")

    assert main(["--check"]) == 1
    assert "`rules.json` must be what its function builds" in capsys.readouterr().out
    assert main([]) == main(["--check"]) == 0


@each_board
def test_a_board_is_what_grafana_publishes_as_its_schema(name: str) -> None:
    board = BOARDS[name]

    assert [error.message for error in Draft7Validator(SCHEMA["board"]).iter_errors(board)] == []
    for panel in board["panels"]:
        found = Draft7Validator(SCHEMA[panel["type"]]).iter_errors(panel)
        assert [(panel["title"], *error.absolute_path, error.message) for error in found] == []


@pytest.mark.parametrize(
    ("place", "wrong"),
    [("fieldConfig", {"defaults": {"colour": "red"}}), ("gridPos", {"x": "left"}), ("options", {"showHeaders": True})],
)
def test_the_schema_refuses_what_grafana_does_not_know(place: str, wrong: Any) -> None:
    panel = next(panel for panel in panels(BOARDS["duty_desk"]) if panel["type"] == "table")

    assert list(Draft7Validator(SCHEMA["table"]).iter_errors({**panel, place: wrong}))


@each_board
def test_a_board_says_nothing_that_the_library_of_grafana_does_not_read(name: str) -> None:
    register_default_plugins()
    board = BOARDS[name]

    assert list(lost(board, json.loads(JSONEncoder().encode(Dashboard.from_json(board))))) == []


def lost(said: Any, read: Any, place: str = "$") -> Iterator[str]:
    """The places of a tree that are not in another, or differ there."""
    if isinstance(said, dict) and isinstance(read, dict):
        for name, value in said.items():
            yield from lost(value, read.get(name, "nothing"), f"{place}.{name}")
    elif isinstance(said, list) and isinstance(read, list) and len(said) == len(read):
        for number, (one, other) in enumerate(zip(said, read, strict=True)):
            yield from lost(one, other, f"{place}[{number}]")
    elif said != read:
        yield place


@each_panel
def test_a_panel_has_a_title_a_sentence_a_unit_and_words_for_no_data(name: str) -> None:
    _, panel = PANELS[name]
    defaults = panel["fieldConfig"]["defaults"]

    assert panel["title"]
    assert re.search(r"[一-鿿]", panel["description"])
    assert defaults["unit"]
    assert defaults["noValue"]
    assert defaults["thresholds"]["steps"]
    assert panel["targets"]


@each_board
def test_a_board_explains_itself_in_both_languages(name: str) -> None:
    said = [BOARDS[name]["description"], *(panel["description"] for panel in panels(BOARDS[name]))]

    assert [each for each in said if not re.search(r"[一-鿿].*[A-Z][a-z]+\b.*\.", each)] == []


@each_board
def test_panels_lie_side_by_side_and_not_on_each_other(name: str) -> None:
    places = [panel["gridPos"] for panel in BOARDS[name]["panels"]]

    assert all(at["x"] >= 0 and at["x"] + at["w"] <= 24 for at in places)
    for one, other in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        )  # fmt: skip
        assert apart, (one, other)


@each_board
def test_titles_and_numbers_of_panels_are_not_given_twice(name: str) -> None:
    found = BOARDS[name]["panels"]

    assert len({panel["id"] for panel in found}) == len(found)
    assert len({panel["title"] for panel in panels(BOARDS[name])}) == len(list(panels(BOARDS[name])))
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS)


@each_board
def test_a_board_uses_the_variables_that_it_has_and_no_others(name: str) -> None:
    board = BOARDS[name]
    asked = json.dumps(list(panels(board)))
    used = {a or b for a, b in re.findall(r"\$\{(\w+)[^}]*\}|\$(\w+)", asked)}
    mine = {variable["name"] for variable in board["templating"]["list"]}

    assert used - mine - set(BUILT_IN) <= {each for each in used if each.startswith("__")}
    assert mine <= used


@each_board
def test_grafana_reads_the_choices_of_a_variable_as_they_are_meant(name: str) -> None:
    for variable in BOARDS[name]["templating"]["list"]:
        if variable["type"] == "custom":
            parts = [re.fullmatch(r"\s*(.+)\s:\s(.+)", part) for part in variable["query"].split(",")]
            read = [(part[1].strip(), part[2].strip()) for part in parts if part]
            assert read == [(option["text"], option["value"]) for option in variable["options"]]
            assert len(read) == len(parts)


@pytest.mark.parametrize("name", [name for name, (_, panel) in PANELS.items() if panel["type"] == "table"])
def test_a_table_has_a_heading_for_every_column(name: str) -> None:
    _, panel = PANELS[name]
    titled = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}
    [query] = panel["targets"]
    asked = query.get("rawSql")
    if asked is None:
        assert titled == {each["alias"] for each in panel["transformations"][0]["options"]["jsonPaths"]}
    else:
        assert [column for column in titled if not re.search(rf"\b{column}\b", asked)] == []


def test_a_link_leads_to_a_board_and_a_column_that_are_there() -> None:
    for name, (_, panel) in PANELS.items():
        shown = {each["matcher"]["options"]: each["properties"] for each in panel["fieldConfig"]["overrides"]}
        for link in (
            link for parts in shown.values() for part in parts if part["id"] == "links" for link in part["value"]
        ):
            target = re.match(r"/d/([\w-]+)\?", link["url"])
            assert target is None or target[1] in links.UIDS.values(), name
            for column in re.findall(r"\$\{__data\.fields\.(\w+)\}", link["url"]):
                told = {part["id"] for part in shown[column]}
                assert "mappings" not in told, f"{name}: Grafana would hand over a word for {column}"


def test_every_rule_has_the_runbook_that_a_list_links_to() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}

    assert {rule["runbook"].removeprefix("rb/") for rule in words.rule_files()} <= pages


def test_only_the_official_data_sources_are_asked() -> None:
    asked = {source: queries(source) for source in (CLICKHOUSE, PROMETHEUS, REDIS)}

    assert all(asked.values())
    assert sum(map(len, asked.values())) == sum(len(panel["targets"]) for _, panel in PANELS.values())
    for source, found in asked.items():
        assert {each.query["datasource"]["uid"] for each in found} == {f"anlan-{_short(source)}"}


def _short(source: str) -> str:
    return {CLICKHOUSE: "clickhouse", PROMETHEUS: "prometheus", REDIS: "redis"}[source]


def test_no_query_asks_who_somebody_is_or_what_they_said() -> None:
    asked = [re.sub(r"text\.zh|'[^']*'(?!\])", "", each.query["rawSql"]) for each in queries(CLICKHOUSE)]
    closed = ("reporter", "pair", "household", "place", "subject", "text", "lat", "lon", "attrs", "raw", "sealed")

    assert [word for word in closed for sql in asked if re.search(rf"\b{word}\b", sql)] == []
    keys = [key for each in queries(CLICKHOUSE) for key in re.findall(r"\bkey\b\S*", each.query["rawSql"])]
    assert set(keys) == {"key['matter']"}


# colours


def luminance(colour: str) -> float:
    """How bright a colour is to an eye, of any sort: what stays of it in grey (WCAG 2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_levels_are_told_apart_without_colour() -> None:
    assert all(contrast(one, other) >= 1.3 for one, other in combinations(colours.LEVELS.values(), 2))
    for level, name in columns.LEVEL_NAMES.items():
        assert name == f"{colours.LETTERS[level]} {words.LEVELS[level]}"
    assert len(set(colours.LETTERS.values())) == len(set(words.LEVELS.values())) == 3


def test_channels_have_a_colour_each() -> None:
    assert len(words.channels()) <= len(set(colours.SERIES))
    assert len(set(colours.apart(words.channels()).values())) == len(words.channels())


def test_a_level_is_never_shown_by_colour_alone() -> None:
    for name, (_, panel) in PANELS.items():
        for override in panel["fieldConfig"]["overrides"]:
            parts = {part["id"]: part["value"] for part in override["properties"]}
            if override["matcher"]["options"] == "level":
                shown = parts["mappings"][0]["options"]
                assert {value: each["text"] for value, each in shown.items()} == columns.LEVEL_NAMES, name
                assert {value: each["color"] for value, each in shown.items()} == colours.LEVELS, name


# words


def test_words_are_those_of_the_command_line() -> None:
    assert words.LEVELS == alert_words.LEVEL_WORDS
    assert words.STATES == alert_words.STATE_WORDS
    assert words.DISPOSITIONS == alert_words.DISPOSITION_WORDS
    assert alert_words.REASON_WORDS.items() <= words.REASONS.items()


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (words.LEVELS, Level), (words.STATES, State), (words.DISPOSITIONS, Disposition), (words.CATEGORIES, Category),
        (words.ACTIONS, Action), (words.LINKS, LinkType), (words.VERDICTS, Verdict), (words.DOINGS, Doing),
        (words.GAPS, RuleGap.__annotations__["reason"]),
    ],
)  # fmt: skip
def test_everything_that_may_stand_in_a_column_has_a_word(said: words.Words, known: Any) -> None:
    wanted = get_args(known) if not isinstance(known, str) else re.findall(r"['\"](\w+)['\"]", known)

    assert set(said) == set(wanted)


def test_regions_are_those_of_the_table() -> None:
    regions = load_tables().regions.values()

    assert words.counties() == {region.code: region.name for region in regions if region.level == "county"}
    assert words.townships() == {region.code: region.name for region in regions if region.level == "township"}
