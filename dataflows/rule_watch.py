"""Rules are edited while the flow runs: their files are watched, and a book that is right is written into the log."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Flag
from typing import Any

import msgspec
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from alerts.channel import Channel
from alerts.model import Book
from alerts.rule_book import without_tests
from connectors.rulebook import RulebookError, find_rule_files, read_rulebook

EVERY_SECOND = timedelta(seconds=1)

_log = logging.getLogger("anlan.rules")


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
    ) -> None:
        """`refused` is called for each book that is not taken."""
        self._watch = RuleWatch(paths, channels, refused)
        self._stop = stop or Flag()
        self._every = every

    def list_parts(self) -> list[str]:
        """One partition: there is one book."""
        return ["rules"]

    def build_part(self, step_id: str, for_part: str, resume_state: str | None) -> _RuleBookPart:
        """`resume_state` names the book that was written last."""
        self._watch.written = resume_state or ""
        return _RuleBookPart(self._watch, self._stop, self._every)


class _RuleBookPart(StatefulSourcePartition[Book, str]):
    def __init__(self, watch: RuleWatch, stop: Flag, every: timedelta) -> None:
        self._watch = watch
        self._stop = stop
        self._every = every
        self._look_at = datetime.now(UTC)

    def next_batch(self) -> list[Book]:
        if self._stop.is_set():
            raise StopIteration
        now = datetime.now(UTC)
        if now < self._look_at:
            return []
        self._look_at = now + self._every
        book = self._watch.look()
        return [] if book is None else [book]

    def next_awake(self) -> datetime:
        # never far away: an engine step that sleeps holds up everybody's snapshot
        return datetime.now(UTC) + timedelta(milliseconds=20)

    def snapshot(self) -> str:
        return self._watch.written


class RuleWatch:
    """Looks at rule files and says when they have become another book."""

    def __init__(
        self, paths: Sequence[Path | str], channels: Mapping[str, Channel], refused: Callable[[], None] = lambda: None
    ) -> None:
        self.written = ""  # the digest of the book that was given last
        self._paths = paths
        self._channels = channels
        self._refused = refused
        self._seen: Any = None

    def look(self) -> Book | None:
        """The book, if it is another one than the last and nothing is wrong with it."""
        stamps: list[Any]
        try:
            stamps = [
                (str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in find_rule_files(self._paths)
            ]
        except (OSError, RulebookError) as error:
            stamps = [str(error)]
        if stamps == self._seen:
            return None
        self._seen = stamps
        return self._read()

    def _read(self) -> Book | None:
        try:
            found = read_rulebook(self._paths, self._channels)
            failures = found.failures
        except (OSError, RulebookError) as error:
            failures = [str(error)]
        if failures:
            for failure in failures:
                _log.error("rule_book_refused %s", failure)
            self._refused()
            return None
        rules: tuple[dict[str, Any], ...] = tuple(
            msgspec.to_builtins(without_tests(rule.spec)) for rule in (*found.rules, *found.left_out)
        )
        digest = hashlib.sha256(msgspec.json.encode(rules, order="deterministic")).hexdigest()[:16]
        if digest == self.written:
            return None
        self.written = digest
        _log.info("rule_book_written digest=%s rules=%d", digest, len(found.rules))
        return Book(0, rules)
