"""What the hosts of a group must have in common, in words short enough for a beat."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

import msgspec

from dataflows.settings import Settings

OWN = ("group_host", "group_processes", "keyring")  # of each host, as are places on its disk and in its network
OWN_ENDINGS = ("_address", "_port", "_file", "_key", "_certificate")


def release() -> str:
    """The release that runs here."""
    return version("anlan")


def digest_of(settings: Settings) -> str:
    """The same where all settings are that hosts share."""
    shared = {
        name: getattr(settings, name)
        for name in Settings.__struct_fields__
        if name not in OWN and not name.endswith(OWN_ENDINGS)
    }
    return hashlib.sha256(msgspec.json.encode(shared)).hexdigest()[:12]
