"""The files of the board as they are sent: read once from the package, so that no address can name another."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

FOLDER = Path(__file__).parent / "board"  # what `dashboards/board` builds
INDEX = "index.html"
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
_ABOUT_IT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


class PageFile(Struct, frozen=True):
    """One file, whole and packed."""

    media_type: str
    plain: bytes
    packed: bytes
    tag: str

    def headers(self, is_packed: bool) -> dict[str, str]:
        """What a browser is told: it may keep the file, and asks each time whether it is still the same."""
        told = {
            "cache-control": "no-cache", "content-security-policy": _ABOUT_IT, "etag": self.tag,
            "vary": "accept-encoding",
        }  # fmt: skip
        return told | ({"content-encoding": "gzip"} if is_packed else {})


def load_page(folder: Path = FOLDER) -> dict[str, PageFile]:
    """Every file of the board by its name."""
    return dict(_files(folder))


def _files(folder: Path) -> Iterator[tuple[str, PageFile]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in _TYPES:
            plain = path.read_bytes()
            tag = f'"{hashlib.sha256(plain).hexdigest()[:16]}"'
            yield path.name, PageFile(_TYPES[path.suffix], plain, gzip.compress(plain, mtime=0), tag)
