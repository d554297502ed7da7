"""Programs that some tests need and that no wheel carries."""

from __future__ import annotations

import os
import shutil

import pytest


def need(program: str, hint: str) -> str:
    """The path of a program. Where it is missing the test is skipped, or fails with `ANLAN_REQUIRE_TOOLS=1`."""
    found = shutil.which(program)
    if found is not None:
        return found
    sentence = f"`{program}` must be installed; got no such program; {hint}"
    if os.environ.get("ANLAN_REQUIRE_TOOLS") == "1":
        pytest.fail(sentence)
    pytest.skip(sentence)
