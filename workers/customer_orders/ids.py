"""Customer ids as a person gives them: one in the command, or one a line of a file. Pure.

An id is taken as it is: no space is removed, because with it it is another id.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from schemas.events import MAX_ID_BYTES
from workers.errors import StartupError
from workers.kafka.partitioner import partition_of
from workers.printing import one_line

MOST_IDS: Final = 100_000
"""The longest list of one command."""
MOST_BYTES: Final = MOST_IDS * (MAX_ID_BYTES + 2)
"""No list of that many ids is longer."""
_SHOWN: Final = 20
_BYTE_ORDER_MARK: Final = "\ufeff"


def one_id(customer_id: str) -> list[str]:
    """Return the list of this id alone.

    Raises:
        StartupError: if no customer can have it.
    """
    if (problem := _problem_of(customer_id)) is not None:
        raise StartupError([f"the customer's id {problem}"])
    return [customer_id]


def ids_in(raw: bytes, where: str) -> list[str]:
    """Return the ids of a list in its order, each once.

    Args:
        raw: the list in UTF-8, one id a line; line ends of any system, and the byte order mark of spreadsheets.
        where: the name of the list, for messages.

    Raises:
        StartupError: if it has no id, too many, or a line that no customer can have; with the first of these lines.
    """
    if len(raw) > MOST_BYTES:
        raise StartupError([_too_many(where)])
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise StartupError([f"{where} is not UTF-8: {error}"]) from error
    lines = text.removeprefix(_BYTE_ORDER_MARK).removesuffix("\n").split("\n")
    ids = [line.removesuffix("\r") for line in lines]
    if ids == [""]:
        raise StartupError([f"{where} has no customer's id; write one a line"])
    problems = [
        f"{where}, line {number}: the id {problem}"
        for number, customer_id in enumerate(ids, 1)
        if (problem := _problem_of(customer_id)) is not None
    ]
    if problems:
        raise StartupError(_first(problems))
    unique = list(dict.fromkeys(ids))
    if len(unique) > MOST_IDS:
        raise StartupError([_too_many(where)])
    return unique


def by_partition(customer_ids: Iterable[str], partitions: int) -> dict[int, list[str]]:
    """Return ids by the activity partition of the customer."""
    ids: dict[int, list[str]] = {}
    for customer_id in customer_ids:
        ids.setdefault(partition_of(customer_id, partitions), []).append(customer_id)
    return ids


def _problem_of(customer_id: str) -> str | None:
    if not customer_id.strip():
        return "is empty"
    length = len(customer_id.encode())
    if length > MAX_ID_BYTES:
        return f"has {length} bytes, at most {MAX_ID_BYTES}: '{one_line(customer_id[:20])}…'"
    return None


def _too_many(where: str) -> str:
    return f"{where} has more than {MOST_IDS:,} ids; split it, for example: split -l {MOST_IDS} FILE"


def _first(problems: Sequence[str]) -> list[str]:
    left = len(problems) - _SHOWN
    return [*problems[:_SHOWN], f"and {left} more lines"] if left > 0 else list(problems)
