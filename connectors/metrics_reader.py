"""Reading a flow's metrics page: totals, values by label, quantiles."""

from __future__ import annotations

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from connectors.metrics import PREFIX


class Samples:
    """The values of a flow's metrics at one moment, read over HTTP."""

    def __init__(self, text: str) -> None:
        self._samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def count(self) -> int:
        """How many values there are: series, to whoever keeps them."""
        return len(self._samples)

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric over all labels that are not given."""
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == f"{PREFIX}_{name}" and labels.items() <= sample.labels.items()
        )

    def by(self, name: str, label: str) -> dict[str, float]:
        """The sums of a metric for each value of one label."""
        found: dict[str, float] = {}
        for sample in self._samples:
            if sample.name == f"{PREFIX}_{name}" and label in sample.labels:
                found[sample.labels[label]] = found.get(sample.labels[label], 0.0) + sample.value
        return found

    def quantile(self, name: str, share: float) -> float | None:
        """A quantile of a histogram over all labels, interpolated inside its bucket; None without values."""
        buckets = sorted((float(le), count) for le, count in self.by(f"{name}_bucket", "le").items())
        if not buckets or not buckets[-1][1]:
            return None
        wanted = share * buckets[-1][1]
        low, below = 0.0, 0.0
        for high, count in buckets:
            if count >= wanted:
                if high == float("inf"):
                    return low
                return low + (high - low) * (wanted - below) / max(count - below, 1e-9)
            low, below = high, count
        return low


def read_page(url: str, seconds: float = 5.0) -> str:
    """A metrics page as text. Raises `OSError` where nobody answers."""
    with urllib.request.urlopen(url, timeout=seconds) as page:
        return str(page.read().decode())
