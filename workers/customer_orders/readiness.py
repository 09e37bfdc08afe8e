"""Whether the workers here know orders, and whether the settings lead to their state and their topic."""

from collections.abc import Collection, Mapping
from typing import Final

from aiokafka.errors import KafkaError

from workers.errors import StartupError
from workers.kafka.requirements import missing_topics, wrong_partitions
from workers.kafka.topics import TopicsError, connected_admin, describe
from workers.settings import Settings, for_command
from workers.state.layouts import read_order
from workers.state.meta import layout_of
from workers.state.settings_check import check_settings
from workers.state.store import Store

FIRST_LAYOUT: Final = 4
"""The first layout of releases that know orders."""
_SHOWN: Final = 12


async def require_ready(store: Store, settings: Settings, partitions: Collection[int]) -> None:
    """Refuse orders that would go to the wrong partition, or to a worker that does not know them.

    Args:
        store: of the state.
        settings: of the command.
        partitions: the activity partitions that get orders.

    Raises:
        StartupError: with every problem.
        Transient: if Redis does not answer.
    """
    await check_settings(store, settings)
    metas = await store.metas(partitions)
    ordered = (await read_order(store)).layout
    problems = [*older_partitions(metas, ordered), *await _problems_of_topic(settings)]
    if problems:
        raise StartupError(problems)


def older_partitions(metas: Mapping[int, Mapping[str, str]], ordered: int) -> list[str]:
    """Return why orders are refused in partitions that a worker of an older release may own. Pure.

    Args:
        metas: `meta` by partition, empty for one without state.
        ordered: the layout in which the next worker writes a partition without state.
    """
    older = [
        partition for partition, fields in metas.items() if (layout_of(fields) if fields else ordered) < FIRST_LAYOUT
    ]
    if not older:
        return []
    shown = ", ".join(map(str, sorted(older)[:_SHOWN])) + (", …" if len(older) > _SHOWN else "")
    return [
        f"finish the upgrade first: linger upgrade finish. Partitions {shown} are written in a layout before "
        f"{FIRST_LAYOUT}, so a worker of an older release may own them, and those do not know orders"
    ]


async def _problems_of_topic(settings: Settings) -> list[str]:
    topic = settings.topic("activity")
    try:
        async with connected_admin(for_command(settings).kafka_connection()) as admin:
            states = await describe(admin, [topic])
    except (KafkaError, OSError, TimeoutError) as error:
        servers = settings.kafka_bootstrap_servers
        raise StartupError([f"Kafka at {servers} does not answer: {type(error).__name__}: {error}"]) from error
    except TopicsError as error:
        raise StartupError(error.problems) from error
    if missing := missing_topics([topic], states):
        return [f"{missing[0]}; check LINGER_TOPIC_PREFIX, or: linger topics create"]
    wrong = wrong_partitions([topic], states, settings.partitions)
    return [f"{problem}: orders would go to the wrong partitions" for problem in wrong]
