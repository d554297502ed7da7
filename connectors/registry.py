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
_OPTIONAL = ("short",)


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
    document.check_keys(entry, (*_KEYS, *_OPTIONAL), where)
    for key in _KEYS:
        if entry.get(key) is None:
            raise document.refuse(f"channel `{name}` must have `{key}`; got nothing", where)
    rank = entry["rank"]
    if type(rank) is not int or not 1 <= rank <= 9:
        raise document.refuse(f"`rank` of channel `{name}` must be 1 to 9; got `{rank}`", (*where, "rank"))
    return Channel(
        id=name,
        label=_words(document, name, entry, "label"),
        rank=rank,
        lateness_us=_duration(document, entry["lateness"], (*where, "lateness")),
        idle_us=_duration(document, entry["idle"], (*where, "idle")),
        short=_words(document, name, entry, "short") if "short" in entry else None,
    )


def _words(document: Document, channel: str, entry: Any, key: str) -> Text:
    where = ("channels", channel)
    words = entry[key]
    document.check_keys(words, ("zh", "en"), (*where, key))
    if not (words.get("zh") and words.get("en")):
        raise document.refuse(f"`{key}` of channel `{channel}` must have zh and en; got `{words}`", where)
    return Text(zh=str(words["zh"]), en=str(words["en"]))


def _duration(document: Document, text: Any, where: Where) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise document.refuse(str(error), where) from None
