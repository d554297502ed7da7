"""Panels of on-call about what is written, and what is kept and saved."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards.colours import BAD
from dashboards.columns import steps
from dashboards.panels import big_number, stacks
from dashboards.queries import command, over_time
from dashboards.scraped import OF, OF_RUN, RATE, WELL, curve, quantile, rate_by


def written() -> Panel:
    """What is written."""
    return stacks(
        "写出（每秒）",
        "各出口每秒写成的行。Rows written a second.",
        over_time(rate_by("sink, table", "anlan_rows_written_total"), "{{sink}} {{table}}"),
        unit="cps",
    )


def waiting() -> Panel:
    """What waits to be written."""
    return curve(
        "等着写的",
        "内存里和磁盘上等着写的行。Rows that wait in memory and on the disk.",
        [
            over_time(f"sum by (sink) (anlan_rows_buffered_count{OF})", "{{sink}} 内存"),
            over_time(f"sum by (sink) (anlan_rows_spooled_count{OF})", "{{sink}} 磁盘"),
        ],
        "none",
    )


def waited() -> Panel:
    """How long it waits."""
    return curve(
        "最早一行等了多久",
        "各出口没写出去的最早一行等了多久；对方不收时会升高。How long the oldest row of each sink waits.",
        [
            over_time(f"max by (sink) (anlan_rows_waited_seconds{OF})", "{{sink}}"),
            over_time(f"max by (sink) (anlan_sink_away_state{OF})", "{{sink}} 不收（1 是）"),
            over_time("max(anlan_feeds_missed_state)", "服务读不到 Redis（1 是）"),
            over_time("max(anlan_revisions_lost_count)", "Redis 丢了几条"),
        ],
        "s",
        steps=steps("transparent", (60, BAD)),
    )


def flushes() -> Panel:
    """How long writing takes."""
    return curve(
        "一次写出用时 p99",
        "各出口一次写出的 99 分位。Time of one flush, 99 %.",
        over_time(quantile("anlan_rows_flushed_seconds", 0.99, "sink"), "{{sink}}"),
        "s",
    )


def retries() -> Panel:
    """What is written again, or left out."""
    return curve(
        "重试与略过（每秒）",
        f"对方没有回应而重写的次数，和写过、过时而略过的行。{WELL}。Writes tried again, rows left out.",
        [
            over_time(rate_by("sink", "anlan_flushes_retried_total"), "{{sink}} 重试"),
            over_time(rate_by("sink, reason", "anlan_rows_skipped_total"), "{{sink}} 略过 {{reason}}"),
        ],
        "cps",
        empty="没有重试",
    )


def redis() -> Panel:
    """What Redis holds."""
    return big_number(
        "Redis",
        "推送流里多少条，未结多少件，静默多少条。Lengths in Redis: feed, open set, silences.",
        [command("XLEN alerts:all"), command("ZCARD alerts:open"), command("HLEN silences")],
        by_query=("推送流", "未结", "静默"),
        empty="Redis 没有回答",
    )


def kept() -> Panel:
    """What is kept in the state."""
    return curve(
        "记着多少",
        "状态里的对象、事件、编号、事项。Keys, events, ids and matters that are kept.",
        [
            over_time(f"sum(anlan_keys_kept_count{OF})", "对象"),
            over_time(f"sum(anlan_events_kept_count{OF})", "事件"),
            over_time(f"sum(anlan_ids_kept_count{OF})", "编号"),
            over_time(f"sum(anlan_matters_kept_count{OF})", "事项"),
            over_time(f"max(anlan_longest_key_kept_count{OF})", "最长的对象"),
        ],
        "short",
    )


def snapshots() -> Panel:
    """How long saving takes."""
    return curve(
        "快照用时 p99",
        "各步把变动写到磁盘的用时。Time to put what changed on the disk.",
        over_time(quantile("anlan_snapshots_taken_seconds", 0.99, "step"), "{{step}}"),
        "s",
    )


def sizes() -> Panel:
    """How much is saved."""
    return curve(
        "快照大小（每秒）",
        "各步每秒写到磁盘多少。Bytes of snapshots a second.",
        over_time(f"sum by (step) (rate(anlan_snapshots_taken_bytes_sum{OF}{RATE}))", "{{step}}"),
        "Bps",
    )


def epochs() -> Panel:
    """How often it is saved."""
    return curve(
        "快照间隔",
        "两次快照相隔多久：平均与 p99，应接近设定的间隔。From one snapshot to the next: must stay near the interval.",
        [
            over_time(f"sum(rate(anlan_epochs_closed_seconds_sum{OF}{RATE}))"
                      f" / sum(rate(anlan_epochs_closed_seconds_count{OF}{RATE}))", "平均"),
            over_time(quantile("anlan_epochs_closed_seconds", 0.99), "p99"),
        ],
        "s",
    )  # fmt: skip


def recounts() -> Panel:
    """How long counting again takes."""
    return curve(
        "汇总重算",
        "每秒重算多少小时，一次用时 p99。Hours counted again, and the time of it.",
        [
            over_time(f"sum(rate(anlan_hours_recounted_total{OF}{RATE}))", "每秒小时数"),
            over_time(quantile("anlan_aggregates_recounted_seconds", 0.99), "用时 p99"),
        ],
        "none",
    )


def disk() -> Panel:
    """What is left on the disk."""
    return curve(
        "磁盘",
        "状态磁盘余量，和等着写的行占多少。Room left, and what waiting rows take.",
        [
            over_time(f"min(anlan_disk_left_bytes{OF_RUN})", "余量"),
            over_time(f"sum by (sink) (anlan_rows_spooled_bytes{OF})", "{{sink}} 占用"),
            over_time(f"max by (sink) (anlan_spools_allowed_bytes{OF})", "{{sink}} 准许"),
        ],
        "bytes",
        empty="还没有快照",
    )
