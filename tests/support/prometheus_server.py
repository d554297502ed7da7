"""A real Prometheus that scrapes this machine twice a second, from the package of the distribution."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools import need

from connectors.child_server import HOST, ChildServer

HINT = "`apt-get install prometheus` brings it"
EVERY_SECONDS = 0.5


class Prometheus(ChildServer):
    """Prometheus with its data in one folder; `targets` are ports by job."""

    name = "prometheus"

    def __init__(self, folder: Path, targets: Mapping[str, int]) -> None:
        self._program = need("prometheus", HINT)
        super().__init__(folder)
        self._targets = targets

    def _command(self, port: int) -> list[str]:
        jobs = [
            {"job_name": job, "static_configs": [{"targets": [f"{HOST}:{target}"]}]}
            for job, target in self._targets.items()
        ]
        interval = f"{EVERY_SECONDS * 1000:.0f}ms"
        settings = {"global": {"scrape_interval": interval, "scrape_timeout": interval}, "scrape_configs": jobs}
        (self.folder / "prometheus.json").write_text(json.dumps(settings))  # JSON is YAML, too
        return [
            self._program,
            f"--config.file={self.folder / 'prometheus.json'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={HOST}:{port}",
        ]

    def _is_ready(self, port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/-/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def now(self, expression: str) -> list[dict[str, Any]]:
        """The series of an expression as of now. Raises where it is no PromQL."""
        return list(self._ask("query", query=expression)["result"])

    def over_time(self, expression: str, since: float, until: float, step: float) -> list[dict[str, Any]]:
        """The series of an expression over a range."""
        return list(self._ask("query_range", query=expression, start=since, end=until, step=step)["result"])

    def values_of(self, label: str, selector: str) -> list[str]:
        """The values of a label of what a selector selects."""
        return list(self._ask(f"label/{label}/values", **{"match[]": selector}))

    def _ask(self, what: str, **parameters: Any) -> Any:
        url = f"http://{self.address}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(f"a query must be PromQL; got {json.load(error)['error']}: {parameters}") from None
