"""The metrics keep their names, their labels and their page."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import pytest

from connectors.metrics import LABELS, Declared, Metrics, page, serve

DECLARED = Metrics().declared
UNITS = ("total", "seconds", "bytes", "count", "state", "number")


@pytest.mark.parametrize("metric", DECLARED, ids=lambda m: m.name)
def test_a_metric_has_a_past_verb_a_unit_and_a_sentence(metric: Declared) -> None:
    assert re.fullmatch(r"anlan(_[a-z]+)+", metric.name)
    assert metric.name.endswith(UNITS)
    assert metric.name.endswith("_total") == (metric.type == "counter")
    assert metric.meaning.endswith(".")


@pytest.mark.parametrize("metric", DECLARED, ids=lambda m: m.name)
def test_labels_come_from_the_fixed_list(metric: Declared) -> None:
    assert set(metric.labels) <= set(LABELS)


def test_every_label_is_used() -> None:
    assert {label for metric in DECLARED for label in metric.labels} == set(LABELS)


def test_names_are_what_prometheus_shows() -> None:
    shown = set(re.findall(r"^# TYPE (\S+) ", Metrics().text(), flags=re.MULTILINE))

    assert {m.name for m in DECLARED} <= shown


def test_what_on_call_watches_is_shown_before_anything_is_counted() -> None:
    metrics = Metrics()
    assert "anlan_events_dead_lettered_total{" not in metrics.text()

    metrics.count_from_zero(["police"], ["rc.repeat-contact"])

    shown = metrics.text()
    assert 'anlan_events_received_total{channel="police"} 0.0' in shown
    assert 'anlan_events_dead_lettered_total{channel="unknown",reason="bad_json"} 0.0' in shown
    assert 'anlan_events_late_total{channel="police",rule="rc.repeat-contact"} 0.0' in shown
    assert 'anlan_caps_exceeded_total{rule="rc.repeat-contact"} 0.0' in shown
    assert 'anlan_alert_published_seconds_count{rule="rc.repeat-contact"} 0.0' in shown


def test_two_registries_do_not_meet() -> None:
    one, other = Metrics(), Metrics()

    one.events_received.labels("police").inc(3)

    assert one.value("anlan_events_received_total", channel="police") == 3
    assert other.value("anlan_events_received_total", channel="police") == 0


def test_the_page_says_what_the_code_declares() -> None:
    docs = Path(__file__).parents[2] / "docs" / "metrics.md"

    assert docs.read_text(encoding="utf-8") == page()


def test_the_door_answers_prometheus_on_this_machine_only() -> None:
    metrics = Metrics()
    metrics.ticks_written.inc()
    door = serve(metrics, port=0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{door.port}/metrics") as answer:
            text = answer.read().decode()
    finally:
        door.close()

    assert "anlan_ticks_written_total 1.0" in text
