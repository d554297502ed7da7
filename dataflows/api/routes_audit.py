"""`/v1/audit`: who did what with which alert, and what became of it. For those who supervise."""

from __future__ import annotations

from litestar import get

from dataflows.api.answers import Audit
from dataflows.api.parameters import Acts, Limit, Row, Sighted
from dataflows.api.problem import documented


@get("/v1/audit", responses=documented())
async def read_audit(sight: Sighted, acting: Acts, after: Row = 0, limit: Limit = 100) -> Audit:
    """Rows of the audit behind `after`, in order; of the caller's county, or of all."""
    acting.require(sight.caller, "supervise")
    rows, last = await sight.audit(after, limit)
    return Audit(rows, last)


ROUTES = (read_audit,)
