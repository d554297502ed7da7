"""Write the boards of Grafana, or say which of them differ from what is committed.

python -m dashboards            writes dashboards/grafana/*.json and the alert rules of deploy/grafana
python -m dashboards --check    exits with 1 where a file differs
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dashboards.county import county
from dashboards.data_pool import data_pool
from dashboards.duty_desk import duty_desk
from dashboards.health import health
from dashboards.layout import as_text
from dashboards.reminders import provisioned
from dashboards.rules import rules

FOLDER = Path(__file__).parent / "grafana"
REMINDERS = FOLDER.parent.parent / "deploy" / "grafana" / "provisioning" / "alerting" / "rules.yaml"
BOARDS: dict[str, Callable[[], dict[str, Any]]] = {
    "duty_desk": duty_desk, "data_pool": data_pool, "county": county, "rules": rules, "health": health,
}  # fmt: skip


def files() -> Iterator[tuple[Path, str]]:
    """Each file and what must stand in it."""
    for name, build in BOARDS.items():
        yield FOLDER / f"{name}.json", as_text(build())
    yield REMINDERS, provisioned()


def differing() -> list[Path]:
    """The files that are not what the functions build."""
    return [path for path, text in files() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main(arguments: Sequence[str]) -> int:
    """Write, or check; the exit code."""
    if "--check" in arguments:
        found = differing()
        for path in found:
            print(f"`{path.name}` must be what its function builds; got another; run `python -m dashboards`")
        return 1 if found else 0
    for path, text in files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
