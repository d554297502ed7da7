"""What people type into an action: ids stay as they are, and nobody's number goes out."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from alerts.model import Matchers, Silencing
from dataflows.api.problem import RefusedError
from dataflows.api.safe_words import safe_words


def test_the_ids_of_alerts_stay_as_they_are() -> None:
    ids = [str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))) for number in range(20_000)]

    assert [safe_words({"alert_id": each, "of": each})["alert_id"] for each in ids] == ids


@pytest.mark.parametrize("word", ["13812345678", "call-13812345678", "手机13812345678", "联系电话 0931-8412345"])
def test_what_is_no_id_loses_what_names_a_person(word: str) -> None:
    found = safe_words({"alert_id": word, "of": word, "why": word})

    assert not any(digits in "".join(found.values()) for digits in ("13812345678", "8412345"))


def test_nor_does_a_number_go_out_as_a_matter_or_an_event() -> None:
    found = safe_words({"matter": "13812345678", "into": "13812345678号", "events": ["e1", "13812345678"], "why": "x"})

    assert "13812345678" not in str(found)
    assert found["events"][0] == "e1"


def test_words_that_name_nobody_stay() -> None:
    values = {
        "alert_id": "预警一号",
        "assigned_to": "靖远路街道",
        "token": "k1:bcdfghjkmnprstvzbcdf",
        "why": "双方已见面",
        "matter": "兰信访〔2026〕8412345号",
        "events": ("12345-2026-8412345",),
    }

    assert safe_words(values) == values


@pytest.mark.parametrize(
    "values",
    [
        {"action_id": "call-13812345678"},
        {"assigned_to": "13812345678"},
        {"token": "13812345678"},
        {"silence": Silencing(Matchers(key={"pair": "13812345678"}))},
        {"silence": Silencing(Matchers(key={"13812345678": "x"}))},
    ],
    ids=["action_id", "assigned_to", "token", "a key", "the name of a key"],
)
def test_who_chooses_a_word_is_asked_for_another(values: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="must not hold what names a person; got a number like that; use ") as said:
        safe_words(values)

    assert said.value.status == 400
    assert "13812345678" not in str(said.value)
