from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from alerts.publishing import Published
from alerts.rule_book import RuleBook
from connectors.calendars import load_calendars
from connectors.registry import load_channels
from connectors.routing_file import ROUTING_FILE, load_routing
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.beginning import Begun
from dataflows.group.leash import Leash
from dataflows.group.process import begin_together, require_free, tell_others
from dataflows.log_replay import FirstBook
from dataflows.place import Place, front_of
from dataflows.settings import Settings, SettingsError
from dataflows.start import Start


class Unleashed(Leash):
    """May go at once."""

    def __init__(self) -> None:
        pass

    def wait(self) -> None:
        pass


def test_the_others_go_on_from_what_the_front_has_found(tmp_path: Path) -> None:
    rules = RuleBook(tuple(rule.spec for rule in load_rules([RULES_FOLDER], load_channels())))
    book = FirstBook(rules, load_routing(ROUTING_FILE, load_calendars()))
    tell_others(Begun(tmp_path, Start(False), 6), 2)
    found = Begun(tmp_path, Start(True, 5, 3, book, Published(8, 4, {"a": (1, "x")})), 7)
    tell_others(found, 3)
    other = Place(3, 1 - front_of(2), ("a:1", "b:2"))

    with begin_together(other, Unleashed(), Settings(state=str(tmp_path))) as begun:
        assert begun == found
        with pytest.raises(SettingsError, match="`state` must belong to one flow"):
            require_free(Settings(state=str(tmp_path)), tmp_path)
    require_free(Settings(state=str(tmp_path)), tmp_path)


def test_a_state_that_a_process_of_an_earlier_life_has_is_refused(tmp_path: Path) -> None:
    settings = Settings(state=str(tmp_path))
    (tmp_path / "lock-1").touch()
    (tmp_path / "lock-2").touch()
    require_free(settings, tmp_path)

    with (tmp_path / "lock-2").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SettingsError, match="`state` must belong to one flow"):
            require_free(settings, tmp_path)
