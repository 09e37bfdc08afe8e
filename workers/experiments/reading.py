"""Reads the figures of experiments from Redis, with what is kept of each and how far each partition is."""

from schemas.sources import SourcesFile
from workers.core.watermarks import sent_to, watermarks_in_partition
from workers.experiments.figures import Counted, ExperimentFigures, figures
from workers.state.meta import REBUILDING
from workers.state.rule_sets.experiments import figures_in, read_entries
from workers.state.source_sets.stored import as_agreed
from workers.state.store import Store


async def read_figures(
    store: Store, sources: SourcesFile, partitions: int, now_ms: int
) -> dict[str, ExperimentFigures]:
    """Return the figures of every experiment, by its key.

    Args:
        store: of the state.
        sources: as written.
        partitions: of the activity topic.
        now_ms: the clock, read first: nothing that is read later may be newer.

    Raises:
        Transient: if Redis does not answer.
    """
    entries = await read_entries(store)
    if not entries:
        return {}
    progress = await store.progress()
    counting = (await as_agreed(store, sources)).counted
    counted = []
    for number in range(partitions):
        decided_ms, meta = await store.decided_ms(number), await store.meta(number)
        if meta.get(REBUILDING) or int(meta.get("offset", -1)) < 0:
            decided_ms = 0  # it is counted again: customers who are missing are not finished, nor those who are there
        is_behind = not decided_ms or int(meta.get("offset", 0)) < sent_to(number, progress.values())
        until = watermarks_in_partition(counting, progress, now_ms, decided_ms if is_behind else None)
        counted.append(Counted(await figures_in(store, number), until))
    return figures(entries, counted)
