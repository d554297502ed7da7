"""The routing file of an installation, read from YAML and held against the calendars."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from alerts.calendar import Calendar
from alerts.desk.routing import Routing
from alerts.desk.routing_file import RoutingFile, read_routing
from connectors.yaml_file import YamlError, load

ROUTING_FILE = Path(__file__).parent.parent / "alerts" / "desk" / "routing.yaml"


class RoutingError(ValueError):
    """A routing file that cannot be used; the sentence names it and what is wrong."""


def load_routing(path: Path | str, calendars: Mapping[str, Calendar]) -> RoutingFile:
    """The routing of a file. Raises `RoutingError`."""
    try:
        file = read_routing(load(Path(path)).data)
        Routing(file, calendars)
    except (YamlError, OSError, ValueError) as error:
        said = str(error)
        raise RoutingError(said if str(path) in said else f"{said} ({path})") from None
    return file
