"""A flood in small: what is kept stays at its cap, and the pair that builds over five months is heard."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

CAP = 1_600


@pytest.fixture(scope="module")
def soak() -> ModuleType:
    """The script beside this file."""
    spec = importlib.util.spec_from_file_location("soak_script", Path(__file__).with_name("__main__.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("days", "shards"), [(30, 1), (200, 4)], ids=["in a month", "all the time"])
def test_a_flood_leaves_the_pair_that_builds_slowly(soak: ModuleType, days: int, shards: int) -> None:
    found = soak.collected(soak.soak(keys=8_000, days=days, max_keys=CAP, shards=shards, seed=1))

    assert found.slow_revisions[:1] == ["open"]
    for weight in found.weights:
        assert all(count <= CAP for count in weight.keys.values())
    last = found.weights[-1]
    assert last.evicted["soak.long"] > 6_000
    assert last.keys["soak.short"] + last.evicted["soak.short"] <= 8_001
