"""A subscriber of the feeds for tests: its records are revisions."""

from __future__ import annotations

from typing import Any

import msgspec

from alerts.model import Revision
from connectors.subscriber import Subscriber


def revision_reader(url: str, county: str = "", **options: Any) -> Subscriber:
    """A subscriber that gives revisions instead of JSON."""
    return Subscriber(url, county, decode=msgspec.json.Decoder(Revision).decode, **options)
