"""Routing: who is told of a revision, how an alert climbs that nobody acks, and who may do what with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from alerts.calendar import Calendar
from alerts.desk.interval import Interval
from alerts.desk.routing_file import ChainSettings, InhibitSettings, Match, RoleSettings, RoutingFile, of_role
from alerts.duration import parse_duration
from alerts.model import Region, RegionLevel, Revision

Predicate = Callable[[Revision], bool]


class Step(NamedTuple):
    """One step of an alert's own chain: who is told so long after the chain begins."""

    number: int  # its place in the chain
    to: RegionLevel
    region: str | None  # the code of the region of that level
    after: int  # microseconds
    roles: tuple[str, ...]


class Way(NamedTuple):
    """What the routing says of one alert."""

    chain: str | None
    steps: Sequence[Step]
    horizon: int  # microseconds after which it climbs no more
    roles: tuple[str, ...]  # told by every revision
    during: str | None


class Powers(NamedTuple):
    """What a role may do, and for how many microseconds at most."""

    may: frozenset[str]
    ack_for: int
    silence_for: int


class Inhibition(NamedTuple):
    """While a source is open, targets that are equal in some fields are muted."""

    name: str
    is_source: Predicate
    is_target: Predicate
    equal: Sequence[str]


NO_POWERS = Powers(frozenset(), 0, 0)
FOR_THE_RULE = frozenset({"reveal"})  # where a rule names roles for it, what a role may is not asked


class Routing:
    """A routing file, ready to be asked. Raises `ValueError` with a sentence for what is wrong in it."""

    def __init__(self, file: RoutingFile, calendars: Mapping[str, Calendar]) -> None:
        self.file = file
        self.intervals = {
            name: Interval(each, _known("calendar", each.calendar, calendars)) for name, each in file.intervals.items()
        }
        self.inhibitions = [_inhibition(each) for each in file.inhibit]
        self._chains = {name: _chain(name, chain, file) for name, chain in file.chains.items()}
        self._routes = [(_predicate(route.match), route) for route in file.routes]
        for route in file.routes:
            if route.chain is not None:
                _known("chain", route.chain, file.chains)
            if route.during is not None:
                _known("interval", route.during, file.intervals)
        self._roles = {name: _powers(role) for name, role in file.roles.items()}

    def way(self, revision: Revision, roles: Sequence[str], chain: str | None) -> Way:
        """What holds for an alert as it stands; `roles` and `chain` are those that its rule names.

        A chain of the rule comes before that of the route.
        """
        route = next((route for fits, route in self._routes if fits(revision)), None)
        during = route.during if route else None
        roles = tuple(dict.fromkeys([*roles, *(route.roles if route else ())]))
        name = chain if chain in self._chains or route is None or route.chain is None else route.chain
        if name not in self._chains:
            return Way(name, (), 0, roles, during)
        steps, horizon = self._chains[name]
        return Way(name, _in_region(steps, revision.region), horizon, roles, during)

    def powers(self, role: str) -> Powers:
        """What a role may do."""
        return of_role(self._roles, role) or NO_POWERS


def code_of(region: Region, level: RegionLevel) -> str | None:
    """The code of the region of one level, as far as it is known; a city is its counties' first four digits."""
    if level == "city":
        return None if region.county is None else f"{region.county[:4]}00"
    return getattr(region, level)  # type: ignore[no-any-return]


def values_of(revision: Revision, name: str, vouch: Sequence[str] = ()) -> frozenset[str]:
    """What a field of an alert is for inhibition: none where it has no such field.

    `vouch` are the channels that must vouch for it, whether they did or not: one that is silent did not.
    """
    if name == "key":
        return frozenset({"|".join(f"{each}={value}" for each, value in sorted(revision.key.items()))})
    found = {revision.key[name]} if name in revision.key else set[str]()
    if name == "channel":
        found |= {*vouch, *(str(each["channel"]) for each in revision.vouched_by if "channel" in each)}
    if name in ("county", "township", "village", "grid"):
        found |= {value} if (value := getattr(revision.region, name)) else set()
    found |= {str(each.fields[name]) for each in revision.evidence if name in each.fields}
    return frozenset(found)


def _predicate(match: Match) -> Predicate:
    tests: list[Predicate] = []
    for name in ("purpose", "kind", "level"):
        wanted = frozenset(getattr(match, name))
        if wanted:
            tests.append(lambda revision, name=name, wanted=wanted: getattr(revision, name) in wanted)  # type: ignore[misc]
    if match.rule:
        tests.append(lambda revision: any(fits_rule(rule, revision.rule) for rule in match.rule))
    if match.region:
        tests.append(lambda revision: any(lies_in(revision.region, code) for code in match.region))
    return lambda revision: all(test(revision) for test in tests)


def fits_rule(pattern: str, rule: str) -> bool:
    """`rc.repeat-contact` fits itself, `rc.*` every rule that begins so."""
    return rule.startswith(pattern[:-1]) if pattern.endswith("*") else rule == pattern


def is_of(role: str, named: str) -> bool:
    """Is a role the one that is named, or below it? `duty.police.north` is below `duty.police`."""
    return role == named or role.startswith(f"{named}.")


def lies_in(region: Region, code: str) -> bool:
    """Does a region lie in the one of this code? `620102` is a county, `6201` and `620100` its city."""
    wanted = code[:4] if len(code) == 6 and code.endswith("00") else code
    return any(
        each is not None and each.startswith(wanted)
        for each in (region.county, region.township, region.village, region.grid)
    )


def _chain(name: str, chain: ChainSettings, file: RoutingFile) -> tuple[list[Step], int]:
    steps = [
        Step(number, each.to, None, parse_duration(each.after), tuple(each.roles or file.levels.get(each.to, ())))
        for number, each in enumerate(chain.steps)
    ]
    if not steps or [step.after for step in steps] != sorted({step.after for step in steps}):
        raise ValueError(f"the steps of chain `{name}` must be there and come one after the other; got {chain.steps}")
    return steps, parse_duration(chain.horizon)


def _in_region(steps: Sequence[Step], region: Region) -> list[Step]:
    """The steps whose region is known."""
    return [
        step._replace(region=code)
        for step in steps
        if (code := code_of(region, step.to)) is not None or step.to == "city"
    ]


def _inhibition(settings: InhibitSettings) -> Inhibition:
    return Inhibition(settings.name, _predicate(settings.source), _predicate(settings.target), settings.equal)


def _powers(role: RoleSettings) -> Powers:
    return Powers(frozenset(role.may), parse_duration(role.ack_for), parse_duration(role.silence_for))


def _known(what: str, name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise ValueError(f"{what} must be there; got `{name}`; there are: {', '.join(sorted(known)) or 'none'}")
    return known[name]
