"""Every benchmark of the catalogue can be run by its name."""

from __future__ import annotations

import pytest

from benchmarks.catalogue import MODULES, benchmark


@pytest.mark.parametrize("name", MODULES)
def test_a_benchmark_has_a_title_and_can_be_run(name: str) -> None:
    found = benchmark(name)

    assert found.title
    assert callable(found.run)
