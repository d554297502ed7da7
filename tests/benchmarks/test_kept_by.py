"""The forms whose memory is compared keep all events of the day, and say when they do."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.crowd import crowd
from benchmarks.kept_by import FORMS

LINES = msgspec.json.Encoder().encode_lines(list(crowd(20, 60, 80))).splitlines()


@pytest.mark.parametrize("form", list(FORMS))
def test_a_form_takes_every_line_before_it_says_that_it_is_full(form: str) -> None:
    lines = iter(LINES)
    left: list[int] = []

    FORMS[form](lines, lambda: left.append(len(list(lines))))

    assert left == [0]
