"""Experiments that Redis has lost: the topic of the book has a copy of each, and what is lost for good is noted.

What is kept of an experiment comes back, so it goes on under its key, with its salt and what was latched. Its figures
are counted again from the log, with the customers. If the log has lost its beginning, it is lost which customers are
in the experiment: they would enter once more. Then it ends, and another one begins that divides customers alike.
"""

from collections.abc import Mapping

from msgspec import structs

from schemas.experiments import ExperimentEntry, decode_experiment
from workers.state.rule_sets.experiments import entry_text
from workers.state.store import Store


async def give_back(
    store: Store, copied: Mapping[str, ExperimentEntry], now_ms: int, *, is_cut: bool, has_files: bool = False
) -> int:
    """Give back to Redis what it has lost of experiments; return how many entries that changes.

    Args:
        store: the store that all workers share.
        copied: by key, the newest that the topic of the book has of each experiment.
        now_ms: the present moment.
        is_cut: whether what Redis has lost of customers cannot be read again, because a log has lost its beginning.
        has_files: whether figures come back from state files.

    Raises:
        Transient: if Redis does not answer.
    """
    number = 0

    def change(fields: Mapping[str, str]) -> dict[str, str] | None:
        nonlocal number
        changed = dict(fields)
        for key, copy in copied.items():
            own = decode_experiment(fields[key]) if key in fields else None
            entry = joined(own, copy, now_ms, is_lost=not fields, is_cut=is_cut, has_files=has_files)
            if entry != own:
                changed[key] = entry_text(entry)
        number = sum(fields.get(key) != text for key, text in changed.items())
        return changed if number else None

    if copied:
        await store.redis.rewrite(store.keys.experiments, change)
    return number


async def forget_who_is_in(store: Store, now_ms: int, *, are_figures_lost: bool) -> None:
    """Note that it is lost which customers are in the experiments that go on: others begin when rules are activated.

    Args:
        store: the store that all workers share.
        now_ms: the present moment.
        are_figures_lost: whether any of their figures are lost, too.

    Raises:
        Transient: if Redis does not answer.
    """

    def change(fields: Mapping[str, str]) -> dict[str, str] | None:
        changed = dict(fields)
        for key, text in fields.items():
            entry = decode_experiment(text)
            if entry.closed_at is None and entry.forgotten_at is None:
                lost_at = now_ms if are_figures_lost else None
                changed[key] = entry_text(structs.replace(entry, forgotten_at=now_ms, lost_at=lost_at))
        return None if changed == fields else changed

    await store.redis.rewrite(store.keys.experiments, change)


def joined(
    own: ExperimentEntry | None, copy: ExperimentEntry, now_ms: int, *, is_lost: bool, is_cut: bool, has_files: bool
) -> ExperimentEntry:
    """Return what Redis and the topic of the book say of an experiment together; what was latched stays so. Pure.

    Args:
        own: what Redis has; None if nothing.
        copy: what the topic has.
        now_ms: the present moment.
        is_lost: whether Redis has no experiment at all.
        is_cut: as for `give_back`.
        has_files: as for `give_back`.
    """
    if own is None:
        if copy.closed_at is not None or not (is_lost and is_cut):
            both = copy
        else:
            both = structs.replace(copy, forgotten_at=copy.forgotten_at or now_ms, lost_at=copy.lost_at or now_ms)
        is_gone = is_lost and not has_files
    else:
        both = structs.replace(
            own,
            closed_at=own.closed_at if copy.closed_at is None else copy.closed_at,
            plan=own.plan or copy.plan,
            base_rate=own.base_rate if own.plan else copy.base_rate,
            unhealthy_since=_earlier(own.unhealthy_since, copy.unhealthy_since),
            harmed_at=_earlier(own.harmed_at, copy.harmed_at),
            ended=own.ended or copy.ended,
            lost_at=own.lost_at or copy.lost_at,
            forgotten_at=own.forgotten_at or copy.forgotten_at,
        )
        is_gone = own.closed_at is None
    if both.closed_at is not None and is_gone and not both.ended:
        # What was counted between the copy of Redis and the end of the experiment is not counted again.
        both = structs.replace(both, lost_at=both.lost_at or now_ms)
    return both


def _earlier(one: int | None, other: int | None) -> int | None:
    return min((at_ms for at_ms in (one, other) if at_ms is not None), default=None)
