"""The routing file as it is written: who is told, when, what happens if nobody acks, and who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from alerts.model import Doing, Kind, Level, Purpose, RegionLevel
from alerts.rule_file import DayClass

T = TypeVar("T")
WORKED: tuple[DayClass, ...] = ("workday", "makeup_workday")

Hours = Annotated[str, Meta(pattern=r"^([01]\d|2[0-4]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$")]


class Match(Struct, frozen=True, forbid_unknown_fields=True):
    """Which alerts are meant: of each list one must hold, and an empty list holds for all.

    A rule is an id, or the beginning of one with a `*`; a region is the beginning of its code.
    """

    purpose: list[Purpose] = []
    kind: list[Kind] = []
    level: list[Level] = []
    rule: list[str] = []
    region: list[str] = []


class StepSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One step of a chain: which level of the region tree is told, and how long nobody has acked by then."""

    to: RegionLevel
    after: str = "0m"
    roles: list[str] = []  # those of the level, where none are named


class ChainSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How an alert that nobody acks climbs, and after how long it stops climbing."""

    steps: list[StepSettings]
    horizon: str = "3d"


class IntervalSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Hours of some days, local time of Asia/Shanghai."""

    hours: list[Hours]
    days: list[DayClass] = field(default_factory=lambda: list(WORKED))
    calendar: str = "cn"


class RouteSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for the alerts that fit; `during` is the interval in which anybody is told at all."""

    match: Match = Match()
    chain: str | None = None
    during: str | None = None
    roles: list[str] = []  # told beside those that the rule names


class InhibitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """While an alert that fits `source` is open, those that fit `target` and are equal in these fields are muted.

    A field is one of the key, of the region (`county`, `township`, `village`, `grid`) or of the evidence; `key` is
    the whole key; `channel` is also every channel that has to vouch for the target.
    """

    name: str
    source: Match
    target: Match
    equal: list[str]


class RoleSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What a role may do, and for how long at most."""

    may: list[Doing | Literal["mute_level_rise"]] = []
    ack_for: str = "12h"
    silence_for: str = "1d"


class RoutingFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The routing of an installation."""

    apiVersion: Literal["routing/v1"]  # noqa: N815
    levels: dict[RegionLevel, list[str]] = field(default_factory=dict)
    intervals: dict[str, IntervalSettings] = field(default_factory=dict)
    chains: dict[str, ChainSettings] = field(default_factory=dict)
    routes: list[RouteSettings] = field(default_factory=list)
    inhibit: list[InhibitSettings] = field(default_factory=list)
    roles: dict[str, RoleSettings] = field(default_factory=dict)


NO_ROUTING = RoutingFile("routing/v1")  # nobody is told but those whom rules name


def of_role(known: Mapping[str, T], role: str) -> T | None:
    """What is known of a role: `duty.street` is `duty.street` where the file names it, else `duty`."""
    return known.get(role) or known.get(role.partition(".")[0])


def may(routing: RoutingFile, role: str, action: str) -> bool:
    """May a role do that?"""
    known = of_role(routing.roles, role)
    return known is not None and action in known.may


def read_routing(data: Any) -> RoutingFile:
    """The routing of a parsed YAML file. Raises `ValueError` with the place of what is wrong."""
    try:
        return msgspec.convert(data, RoutingFile)
    except msgspec.ValidationError as error:
        raise ValueError(f"routing must be as documented; got {error}") from None
