"""A small desk: five levels that are told, one chain for red alerts, and a supervisor who may do everything."""

from __future__ import annotations

from typing import Any

from alerts.desk.routing_file import RoutingFile, read_routing

GRID = "62010200100101"  # county 620102, township 620102001, village 620102001001
LIFE = {"quiet_close": "3d", "reopen_within": "2d", "min_gap": "1m", "max_gap": "1m", "max_quiet_update": "1h"}
STEPS = [{"to": "grid"}, {"to": "village", "after": "10m"}, {"to": "township", "after": "20m"},
         {"to": "county", "after": "40m"}, {"to": "city", "after": "60m"}]  # fmt: skip
LEVELS = {"grid": ["grid.officer"], "village": ["duty.village"], "township": ["duty.street"], "county": ["duty.county"],
          "city": ["duty.city"]}  # fmt: skip
MAY = ["ack", "unack", "assign", "note", "close", "reopen", "show", "silence", "unsilence", "supervise", "answer",
       "mute_level_rise", "reveal", "merge", "split"]  # fmt: skip


def routing(**parts: Any) -> RoutingFile:
    """Red climbs, the rest does not; a supervisor may do everything."""
    return read_routing(
        {
            "apiVersion": "routing/v1", "levels": LEVELS,
            "chains": {"urgent": {"steps": STEPS, "horizon": "1d"}},
            "routes": [{"match": {"level": ["red"]}, "chain": "urgent"}],
            "roles": {"supervisor": {"may": MAY, "ack_for": "1d", "silence_for": "7d"},
                      "duty": {"may": ["ack", "close", "silence", "unsilence"], "ack_for": "8h", "silence_for": "1d"}},
            **parts,
        }
    )  # fmt: skip


INHIBIT = [{"name": "red", "source": {"level": ["red"]}, "target": {"level": ["blue"]}, "equal": ["key"]}]
