"""The handover of a shift: everything that the next one needs, and nobody's whole token."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from revisions import a_revision

from alerts.model import LEVELS, Matchers, Region, Revision, Route, Text
from dataflows.api.answers import AlertDetail, Note, Notice, People, SilenceShown
from dataflows.api_client import ApiError
from dataflows.handover import Case, Format, Handover, gather, render

END = datetime(2026, 3, 2, 10, tzinfo=UTC)  # 18:00 in Lanzhou
SHIFT = timedelta(hours=8)
TOKEN = "k1:bcdfghjkmnprstvzbcdf"
FORMATS = get_args(Format)


def hours(count: float) -> datetime:
    """An instant so many hours before the end of the shift."""
    return END - timedelta(hours=count)


def alert(name: str, level: str = "blue", state: str = "open", ago: float = 1, **changes: Any) -> Revision:
    """The last revision of an alert."""
    known = {"text": Text(f"{name}的事", ""), "region": Region("620102"), "key": {"pair": TOKEN}} | changes
    return a_revision(name, known.pop("number", 1), hours(ago), level=level, state=state, **known)


class Service:
    """A service of which only what the handover asks for is there."""

    def __init__(self, alerts: list[Revision], people: dict[str, People], opened: dict[str, float]) -> None:
        self._alerts, self._people, self._opened = alerts, people, opened
        self.quiet = [
            SilenceShown("s2", "pending", "wang", "duty", "检修", Matchers(region="620103"), END, hours(-9)),
            SilenceShown("s1", "active", "li", "duty", f"抢修 {TOKEN}", Matchers(rule="rc.*"), hours(3), hours(-1)),
        ]

    def alerts(self, limit: int | None = None, **wanted: Any) -> Iterator[Revision]:
        states = wanted.get("state") or ("open", "acked")
        county = wanted.get("county", "")
        found = [each for each in self._alerts if each.state in states and county in ("", each.region.county)]
        yield from sorted(found, key=lambda each: each.detected_at, reverse=True)

    def alert(self, alert_id: str) -> AlertDetail:
        if alert_id == "moved":
            raise ApiError("alert must be one of yours", 404)
        return AlertDetail(self._named(alert_id), self._people.get(alert_id, People()))

    def revisions(self, alert_id: str) -> list[Revision]:
        if alert_id not in self._opened:
            return []
        return [alert(alert_id, ago=self._opened[alert_id]), self._named(alert_id)]

    def silences(self) -> list[SilenceShown]:
        return self.quiet

    def _named(self, alert_id: str) -> Revision:
        return next(each for each in self._alerts if each.alert_id == alert_id)


def shift(county: str = "") -> Handover:
    """Two open reds of which one is acked, an old yellow, and one that was closed in the shift."""
    climbing = Route(roles=("duty.street",), next_repeat_at=hours(-0.5), rung="township")
    alerts = [
        alert("red-new", "red", ago=2, route=climbing),
        alert("red-acked", "red", "acked", ago=1, number=4),
        alert(
            "yellow",
            "yellow",
            ago=0.5,
            number=9,
            route=Route(muted_by=("silence:s1",)),
            text=Text(f"旧事（{TOKEN}）", ""),
        ),
        alert("elsewhere", "blue", ago=3, region=Region("620103")),
        alert("forgotten", "blue", ago=3, number=7, first_occurred_at=hours(99)),
        alert("done", "red", "closed", ago=2, number=3, reason="resolved_by_user"),
        alert("quiet", "blue", "closed", ago=3, number=2, reason="quiet"),
        alert("long ago", "blue", "closed", ago=9),
        alert("tried", "red", ago=1, origin="shadow"),
    ]
    people = {
        "red-new": People(ack_by="an ack that is over", ack_until=hours(3)),
        "red-acked": People(
            ack_by="li",
            ack_until=hours(-2),
            assigned_to="grid.officer-12",
            notices=(Notice("n2", "street-7", hours(-3), "head", hours(1)),),
        ),
        "yellow": People(notices=(Notice("n1", "court-1", hours(1), "head", hours(9)),)),
        "done": People(
            disposition="true_positive", closed_by="wang", notes=(Note(hours(2), "li", "duty", f"已调解 {TOKEN}"),)
        ),
    }
    opened = {"red-acked": 5, "yellow": 50, "done": 4, "quiet": 40}
    return gather(Service(alerts, people, opened), END, SHIFT, county)  # type: ignore[arg-type]


def names(cases: list[Case]) -> list[str]:
    return [each.alert.alert_id for each in cases]


def test_what_is_open_stands_by_level_with_its_age() -> None:
    found = shift()

    assert {level: names(found.of_level(level)) for level in LEVELS} == {
        "red": ["red-acked", "red-new"], "yellow": ["yellow"], "blue": ["forgotten", "elsewhere"],
    }  # fmt: skip
    ages = {each.alert.alert_id: (END - each.opened_at) / timedelta(hours=1) for each in found.cases}
    assert ages == {"red-new": 2, "red-acked": 5, "yellow": 50, "elsewhere": 3, "forgotten": 99}


def test_it_says_what_is_new_closed_acked_assigned_and_due() -> None:
    found = shift()

    assert names(found.fresh) == ["red-new", "elsewhere", "done", "red-acked"]
    assert names(list(found.ended)) == ["done", "quiet"]
    assert names(found.acked) == ["red-acked"]
    assert {whom: names(cases) for whom, cases in found.assigned.items()} == {"grid.officer-12": ["red-acked"]}
    assert names(found.escalating) == ["red-new"]
    assert [(notice.id, case.alert.alert_id) for notice, case in found.supervised] == [
        ("n1", "yellow"), ("n2", "red-acked"),
    ]  # fmt: skip
    assert [each.id for each in found.silences] == ["s1", "s2"]


def test_a_county_hands_over_what_is_its_own() -> None:
    found = shift("620103")

    assert names(list(found.cases)) == ["elsewhere"]
    assert found.ended == []
    assert [each.id for each in found.silences] == ["s1", "s2"]


def test_an_alert_that_has_moved_out_of_sight_is_still_counted() -> None:
    found = gather(Service([alert("moved")], {}, {}), END, SHIFT)  # type: ignore[arg-type]

    assert [each.people for each in found.cases] == [People()]


@pytest.mark.parametrize("form", FORMATS)
def test_the_bundle_says_all_of_it(form: Format) -> None:
    text = html.unescape(render(shift(), form))
    flat = re.sub(r"<[^>]+>", "", text)

    for said in (
        "交班单 03-02 10:00 – 03-02 18:00", "未结 5 条，紧急 2，预警 1，关注 2；本班新开 4 条，关闭 2 条；静默 2 项",
        "5小时", "2天2小时", "旧事（k1:bcdfg…）（静默）", "还有30分钟", "已告知镇街", "li，至 03-02 20:00（还有2小时）",
        "grid.officer-12：紧急 red-acke@4", "已关闭（属实，wang）done的事", "li：已调解 k1:bcdfg…",
        "已关闭（quiet）quiet的事", "督办未答复（2）", "court-1，限 03-02 17:00（已过1小时）：预警 yellow@9",
        "street-7，限 03-02 21:00（还有3小时）：紧急 red-acke@4",
        "s1 li：rule=rc.*；03-02 19:00（还有1小时）；抢修 k1:bcdfg…", "城关区",
    ):  # fmt: skip
        assert said in flat, said
    assert "an ack that is over" not in flat


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_shift_is_a_bundle_as_well(form: Format) -> None:
    text = render(Handover(hours(8), END, "", [], [], []), form)

    assert "未结 0 条" in text
    assert text.count("无") >= 8


class Page(HTMLParser):
    """What a page would fetch, and whether its elements are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.left: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "srcset", "action")]
        self.fetched += [tag] if tag in ("script", "link", "iframe", "img") else []
        if tag not in ("meta", "br"):
            self.left.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.left.pop() == tag


