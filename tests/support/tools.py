"""Programs that some tests need and that no wheel carries."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def need(program: str, hint: str) -> str:
    """The path of a program. Where it is missing the test is skipped, or fails with `ANLAN_REQUIRE_TOOLS=1`."""
    found = shutil.which(program)
    if found is None:
        skip_or_fail(f"`{program}` must be installed; got no such program; {hint}", "ANLAN_REQUIRE_TOOLS")
    return found


def skip_or_fail(why: str, required: str) -> NoReturn:
    """Skip the test for this reason; fail it where the variable `required` says that it must run."""
    if os.environ.get(required) == "1":
        pytest.fail(why)
    pytest.skip(why)
