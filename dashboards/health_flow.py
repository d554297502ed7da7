"""Panels of on-call about what comes in, how far time has come, and what is said."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards import words
from dashboards.colours import BAD, GOOD, apart
from dashboards.columns import named, steps
from dashboards.panels import grid, stacks
from dashboards.queries import over_time
from dashboards.scraped import OF, RATE, WELL, curve, of, quantile, rate_by


def received() -> Panel:
    """What comes to the door."""
    return stacks(
        "收到（每秒）",
        "各渠道每秒到门口的行，含心跳。Rows received a second, by channel.",
        over_time(rate_by("channel", "anlan_events_received_total"), "{{channel}}"),
        unit="cps",
        titles=words.channels(),
        coloured=apart(words.channels()),
    )


def lost() -> Panel:
    """What did not become an event."""
    return curve(
        "没有成为事件的（每秒）",
        f"读不懂（死信）、有意不要、重复的行。{WELL}。Dead letters by reason, dropped, repeated.",
        [
            over_time(rate_by("reason", "anlan_events_dead_lettered_total"), "死信 {{reason}}"),
            over_time(rate_by("reason", "anlan_events_dropped_total"), "不要 {{reason}}"),
            over_time(f"sum(rate(anlan_events_duplicated_total{OF}{RATE}))", "重复"),
            over_time(f"sum(rate(anlan_receipts_dropped_total{OF}{RATE}))", "回执不合"),
        ],
        "cps",
    )


def lag() -> Panel:
    """What waits to be read."""
    return curve(
        "落后",
        "未读记录，和最后一条读到的记录距今多久。Records waiting, and how long ago the last was read.",
        [
            over_time(f"sum by (topic) (anlan_records_waited_count{OF})", "{{topic}} 未读"),
            over_time(f"sum(anlan_intake_held_state{OF})", "进口暂停（1 是）"),
            over_time(f'time() - max by (topic) (anlan_record_read_timestamp_seconds{of(topic="events.v1")})',
                      "{{topic}} 距今秒"),
        ],
        "none",
    )  # fmt: skip


def channel_watermarks() -> Panel:
    """What is waited for, by channel."""
    return curve(
        "渠道水位落后",
        "各渠道的数据水位离日志时钟多远：再早的还在等。How far each channel's data watermark is behind.",
        over_time(f"max by (channel) (anlan_channel_watermark_lagged_seconds{of(watermark='data')})", "{{channel}}"),
        "s",
        titles=words.channels(),
    )


def rule_watermarks() -> Panel:
    """What timers wait, by rule."""
    return curve(
        "规则水位落后",
        "各规则的时钟水位离日志时钟多远：到期判断要等这么久。How far each rule's watermark is behind.",
        over_time(f"max by (rule) (anlan_rule_watermark_lagged_seconds{OF})", "{{rule}}"),
        "s",
        titles=words.rules(),
    )


def silent() -> Panel:
    """When a channel said nothing."""
    panel = grid(
        "渠道静默",
        "没有数据也没有心跳的时段。When a channel said nothing.",
        over_time(f"max by (channel) (anlan_channel_silenced_state{OF})", "{{channel}}"),
        steps(GOOD, (1, BAD)),
        unit="none",
        empty="采集还没有数据",
        name="${__field.labels.channel}",
    )
    assert panel.field_config is not None
    assert panel.field_config.defaults is not None
    panel.field_config.defaults.mappings = named({"0": "在", "1": "静默"})
    return panel


def late() -> Panel:
    """What came too late."""
    return curve(
        "迟到（每小时）",
        f"来得太迟、某规则不再判的件。{WELL}。Events too late for a rule, an hour.",
        over_time(f"sum by (rule) (rate(anlan_events_late_total{OF}{RATE})) * 3600", "{{rule}}"),
        "none",
        titles=words.rules(),
        empty="没有迟到",
    )


def latency() -> Panel:
    """How fast an alert is."""
    return curve(
        "警情时延",
        "从部门发出到警情进 Redis，到件即判的规则；虚线是一秒。From send to Redis, for rules judged on arrival.",
        [over_time(quantile("anlan_alert_published_seconds", part), f"p{part * 100:.0f}") for part in (0.5, 0.99)],
        "s",
        steps=steps("transparent", (1, BAD)),
        empty="近来没有警情",
    )


def revisions() -> Panel:
    """What is published."""
    return stacks(
        "发布（每秒）",
        "每秒发布的消息，按缘由；灰的是并入后一条的。Revisions published a second, by reason; and those folded.",
        [
            over_time(rate_by("reason", "anlan_revisions_published_total"), "{{reason}}"),
            over_time(f"sum(rate(anlan_findings_suppressed_total{OF}{RATE}))", "并入后一条"),
        ],
        unit="cps",
        titles=words.REASONS,
        empty="近来没有警情",
    )


def open_now() -> Panel:
    """What is open."""
    return curve(
        "未结警情",
        "流程所知的未结警情，按规则。Alerts open or acked, as the flow knows them.",
        over_time(f"sum by (rule) (anlan_alerts_opened_count{OF})", "{{rule}}"),
        "none",
        titles=words.rules(),
        empty="没有未结警情",
    )
