"""Rules that raise: noted by the steps of detection, given up by whoever watches the rule files."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from alerts.detection import Shard
from alerts.failing import Failure, meaning_of
from connectors.metrics import Metrics

_log = logging.getLogger("anlan.rules")

FAILURES_AT_MOST = 3  # so many keys of a rule, or so many events that it could not look at
SAID_AT_MOST = 3  # log lines for each place where a rule raises


class FailingRules:
    """How often each rule has failed under one meaning; a mended rule begins at nothing.

    The keys that are shut out are part of the state of the shards, so a restart does not forget them. The events
    that a rule could not look at are counted since the start.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._failed: dict[tuple[str, str], set[Any]] = {}
        self._said: dict[tuple[str, str], int] = {}

    def note(self, failures: Iterable[Failure]) -> None:
        """These have happened just now."""
        found = list(failures)
        self.tell(found)
        self.count(found)

    def tell(self, failures: Iterable[Failure]) -> None:
        """Say that these have happened, in the process in which they have."""
        for failure in failures:
            self._metrics.rules_failed.labels(failure.rule).inc()
            self._say(failure)

    def count(self, failures: Iterable[Failure]) -> None:
        """Count these towards giving a rule up, in the process that watches the rule files."""
        for failure in failures:
            found = self._failed.setdefault((failure.rule, failure.meaning), set())
            if failure.key is not None or len(found) < FAILURES_AT_MOST:
                found.add(failure.key or len(found))

    def remember(self, shard: Shard) -> None:
        """What is shut out in a shard has failed, in this life or in an earlier one."""
        for number, keys in shard.shut_out.keys.items():
            rule = shard.rules[number]
            self._failed.setdefault((rule.id, meaning_of(rule)), set()).update(keys)

    def given_up(self) -> dict[str, str]:
        """The rules that have failed too often, each with the meaning under which it did."""
        return {rule: meaning for (rule, meaning), found in self._failed.items() if len(found) >= FAILURES_AT_MOST}

    def switched(self, before: Mapping[str, str], now: Mapping[str, str]) -> None:
        """These rules are out of the book now, and those were before."""
        for rule in {*before, *now}:
            self._metrics.rule_failed.labels(rule).set(rule in now)
        for rule in sorted(now.keys() - before.keys()):
            failures = len(self._failed.get((rule, now[rule]), ()))
            _log.error("rule_switched_off rule=%s failures=%d", rule, failures)
        for rule in sorted(before.keys() - now.keys()):
            _log.info("rule_switched_on rule=%s", rule)

    def _say(self, failure: Failure) -> None:
        """One line, without the words of the exception: they may be those of a person."""
        where = (failure.rule, failure.place)
        self._said[where] = self._said.get(where, 0) + 1
        if self._said[where] <= SAID_AT_MOST:
            _log.error("rule_failed rule=%s error=%s place=%s", failure.rule, failure.error, failure.place)
