"""The Chinese names of subcategories."""

from __future__ import annotations

from alerts.model import DISPUTE_CLASSES
from alerts.topics import TOPICS_ZH, topic
from dataflows.city.kinds import KINDS


def test_every_class_of_disputes_has_a_chinese_name() -> None:
    assert set(DISPUTE_CLASSES) <= set(TOPICS_ZH)


def test_what_the_simulated_city_tells_of_has_a_chinese_name() -> None:
    told = {kind.subcategory for kind in KINDS.values() if kind.category != "suggestion"}

    assert told - set(TOPICS_ZH) == set()


def test_a_topic_that_is_not_known_stands_for_itself() -> None:
    assert (topic("noodle"), topic(None)) == ("noodle", "")
