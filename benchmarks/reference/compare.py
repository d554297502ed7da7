"""Whether two programs gave the same answers: `python -m benchmarks.reference.compare REFERENCE OUT`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.reference.definition import OUTPUTS

SHOWN = 5  # rows that are missing, and as many that are too many


class Difference(NamedTuple):
    """How the rows of one output differ from the reference; a row that comes twice is once too many."""

    output: str
    right: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        return not self.missing and not self.extra

    @property
    def share(self) -> float:
        """Of all rows of the two, those that both have: 1 is exact."""
        rows = self.right + len(self.missing) + len(self.extra)
        return self.right / rows if rows else 1.0


def difference(output: str, reference: Path, out: Path) -> Difference:
    """Compare full rows, in any order."""
    expected, got = Counter(_rows(reference, output)), Counter(_rows(out, output))
    missing, extra = expected - got, got - expected
    return Difference(
        output, (expected & got).total(), tuple(sorted(missing.elements())), tuple(sorted(extra.elements()))
    )


def _rows(folder: Path, output: str) -> Iterator[str]:
    """The rows of an output: of the file of that name, or of all files whose names begin so."""
    for path in sorted(folder.glob(f"{output}*")):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                with file.open() as rows:
                    yield from (row.rstrip("\n") for row in rows)


def main(reference: str, out: str) -> int:
    """Show the differences of all outputs; 1 when there is one."""
    found = [difference(output, Path(reference), Path(out)) for output in OUTPUTS]
    for each in found:
        print(f"{each.output}: {each.right} rows right, {len(each.missing)} missing, {len(each.extra)} extra")
        for row in each.missing[:SHOWN]:
            print(f"  missing {row}")
        for row in each.extra[:SHOWN]:
            print(f"  extra   {row}")
    return 0 if all(each.is_exact for each in found) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
