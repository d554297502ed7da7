"""A pool that has its tables and no row, ready to be copied: making the tables takes ten times as long."""

from __future__ import annotations

import shutil
from pathlib import Path

from connectors.clickhouse import Pool


def copy_pool(folder: Path, to: Path) -> None:
    """Put a copy of the engine's folder where another engine will open it; there are links in it, within it."""
    shutil.copytree(folder, to, symlinks=True, dirs_exist_ok=True)


def make_tables(dsn: str) -> None:
    """Make the tables where they were not copied to."""
    if not (Path(dsn.removeprefix("chdb://")) / "data" / "default" / "events").exists():
        with Pool(dsn) as pool:
            pool.migrate()
