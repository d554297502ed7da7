"""Every line once, whole, however a file is shared and cut."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.line_blocks import LineBlocks

lines = st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines, st.booleans(), st.integers(1, 3), st.integers(1, 60))
def test_every_line_comes_once_and_in_the_order_of_its_share(
    tmp_path: Path, told: list[bytes], has_end: bool, shares: int, block_bytes: int
) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"\n".join([*told, b""]) if has_end else b"\n".join(told))
    wanted = whole_lines(path.read_bytes())
    found = []
    for share in range(shares):
        blocks = LineBlocks(path, share, shares, block_bytes)
        own = [line for part in iter(lambda b=blocks: bytes(b.read()), b"") for line in whole_lines(part)]
        blocks.close()
        following = iter(wanted)
        assert all(line in following for line in own)
        found += own
    assert sorted(found) == sorted(wanted)


def whole_lines(written: bytes) -> list[bytes]:
    """Lines with their newlines; the last may lack one."""
    *ended, rest = written.split(b"\n")
    return [line + b"\n" for line in ended] + ([rest] if rest else [])
