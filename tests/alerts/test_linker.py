"""Matters: which event belongs to which, by the contract, in any order of arrival, across restarts."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec import Raw
from small_city import DAY, HOUR, RANKS, START

from alerts.fields import county_of
from alerts.kept import ENCODER
from alerts.kinds.obligation import ObligationPlan
from alerts.linker import Linker, PartName
from alerts.linker_fold import CASE_WINDOW, JOIN_WINDOW, REOPEN_WITHIN, Decision, Order, own_matter
from alerts.model import Event, Link, from_us, to_us
from connectors.calendars import load_calendars
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
TOPIC = {"category": "dispute", "subcategory": "neighbour", "region": "620102001"}


def event(name: str, at: int, channel: str = "hotline", topic: bool = True, **fields: Any) -> Event:
    known = {"action": "received", **(TOPIC if topic else {}), **fields}
    return Event(id=name, channel=channel, occurred_at=from_us(START + at), **known)


def order_of(told: Event) -> Order:
    return (to_us(told.occurred_at), RANKS[told.channel], told.id)


def linked(*events: Event, watermark: int = -(1 << 62)) -> dict[str, Decision]:
    """The decisions that stand after all events arrived in this order."""
    linker = Linker()
    standing: dict[str, Decision] = {}
    for each in events:
        take(linker, each, standing, watermark)
    return standing


def take(linker: Linker, told: Event, standing: dict[str, Decision], watermark: int = -(1 << 62)) -> None:
    answer = linker.link(order_of(told), told, watermark)
    standing[told.id] = answer.decision
    for placed, before, after in answer.moves:
        known = standing[placed.event.id]
        assert (known.matter, known.contact) == (before.matter, before.contact)
        standing[placed.event.id] = after


def reason(*events: Event) -> str:
    return linked(*events)[events[-1].id].reason


def test_an_event_alone_begins_a_matter_of_its_own() -> None:
    assert linked(event("a", 0))["a"] == Decision(own_matter("a"), "first", "a")


def test_an_explicit_matter_wins_over_everything() -> None:
    found = linked(
        event("a", 0, pair="p", case="c"), event("b", 1, pair="p", case="c", matter="m", link=Link("merge", "a"))
    )

    assert (found["b"].matter, found["b"].reason) == ("m", "given")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"link": Link("transfer", "a")}, "link"),
        ({"link": Link("referral", "case-1")}, "link"),
        ({"case": "case-1"}, "case"),
        ({"pair": "p", "household": "h", "reporter": "r"}, "pair"),
        ({"household": "h", "reporter": "r"}, "household"),
        ({"reporter": "r"}, "reporter"),
        ({"case": "case-1", "channel": "police"}, "first"),
        ({"pair": "other", "household": "h"}, "household"),
    ],
    ids=["link to an event", "link to a case", "same case", "pair", "household", "reporter",
         "same number in another channel", "another pair of the household"],
)  # fmt: skip
def test_an_event_joins_for_the_first_reason_that_holds(fields: dict[str, Any], wanted: str) -> None:
    first = event("a", 0, case="case-1", pair="p", household="h", reporter="r")
    found = linked(first, event("b", HOUR, **fields))

    assert found["b"].reason == wanted
    assert (found["b"].matter == found["a"].matter) == (wanted != "first")


@pytest.mark.parametrize("field", ["category", "subcategory", "region"])
def test_the_same_person_with_another_topic_or_county_is_another_matter(field: str) -> None:
    other = {"category": "service", "subcategory": "lending", "region": "620103001"}[field]

    assert reason(event("a", 0, reporter="r"), event("b", 1, reporter="r", **{field: other})) == "first"


def test_without_a_topic_the_same_person_joins_nothing() -> None:
    assert reason(event("a", 0, topic=False, reporter="r"), event("b", 1, topic=False, reporter="r")) == "first"


def test_a_link_crosses_counties() -> None:
    far = event("b", 1, region="620103001", link=Link("transfer", "a"))

    assert reason(event("a", 0), far) == "link"


@pytest.mark.parametrize(("after", "wanted"), [(0, "pair"), (1, "first")], ids=["at the edge", "after it"])
def test_people_join_within_the_window_of_the_matters_last_event(after: int, wanted: str) -> None:
    events = [event("a", 0, pair="p"), event("b", 20 * DAY, pair="p")]

    assert reason(*events, event("c", 20 * DAY + JOIN_WINDOW + after, pair="p")) == wanted


@pytest.mark.parametrize(("after", "wanted"), [(0, "pair"), (1, "first")], ids=["at the edge", "after it"])
def test_people_do_not_join_a_matter_that_is_closed_for_too_long(after: int, wanted: str) -> None:
    events = [event("a", 0, pair="p", case="c"), event("b", DAY, pair="p", case="c", action="closed")]
    events.append(event("c", 20 * DAY, case="c", topic=False, action="visited"))

    assert reason(*events, event("d", DAY + REOPEN_WITHIN + after, pair="p")) == wanted


def test_a_new_contact_opens_a_closed_matter_again() -> None:
    events = [event("a", 0, pair="p", action="closed"), event("b", 25 * DAY, pair="p")]

    assert reason(*events, event("c", 50 * DAY, pair="p")) == "pair"


def test_a_transfer_is_the_same_contact_and_so_is_its_transfer() -> None:
    found = linked(
        event("a", 0, "police"), event("b", 1, link=Link("transfer", "a")), event("c", 2, link=Link("callback", "b"))
    )

    assert {found[name].contact for name in "abc"} == {"a"}
    assert len({found[name].matter for name in "abc"}) == 1


def test_a_transfer_of_a_transfer_is_the_same_contact_whichever_comes_first_at_its_instant() -> None:
    """`c` was handed over by `b`, and `b` by `a`; all in one second, and the police rank behind the grid."""
    a = event("a", 0, "grid")
    b = event("b", 0, "police", link=Link("transfer", "a"))
    c = event("c", 0, "grid", link=Link("transfer", "b"))

    for told in ((a, b, c), (a, c, b), (b, a, c), (b, c, a), (c, a, b), (c, b, a)):
        assert {decision.contact for decision in linked(*told).values()} == {"a"}


def test_links_in_a_circle_are_one_contact_or_more_but_end() -> None:
    told = [event(name, 0, link=Link("transfer", to)) for name, to in (("a", "b"), ("b", "c"), ("c", "a"))]

    assert len({decision.matter for decision in linked(*told).values()}) == 1


@pytest.mark.parametrize(("kind", "contact"), [("merge", "b"), ("duplicate", "a")])
def test_a_duplicate_is_the_same_contact_and_a_merged_report_is_not(kind: Any, contact: str) -> None:
    assert linked(event("a", 0), event("b", 1, link=Link(kind, "a")))["b"].contact == contact


def test_a_link_to_what_is_not_known_yet_is_found_when_it_comes() -> None:
    found = linked(event("b", 0, link=Link("transfer", "a")), event("a", 1))

    assert found["a"] == Decision(found["b"].matter, "link", "a")
    assert found["b"].contact == "a"


def test_a_step_of_a_known_case_stays_in_it_though_an_explicit_matter_linked_to_the_case() -> None:
    found = linked(
        event("a", 0, case="c"), event("b", 1, matter="m", link=Link("referral", "c")), event("d", 2, case="c")
    )

    assert (found["d"].matter, found["d"].reason) == (found["a"].matter, "case")


def test_a_matter_that_comes_back_as_an_explicit_one_is_the_same_matter() -> None:
    """An export may carry the id that we gave; both then stand and fall together."""
    made = own_matter("a")
    events = [event("a", 0, pair="p"), event("b", 20 * DAY, matter=made, pair="q"), event("c", 45 * DAY, pair="p")]

    found = linked(*events)["c"]
    assert (found.matter, found.reason) == (made, "pair")


def test_an_earlier_event_that_arrives_late_gives_the_matter_its_name() -> None:
    linker = Linker()
    later, earlier = event("b", HOUR, pair="p"), event("a", 0, pair="p")
    linker.link(order_of(later), later, -(1 << 62))
    answer = linker.link(order_of(earlier), earlier, -(1 << 62))

    assert answer.decision.reason == "first"
    assert [(p.event.id, b.matter, a.matter) for p, b, a in answer.moves] == [("b", own_matter("b"), own_matter("a"))]


def test_what_is_settled_is_not_decided_again() -> None:
    linker = Linker()
    later, earlier = event("b", HOUR, pair="p"), event("a", 0, pair="p")
    linker.link(order_of(later), later, START)
    answer = linker.link(order_of(earlier), earlier, START + 2 * HOUR)

    assert answer.moves == []


def test_a_component_is_forgotten_when_nothing_can_join_it_any_more() -> None:
    linker = Linker()
    end = JOIN_WINDOW + REOPEN_WITHIN
    for number in range(50):
        each = event(f"e{number}", number, reporter=f"r{number}")
        linker.link(order_of(each), each, START)
    last = event("z", end + 200)
    linker.link(order_of(last), last, START + end + 25)

    assert len(linker) == 26
    assert len(list(linker.all_parts())) == 26


def test_a_case_that_is_closed_after_a_long_silence_is_still_the_same_matter() -> None:
    """So are what links to it, and the petitioner who comes back."""
    linker = Linker()
    standing: dict[str, Decision] = {}
    first = event("a", 0, "petition", case="P1", reporter="r")
    closed = event("b", 75 * DAY, "petition", case="P1", topic=False, action="closed")
    later = [event("c", 76 * DAY, link=Link("referral", "P1")), event("d", 80 * DAY, reporter="r")]
    for each in (first, event("x", 74 * DAY, reporter="x"), closed, *later):
        take(linker, each, standing, to_us(each.occurred_at) - DAY)

    assert [standing[name].reason for name in "abcd"] == ["first", "case", "link", "reporter"]
    assert {standing[name].matter for name in "abcd"} == {own_matter("a")}


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        ([("received", 0), ("visited", 182)], "case"),
        ([("received", 0), ("visited", 183)], "first"),
        ([("received", 0), ("accepted", 100), ("visited", 282)], "case"),
        ([("received", 0), ("closed", 1), ("visited", 63)], "case"),
        ([("received", 0), ("closed", 1), ("visited", 64)], "first"),
        ([("received", 0), ("closed", 100), ("visited", 162)], "case"),
        ([("received", 0), ("closed", 100), ("visited", 163)], "first"),
        ([("received", 0), ("closed", 1), ("reopened", 2), ("visited", 184)], "case"),
    ],
    ids=["open", "open for too long", "open and worked on", "closed", "closed for too long", "closed after long",
         "closed after long, and for too long", "open again"],
)  # fmt: skip
@pytest.mark.parametrize("is_restarted", [False, True], ids=["one life", "many lives"])
def test_a_case_is_known_for_half_a_year_and_once_it_is_closed_for_two_months(
    days: list[tuple[str, int]], wanted: str, is_restarted: bool
) -> None:
    """The watermark trails by a day, and what it has passed is forgotten with the next event: two days more."""
    linker = Linker()
    standing: dict[str, Decision] = {}
    told = [event(action, day * DAY, case="c", action=action) for action, day in days]
    others = [event(f"other-{day}", day * DAY, topic=False) for day in range(days[-1][1])]
    for each in sorted([*told, *others], key=order_of):
        take(linker, each, standing, to_us(each.occurred_at) - DAY)
        linker = again(linker) if is_restarted else linker

    assert standing[told[-1].id].reason == wanted


def test_a_matter_waits_for_the_case_that_is_open_though_another_one_of_it_is_closed() -> None:
    linker = Linker()
    standing: dict[str, Decision] = {}
    told = [
        event("a", 0, case="H1", pair="p"),
        event("b", 1, "petition", case="P1", pair="p"),
        event("c", DAY, case="H1", action="closed"),
        event("x", 74 * DAY, reporter="x"),
        event("d", 75 * DAY, "petition", case="P1", action="closed"),
        event("y", 138 * DAY, reporter="y"),
        event("e", 139 * DAY, "petition", case="P1", action="visited"),
    ]
    for each in told:
        take(linker, each, standing, to_us(each.occurred_at) - DAY)

    assert [standing[name].matter for name in "bcd"] == [own_matter("a")] * 3
    assert standing["e"].reason == "first", "and when all are closed it is forgotten as before"


def again(linker: Linker) -> Linker:
    """The same after a restart."""
    return back({name: Raw(ENCODER.encode(part)) for name, part in linker.all_parts()}, linker)


def test_no_shipped_rule_watches_a_case_for_longer_than_it_is_known() -> None:
    """As long as a closed one is remembered behind the last word of a rule on an open one."""
    rules = load_rules((RULES_FOLDER,), load_channels(), load_calendars())
    plans = [rule.plan for rule in rules if {*rule.key_names} & {"case", "matter"}]
    last = [plan.budget.stages[-1].amount_us for plan in plans if isinstance(plan, ObligationPlan)]

    assert max(last) + JOIN_WINDOW + REOPEN_WITHIN == CASE_WINDOW


# --- the slow reference ------------------------------------------------------------------------------------------

names = st.sampled_from([None, None, "1", "2"])
history = st.lists(
    st.fixed_dictionaries(
        {
            "day": st.integers(0, 40),
            "second": st.sampled_from([None, None, 0]),
            "channel": st.sampled_from(["hotline", "police"]),
            "action": st.sampled_from(["received", "received", "received", "closed", "visited", "reopened"]),
            "case": names,
            "pair": names,
            "reporter": names,
            "matter": st.sampled_from([None, None, None, None, "m1", own_matter("e0"), own_matter("e2")]),
            "subcategory": st.sampled_from(["family", "family", "land"]),
            "region": st.sampled_from(["620102", "620102", "620103"]),
            "link": st.sampled_from([None, None, None, "e0", "e1", "e3", "1"]),
            "type": st.sampled_from(["transfer", "merge"]),
        }
    ),
    min_size=1,
    max_size=9,
)


def events_of(told: list[dict[str, Any]]) -> list[Event]:
    return [
        event(
            f"e{n}", r["day"] * DAY + (n if r["second"] is None else 0), r["channel"], category="dispute",
            subcategory=r["subcategory"], region=r["region"], action=r["action"], case=r["case"], pair=r["pair"],
            reporter=r["reporter"], matter=r["matter"], link=Link(r["type"], r["link"]) if r["link"] else None,
        )
        for n, r in enumerate(told)
    ]  # fmt: skip


def contacts_of(found: dict[str, Decision]) -> dict[str, str]:
    return {name: decision.contact for name, decision in found.items()}


def matters_by_definition(events: list[Event]) -> dict[str, str]:
    """Event by event in event-time order, looking through everything that came before each time."""
    ordered = sorted(events, key=order_of)
    found: dict[str, str] = {}
    for index, each in enumerate(ordered):
        found[each.id] = _matter_of(each, ordered[:index], found)
    return found


def _matter_of(each: Event, before: list[Event], found: dict[str, str]) -> str:
    if each.matter:
        return each.matter
    if each.link:
        targets = [e for e in before if each.link.to in (e.id, e.case)]
        if targets:
            return found[targets[-1].id]
    for name in (each.id, each.case):
        wanting = [e for i, e in enumerate(before) if name and _waits_for(e, name, before[:i])]
        if wanting:
            return found[wanting[-1].id]
    same = [e for e in before if each.case and (e.case, e.channel) == (each.case, each.channel)]
    if same:
        return found[same[-1].id]
    topic = (county_of(each), each.category, each.subcategory)
    for field in ("pair", "household", "reporter"):
        value = getattr(each, field)
        people = [
            e for e in before
            if value and getattr(e, field) == value and (county_of(e), e.category, e.subcategory) == topic
        ]  # fmt: skip
        if people and _is_joinable(found[people[-1].id], each, before, found):
            return found[people[-1].id]
    return own_matter(each.id)


def _waits_for(told: Event, name: str, before: list[Event]) -> bool:
    """It linked to the name when no event of that name was known."""
    return bool(told.link and told.link.to == name and not _is_known(name, told, before))


def _is_known(name: str, told: Event, before: list[Event]) -> bool:
    return any(name in (e.id, e.case) for e in [*before, told])


def _is_joinable(matter: str, each: Event, before: list[Event], found: dict[str, str]) -> bool:
    mine = [e for e in before if found[e.id] == matter]
    now = to_us(each.occurred_at)
    if now - to_us(mine[-1].occurred_at) > JOIN_WINDOW:
        return False
    turns = [e for e in mine if e.action in ("closed", "reopened", "received")]
    if not turns or turns[-1].action != "closed":
        return True
    return now - to_us(turns[-1].occurred_at) <= REOPEN_WITHIN


@given(told=history, seed=st.integers(0, 1 << 30))
@settings(max_examples=500, deadline=None, phases=PHASES)
def test_any_order_of_arrival_gives_every_event_the_matter_of_the_contract(told: list[Any], seed: int) -> None:
    events = events_of(told)
    wanted = matters_by_definition(events)
    contacts = contacts_of(linked(*sorted(events, key=order_of)))
    rng = random.Random(seed)
    for _ in range(3):
        rng.shuffle(events)
        found = linked(*events)

        assert {name: decision.matter for name, decision in found.items()} == wanted
        assert contacts_of(found) == contacts


@given(told=history, seed=st.integers(0, 1 << 30))
@settings(max_examples=300, deadline=None, phases=PHASES)
def test_a_restart_at_any_point_and_what_is_settled_on_the_way_change_no_decision(told: list[Any], seed: int) -> None:
    rng = random.Random(seed)
    lateness = 5 * DAY
    late = ((to_us(e.occurred_at) + rng.randint(0, lateness), n, e) for n, e in enumerate(events_of(told)))
    arrivals = sorted(late, key=lambda each: each[:2])
    wanted = matters_by_definition(events_of(told))
    linker = Linker()
    standing: dict[str, Decision] = {}
    contacts = contacts_of(linked(*sorted(events_of(told), key=order_of)))
    for at, _, each in arrivals:
        take(linker, each, standing, at - lateness)
        if rng.random() < 0.4:
            linker = again(linker)

    assert {name: decision.matter for name, decision in standing.items()} == wanted
    assert contacts_of(standing) == contacts


@given(told=history, seed=st.integers(0, 1 << 30), few=st.sampled_from([0, 1, 2, 99]))
@settings(max_examples=300, deadline=None, phases=PHASES)
def test_what_was_saved_bit_by_bit_is_what_is_kept(told: list[Any], seed: int, few: int) -> None:
    rng = random.Random(seed)
    lateness = rng.choice([DAY, 40 * DAY])
    late = ((to_us(e.occurred_at) + rng.randint(0, lateness), n, e) for n, e in enumerate(events_of(told)))
    linker, saved, standing = Linker(), dict[PartName, Raw](), dict[str, Decision]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("alerts.linker_component.FEW", few)
        for at, _, each in sorted(late, key=lambda each: each[:2]):
            take(linker, each, standing, at - lateness)
            if rng.random() < 0.1:
                gone, heir = rng.choices(sorted({decision.matter for decision in standing.values()}), k=2)
                if gone != heir and heir not in linker.merged:
                    linker.merge(gone, heir)
            if rng.random() < 0.5:
                put(saved, linker.some_changed(rng.random()))
            if rng.random() < 0.3:
                put(saved, linker.changed_parts())
            if rng.random() < 0.1:
                put(saved, linker.changed_parts())
                linker = back(saved, linker)
        put(saved, linker.changed_parts())

    assert kept(back(saved, linker)) == kept(linker)
    assert {name[1] for name in saved} == {name[1] for name, _ in linker.all_parts()}


def put(saved: dict[PartName, Raw], parts: Iterable[tuple[PartName, Any]]) -> None:
    """As a journal would: what is gone was there."""
    for name, part in parts:
        if part is None:
            del saved[name]
        else:
            saved[name] = Raw(ENCODER.encode(part))


def back(saved: dict[PartName, Raw], before: Linker) -> Linker:
    linker = Linker()
    linker.restore(saved, before.begun)
    linker.merged = before.merged
    return linker


def kept(linker: Linker) -> dict[PartName, bytes]:
    """All of it, but for the numbers of pieces."""
    found = {name: list(part) for name, part in linker.all_parts()}
    return {name: ENCODER.encode([*part[:-2], part[-1]]) for name, part in found.items()}


@given(told=history, seed=st.integers(0, 1 << 30))
@settings(max_examples=300, deadline=None, phases=PHASES)
def test_what_belongs_to_an_open_case_is_decided_by_the_contract_for_half_a_year(told: list[Any], seed: int) -> None:
    rng = random.Random(seed)
    events = [
        msgspec.structs.replace(
            each,
            case=each.case or each.id,
            action="visited" if each.action == "closed" else each.action,
            occurred_at=from_us(START + 4 * (to_us(each.occurred_at) - START)),  # forty days are 160
        )
        for each in events_of(told)
    ]
    wanted = matters_by_definition(events)
    linker = Linker()
    standing: dict[str, Decision] = {}
    for each in sorted(events, key=order_of):
        take(linker, each, standing, to_us(each.occurred_at) - DAY)
        if rng.random() < 0.4:
            linker = again(linker)

    assert {name: decision.matter for name, decision in standing.items()} == wanted
