"""What roles may do, as the routing says: for answers that need no desk. The desk asks again."""

from __future__ import annotations

from pathlib import Path

from alerts.desk.routing import NO_POWERS, Routing
from connectors import routing_file
from connectors.calendars import load_calendars


def load_routing(path: Path | str = "") -> Routing:
    """The routing of a file, or the shipped one. Raises `RoutingError` with what is wrong."""
    calendars = load_calendars()
    return Routing(routing_file.load_routing(path or routing_file.ROUTING_FILE, calendars), calendars)


def require_role(routing: Routing, role: str) -> None:
    """Raise `ValueError` for a role that the routing does not know."""
    if routing.powers(role) is NO_POWERS:
        known = ", ".join(sorted(routing.file.roles))
        raise ValueError(
            f"role must be one of the routing, or begin with one and a dot; got `{role}`; there are: {known}"
        )
