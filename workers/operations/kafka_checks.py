"""Checks of Kafka, on answers that were already fetched; nothing here queries Kafka."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from schemas.durations import write_duration
from schemas.sources import SourcesFile
from workers.core.source_set import Matches
from workers.errors import LingerError
from workers.kafka.partitioner import MURMUR2_SETTING
from workers.kafka.requirements import missing_topics, wrong_partitions
from workers.kafka.topic_configs import alter_command
from workers.kafka.topics import TopicState
from workers.operations.activity_sample import ActivitySample
from workers.operations.findings import Finding, judged, ok, problem, unknown
from workers.operations.permissions import MissingRight, Refusal
from workers.operations.retention import Configs, Need, shortages_of

_DIRECT: Final = "direct producers"
_CHECKED: Final = {"retention.ms": "retention"}
"""What a setting is called in findings, where that is not its name."""
_ALLOW_SETTINGS: Final = (
    "run this as the role worker: docs/security.md; to that user allow DescribeConfigs: docs/acl/kafka-acls.sh"
)
_LIMITS: Final = ("retention.ms", "retention.bytes")
_HIDDEN: Final = "not shown to this user"
_WHY_KEPT: Final = (
    "what Linger knows is rebuilt from its topics if Redis is lost; what they have deleted is forgotten"
)


def reachable(brokers: int, servers: str) -> Finding:
    """Return the finding that Kafka answers."""
    return ok("Kafka", "reachable", f"{brokers} broker{'s' * (brokers != 1)} at {servers}")


def unreachable(observed: str, remedy: str) -> Finding:
    """Return the finding that Kafka does not answer, or refuses the connection."""
    return problem("Kafka", "reachable", observed, "events arrive there, and actions are published there", remedy)


def refused(refusals: Iterable[Refusal]) -> list[Finding]:
    """Return the brokers that refuse the connection."""
    return [unreachable(refusal.problem, refusal.remedy) for refusal in refusals]


def existence(
    names: Iterable[str], topics: Mapping[str, TopicState], own: Iterable[str], sources_file: str
) -> list[Finding]:
    """Check that topics exist.

    Args:
        names: the topics to check.
        topics: those that exist.
        own: Linger's own topics, which it can create.
        sources_file: names the other ones.
    """
    missing = {topic.topic for topic in missing_topics(names, topics)}
    why, create = "workers, or commands that change something, refuse to run without it", "linger topics create"
    findings = []
    for name in names:
        if name in missing:
            remedy = create if name in own else f"check `topic` in {sources_file}, or create it"
            findings.append(problem("Kafka", f"topic {name}", "does not exist", why, remedy))
        else:
            findings.append(ok("Kafka", f"topic {name}", "exists"))
    return findings


def patterns(sources: SourcesFile, found: Matches) -> list[Finding]:
    """Check which topics the patterns match; one that matches nothing yet is said, and is no problem."""
    findings = []
    for source in sources.sources:
        if source.pattern is not None:
            count = sum(name == source.name for name in found.topics.values())
            waiting = f"no topic yet; rules that read {', '.join(source.types())} only from there wait for one"
            observed = f"{count} topics" if count else waiting
            findings.append(ok("Kafka", f"topics that match {source.pattern}", observed))
    why, remedy = "its records are not read", "name it in a source of its own, or make the patterns narrower"
    for name, names in sorted(found.ambiguous.items()):
        observed = f"{' and '.join(names)} both match it"
        findings.append(problem("Kafka", f"topic {name}", observed, why, remedy))
    return findings


def activity_topic(state: TopicState, partition_count: int) -> list[Finding]:
    """Check the partition count of the activity topic, and that its broker reports topic ids."""
    is_well = not wrong_partitions([state.name], {state.name: state}, partition_count)
    partitions = problem(
        "Kafka",
        f"partitions of {state.name}",
        f"{state.partitions}, LINGER_PARTITIONS is {partition_count}",
        "it decides in which partition a customer is; a worker refuses to start",
        f"set LINGER_PARTITIONS={state.partitions}; if partitions were added to a topic in use, start afresh",
    )
    return [judged(partitions, is_well=is_well), _topic_ids(state)]


def action_topics(names: Iterable[str], topics: Mapping[str, TopicState], partition_count: int) -> list[Finding]:
    """Check that the topics with actions and decisions that exist have as many partitions as the activity topic."""
    return [
        problem(
            "Kafka",
            f"partitions of {wrong.topic}",
            f"{wrong.partitions}, the activity topic has {partition_count}",
            "a rebuild looks for a customer's actions in the partition of the customer, and refuses to begin",
            "add partitions with kafka-topics.sh --alter; if there are too many, create the topic again",
        )
        for wrong in wrong_partitions(names, topics, partition_count)
    ]


def _topic_ids(state: TopicState) -> Finding:
    if state.topic_id is not None:
        return ok("Kafka", "version", "2.8 or later (it reports topic ids)")
    why = "a topic that was deleted and created again is not recognised"
    return unknown("Kafka", "version", "it reports no topic ids", why, "Kafka 2.8 or later reports them")


def rights_on_topics(
    reported: Mapping[str, Any], needed: Collection[str], missing: Sequence[MissingRight]
) -> list[Finding]:
    """Check that no right on a topic is missing.

    Args:
        reported: by topic, the rights that the broker reports; None where it reports none.
        needed: the topics on which a worker needs rights.
        missing: the rights that it lacks.
    """
    checked, why = "rights on topics", "a worker could not read or publish"
    if any(reported.get(name, frozenset()) is None for name in needed):
        return [unknown("Kafka", checked, "this broker does not report them", why, "Kafka 2.8 or later reports them")]
    findings = [problem("Kafka", checked, right.problem, why, right.remedy) for right in missing]
    if absent := [name for name in needed if name not in reported]:
        observed = f"not known of {', '.join(absent)}, which do not exist"
        findings.append(unknown("Kafka", checked, observed, why, "create them, then run this again"))
    return findings or [ok("Kafka", checked, f"Read or Write on {len(reported)} topics")]


def rights_on_group(group: str, missing: Sequence[MissingRight] | None) -> list[Finding]:
    """Check that the right to join the consumer group is not missing; None if Kafka does not report it."""
    checked, why = f"group {group}", "a worker could not join the others"
    if missing is None:
        return [unknown("Kafka", checked, "no broker says it", why, "check again after a first run")]
    if missing:
        return [problem("Kafka", checked, right.problem, why, right.remedy) for right in missing]
    return [ok("Kafka", checked, "may be joined")]


def copies(topic: Mapping[str, Any], brokers: int, configs: Configs) -> Finding:
    """Check that the loss of one broker loses nothing.

    Args:
        topic: one entry of `AIOKafkaAdminClient.describe_topics`.
        brokers: count of brokers.
        configs: settings of topics.
    """
    name = topic["topic"]
    replicas = min((len(partition["replicas"]) for partition in topic["partitions"]), default=0)
    in_sync = min((len(partition["isr"]) for partition in topic["partitions"]), default=0)
    shown = configs.get(name, {}).get("min.insync.replicas")
    least = int(shown or 1)
    is_enough = replicas > 1 or brokers == 1
    is_guarded = least > 1 or replicas < 3
    if in_sync < least:
        for_this_one = "wait for the brokers that are away"
    elif replicas < 2:
        for_this_one = "kafka-reassign-partitions.sh"
    else:
        for_this_one = alter_command(name, "min.insync.replicas=2")
    finding = problem(
        "Kafka",
        f"copies of {name}",
        f"{replicas} ({in_sync} in sync), min.insync.replicas {shown or 'not shown to this user'}",
        "what only a lost broker had is gone; without enough replicas in sync nothing can be written",
        f"linger topics create makes new ones with LINGER_TOPIC_REPLICATION_FACTOR; for this one: {for_this_one}",
    )
    is_well = in_sync >= least and is_enough
    if shown is None and is_well:
        return replace(finding, health="could not be checked", remedy=_ALLOW_SETTINGS)
    return judged(finding, is_well=is_well and is_guarded)


def pauses_settings(topic: str, configs: Configs) -> list[Finding]:
    """Check that the topic of pauses, which exists, keeps the newest record of each rule."""
    why, checked = "a pause would end when its record is deleted", f"cleanup.policy of {topic}"
    if topic not in configs:
        return [unknown("Kafka", checked, _HIDDEN, why, _ALLOW_SETTINGS)]
    policy, kept_ms = configs[topic]["cleanup.policy"], int(configs[topic]["retention.ms"])
    finding = problem("Kafka", checked, policy, why, alter_command(topic, "cleanup.policy=compact"))
    return [judged(finding, is_well=policy == "compact" or kept_ms < 0)]


def marks_settings(topic: str, configs: Configs) -> list[Finding]:
    """Check that the topic of marks, which exists, keeps the newest record of each customer."""
    why = "if Redis is lost, a customer who is suppressed, opted out or erased is forgotten, and written to again"
    return _kept_forever(topic, configs, why)


def book_settings(topic: str, configs: Configs) -> list[Finding]:
    """Check that the topic of the book, which exists, keeps the record of each day."""
    return _kept_forever(topic, configs, "it alone has the figures of the days that are closed")


def _kept_forever(topic: str, configs: Configs, why: str) -> list[Finding]:
    checked = f"cleanup.policy of {topic}"
    if topic not in configs:
        return [unknown("Kafka", checked, _HIDDEN, why, _ALLOW_SETTINGS)]
    policy = configs[topic]["cleanup.policy"]
    deletes = "delete" in policy and any(int(configs[topic].get(name, -1)) >= 0 for name in _LIMITS)
    finding = problem("Kafka", checked, policy, why, alter_command(topic, "cleanup.policy=compact"))
    return [judged(finding, is_well="compact" in policy and not deletes)]


def stages_settings(topic: str, configs: Configs) -> list[Finding]:
    """Check that the topic of stages, which exists, keeps the newest record of each customer."""
    checked = f"cleanup.policy of {topic}"
    why = "the newest record says where a customer stands: without it, readers lose the stage of who does not move"
    if topic not in configs:
        return [unknown("Kafka", checked, _HIDDEN, why, _ALLOW_SETTINGS)]
    policy = configs[topic]["cleanup.policy"]
    finding = problem("Kafka", checked, policy, why, alter_command(topic, "cleanup.policy=compact"))
    return [judged(finding, is_well=policy == "compact")]


def forgetting_settings(topic: str, configs: Configs) -> list[Finding]:
    """Check that a topic which exists, and whose records are not needed without end, deletes them by their age."""
    why, checked = "records that name customers would be kept without end", f"cleanup.policy of {topic}"
    if topic not in configs:
        return [unknown("Kafka", checked, _HIDDEN, why, _ALLOW_SETTINGS)]
    policy = configs[topic]["cleanup.policy"]
    finding = problem("Kafka", checked, policy, why, alter_command(topic, "cleanup.policy=delete"))
    return [judged(finding, is_well=policy == "delete")]


def kept_records(needs: Mapping[str, Need], configs: Configs) -> list[Finding]:
    """Check that topics keep their records for as long as they are needed.

    Args:
        needs: how long each topic must keep them, by name; only topics that exist.
        configs: settings of topics.
    """
    findings = []
    if hidden := [topic for topic in needs if topic not in configs]:
        observed = f"cleanup.policy and retention are {_HIDDEN}"
        findings.append(unknown("Kafka", f"settings of {', '.join(hidden)}", observed, _WHY_KEPT, _ALLOW_SETTINGS))
    for topic, need in needs.items():
        if topic in configs:
            findings += _kept(topic, need, configs[topic])
    return findings


def _kept(topic: str, need: Need, config: Mapping[str, str]) -> list[Finding]:
    shortages = {shortage.setting: shortage for shortage in shortages_of(topic, need, config)}
    kept_ms = int(config.get("retention.ms", -1))
    kept = "unlimited" if kept_ms < 0 else write_duration(timedelta(milliseconds=kept_ms))
    well = {"cleanup.policy": config.get("cleanup.policy", "delete"), "retention.ms": kept}
    findings = []
    for setting in (*well, *(shortages.keys() - well)):
        checked = f"{_CHECKED.get(setting, setting)} of {topic}"
        if (shortage := shortages.get(setting)) is None:
            findings.append(ok("Kafka", checked, well[setting]))
        else:
            observed = f"{shortage.found}, needed: {shortage.needed} ({shortage.because})"
            findings.append(problem("Kafka", checked, observed, _WHY_KEPT, alter_command(topic, shortage.remedy)))
    return findings


def record_sizes(names: Sequence[str], source_topics: Sequence[str], configs: Configs) -> list[Finding]:
    """Check that topics accept the largest record of any source.

    Args:
        names: the topics to check; they exist.
        source_topics: names of the source topics; they exist.
        configs: settings of topics.
    """
    hidden = [name for name in (*names, *source_topics) if name not in configs]
    why = "a record that a source accepts could not be passed on whole"
    findings = []
    if hidden:
        checked = f"max.message.bytes of {', '.join(hidden)}"
        findings.append(unknown("Kafka", checked, _HIDDEN, why, _ALLOW_SETTINGS))
    sizes = [int(configs[name]["max.message.bytes"]) for name in source_topics if name in configs]
    largest = max(sizes, default=0)
    for name in names if sizes else ():
        if name in configs:
            size = int(configs[name]["max.message.bytes"])
            observed = f"{size}; the largest of the sources is {largest}"
            remedy = alter_command(name, f"max.message.bytes={largest}")
            finding = problem("Kafka", f"max.message.bytes of {name}", observed, why, remedy)
            findings.append(judged(finding, is_well=size >= largest))
    return findings


def direct_producers(sample: ActivitySample) -> Finding:
    """Check that direct producers put each key into its partition."""
    if not sample.records:
        return ok("Kafka", _DIRECT, "the activity topic is empty")
    total = f"the newest {sample.records:,} records"
    if not sample.direct:
        return ok("Kafka", _DIRECT, f"none of {total} is from one")
    if sample.example is None:
        return ok("Kafka", _DIRECT, f"{sample.direct:,} of {total} are from them, each in the partition of its key")
    expected, found = sample.example
    return problem(
        "Kafka",
        _DIRECT,
        f"{sample.misplaced:,} of {sample.direct:,} direct records among {total} are in the wrong partition, such as "
        f"a key of partition {expected} in partition {found}: their producer does not use murmur2",
        "a worker writes them to the dead-letter topic (wrong_partition); an older one made two halves of a customer",
        f"in a producer on librdkafka (Python, Go, .NET, Node, Ruby, PHP) set {MURMUR2_SETTING}; elsewhere, let "
        "Kafka's default partitioner choose. Then: linger dead-letters replay --reason wrong_partition",
    )


def unread_activity(topic: str, error: LingerError) -> Finding:
    """Return the finding that the newest records of the activity topic could not be read."""
    why = "records in the wrong partition become dead letters"
    remedy = f"allow Read on {topic} to this user (docs/acl/kafka-acls.sh)"
    return unknown("Kafka", _DIRECT, str(error), why, remedy)
