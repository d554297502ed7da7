"""Write the page and the plot of sizes, or take over what was measured, or say what differs.

python -m dataflows.sizing                                   writes docs/sizing.md and docs/sizing.svg
python -m dataflows.sizing benchmarks/results/size.json      takes the costs of this result first
python -m dataflows.sizing --check                           exits with 1 where a file differs
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dataflows.sizing.centre import Centre
from dataflows.sizing.costs import Costs, load_costs, to_json
from dataflows.sizing.page import page
from dataflows.sizing.plot import picture

COSTS = Path(__file__).parent / "costs.json"
DOCS = Path(__file__).parents[2] / "docs"


class _Details(msgspec.Struct, frozen=True):
    costs: Costs


class _Result(msgspec.Struct, frozen=True):
    """What is read of a benchmark's result."""

    details: _Details
    faults: tuple[str, ...] = ()


def files(costs: Costs) -> Iterator[tuple[Path, bytes]]:
    """Each file and what must stand in it."""
    yield DOCS / "sizing.md", page(costs).encode()
    yield DOCS / "sizing.svg", picture(Centre(), costs)


def differing() -> list[Path]:
    """The files that are not what the costs make of them."""
    return [path for path, content in files(load_costs()) if not path.exists() or path.read_bytes() != content]


def main(arguments: list[str]) -> int:
    """Run it; the exit code."""
    if arguments == ["--check"]:
        for path in (found := differing()):
            print(f"{path} must be what the costs make of it; got another; run `python -m dataflows.sizing`")
        return 1 if found else 0
    for name in arguments:
        result = msgspec.json.decode(Path(name).read_bytes(), type=_Result)
        if result.faults:
            print(f"a result must be without faults; got `{result.faults[0]}` ({name})", file=sys.stderr)
            return 1
        COSTS.write_bytes(to_json(result.details.costs))
    for path, content in files(load_costs()):
        path.write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
