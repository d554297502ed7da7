"""How each department writes a contact, a step and a heartbeat into its own export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from dataflows.city.exports import court, grid, hotline, petition, platform, police, superior, walkin
from dataflows.city.report import Pulse, Report, Step

Row = dict[str, Any]


class Export(NamedTuple):
    """The three things that a department's export can say."""

    contact: Callable[[Report], Row]
    step: Callable[[Step], Row]
    pulse: Callable[[Pulse], Row]


_PLATFORM = Export(platform.contact, platform.step, platform.pulse)
EXPORTS = {
    "police": Export(police.contact, police.step, police.pulse),
    "hotline": Export(hotline.contact, hotline.step, hotline.pulse),
    "petition": Export(petition.contact, petition.step, petition.pulse),
    "grid": Export(grid.contact, grid.step, grid.pulse),
    "court": Export(court.contact, court.step, court.pulse),
    "helpdesk": _PLATFORM,
    "superior": Export(superior.contact, superior.step, superior.pulse),
    "walkin": Export(walkin.contact, walkin.step, walkin.pulse),
    "online": _PLATFORM,
    "resident": _PLATFORM,
}


def write(told: Report | Step | Pulse) -> Row:
    """The raw row in the department's own columns."""
    export = EXPORTS[told.channel]
    if type(told) is Step:
        return export.step(told)
    if type(told) is Report:
        return export.contact(told)
    assert type(told) is Pulse
    return export.pulse(told)
