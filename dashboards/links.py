"""Where a click leads: the alert on the board of `anlan serve`, its matter, its runbook, another board.

A link reads columns that have no words for their values: Grafana would hand over the word, not the value.
"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import DashboardLink, DashboardLinkType

UIDS = {
    "duty-desk": "anlan-duty-desk",
    "data-pool": "anlan-data-pool",
    "county": "anlan-county",
    "rules": "anlan-rules",
    "health": "anlan-health",
}
KEEP = "${__url_time_range}"


def alert() -> dict[str, object]:
    """The alert itself, where its officer acks, notes and closes it under their own name."""
    return _link("打开警情：签收、备注、关闭", "${api:raw}/board/#/alerts/${__data.fields.alert_id}", new=True)


def matter() -> dict[str, object]:
    """The timeline of its matter, on the board of the duty desk."""
    return _link("看事项时间线", f"/d/{UIDS['duty-desk']}?var-matter=${{__data.fields.matter}}&{KEEP}")


def runbook() -> dict[str, object]:
    """What to do about it."""
    return _link("处置手册", "${runbooks:raw}/${__data.fields.runbook}.md", new=True)


def county() -> dict[str, object]:
    """The board of its county."""
    return _link("看这个县区", f"/d/{UIDS['county']}?var-county=${{__data.fields.county_code}}&{KEEP}")


def rule() -> dict[str, object]:
    """What is known of its rule."""
    return _link("看这条规则", f"/d/{UIDS['rules']}?var-rule=${{__data.fields.rule_id}}&{KEEP}")


def boards() -> list[DashboardLink]:
    """The other boards, at the top of each."""
    titles = {"duty-desk": "值班台", "data-pool": "数据池", "county": "县区", "rules": "规则", "health": "运行"}
    return [
        DashboardLink(title, DashboardLinkType.LINK, icon="dashboard", url=f"/d/{UIDS[name]}", keep_time=False)
        for name, title in titles.items()
    ]


def _link(title: str, url: str, *, new: bool = False) -> dict[str, object]:
    return {"title": title, "url": url, "targetBlank": new}
