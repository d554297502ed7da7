"""A disk of a test's own, which can be nearly full."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


class Disk:
    """A disk whose size can be changed; a plain folder where we may not mount."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_ours = self._mount("size=8g").returncode == 0

    def leave(self, free_bytes: int) -> None:
        """Make it so small that this is all that is left."""
        self._mount(f"remount,size={shutil.disk_usage(self.folder).used + free_bytes}").check_returncode()

    def grow(self) -> None:
        """Make it large again."""
        self._mount("remount,size=8g").check_returncode()

    def close(self) -> None:
        """Let go of it."""
        if self.is_ours:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def _mount(self, options: str) -> subprocess.CompletedProcess[bytes]:
        command = ["mount", "-t", "tmpfs", "-o", options, "anlan-oncall", str(self.folder)]
        return subprocess.run(command, capture_output=True, check=False)
