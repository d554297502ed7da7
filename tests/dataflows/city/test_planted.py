"""Cases as files: the truth of a city, and labels that people wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.model import LEVELS, from_us
from dataflows.city import City
from dataflows.city.planted import planted, read_cases, read_labels, write_cases
from dataflows.city.stories import YEAR_CATALOGUE
from dataflows.city.when import DAY

CITY = City(days=150, catalogue=YEAR_CATALOGUE)


def labels(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_truth_comes_back_as_it_was_written(tmp_path: Path) -> None:
    cases = planted(CITY.stories)

    write_cases(tmp_path / "truth.json", cases)

    assert read_cases(tmp_path / "truth.json") == cases


def test_every_kind_of_rule_has_its_cases() -> None:
    cases = planted(CITY.stories)

    planted_for = {one.rule for one in cases}
    for rule in ("sla.hotline-close", "sla.petition-accept", "sj.four-levels-seven-days", "hb.handed-back",
                 "sg.area-surge", "st.sudden-topic", "cs.channel-silent", "ta.threat-after-contact"):  # fmt: skip
        assert rule in planted_for
    for one in cases:
        assert one.must_reach in LEVELS
        assert one.starts_at <= one.ends_at
        assert one.event_ids or one.about


def test_a_story_whose_deadline_lies_beyond_the_span_is_not_told() -> None:
    late = [story for story in CITY.stories if story.id.startswith("overdue-petition")]

    assert [story.id for story in late] == ["overdue-petition/0", "overdue-petition/1"]
    assert all(story.end_us < CITY.end_us for story in CITY.stories)


def test_labels_name_a_key_or_an_event(tmp_path: Path) -> None:
    path = labels(
        tmp_path,
        "rule,key,event_id,outcome_at\nr1,m7,,2026-03-02T00:00:00+08:00\nr2,,e9,2026-03-03T00:00:00+08:00\n",
    )

    first, second = read_labels(path)

    assert (first.rule, first.about, first.event_ids) == ("r1", ("m7",), ())
    assert (second.rule, second.about, second.event_ids, second.share) == ("r2", (), ("e9",), 0.0)
    assert second.ends_at == from_us(1_772_467_200_000_000)
    assert (first.until - first.ends_at).days * DAY == 30 * DAY


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rule,when\n", "labels must have the columns rule, outcome_at and key or event_id; got rule, when"),
        ("rule,key,outcome_at\nr,,2026-03-02T00:00:00+08:00\n", "a label must have a key or an event_id; got neither"),
        ("rule,key,outcome_at\nr,k,soon\n", "`outcome_at` must be a time; got `soon`"),
        ("rule,key,outcome_at\nr,k,2026-03-02\n", "`outcome_at` must have an offset; got `2026-03-02`"),
    ],
)
def test_wrong_labels_are_refused_with_their_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_labels(labels(tmp_path, text))


def test_a_truth_that_is_none_is_refused(tmp_path: Path) -> None:
    path = labels(tmp_path, "{}")

    with pytest.raises(ValueError, match="a truth file must be a JSON list of cases; got"):
        read_cases(path)
