"""What routes are given: by the caller in path and address, and by the application."""

from __future__ import annotations

from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import HeaderParameter, PathParameter, QueryParameter

from alerts.model import Level, State
from dataflows.api.acting import Acting
from dataflows.api.following import Following
from dataflows.api.sight import Sight
from dataflows.api.wholeness import Wholeness

LAST_PLACE = 2**53  # what JSON readers count to without a fault

Sighted = NamedDependency[Sight]
Acts = NamedDependency[Acting]
Follows = NamedDependency[Following]
Whole = NamedDependency[Wholeness]

Name = Annotated[str, PathParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=500, description="How many at most.")]
Place = Annotated[int, QueryParameter(ge=0, le=LAST_PLACE, description="A place in the feed.")]
After = Annotated[int | None, QueryParameter(ge=0, le=LAST_PLACE, description="Begin behind this place.")]
LastEventId = Annotated[
    int | None, HeaderParameter(name="Last-Event-ID", ge=0, le=LAST_PLACE, description="Go on behind this place.")
]
Wait = Annotated[float, QueryParameter(ge=0, le=10, description="Seconds to wait for the verdict.")]
WhyGiven = Annotated[str, QueryParameter(name="why", max_length=2000, description="What for.")]
IdGiven = Annotated[
    str | None,
    QueryParameter(
        name="action_id",
        min_length=8,
        max_length=100,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="The same again is the same action.",
    ),
]
Row = Annotated[int, QueryParameter(ge=0, le=LAST_PLACE, description="The number of a row.")]
States = Annotated[
    tuple[State, ...], QueryParameter(name="state", description="Any of these; open and acked where none is named.")
]
Levels = Annotated[
    tuple[Level, ...], QueryParameter(name="level", description="Any of these; all where none is named.")
]
RuleId = Annotated[str, QueryParameter(max_length=200, description="The id of a rule.")]
Cursor = Annotated[str, QueryParameter(max_length=500, description="The `next` of the page before.")]
County = Annotated[str, QueryParameter(pattern=r"^(\d{6})?$", description="The code of a county.")]
