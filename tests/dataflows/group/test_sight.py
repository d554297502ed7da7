from __future__ import annotations

import socket

import pytest
from live_flow import wait_until

from connectors.child_server import free_ports
from dataflows.group.sight import Sight
from dataflows.settings import SettingsError

NEAR = "127.0.0.1"


def test_a_host_is_seen_while_its_door_answers_and_unseen_some_time_after() -> None:
    ours, theirs = free_ports(2)
    with Sight(NEAR, ours, 0.5) as sight:
        with Sight(NEAR, theirs, 0.5) as other:
            sight.look_for({"other": (NEAR, theirs), "nobody": (NEAR, 9)})
            other.look_for({"us": (NEAR, ours)})
            wait_until(lambda: sight.unseen() == ("nobody",), "who does not answer must be unseen")
            assert other.unseen() == ()

        wait_until(lambda: sight.unseen() == ("nobody", "other"), "a door that is closed must be noticed")


def test_a_host_that_is_not_looked_for_any_more_is_not_unseen() -> None:
    (ours,) = free_ports(1)
    with Sight(NEAR, ours, 0.2) as sight:
        sight.look_for({"nobody": (NEAR, 9)})
        wait_until(lambda: sight.unseen() == ("nobody",), "who does not answer must be unseen")

        sight.look_for({})

        assert sight.unseen() == ()


def test_an_address_that_is_taken_is_said() -> None:
    with socket.create_server((NEAR, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"`group_address` and `group_port` must be .*in use.* \(.*:{port}\)"):
            Sight(NEAR, port, 1.0)
