"""The registry of channels: one YAML file, read once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alerts.channel import Channel
from alerts.duration import parse_duration
from alerts.model import Text
from connectors.yaml_file import Document, Where, load

CHANNELS_FILE = Path(__file__).parent.parent / "alerts" / "channels.yaml"
_KEYS = ("label", "rank", "lateness", "idle")


def load_channels(path: Path | str = CHANNELS_FILE) -> dict[str, Channel]:
    """All registered channels by id; raises a sentence with file and line when the registry is wrong."""
    document = load(path)
    document.check_keys(document.data, ("apiVersion", "channels"))
    if document.data.get("apiVersion") != "channels/v1":
        got = document.data.get("apiVersion")
        raise document.refuse(f"`apiVersion` must be `channels/v1`; got `{got}`", ("apiVersion",))
    entries = document.data.get("channels")
    if not isinstance(entries, dict) or not entries:
        raise document.refuse("`channels` must be a map with at least one channel; got none", ("channels",))
    return {name: _channel(document, name, entry) for name, entry in entries.items()}


def _channel(document: Document, name: str, entry: Any) -> Channel:
    where = ("channels", name)
    document.check_keys(entry, _KEYS, where)
    for key in _KEYS:
        if entry.get(key) is None:
            raise document.refuse(f"channel `{name}` must have `{key}`; got nothing", where)
    label = entry["label"]
    document.check_keys(label, ("zh", "en"), (*where, "label"))
    if not (label.get("zh") and label.get("en")):
        raise document.refuse(f"`label` of channel `{name}` must have zh and en; got `{label}`", where)
    rank = entry["rank"]
    if type(rank) is not int or not 1 <= rank <= 9:
        raise document.refuse(f"`rank` of channel `{name}` must be 1 to 9; got `{rank}`", (*where, "rank"))
    return Channel(
        id=name,
        label=Text(zh=str(label["zh"]), en=str(label["en"])),
        rank=rank,
        lateness_us=_duration(document, entry["lateness"], (*where, "lateness")),
        idle_us=_duration(document, entry["idle"], (*where, "idle")),
    )


def _duration(document: Document, text: Any, where: Where) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise document.refuse(str(error), where) from None
