"""What a rule would take without end: windows that are never over, patterns that are never done, state that grows."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.authoring.pattern import trouble_of
from alerts.authoring.remark import Remark, error, warning
from alerts.authoring.rule_maps import maps_of
from alerts.duration import DAY_US, format_duration, parse_duration
from alerts.model import Kind
from alerts.rule import Rule
from alerts.rule_file import StateSettings

LONGEST_US = 400 * DAY_US  # a year, and what comes late in it
FEW_KEYS = 1_000
MANY_KEYS = 2_000_000
GIGABYTES = 2  # measured: 1.1 kB for a key with one event, where no other rule keeps it
MUCH_US = 184 * DAY_US  # half a year of events for every key
_WITHOUT_WINDOW: tuple[Kind, ...] = ("obligation", "silence")


def windows(rule: Rule) -> Iterator[Remark]:
    """A window has a length, no greater than a year and a month, and is not shorter than what is waited for."""
    window, size = rule.spec.window, rule.size
    if rule.spec.kind in _WITHOUT_WINDOW:
        return
    if size <= 0:
        yield error("empty-window", f"must have a window longer than nothing; got `{window.size}`", "window")
    elif size > LONGEST_US:
        longest = format_duration(LONGEST_US)
        yield error("endless-window", f"must look back {longest} at most; got {format_duration(size)}", "window")
    elif size < rule.lateness and window.size:
        waits = window.lateness or f"{format_duration(rule.lateness)} (the default)"
        yield warning(
            "lateness-over-window",
            f"should wait for stragglers no longer than its window; got {waits} and a window of {window.size}",
            "window",
            "lateness",
        )


def constructs(rule: Rule) -> Iterator[Remark]:
    """What lies apart inside a window fits into it."""
    for name in ("within", "gap_max"):
        text = getattr(rule.spec.when, name, None)
        if text and parse_duration(text) > rule.size:
            yield error(
                "over-window",
                f"must keep events as long as `when.{name}`; got {text} with a window of {rule.spec.window.size}; "
                "make the window longer",
                "when",
                name,
            )


def patterns(rule: Rule) -> Iterator[Remark]:
    """A regular expression says something and comes to an end on any text."""
    for where, fields in maps_of(rule.spec):
        for field, wanted in fields.items():
            if "re" in field.split("|")[1:] and (trouble := trouble_of(str(wanted))):
                yield error(
                    "endless-pattern", f"must have patterns that {trouble}; got `{field}: {wanted}`", *where, field
                )


def caps(rule: Rule) -> Iterator[Remark]:
    """A cap is one where there is something to forget, and leaves room for a city."""
    spec = rule.spec
    most = spec.state.max_keys
    if rule.plan is not None:
        if most != StateSettings().max_keys:
            yield warning(
                "no-effect", f"should not have `state.max_keys`: a {spec.kind} rule forgets no key", "state", "max_keys"
            )
    elif most < FEW_KEYS:
        yield warning(
            "few-keys",
            f"should keep at least {FEW_KEYS} keys, since those above are forgotten; got {most}",
            "state",
            "max_keys",
        )
    elif most > MANY_KEYS:
        yield warning(
            "many-keys",
            f"should keep at most {MANY_KEYS} keys, which is about {GIGABYTES} GB of memory; got {most}",
            "state",
            "max_keys",
        )


def state(rule: Rule) -> Iterator[Remark]:
    """What is kept for each key is kept as long as the window and the lateness."""
    kept = rule.size + rule.lateness
    if kept > MUCH_US and rule.size <= LONGEST_US:
        yield warning(
            "much-state",
            f"should keep events of a key for half a year at most; got {format_duration(kept)} of window and lateness; "
            "ask whether so old an event still says anything",
            "window",
        )
