"""Which rules an event may concern, by its signature: never another answer than asking every rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_city import CHANNELS, make_rule, report

import alerts.listeners
from alerts.fields import SIGNED_FIELDS, getter, outline_of, signature_of
from alerts.listeners import Listener, Listeners
from alerts.model import Event, Link
from alerts.rule import Rule
from alerts.select import compile_map

ENTRIES: dict[str, list[Any]] = {
    "action": ["received", ["closed", "resolved"], []],
    "action|not": [["received"]],
    "channel": [["hotline", "police"]],
    "channel_rank|gte": [2],
    "category": [["dispute", "crime"], [None]],
    "category|exists": [True, False],
    "subcategory|prefix": ["fam"],
    "subcategory|re": ["our$"],
    "reporter_class|not": [["staff"]],
    "satisfied": [[True]],
    "link.type": [["transfer", "referral"]],
    "link.type|not|exists": [True],
    "violence|gte": [2],
    "cues|any": [["weapon"]],
    "unit": [[None]],
}
entry = st.sampled_from([(key, wanted) for key, listed in ENTRIES.items() for wanted in listed])
named = st.lists(entry, max_size=3).map(dict)
conditions = st.recursive(
    st.sampled_from(["a", "b", "c"]),
    lambda inner: st.one_of(
        inner.map(lambda text: f"not ({text})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda parts: f"({' '.join(parts)})"),
    ),
    max_leaves=5,
)
selects = st.builds(lambda a, b, c, how: {"a": a, "b": b, "c": c, "condition": how}, named, named, named, conditions)
events = st.builds(
    lambda channel, link, **fields: report("e", 0, channel, link=Link(link, "x") if link else None, **fields),
    channel=st.sampled_from(["hotline", "police", "grid"]),
    link=st.sampled_from([None, "transfer", "merge"]),
    action=st.sampled_from(["received", "closed", "visited"]),
    category=st.sampled_from([None, "dispute", "crime"]),
    subcategory=st.sampled_from([None, "family", "neighbour"]),
    reporter_class=st.sampled_from(["citizen", "staff"]),
    satisfied=st.sampled_from([None, True, False]),
    violence=st.sampled_from([None, 0, 3]),
    cues=st.sampled_from([(), ("weapon",)]),
    unit=st.sampled_from([None, "u"]),
)


@given(select=selects, event=events)
def test_what_is_foreseen_of_a_rule_is_what_it_says(select: dict[str, Any], event: Event) -> None:
    rule = make_rule(select=select, channels=list(CHANNELS))
    foreseen = [listener.role for listener in Listeners([rule], CHANNELS).of(event)]

    assert foreseen in ([], [None], [rule.role_of(event)])
    assert foreseen or not rule.role_of(event)


@given(spec=named, event=events)
def test_the_outline_of_a_signature_shows_what_its_events_do(spec: dict[str, Any], event: Event) -> None:
    outline = outline_of(signature_of(event))

    for key in SIGNED_FIELDS:
        read = getter(key, CHANNELS)
        assert read(outline) == read(event)
    if all(key.split("|")[0] in SIGNED_FIELDS for key in spec):
        assert compile_map(spec, CHANNELS)(outline) is compile_map(spec, CHANNELS)(event)
    with pytest.raises(AttributeError):
        getter("unit", CHANNELS)(outline)
    with pytest.raises(AttributeError):
        getter("link.to", CHANNELS)(outline_of(signature_of(report("e", 0, link=Link("merge", "x")))))


@pytest.mark.parametrize("name", SIGNED_FIELDS)
@given(event=events, other=events)
def test_events_of_one_signature_agree_in_every_signed_field(name: str, event: Event, other: Event) -> None:
    read = getter(name, CHANNELS)

    assert signature_of(event) != signature_of(other) or read(event) == read(other)


RULES = [
    make_rule(number=0),
    make_rule(number=1, channels=["police"], select={"grave": {"unit": ["u"]}}),
    make_rule(
        number=2,
        kind="progression",
        select={"contact": {"action": ["received"]}},
        when={"chain": {"measure": "violence", "min_steps": 2}},
        levels=[{"steps": 2, "level": "blue"}],
        unless={"fine": {"action": ["visited"], "satisfied": [True]}},
    ),
]


@given(history=st.lists(events, max_size=6))
def test_the_listeners_of_an_event_are_the_rules_to_which_it_is_something(history: list[Event]) -> None:
    listeners = Listeners(RULES, CHANNELS)
    for event in history:
        found = {listener.rule.number: listener for listener in listeners.of(event)}

        for rule in RULES:
            role = rule.role_of(event) if event.channel in rule.channels else 0
            listener = found.get(rule.number, Listener(rule, 0, None))
            assert listener.role in (None, role)
            assert listener.values in (None, rule.values(event, role))


def test_a_step_in_the_handling_of_a_case_is_asked_of_no_rule_about_reports() -> None:
    found = Listeners(RULES, CHANNELS).of(report("a", 0, "police", action="accepted"))

    assert [listener.rule.number for listener in found] == [1]


def test_more_signatures_than_are_kept_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts.listeners, "KEPT_AT_MOST", 2)
    listeners = Listeners(RULES, CHANNELS)
    told = [report(f"e{n}", 0, subcategory=f"topic {n % 3}") for n in range(9)]

    assert all(listeners.of(event) == listeners.of(event) for event in told)
    assert isinstance(listeners.of(told[0])[0].rule, Rule)
