"""What a channel is."""

from __future__ import annotations

import pytest

from alerts.channel import Channel
from alerts.model import Text


def test_a_channel_cannot_be_changed() -> None:
    channel = Channel("police", Text("公安110", "Police 110"), 2, 1, 2)

    with pytest.raises(AttributeError):
        channel.rank = 3
