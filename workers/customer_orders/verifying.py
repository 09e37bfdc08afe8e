"""Whether marks say what was ordered: a worker makes an order that it cannot accept a dead letter, and goes on."""

from collections.abc import Sequence

from schemas.orders import ERASE, SUPPRESS
from workers.customer_orders.marks import marked_among
from workers.customer_orders.orders import Instruction
from workers.errors import StartupError
from workers.settings import Settings
from workers.state.marks.mark import Mark
from workers.state.marks.stored import key_of
from workers.state.store import Store


async def refused(
    settings: Settings, store: Store, instruction: Instruction, customer_ids: Sequence[str], at_ms: int
) -> int | None:
    """Return of how many customers the mark does not say what was ordered; workers are past the orders.

    Args:
        settings: with the key of marks, if it is set.
        store: of the marks.
        instruction: what was ordered.
        customer_ids: for these customers.
        at_ms: when it was ordered, in epoch milliseconds.

    Returns:
        None if this cannot be seen here: marks have a key that these settings do not have.

    Raises:
        Transient: if Redis does not answer.
    """
    try:
        key = key_of(await store.marks.key_fields(), configured_key(settings))
    except StartupError:
        return None
    marked = await marked_among(store, settings.partitions, key, customer_ids)
    marks = {customer.customer_id: customer.mark for customer in marked}
    nothing = Mark()
    return sum(not says(marks.get(customer_id, nothing), instruction, at_ms) for customer_id in customer_ids)


def says(mark: Mark, instruction: Instruction, at_ms: int) -> bool:
    """Return whether a mark says what was ordered at a moment. Pure."""
    if instruction.type == ERASE:
        is_erased = mark.erased_ms >= max(at_ms, 1)
        return is_erased and (instruction.may_return or mark.suppressed_ms > 0)
    return (mark.suppressed_ms > 0) == (instruction.type == SUPPRESS)


def configured_key(settings: Settings) -> bytes | None:
    """Return the key of marks of the settings, None without one."""
    return None if settings.marks_key is None else settings.marks_key.get_secret_value().encode()
