"""The calendar files: what ships, and what is refused with its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.calendar import Calendar
from alerts.duration import DAY_US
from alerts.model import to_us
from connectors.calendars import covered_until, load_calendars
from connectors.yaml_file import YamlError

ONE = """\
apiVersion: calendars/v1
source: a notice
holidays:
  - {zh: 元旦, en: New Year, off: 2026-01-01..2026-01-03, work: [2026-01-04]}
  - {zh: 劳动节, en: Labour Day, off: [2026-05-01]}
"""


def noon(text: str) -> int:
    """Noon in Shanghai."""
    return to_us(datetime.fromisoformat(f"{text}T04:00").replace(tzinfo=UTC))


def test_a_calendar_stands_as_it_did_with_its_last_year_and_the_family_with_all() -> None:
    calendars = load_calendars()
    years = [calendars[name].years or frozenset() for name in sorted(calendars) if name != "cn"]

    assert {2018, 2024, 2025, 2026} <= (calendars["cn"].years or set())
    assert calendars["cn-2024"].years == {year for year in calendars["cn"].years or () if year <= 2024}
    assert [len(each) for each in years] == list(range(1, len(years) + 1))
    assert calendars["cn"].holidays == calendars[max(name for name in calendars)].holidays


def test_it_is_known_from_when_on_a_calendar_has_no_days() -> None:
    calendars = load_calendars()
    last = max(calendars["cn"].years or ())

    assert covered_until(calendars) == datetime(last, 12, 31, 16, tzinfo=UTC)
    assert covered_until({**calendars, "other": Calendar("other", (), (), [2024])}).year == 2024


def test_the_spring_festival_of_2026_is_as_the_notice_says() -> None:
    cn = load_calendars()["cn-2026"]

    assert cn.add(noon("2026-02-12"), 5 * DAY_US) == noon("2026-02-26")
    assert [cn.day_class(noon(day)) for day in ("2026-02-14", "2026-02-15", "2026-02-23", "2026-02-28")] == [
        "makeup_workday",
        "holiday",
        "holiday",
        "makeup_workday",
    ]


def test_a_deadline_runs_over_new_year_where_both_years_are_there() -> None:
    cn = load_calendars()["cn"]

    assert cn.add(noon("2018-12-28"), 2 * DAY_US) == noon("2019-01-02")  # the 29th is worked, the 30th to the 1st off


@pytest.mark.parametrize(
    ("old", "new", "sentence", "line"),
    [
        ("calendars/v1", "calendars/v2", "`apiVersion` must be `calendars/v1`; got `calendars/v2`", 1),
        ("source: a notice", "source:", "`source` must name the notice that the days come from; got none", 2),
        ("source: a notice", "sauce: a notice", "got `sauce`; did you mean `source`?", 2),
        ("work: [", "works: [", "got `works`; did you mean `work`?", 4),
        ("en: New Year, ", "", "a holiday must have `en`; got nothing", 4),
        ("2026-01-04", "2026-01-05", "a make-up workday must be a Saturday or Sunday; got `2026-01-05`", 4),
        ("2026-01-04", "2026-01-03", "a day must be off or worked; got `2026-01-03` as both", 4),
        ("[2026-05-01]", "[2026-01-04]", "a day must be off or worked; got `2026-01-04` as both", 5),
        ("2026-05-01", "2025-05-01", "a day must lie in 2026; got `2025-05-01`", 5),
        ("2026-05-01", "May", "days must be `2026-05-01` or `2026-05-01..2026-05-05`; got `May`", 5),
    ],
)
def test_a_wrong_calendar_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, sentence: str, line: int
) -> None:
    (tmp_path / "cn-2026.yaml").write_text(ONE.replace(old, new), encoding="utf-8")

    with pytest.raises(YamlError) as error:
        load_calendars(tmp_path)

    assert sentence in str(error.value)
    assert str(error.value).endswith(f"cn-2026.yaml:{line})")


def test_a_file_without_a_year_in_its_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "china.yaml").write_text(ONE, encoding="utf-8")

    with pytest.raises(YamlError, match=r"file must be named like `cn-2026\.yaml`; got `china\.yaml`"):
        load_calendars(tmp_path)


def test_a_file_without_holidays_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cn-2026.yaml").write_text(ONE.split("holidays:")[0] + "holidays: []\n", encoding="utf-8")

    with pytest.raises(YamlError, match="`holidays` must be a list with at least one holiday; got none"):
        load_calendars(tmp_path)
