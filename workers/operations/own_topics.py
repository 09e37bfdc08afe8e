"""Linger's own topics as settings and rules define them, their creation, and what existing ones keep too short."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.book import BOOK
from schemas.durations import write_duration
from schemas.rules import RuleBook
from schemas.stages import STAGES
from workers.errors import StartupError
from workers.kafka.topic_configs import default_copies, topic_configs
from workers.kafka.topics import (
    TopicOutcome,
    TopicPlan,
    any_broker,
    connected_admin,
    create_missing,
    describe,
)
from workers.operations.retention import Need, Shortage, needs_of, shortages_of
from workers.settings import AUDIT, MARKS, PAUSES, Settings

_DEAD_LETTER_MAX_BYTES: Final = 10 << 20
"""A dead letter carries a whole source record, the reason, and the record's origin."""
_AUDIT_KEPT_MS: Final = 2 * 365 * 86_400_000
_COPIES_TO_SPARE: Final = 3
"""With this many copies, two must confirm a record; with fewer, a broker that is away would stop every worker."""


@dataclass(frozen=True, slots=True)
class OwnTopic:
    """One of Linger's own topics, and what was done about it.

    Attributes:
        name: the topic.
        outcome: `created`, `exists`, `wrong_partitions`; in a dry run `missing` instead of `created`.
        partitions: the partition count that it has, or would have.
        planned: the partition count by the settings.
        configs: Kafka's settings that it gets when it is created; an existing topic is left as it is.
        kept: how long it must keep its records, in words; empty where the cluster's default applies.
        because: what its retention follows from, as a clause; empty where the cluster's default applies.
        shortages: settings of an existing topic with which it loses records that are needed.
        is_shown: whether Kafka shows the settings of the existing topic to this user.
    """

    name: str
    outcome: str
    partitions: int
    planned: int
    configs: Mapping[str, str]
    kept: str = ""
    because: str = ""
    shortages: Sequence[Shortage] = ()
    is_shown: bool = True


async def create_own_topics(
    settings: Settings, book: RuleBook, *, dry_run: bool = False, names: Collection[str] | None = None
) -> list[OwnTopic]:
    """Create the topics that are missing, and return what was done about each.

    Existing topics are never changed. A second call creates nothing.

    Args:
        settings: names, partitions and copies of the topics.
        book: the rules as written: how long records are needed follows from them.
        dry_run: only return what would be done.
        names: of the topics, without the prefix; None for all of them.

    Raises:
        StartupError: if no broker answers.
        TopicsError: if Kafka refuses a topic.
    """
    needs = needs_of(book, settings)
    names = settings.own_topics if names is None else names
    try:
        async with connected_admin(settings.kafka_connection()) as admin:
            return await _created(admin, settings, needs, names, dry_run=dry_run)
    except (KafkaError, OSError) as error:
        raise StartupError([f"no Kafka broker answers at {settings.kafka_bootstrap_servers}: {error}"]) from error


async def _created(
    admin: AIOKafkaAdminClient,
    settings: Settings,
    needs: Mapping[str, Need],
    names: Collection[str],
    *,
    dry_run: bool,
) -> list[OwnTopic]:
    copies = settings.topic_replication_factor
    known_copies = copies if copies > 0 else await default_copies(admin, any_broker(admin))
    plans = [
        TopicPlan(
            settings.topic(name),
            settings.partitions_of(name),
            copies,
            configs_of(settings.topic(name), settings, needs.get(settings.topic(name)), known_copies),
        )
        for name in names
    ]
    planned = {plan.name: plan.partitions for plan in plans}
    before = await describe(admin, list(planned))
    found: dict[str, tuple[str, int]] = {plan.name: ("missing", plan.partitions) for plan in plans}
    if dry_run:
        for name, state in before.items():
            is_planned = state.partitions == planned[name]
            found[name] = (TopicOutcome.EXISTS if is_planned else TopicOutcome.WRONG_PARTITIONS, state.partitions)
    else:
        for result in await create_missing(admin, plans):
            found[result.name] = (result.outcome, result.partitions)
    configs = await topic_configs(admin, list(before))
    return [
        OwnTopic(
            plan.name,
            *found[plan.name],
            plan.partitions,
            plan.configs,
            **_kept(plan.name, needs.get(plan.name), exists=plan.name in before, config=configs.get(plan.name)),
        )
        for plan in plans
    ]


def configs_of(name: str, settings: Settings, need: Need | None, copies: int | None) -> dict[str, str]:
    """Return the settings that a topic gets when it is created.

    Args:
        name: full name of the topic.
        settings: name the topics.
        need: how long its records are needed; None if no rule says so.
        copies: of each partition; None if the broker's default is not known.
    """
    if need is None:
        if name == settings.topic(PAUSES):
            # The newest record of each rule is kept: a pause does not end because a week has passed.
            return {"cleanup.policy": "compact"}
        if name in (settings.topic(MARKS), settings.topic(BOOK), settings.topic(STAGES)):
            return _kept_forever(copies)
        if name == settings.topic(AUDIT):
            return _kept_for(_AUDIT_KEPT_MS, copies)
        return {"max.message.bytes": str(_DEAD_LETTER_MAX_BYTES)} if name == settings.topic("dead-letter") else {}
    return _kept_for(need.kept_ms, copies)


def _kept_for(kept_ms: int, copies: int | None) -> dict[str, str]:
    configs = {"cleanup.policy": "delete", "retention.ms": str(kept_ms), "retention.bytes": "-1"}
    return _with_copies(configs, copies)


def _kept_forever(copies: int | None) -> dict[str, str]:
    """Return the settings of a topic that keeps the latest record of each key, and may compact at any moment."""
    configs = {
        "cleanup.policy": "compact",
        "min.compaction.lag.ms": "0",
        "retention.ms": "-1",
        "retention.bytes": "-1",
    }
    return _with_copies(configs, copies)


def _with_copies(configs: dict[str, str], copies: int | None) -> dict[str, str]:
    if copies is not None:
        configs["min.insync.replicas"] = "2" if copies >= _COPIES_TO_SPARE else "1"
    return configs


def _kept(name: str, need: Need | None, *, exists: bool, config: Mapping[str, str] | None) -> dict[str, Any]:
    if need is None:
        return {}
    reasons = {"kept": write_duration(need.kept), "because": need.because}
    if not exists:
        return reasons
    shortages = () if config is None else tuple(shortages_of(name, need, config))
    return {**reasons, "shortages": shortages, "is_shown": config is not None}
