"""The customers on a stage whose list is kept (`list: true`): a bounded part of it, read from Redis."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from workers.errors import StartupError
from workers.state.keys import list_of, listed_worth
from workers.state.meta import GENERATION, SWEPT
from workers.state.store import Store

_PAGE: Final = 500
_MOST_PAGES: Final = 20
"""Pages of due times that are looked at in each partition."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A customer in a list.

    Attributes:
        customer_id: the customer.
        since_ms: since when the customer stands there; None if a file says what customers are worth.
        worth: what the customer was worth when last decided, in hundredths; None if no file says it.
        due_ms: when the customer is due next; None for never.
    """

    customer_id: str
    since_ms: int | None
    worth: int | None
    due_ms: int | None


@dataclass(frozen=True, slots=True)
class StageList:
    """The first customers of a list.

    Attributes:
        total: how many customers it has.
        customers: the first ones, in order.
        is_whole: whether all of the list was looked at.
        is_kept: whether every customer has been decided by the rules that keep the list.
    """

    total: int
    customers: list[Listed]
    is_whole: bool
    is_kept: bool


async def read_list(
    store: Store, partitions: int, stage: str, limit: int, *, has_value: bool, by_due: bool
) -> StageList:
    """Return the first customers on a stage.

    Args:
        store: of the state.
        partitions: of the activity topic.
        stage: its name; the ladder has a list of it.
        limit: at most this many.
        has_value: a file says what customers are worth: who is worth the most comes first, otherwise who stands there
            for the longest.
        by_due: who is due next comes first, instead.

    Raises:
        StartupError: if no worker keeps the list yet.
        Transient: if Redis does not answer.
    """
    numbers = range(partitions)
    lists = [store.keys.partition(number).waiting(list_of(stage)) for number in numbers]
    metas = await store.metas(numbers)
    if not any(metas.values()):
        raise StartupError(["no worker has run here yet"])
    total = sum(map(int, await store.redis.call([("ZCARD", key) for key in lists])))
    if by_due:
        found, is_whole = await _by_due(store, lists, limit)
    else:
        found, is_whole = await _by_score(store, lists, limit, has_value), True
    customers = [
        Listed(
            customer_id,
            None if has_value else score,
            listed_worth(score) if has_value else None,
            due_ms,
        )
        for customer_id, score, due_ms in found
    ]
    return StageList(total, customers, is_whole, all(map(_is_swept, metas.values())))


Found = tuple[str, int, int | None]


async def _by_score(store: Store, lists: list[str], limit: int, largest_first: bool) -> list[Found]:
    commands: list[tuple[str | int, ...]]
    if largest_first:
        commands = [("ZRANGE", key, 0, limit - 1, "REV", "WITHSCORES") for key in lists]
    else:
        commands = [("ZRANGE", key, 0, limit - 1, "WITHSCORES") for key in lists]
    answers = await store.redis.call(commands)
    found = [(score, customer_id, number) for number, raw in enumerate(answers) for customer_id, score in _pairs(raw)]
    found.sort(key=lambda one: (-one[0] if largest_first else one[0], one[1]))
    first = found[:limit]
    dues = await store.redis.call(
        [("ZSCORE", store.keys.partition(number).due, customer_id) for _, customer_id, number in first]
    )
    return [
        (customer_id, score, None if due is None else int(float(due)))
        for (score, customer_id, _), due in zip(first, dues, strict=True)
    ]


async def _by_due(store: Store, lists: list[str], limit: int) -> tuple[list[Found], bool]:
    found: list[Found] = []
    is_whole = True
    for number, key in enumerate(lists):
        of_partition = 0
        for page in range(_MOST_PAGES + 1):
            if page == _MOST_PAGES:
                is_whole = False
                break
            first = page * _PAGE
            due = store.keys.partition(number).due
            (raw,) = await store.redis.call([("ZRANGE", due, first, first + _PAGE - 1, "WITHSCORES")])
            customers = _pairs(raw)
            scores = await store.redis.call([("ZSCORE", key, customer_id) for customer_id, _ in customers])
            for (customer_id, due_ms), score in zip(customers, scores, strict=True):
                if score is not None:
                    found.append((customer_id, int(float(score)), due_ms))
                    of_partition += 1
            if of_partition >= limit or len(customers) < _PAGE:
                break
    found.sort(key=lambda one: (one[2] or 0, one[0]))
    return found[:limit], is_whole


def _pairs(raw: Any) -> list[tuple[str, int]]:
    pairs = zip(*[iter(raw)] * 2, strict=True) if raw and isinstance(raw[0], bytes) else raw
    return [(member.decode(), int(float(score))) for member, score in pairs]


def _is_swept(fields: Mapping[str, str]) -> bool:
    return int(fields.get(SWEPT) or 0) >= int(fields.get(GENERATION) or 0)
