"""运行, health, for who is on call: is everything read, judged, written and saved, and how fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards import columns, health_flow, health_group, health_stores, variables, words
from dashboards.colours import BAD, GOOD, WATCH
from dashboards.columns import Column, named, steps
from dashboards.layout import Row, board
from dashboards.panels import big_number, stacks, table
from dashboards.queries import now, over_time
from dashboards.queries import table as ask
from dashboards.scraped import OF, OF_RUN, RATE, RUN, WELL, curve, quantile, rate_by


def health() -> dict[str, Any]:
    """The board of on-call."""
    return board(
        "health",
        "运行",
        "读、判、写、存是否都跟得上。Health for on-call: lag, watermarks, late, dead, latency, state, sinks, gaps.",
        [
            Row("此刻", 4, _tiles()),
            Row("进来", 8, _in_thirds(health_flow.received, health_flow.lost, health_flow.lag)),
            Row("时间", 8, [(12, panel()) for panel in (health_flow.channel_watermarks, health_flow.rule_watermarks,
                                                   health_flow.silent, health_flow.late)]),
            Row("警情", 8, _in_thirds(health_flow.latency, health_flow.revisions, health_flow.open_now)),
            Row("写出", 8, _in_thirds(health_stores.written, health_stores.waiting, health_stores.waited,
                                    health_stores.flushes, health_stores.retries, health_stores.redis)),
            Row("状态", 8, _in_thirds(health_stores.kept, health_stores.snapshots, health_stores.sizes,
                                    health_stores.epochs, health_stores.recounts, health_stores.disk)),
            Row("规则", 8, [(8, _rules()), (16, _gaps())]),
            Row("接口", 8, _in_thirds(_requests, _answer_time, _streams)),
            Row("多机", 8, _in_thirds(health_group.hosts, health_group.lives, health_group.beats)),
        ],
        [variables.processes()],
        since="6h",
        refresh="30s",
    )  # fmt: skip


def _in_thirds(*panels: Callable[[], Panel]) -> list[tuple[int, Panel]]:
    return [(8, panel()) for panel in panels]


def _tiles() -> list[tuple[int, Panel]]:
    none = steps(GOOD, (1, BAD))
    return [
        (4, panel)
        for panel in (
            _state("流程", "采集到的进程数；0 即没有在跑。Processes that answer.",
                   f'count(anlan_ticks_written_total{{job="{RUN}"}}) or vector(0)', steps(BAD, (1, GOOD))),
            _state("警情时延 p99", "从部门发出到警情进 Redis，近段时间的 99 分位。From send to Redis, 99 %.",
                   quantile("anlan_alert_published_seconds", 0.99), steps(GOOD, (1, WATCH), (5, BAD)), unit="s",
                   empty="近来没有警情"),
            _state("未读记录", "各分区写了还没读的记录。Records waiting.",
                   f"sum(anlan_records_waited_count{OF})", steps(GOOD, (10_000, WATCH), (100_000, BAD))),
            _state("静默渠道", "没有数据也没有心跳的渠道数。Channels that say nothing.",
                   f"sum(anlan_channel_silenced_state{OF})", none),
            _state("写不出去", "对方不收的出口，和连不上的 Kafka。Sinks whose other side is away.",
                   f"sum(anlan_sink_away_state{OF}) + sum(anlan_broker_missed_state{OF})", none),
            _state("停着等", "等磁盘腾出地方，或正从日志重建状态。Waits for the disk, or rebuilds its state.",
                   f"sum(anlan_disk_filled_state{OF}) + sum(anlan_state_rebuilt_state{OF})", none),
            _state("停用规则", "因出错而停用的规则数。Rules switched off.",
                   f"sum(anlan_rule_failed_state{OF}) or vector(0)", none),
            _state("前后不一", "同一日志算出不同结果的次数，必须是 0。Revisions made again and different.",
                   f"sum(anlan_hashes_mismatched_total{OF}) or vector(0)", none),
            _state("账目差", "收到而去向未记的件数；在途的片刻有，久不归零要查。Rows not accounted for.",
                   _books(), steps(GOOD, (1_000, WATCH), (100_000, BAD))),
            _state("时钟超前", "日志时钟比本机快多少；本机拨回过，期限判断等着。The clock of the log leads.",
                   f"max(anlan_log_clock_led_seconds{OF})", steps(GOOD, (5, WATCH), (60, BAD)), unit="s"),
            _state("日历还够", "工作日历编到多久以后；再往后的期限算不出。How long the calendars reach.",
                   f"min(anlan_calendars_covered_timestamp_seconds{OF_RUN}) - time()",
                   steps(BAD, (30 * 86_400, WATCH), (90 * 86_400, GOOD)), unit="dtdhms", empty="没有日历"),
            _state("证书还够", "最先到期的证书还有多久；到期后连接会断。When the first certificate ends.",
                   f"min(anlan_certificates_covered_timestamp_seconds{OF}) - time()",
                   steps(BAD, (7 * 86_400, WATCH), (21 * 86_400, GOOD)), unit="dtdhms", empty="没有证书"),
            _state("磁盘余量", "状态所在磁盘还剩多少。Room on the disk of the state.",
                   f"min(anlan_disk_left_bytes{OF_RUN})", steps(BAD, (2e9, WATCH), (1e10, GOOD)), unit="bytes",
                   empty="还没有快照"),
        )
    ]  # fmt: skip


def _books() -> str:
    """Rows that came in and are neither in the log nor put aside, and events of the log that are not judged yet."""
    counted = ("admitted", "dead_lettered", "dropped"), ("linked", "duplicated")
    put_aside, judged = (" - ".join(f"({_total(f'events_{name}')} or vector(0))" for name in each) for each in counted)
    admitted, heartbeats = _total("events_admitted"), _total("heartbeats_read")
    return f"{_total('events_received')} - {put_aside} + {admitted} - {judged} - ({heartbeats} or vector(0))"


def _total(name: str) -> str:
    return f"sum(anlan_{name}_total{OF})"


def _state(title: str, sentence: str, expression: str, levels: Any, *, unit: str = "none", empty: str = "0") -> Panel:
    return big_number(title, sentence, now(expression), steps=levels, unit=unit, empty=empty, decimals=None)


def _rules() -> Panel:
    return curve(
        "规则出事（每小时）",
        f"出错、忘掉对象、超出上限、规则文件被拒的次数。{WELL}。Rules that raised, forgot, grew; books refused.",
        [
            over_time(f"sum by (rule) (rate(anlan_rules_failed_total{OF}{RATE})) * 3600", "{{rule}} 出错"),
            over_time(f"sum by (rule) (rate(anlan_keys_evicted_total{OF}{RATE})) * 3600", "{{rule}} 忘掉"),
            over_time(f"sum by (rule) (rate(anlan_caps_exceeded_total{OF}{RATE})) * 3600", "{{rule}} 超限"),
            over_time(f"sum(rate(anlan_rule_books_refused_total{OF}{RATE})) * 3600", "规则文件被拒"),
            over_time(f"sum(rate(anlan_rule_changes_refused_total{OF}{RATE})) * 3600", "改了没换版本"),
            over_time(f"sum by (channel) (rate(anlan_rule_gaps_noted_total{OF}{RATE})) * 3600", "{{channel}} 缺口"),
        ],
        "none",
        empty="没有出事",
    )


def _gaps() -> Panel:
    return table(
        "判断缺口",
        f"规则不能判的时段，和为何。{WELL}。Times in which rules could not judge.",
        ask(
            """
            SELECT from_at, until_at, channel, reason, count() AS rules,
                dateDiff('second', from_at, until_at) AS lasted
            FROM rule_gaps FINAL
            WHERE from_at <= $__toTime AND until_at >= $__fromTime
            GROUP BY from_at, until_at, channel, reason
            ORDER BY from_at DESC, channel
            LIMIT 100"""
        ),
        {
            "from_at": Column("从", columns.MOMENT, 120),
            "until_at": Column("到", columns.MOMENT, 120),
            "channel": Column("渠道", width=110, names=named({**words.channels(), "": "—"})),
            "reason": Column("为何", width=120, names=named(words.GAPS)),
            "rules": columns.count("几条规则", 100),
            "lasted": columns.lasts("多久"),
        },
        empty="没有缺口",
    )


def _requests() -> Panel:
    return stacks(
        "接口请求（每秒）",
        "每秒回答的请求，按状态；5xx 是我们的错。Requests answered a second, by status.",
        over_time("sum by (status) (rate(anlan_requests_answered_total[$__rate_interval]))", "{{status}}"),
        unit="reqps",
        empty="接口没有被用",
    )


def _answer_time() -> Panel:
    return curve(
        "接口用时 p99",
        "各路由一次回答的 99 分位，不含长连接。Time of one answer, 99 %, without streams.",
        over_time(
            "histogram_quantile(0.99, sum by (le, route) "
            '(rate(anlan_requests_answered_seconds_bucket{route!~".*stream.*"}[$__rate_interval])))',
            "{{route}}",
        ),
        "s",
        empty="接口没有被用",
    )


def _streams() -> Panel:
    return curve(
        "实时读者与处置",
        "跟着推送流的读者；每秒收到与判定的处置。Live readers; actions that came in and were judged.",
        [
            over_time("sum(anlan_streams_followed_count)", "读者"),
            over_time(rate_by("verdict", "anlan_actions_received_total"), "收到 {{verdict}}"),
            over_time(rate_by("action, verdict", "anlan_actions_judged_total"), "{{action}} {{verdict}}"),
            over_time(f"sum(rate(anlan_receipts_received_total{OF}{RATE}))", "回执"),
        ],
        "none",
    )
