"""Waits for workers that know more of the rules than Redis: it has lost everything, and they will give it back."""

import asyncio
import time
from typing import Final

import structlog

from workers.kafka.groups import has_members
from workers.observability import log_events
from workers.settings import Settings
from workers.state.rule_sets.activation import newest_generation
from workers.state.store import Store

log = structlog.get_logger(__name__)

AGREED_EVERY_SECONDS: Final = 1.0
"""How often a worker looks whether Redis still knows its rules."""
_PATIENCE_SECONDS: Final = 5.0
"""Members of the group may be dead, and Kafka not know it yet: a start without survivors is this much later."""
_ASKED_EVERY_SECONDS: Final = 0.2


async def wait_for_survivors(store: Store, settings: Settings) -> None:
    """Wait for a while if no rules are active although the group has members.

    Members have activated rules before they joined. A worker that does not wait for them would begin to count rule
    sets from 1, and its rules would count for all of history.

    Raises:
        Transient: if Redis does not answer.
    """
    if await newest_generation(store) or not await has_members(settings.kafka_connection(), settings.kafka_group_id):
        return
    log.warning(log_events.SURVIVORS_AWAITED, seconds=_PATIENCE_SECONDS)
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        await asyncio.sleep(_ASKED_EVERY_SECONDS)
        if await newest_generation(store):
            return
