"""The ports of a host that shares the flow with others."""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Iterator

from dataflows.doctor.line import Line, attention, broken, ok
from dataflows.group.roster import PORTS
from dataflows.settings import Settings

NAMED = ("group_port", "group_metrics_port", "http_port", "api_port", "api_metrics_port")


def look_at_ports(settings: Settings) -> Iterator[Line]:
    """Whether two doors of ours want the same one, and whether the address is ours."""
    yield from _twice(settings)
    yield _address(settings)


def _twice(settings: Settings) -> Iterator[Line]:
    wanted: dict[int, list[str]] = defaultdict(list)
    for name in NAMED:
        wanted[getattr(settings, name)].append(f"`{name}`")
    for process in range(settings.group_processes):
        wanted[settings.metrics_port + process].append(f"the metrics of process {process + 1}")
    for port, names in sorted(wanted.items()):
        if port and settings.group_port < port <= settings.group_port + PORTS:
            names = [*names, "the hundred behind `group_port`"]
        if port and len(names) > 1:
            says = f"{port} is wanted twice: {' and '.join(names)}"
            yield attention("ports", says, "set another port for one of them")


def _address(settings: Settings) -> Line:
    if why := _refused(settings.group_address, 0):
        return broken(
            "ports",
            f"`group_address` must be an address of this host; got `{why}` ({settings.group_address})",
            "set it to the address at which the other hosts reach this one",
        )
    return ok("ports", f"other hosts are answered at {settings.group_address}")


def look_at_free(settings: Settings) -> Iterator[Line]:
    """Whether `anlan group` would have its ports; only for a host on which it does not run."""
    for name in ("group_port", "group_metrics_port", "metrics_port"):
        address = settings.group_address if name == "group_port" else settings.metrics_address
        if why := _refused(address, port := getattr(settings, name)):
            yield broken(
                f"`{name}`",
                f"must be free; got `{why}` ({address}:{port})",
                f"`ss -ltnp sport = {port}` tells who has it",
            )


def _refused(address: str, port: int) -> str:
    """Why no door can be opened there; empty where one can."""
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((address, port))
            door.listen()
        except OSError as error:
            return error.strerror or str(error)
    return ""
