"""The runbooks: what to do when a rule speaks. Read once, so that no name leads to another file."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "runbooks"  # of a checkout; an installation from a wheel has none


def load_runbooks(folder: Path = FOLDER) -> dict[str, str]:
    """The text of each by its name, which a rule names as `rb/<name>`."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}
