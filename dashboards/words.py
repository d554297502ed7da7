"""What boards call things, in Chinese; rules, channels and regions are read from their files."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
RULES = ROOT / "alerts" / "rules"
CHANNELS = ROOT / "alerts" / "channels.yaml"
REGIONS = ROOT / "connectors" / "tables" / "regions.csv"

Words = Mapping[str, str]

LEVELS: Words = {"red": "紧急", "yellow": "预警", "blue": "关注"}  # the highest first
STATES: Words = {
    "open": "待签收", "acked": "已签收", "closed": "已关闭", "retracted": "已撤回", "merged": "已并入",
    "split": "已拆分", "expired": "已过期",
}  # fmt: skip
DISPOSITIONS: Words = {
    "true_positive": "属实", "benign": "属实无碍", "false_positive": "误报", "already_handled": "已在处置",
    "wrong_identity": "对象有误",
}  # fmt: skip
CATEGORIES: Words = {
    "dispute": "矛盾纠纷", "crime": "违法犯罪", "public_order": "治安秩序", "traffic": "交通", "fire": "火情",
    "hazard": "安全隐患", "service": "民生服务", "consult": "咨询", "suggestion": "意见建议", "other": "其他",
}  # fmt: skip
ACTIONS: Words = {
    "received": "来件", "accepted": "受理", "dispatched": "派出", "transferred": "转办", "started": "着手处理",
    "extension_granted": "准予延期", "extension_ended": "延期届满", "replied": "答复", "resolved": "化解",
    "visited": "走访", "closed": "办结", "reopened": "重开", "urged": "催办", "merged": "并件", "voided": "作废",
    "heartbeat": "心跳",
}  # fmt: skip
LINKS: Words = {
    "transfer": "转来", "referral": "移送", "callback": "回访", "merge": "并件", "duplicate": "重复件",
}  # fmt: skip
DOINGS: Words = {
    "ack": "签收", "unack": "退回", "assign": "交办", "note": "备注", "close": "关闭", "reopen": "重开", "show": "重发",
    "supervise": "督办", "answer": "答复督办", "silence": "静默", "unsilence": "解除静默", "reveal": "申请明示",
    "ask_visit": "待回访", "merge": "并案", "split": "拆案",
}  # fmt: skip
REASONS: Words = {
    "opened": "新开", "level_up": "升级", "step": "再进一步", "evidence": "新情况", "new_channel": "新渠道",
    "reopened": "重开", "escalated": "上报", "acked": "签收", "unacked": "退回", "ack_expired": "签收到期",
    "unmuted": "恢复推送", "quiet": "平息",
    "satisfied": "已满足", "satisfied_late": "逾期后满足", "resolved_by_user": "人工关闭", "supervised": "督办",
    "supervision_overdue": "督办逾期", "asked": "重发",
}  # fmt: skip
GAPS: Words = {"silent_channel": "渠道静默", "rule_failed": "规则出错"}
VERDICTS: Words = {"done": "已办", "refused": "未予办理"}
PARTS: Words = {
    "order": "治安平稳", "dispute": "纠纷平稳", "hazard": "安全平稳", "closing": "办结比", "satisfaction": "满意率",
}  # fmt: skip


@cache
def rules() -> Words:
    """The title of each shipped rule, by its id."""
    return {rule["id"]: rule["title"]["zh"] for rule in rule_files()}


@cache
def rule_files() -> tuple[dict[str, Any], ...]:
    """What the files of the shipped rules say, in the order of their ids."""
    found = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in RULES.glob("*/*.yaml")]
    return tuple(sorted(found, key=lambda rule: str(rule["id"])))


@cache
def channels() -> Words:
    """The name of each registered channel, by its id."""
    listed = yaml.safe_load(CHANNELS.read_text(encoding="utf-8"))["channels"]
    return {name: entry["label"]["zh"] for name, entry in listed.items()}


@cache
def counties() -> Words:
    """The name of each county, by its code."""
    return _regions("county")


@cache
def townships() -> Words:
    """The name of each township, by its code."""
    return _regions("township")


def _regions(level: str) -> Words:
    with REGIONS.open(encoding="utf-8", newline="") as file:
        return {row["code"]: row["name"] for row in csv.DictReader(file) if row["level"] == level}
