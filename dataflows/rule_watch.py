"""Rules and routing are edited while the flow runs: a book that is right is written into the log."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Flag
from typing import Any, Protocol

import msgspec
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from alerts.channel import Channel
from alerts.failing import meaning_of
from alerts.model import Book
from alerts.rule import Rule
from alerts.rule_book import without_tests
from connectors.calendars import load_calendars
from connectors.routing_file import RoutingError, load_routing
from connectors.rulebook import RUNNING, RulebookError, find_rule_files, read_rulebook

EVERY_SECOND = timedelta(seconds=1)

_log = logging.getLogger("anlan.rules")


Unfit = Callable[[Sequence[Rule]], list[str]]  # a sentence for each rule that cannot run here


class Failing(Protocol):
    """Knows which rules have raised too often."""

    def given_up(self) -> Mapping[str, str]:
        """The rules that must be switched off, each with the meaning under which it has failed."""

    def switched(self, before: Mapping[str, str], now: Mapping[str, str]) -> None:
        """These rules are out of the book now, and those were before."""


class RuleBookSource(FixedPartitionedSource[Book, str]):
    """The rule book each time that its files change into another one that is right, and once at the first start.

    A book with anything wrong in it is refused whole: each fault is logged once with its file and line, and the
    rules go on as they are.

    Parallel by: nothing; one partition `rules`.
    Delivery: at least once; a book that comes twice changes nothing.
    On failure: cannot fail; files that cannot be read are faults of the book.
    """

    def __init__(
        self,
        paths: Sequence[Path | str],
        channels: Mapping[str, Channel],
        stop: Flag | None = None,
        every: timedelta = EVERY_SECOND,
        refused: Callable[[], None] = lambda: None,
        failing: Failing | None = None,
        is_held: Callable[[], bool] = lambda: False,
        routing: Path | str | None = None,
        unfit: Unfit = lambda rules: [],
        log_has_book: bool = False,
    ) -> None:
        """`refused` is called for each book that is not taken; `failing` knows which rules have raised too often.
        The file of the `routing` is a part of the book. `unfit` says which rules cannot run here.

        While `is_held` says so no book follows another: a rule that begins needs its past, and everything behind a
        book would wait for it. The first one of a log begins none, so that it is what a rebuild begins with.
        """
        self._is_held = is_held
        self._log_has_book = log_has_book
        self._watch = RuleWatch(paths, channels, refused, failing, routing, unfit)
        self._stop = stop or Flag()
        self._every = every

    def list_parts(self) -> list[str]:
        """One partition: there is one book."""
        return ["rules"]

    def build_part(self, step_id: str, for_part: str, resume_state: str | None) -> _RuleBookPart:
        """`resume_state` names the book that was written last, and the rules that were left out of it."""
        self._watch.resume(resume_state or "")
        return _RuleBookPart(self._watch, self._stop, self._every, self._is_held, self._log_has_book)


class _RuleBookPart(StatefulSourcePartition[Book, str]):
    def __init__(
        self, watch: RuleWatch, stop: Flag, every: timedelta, is_held: Callable[[], bool], log_has_book: bool
    ) -> None:
        self._is_held = is_held
        self._log_has_book = log_has_book
        self._watch = watch
        self._stop = stop
        self._every = every
        self._look_at = datetime.now(UTC)

    def next_batch(self) -> list[Book]:
        if self._stop.is_set():
            raise StopIteration
        now = datetime.now(UTC)
        has_book = self._log_has_book or bool(self._watch.written)
        if now < self._look_at or (has_book and self._is_held()):
            return []
        self._look_at = now + self._every
        book = self._watch.look()
        return [] if book is None else [book]

    def next_awake(self) -> datetime:
        # never far away: an engine step that sleeps holds up everybody's snapshot
        return datetime.now(UTC) + timedelta(milliseconds=20)

    def snapshot(self) -> str:
        return self._watch.state()


class RuleWatch:
    """Looks at rule files and says when they have become another book.

    A rule that has raised too often is left out of the book until its author has changed its meaning or its version.
    """

    def __init__(
        self,
        paths: Sequence[Path | str],
        channels: Mapping[str, Channel],
        refused: Callable[[], None] = lambda: None,
        failing: Failing | None = None,
        routing: Path | str | None = None,
        unfit: Unfit = lambda rules: [],
    ) -> None:
        self.written = ""  # the digest of the book that was given last
        self._paths = paths
        self._channels = channels
        self._refused = refused
        self._unfit = unfit
        self._failing = failing
        self._routing_file = routing
        self._routing: dict[str, Any] = {}  # as it was read last
        self._off: dict[str, str] = {}  # the meaning of each rule that is switched off
        self._rules: list[Rule] = []  # of the files as they were read last
        self._seen: Any = None

    def state(self) -> str:
        """What a restart has to know."""
        return json.dumps({"written": self.written, "off": self._off}, sort_keys=True) if self._off else self.written

    def resume(self, state: str) -> None:
        """Go on from what `state` gave."""
        found: dict[str, Any] = json.loads(state) if state.startswith("{") else {"written": state, "off": {}}
        self.written = found["written"]
        self._switch(found["off"])

    def look(self) -> Book | None:
        """The book, if it is another one than the last and nothing is wrong with it."""
        stamps: list[Any]
        try:
            files = find_rule_files(self._paths)
            files += [] if self._routing_file is None else [Path(self._routing_file)]
            stamps = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
        except (OSError, RulebookError) as error:
            stamps = [str(error)]
        if stamps != self._seen:
            self._seen = stamps
            if not self._read():
                return None
        elif not self._is_outdated():
            return None
        return self._book()

    def _read(self) -> bool:
        try:
            found = read_rulebook(self._paths, self._channels)
            failures = found.failures + self._unfit(found.rules)
            routing = self._read_routing()
        except (OSError, RulebookError, RoutingError) as error:
            failures = [str(error)]
        if failures:
            for failure in failures:
                _log.error("rule_book_refused %s", failure)
            self._refused()
            return False
        self._rules = [*found.rules, *found.left_out]
        self._routing = routing
        return True

    def _read_routing(self) -> dict[str, Any]:
        if self._routing_file is None:
            return {}
        file: dict[str, Any] = msgspec.to_builtins(load_routing(self._routing_file, load_calendars()))
        return file

    def _is_outdated(self) -> bool:
        """Has a rule failed too often since the files were looked at?"""
        return bool(self._rules) and self._wanted_off() != self._off

    def _wanted_off(self) -> dict[str, str]:
        """The rules that stay out: those that have failed and still mean the same."""
        failed = {**self._off, **(self._failing.given_up() if self._failing else {})}
        meant = {rule.id: meaning_of(rule) for rule in self._rules}
        return {rule: meaning for rule, meaning in failed.items() if meant.get(rule, meaning) == meaning}

    def _switch(self, off: dict[str, str]) -> None:
        if self._failing is not None:
            self._failing.switched(self._off, off)
        self._off = off

    def _book(self) -> Book | None:
        self._switch(self._wanted_off())
        running = [rule for rule in self._rules if rule.id not in self._off]
        rules: tuple[dict[str, Any], ...] = tuple(msgspec.to_builtins(without_tests(rule.spec)) for rule in running)
        said: Any = [rules, self._routing] if self._routing else rules
        digest = hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()[:16]
        if digest == self.written:
            return None
        self.written = digest
        _log.info("rule_book_written digest=%s rules=%d", digest, sum(rule.spec.status in RUNNING for rule in running))
        return Book(0, rules, self._routing)
