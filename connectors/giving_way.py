"""Much work in a thread that nobody waits for, beside one that everybody waits for.

One of them holds the interpreter at a time. Who waits for it gets it from one that works on only after a while
(`sys.setswitchinterval`), and the flow waits for it ten times until an event is through: after each word with a
server. So a long piece of work stops it for as long as the piece takes. Cut up, with pauses between the pieces, it
holds up an event once, for one of them.
"""

from __future__ import annotations

import time

PIECE_ROWS = 128  # are packed for a server in a millisecond
PAUSE_SECONDS = 0.001


def give_way() -> None:
    """Let the others work."""
    time.sleep(PAUSE_SECONDS)
