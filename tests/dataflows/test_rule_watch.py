"""Rule files under watch: a right book is given once, a wrong one never, and nothing is given again after a restart."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from pathlib import Path

import pytest
from small_city import make_rule

from alerts.detection import Shard
from alerts.failing import Failure, meaning_of
from alerts.model import Book
from connectors.metrics import Metrics
from connectors.registry import load_channels
from connectors.rulebook import read_rule
from dataflows.failing_rules import FailingRules
from dataflows.rule_watch import RuleBookSource, RuleWatch

RULE = """
apiVersion: rules/v1
id: my.{name}
version: 1
kind: threshold
status: {status}
title: {{zh: 试, en: try}}
owner: tests
runbook: rb/none
purpose: life-safety
channels: [police]
select: {{contact: {{action: [received]}}}}
key: [pair]
window: {{size: 1d}}
levels: [{{gte: {least}, level: blue}}]
tests:
  - {{name: quiet, events: [], expect: []}}
"""


class Files:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refused = 0
        self._stamp = 1_700_000_000

    def write(self, name: str, *, status: str = "live", least: int = 3, text: str | None = None) -> None:
        """A file with a time of its own, as an editor leaves one."""
        file = self.folder / f"{name}.yaml"
        file.write_text(RULE.format(name=name, status=status, least=least) if text is None else text, encoding="utf-8")
        self._stamp += 1
        os.utime(file, (self._stamp, self._stamp))

    def watch(self) -> RuleWatch:
        return RuleWatch([self.folder], load_channels(), self._refuse)

    def _refuse(self) -> None:
        self.refused += 1


@pytest.fixture
def files(tmp_path: Path) -> Files:
    found = Files(tmp_path)
    found.write("one")
    return found


def ids(book: Book | None) -> list[str]:
    return [] if book is None else [rule["id"] for rule in book.rules]


def test_a_book_is_given_once_and_again_when_it_is_another(files: Files) -> None:
    watch = files.watch()

    assert ids(watch.look()) == ["my.one"]
    assert watch.look() is None
    files.write("one")  # saved again, nothing changed
    assert watch.look() is None
    files.write("two")
    assert ids(watch.look()) == ["my.one", "my.two"]
    (files.folder / "one.yaml").unlink()
    assert ids(watch.look()) == ["my.two"]


def test_after_a_restart_the_same_book_is_not_given_again(files: Files) -> None:
    before = files.watch()
    before.look()
    watch = files.watch()
    watch.written = before.written

    assert watch.look() is None
    files.write("one", least=4)
    assert ids(watch.look()) == ["my.one"]


def test_a_book_with_a_fault_is_refused_whole_and_said_once(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    watch = files.watch()
    watch.look()
    files.write("one", least=5)
    files.write("two", text="apiVersion: rules/v1\nkimd: threshold\n")
    with caplog.at_level(logging.ERROR):
        assert watch.look() is None
        assert watch.look() is None

    assert files.refused == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"rule_book_refused a key of a rule must be known; got `kimd`; did you mean `kind` ({files.folder}/two.yaml:2)"
    ]
    files.write("two")
    assert ids(watch.look()) == ["my.one", "my.two"]


def test_a_folder_that_is_emptied_is_a_fault_and_no_end_of_all_rules(files: Files) -> None:
    watch = files.watch()
    watch.look()
    (files.folder / "one.yaml").unlink()

    assert watch.look() is None
    assert files.refused == 1


def test_a_rule_that_is_disabled_stands_in_the_book_as_such_and_tests_do_not(files: Files) -> None:
    files.write("two", status="disabled")
    book = files.watch().look()

    assert book is not None
    assert {rule["id"]: rule["status"] for rule in book.rules} == {"my.one": "live", "my.two": "disabled"}
    assert all(rule["tests"] == [] for rule in book.rules)


def failure(name: str, key: str | None, meaning: str) -> Failure:
    return Failure(f"my.{name}", meaning, 0, None if key is None else ("0", key), "ValueError", "alerts.kinds.count:1")


def meaning(files: Files, name: str) -> str:
    return meaning_of(read_rule(files.folder / f"{name}.yaml", load_channels()).rule)


def failing_watch(files: Files, failing: FailingRules) -> RuleWatch:
    return RuleWatch([files.folder], load_channels(), failing=failing)


def test_a_rule_whose_third_key_fails_is_left_out_of_the_book(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    files.write("two")
    metrics = Metrics()
    failing = FailingRules(metrics)
    watch = failing_watch(files, failing)
    watch.look()
    one = meaning(files, "one")

    failing.note([failure("one", "a", one), failure("one", "a", one), failure("one", "b", one)])
    assert watch.look() is None
    with caplog.at_level(logging.ERROR):
        failing.note([failure("one", "c", one)])
        assert ids(watch.look()) == ["my.two"]
        assert watch.look() is None

    said = [record.getMessage() for record in caplog.records]
    failed = "rule_failed rule=my.one error=ValueError place=alerts.kinds.count:1"
    assert said == [failed] * 3 + ["rule_switched_off rule=my.one failures=3"]  # no fourth line for one place
    assert metrics.value("anlan_rule_failed_state", rule="my.one") == 1
    assert metrics.value("anlan_rules_failed_total", rule="my.one") == 4


def test_a_rule_that_cannot_look_at_three_events_is_left_out(files: Files) -> None:
    files.write("two")
    failing = FailingRules(Metrics())
    watch = failing_watch(files, failing)
    watch.look()

    failing.note([failure("one", None, meaning(files, "one"))] * 3)

    assert ids(watch.look()) == ["my.two"]


@pytest.mark.parametrize("changes", [{"least": 4}, {"version": 2}], ids=["another meaning", "another version"])
def test_a_rule_that_is_switched_off_comes_back_when_it_is_mended(files: Files, changes: dict[str, int]) -> None:
    files.write("two")
    metrics = Metrics()
    failing = FailingRules(metrics)
    watch = failing_watch(files, failing)
    watch.look()
    failing.note([failure("one", None, meaning(files, "one"))] * 3)
    watch.look()

    files.write("one", least=changes.get("least", 3))
    if "version" in changes:
        text = (files.folder / "one.yaml").read_text(encoding="utf-8")
        files.write("one", text=text.replace("version: 1", "version: 2"))

    assert ids(watch.look()) == ["my.one", "my.two"]
    assert metrics.value("anlan_rule_failed_state", rule="my.one") == 0


def test_a_rule_that_is_switched_off_stays_out_over_a_restart_and_an_edit_of_its_words(files: Files) -> None:
    files.write("two")
    failing = FailingRules(Metrics())
    before = failing_watch(files, failing)
    before.look()
    failing.note([failure("one", None, meaning(files, "one"))] * 3)
    before.look()

    metrics = Metrics()
    watch = failing_watch(files, FailingRules(metrics))
    watch.resume(before.state())

    assert watch.look() is None
    assert metrics.value("anlan_rule_failed_state", rule="my.one") == 1
    text = (files.folder / "one.yaml").read_text(encoding="utf-8")
    files.write("one", text=text.replace("en: try", "en: another try"))
    assert watch.look() is None


def test_what_is_shut_out_in_a_shard_counts_after_a_restart() -> None:
    failing = FailingRules(Metrics())
    rule = make_rule()
    shard = Shard([rule])
    for key in "abc":
        shard.shut_out.add(0, ("0", key))

    failing.remember(shard)

    assert failing.given_up() == {rule.id: meaning_of(rule)}


def test_a_fault_before_the_first_book_writes_no_empty_one(files: Files) -> None:
    files.write("one", text="apiVersion: rules/v1\nkimd: threshold\n")
    failing = FailingRules(Metrics())
    watch = failing_watch(files, failing)

    failing.note([failure("one", None, "x")] * 3)

    assert watch.look() is None
    assert watch.look() is None


@pytest.mark.parametrize(("resumed", "log_has_book"), [("before", False), (None, True)], ids=["restart", "rebuild"])
def test_no_book_follows_another_while_it_is_held_and_it_comes_when_it_is_not(
    files: Files, resumed: str | None, log_has_book: bool
) -> None:
    held = [True]
    part = held_source(files, held, log_has_book).build_part("rule-books", "rules", resumed)
    assert part.next_batch() == part.next_batch() == []
    held[0] = False
    assert len(list(part.next_batch())) == 1


def test_the_first_book_of_a_log_is_not_held_and_the_next_one_is(files: Files) -> None:
    held = [True]
    part = held_source(files, held, False).build_part("rule-books", "rules", None)
    assert len(list(part.next_batch())) == 1
    files.write("two")
    assert part.next_batch() == []
    held[0] = False
    assert len(list(part.next_batch())) == 1


def held_source(files: Files, held: list[bool], log_has_book: bool) -> RuleBookSource:
    return RuleBookSource(
        [files.folder], load_channels(), every=timedelta(0), is_held=lambda: held[0], log_has_book=log_has_book
    )


def test_a_rule_that_cannot_run_here_refuses_the_book(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    unfit = [["`my.one` must run below"], []]
    watch = RuleWatch([files.folder], load_channels(), files._refuse, unfit=lambda rules: unfit.pop(0))

    assert watch.look() is None
    assert (files.refused, caplog.messages) == (1, ["rule_book_refused `my.one` must run below"])
    files.write("two")
    assert ids(watch.look()) == ["my.one", "my.two"]