def test_the_page_needs_nothing_else() -> None:
    text = render(shift(), "html")

    page = Page(text)
    assert page.fetched == []
    assert page.left == []
    assert "url(" not in text
    assert "@import" not in text


WORDS = st.text(max_size=12) | st.sampled_from(["a|b\nc", "<script>alert(1)</script>", f"x{TOKEN}", "{{ 7*7 }}", "\\|"])


@given(WORDS, WORDS, WORDS)
def test_nobodys_words_break_out_of_their_place(said: str, who: str, why: str) -> None:
    people = People(
        ack_by=who or None, assigned_to=who or None, closed_by=who, notes=(Note(END, who, "d", why),),
        notices=(Notice("n", who, END, who, END),),
    )  # fmt: skip
    case = Case(alert("a", "red", "acked", text=Text(said, "")), hours(1), people)
    closed = Case(alert("b", "red", "closed", text=Text(said, "")), hours(1), case.people)
    quiet = SilenceShown("s", "active", who, "d", why, Matchers(rule=said), END, END)
    handover = Handover(hours(8), END, "", [case], [closed], [quiet])

    markdown, page = render(handover, "md"), render(handover, "html")

    assert TOKEN not in markdown
    assert TOKEN not in page
    assert Page(page).fetched == []
    (row,) = [line for line in markdown.splitlines() if line.startswith("| a@1")]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 8
