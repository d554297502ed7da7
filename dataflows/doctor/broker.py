"""Kafka: whether it answers, its topics and how they are kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from connectors.kafka import ALERTS, ALERTS_NOW, DEAD_LETTERS, INTAKE_LOG, topics
from connectors.kafka_look import ClusterLook, TopicLook, look_at_cluster
from connectors.kafka_names import BrokerNames
from connectors.kafka_topics import topic_config
from connectors.registry import load_channels
from dataflows.doctor.line import Line, attention, broken, ok
from dataflows.rule_paths import many
from dataflows.servers import kafka_of, upstream_logs
from dataflows.settings import Settings

TRUTH = (INTAKE_LOG, DEAD_LETTERS, ALERTS, ALERTS_NOW)  # nobody else has what is in these
_MAY_NOT = "ask with the rights that `anlan access process upkeep` prints"
_UPSTREAM = "start that installation; `anlan access process run` prints the right to read its log"
_SETS = "`anlan migrate` sets it"


def look_at_broker(settings: Settings) -> Iterator[Line]:
    """The cluster and every topic of the installation."""
    wanted = topics(load_channels(), log_partitions=settings.log_partitions)
    logs = upstream_logs(settings)
    found = look_at_cluster(kafka_of(settings), [*wanted, *logs])
    yield ok("kafka", f"{many(found.brokers, 'broker')} at {settings.kafka}")
    ours = {name: look for name, look in found.topics.items() if name not in logs}
    yield from look_at_cluster_of(wanted, found._replace(topics=ours), BrokerNames(kafka_of(settings)).there)
    if missing := [log for log in logs if log not in found.topics]:
        yield broken("upstream", f"not there, or not shown to us: {', '.join(missing)}", _UPSTREAM)
    elif logs:
        yield ok("upstream", f"{many(len(logs), 'log')} of other installations can be seen")


def look_at_cluster_of(
    wanted: Collection[str], found: ClusterLook, there: Callable[[str], str] = str
) -> Iterator[Line]:
    """The wanted topics as a cluster has them; `there` is what it calls them."""
    if missing := sorted(set(wanted) - found.topics.keys()):
        yield attention(
            "topics", f"not there yet: {', '.join(map(there, missing))}", "`anlan migrate` or `anlan run` makes them"
        )
    faults = [line for name, topic in found.topics.items() for line in _of_topic(name, there(name), topic, found)]
    yield from faults
    if not missing and not faults:
        yield ok("topics", f"all {len(wanted)} are there and kept as they should be")


def _of_topic(name: str, there: str, topic: TopicLook, cluster: ClusterLook) -> Iterator[Line]:
    area = f"topic {there}"
    if topic.settings is None:
        yield attention(area, "how it is kept is not shown to us", _MAY_NOT)
    for setting, wanted in topic_config(name).items():
        if (got := (topic.settings or {}).get(setting)) not in (wanted, None):
            yield from _differs(area, setting, wanted, str(got))
    if name in TRUTH and topic.copies < 2 <= cluster.brokers:
        yield attention(
            area,
            f"has one copy on {cluster.brokers} brokers: what one disk holds is all there is",
            "give it three copies with `kafka-reassign-partitions`",
        )


def _differs(area: str, setting: str, wanted: str, got: str) -> Iterator[Line]:
    says = f"`{setting}` is {got}, not {wanted}"
    match setting:
        case "max.message.bytes":
            if int(got) < int(wanted):
                yield broken(area, f"{says}: a long row would stop the flow", _SETS)
        case "cleanup.policy":
            yield broken(area, f"{says}: readers would not find the last word on an alert", _SETS)
        case "retention.ms":
            if _is_shorter(got, wanted):
                yield attention(
                    area, f"{says}: the broker cuts off what came before", _unless_meant(area, setting, wanted)
                )
        case _:
            yield attention(area, says, _SETS)


def _unless_meant(area: str, setting: str, wanted: str) -> str:
    topic = area.removeprefix("topic ")
    return f"unless it is meant, `kafka-configs --alter --topic {topic} --add-config {setting}={wanted}`"


def _is_shorter(got: str, wanted: str) -> bool:
    return int(got) >= 0 and (int(wanted) < 0 or int(got) < int(wanted))
