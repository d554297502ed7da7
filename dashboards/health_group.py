"""Panels of on-call about several hosts that share one flow."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards.queries import over_time
from dashboards.scraped import OF, RATE, curve

ALONE = "只有一台主机"


def hosts() -> Panel:
    """Who is there, and who works."""
    return curve(
        "主机",
        "听得到心跳的主机数，和此刻共同运行的主机数；少了即有主机没有进来。Hosts that are heard, and that work.",
        [
            over_time(f"max(anlan_hosts_heard_count{OF})", "听得到"),
            over_time(f"max(anlan_hosts_worked_count{OF})", "在运行"),
        ],
        "none",
        empty=ALONE,
    )


def lives() -> Panel:
    """How often they began again, and whether they agree."""
    return curve(
        "重新组队（每小时）",
        "主机增减或进程退出就重新组队一次，停几秒；各主机所在的队应是同一个。Lives begun an hour; in how many.",
        [
            over_time(f"max(rate(anlan_lives_begun_total{OF}{RATE})) * 3600", "次数"),
            over_time(f'count(count_values("life", anlan_life_begun_number{OF} > 0))', "所在的队"),
        ],
        "none",
        empty=ALONE,
    )


def beats() -> Panel:
    """When Kafka last took a beat of each host."""
    return curve(
        "心跳距今",
        "Kafka 收下各主机上一次心跳到现在多久；超过租期就停下。Since the last beat of each host that Kafka took.",
        over_time(f"time() - (anlan_beat_taken_timestamp_seconds{OF} > 0)", "{{instance}}"),
        "s",
        empty=ALONE,
    )
