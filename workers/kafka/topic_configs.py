"""Kafka's settings of topics: what this client may see of them, and the command that changes them."""

from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

__all__ = ["alter_command", "default_copies", "may_be_compacted", "topic_configs"]

_DEFAULT_COPIES: Final = "default.replication.factor"


async def topic_configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, Mapping[str, str]]:
    """Return the settings of those topics whose settings this user may see.

    Args:
        admin: started.
        names: topics that exist.
    """
    return await _described(admin, [ConfigResource(ConfigResourceType.TOPIC, name) for name in names])


async def may_be_compacted(admin: AIOKafkaAdminClient, names: Sequence[str]) -> list[str]:
    """Return those topics from which a tombstone deletes: compacted ones, and those whose settings are hidden.

    Args:
        admin: started.
        names: topics that exist.
    """
    configs = await topic_configs(admin, names)
    return [name for name in names if name not in configs or "compact" in configs[name].get("cleanup.policy", "")]


async def default_copies(admin: AIOKafkaAdminClient, broker: int) -> int | None:
    """Return how many copies a topic gets by default; None if this user may not see it.

    Args:
        admin: started.
        broker: id of any broker.
    """
    resource = ConfigResource(ConfigResourceType.BROKER, str(broker), {_DEFAULT_COPIES: None})
    shown = (await _described(admin, [resource])).get(str(broker), {}).get(_DEFAULT_COPIES)
    return None if shown is None else int(shown)


def alter_command(topic: str, config: str, servers: str = "...") -> str:
    """Return the command by which an administrator changes one setting of a topic.

    Args:
        topic: its name.
        config: the setting, such as `cleanup.policy=delete`.
        servers: `bootstrap.servers`.
    """
    return f"kafka-configs.sh --bootstrap-server {servers} --alter --topic {topic} --add-config {config}"


async def _described(admin: AIOKafkaAdminClient, resources: Sequence[ConfigResource]) -> dict[str, Mapping[str, str]]:
    configs: dict[str, Mapping[str, str]] = {}
    try:
        answers = await admin.describe_configs(list(resources)) if resources else []
    except KafkaError:
        return {}  # a broker that does not let this user see anything
    for answer in answers:
        for error_code, _, _, name, entries, *_ in answer.resources:
            if not error_code:
                configs[name] = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
    return configs
