"""Several hosts, really: in network namespaces, cut off and killed while a city's reports come in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.hosts import a_load, short_plan
from tests.faults.network import Network
from tests.faults.trial import Trial, table
from tests.support.tools import skip_or_fail

REQUIRED = "ANLAN_REQUIRE_NAMESPACES"

pytestmark = [pytest.mark.integration, pytest.mark.timeout(280)]


def test_a_group_of_hosts_says_what_one_process_says_though_hosts_are_cut_off_killed_and_brought_back(
    tmp_path: Path,
) -> None:
    if why := Network.missing():
        skip_or_fail(why, REQUIRED)
    trial = Trial(short_plan(), a_load(seed=9, rate=20.0), tmp_path, print, is_apache=False)

    outcome = trial.run()

    print(table(trial.felt))
    assert outcome.losses == []
    assert outcome.strong_equal
    assert outcome.weak_equal
    assert outcome.revisions > 50
    assert outcome.lives >= len(short_plan()) + 1
