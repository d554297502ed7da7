from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dataflows.group.likeness import digest_of
from dataflows.settings import Settings

HERE = Settings(group_host="a", group_address="10.0.0.1", shards=8)


@pytest.mark.parametrize(
    "own",
    [
        {"group_host": "b"}, {"group_address": "10.0.0.2"}, {"group_port": 1}, {"group_processes": 2},
        {"metrics_port": 1}, {"keyring": "/other/keyring"}, {"kafka_password_file": "/other/password"},
    ],
    ids=lambda own: next(iter(own)),
)  # fmt: skip
def test_what_is_a_hosts_own_may_differ(own: dict[str, Any]) -> None:
    assert digest_of(msgspec.structs.replace(HERE, **own)) == digest_of(HERE)


@pytest.mark.parametrize(
    "shared", [{"shards": 4}, {"redis": "redis://elsewhere:6379/0"}, {"rules": ("x",)}, {"state": "/elsewhere"}],
    ids=lambda shared: next(iter(shared)),
)  # fmt: skip
def test_what_hosts_share_may_not(shared: dict[str, Any]) -> None:
    assert digest_of(msgspec.structs.replace(HERE, **shared)) != digest_of(HERE)
