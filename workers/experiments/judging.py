"""Judges every experiment that goes on, keeps what must stay of it, and says which rules are to be paused."""

from collections.abc import Iterable, Mapping
from typing import Final

from schemas.durations import DAY_MS
from schemas.experiments import EVERY_RULE, ExperimentEntry, decode_experiment, encode_experiment
from schemas.sources import SourcesFile
from workers.experiments.figures import kept_at_the_end
from workers.experiments.reading import read_figures
from workers.experiments.verdicts import Judged, judged, latched, rate_before
from workers.pauses.pause_list import PauseList
from workers.pauses.record import PauseRecord
from workers.state.store import Store
from workers.verdict.sentences import figures

BY: Final = "linger"
"""Who has paused a rule that harms."""


async def judge(store: Store, sources: SourcesFile, partitions: int, now_ms: int, wall_ms: int) -> list[Judged]:
    """Judge the experiments that go on, and keep their plans, and since when they harm or do not fit.

    Of those that ended a day ago, the figures are kept as they are then: workers had time to take over the rules.

    It may be called as often as anyone likes, by several workers at once: what is kept is kept once.

    Args:
        store: of the state.
        sources: as written.
        partitions: of the activity topic.
        now_ms: the clock, read first.
        wall_ms: the time of day, by which pauses are ordered too.

    Raises:
        Transient: if Redis does not answer.
    """
    every = await read_figures(store, sources, partitions, now_ms)
    found = {
        key: one
        for key, each in every.items()
        if each.entry.closed_at is None and (one := judged(each, now_ms)) is not None
    }
    over = {key: kept_at_the_end(each) for key, each in every.items() if _is_over(each.entry, now_ms)}
    if not found and not over:
        return []

    def change(fields: Mapping[str, str]) -> dict[str, str] | None:
        changed = dict(fields)
        for key in found.keys() & fields.keys():
            entry = decode_experiment(fields[key])
            base_rate = rate_before(entry, every.values())
            changed[key] = encode_experiment(latched(entry, found[key], base_rate, wall_ms)).decode()
        for key in over.keys() & fields.keys():
            if decode_experiment(fields[key]) == every[key].entry:
                changed[key] = encode_experiment(over[key]).decode()
        return None if changed == fields else changed

    kept = await store.redis.rewrite(store.keys.experiments, change)
    for key, one in found.items():
        if key in kept:
            one.figures.entry = decode_experiment(kept[key])
    return list(found.values())


def _is_over(entry: ExperimentEntry, now_ms: int) -> bool:
    is_settled = entry.closed_at is not None and now_ms >= entry.closed_at + DAY_MS
    return is_settled and not entry.ended and entry.lost_at is None


def to_pause(experiments: Iterable[Judged], pauses: PauseList, wall_ms: int) -> list[PauseRecord]:
    """Return the pauses of rules whose experiment harms, unless that was done already. Pure.

    Done is what has a record since the harm was seen first: the pause itself, or a later resume by someone who has
    seen it. So an experiment pauses its rules once, also if a worker dies between judging and pausing. The experiment
    over every rule pauses none: to stop everything is up to an operator.

    Args:
        experiments: as `judge` returned them.
        pauses: the pauses, read to their end.
        wall_ms: the time of day.
    """
    records = {}
    for one in experiments:
        entry = one.figures.entry
        if entry.harmed_at is None or entry.name == EVERY_RULE:
            continue
        for rule_id in entry.rules:
            newest = pauses.newest(rule_id)
            if newest is None or newest.at_ms < entry.harmed_at:
                at_ms = max(wall_ms, entry.harmed_at)
                because = f"it harms: {figures(one.counts, one.verdict)}"
                records[rule_id] = PauseRecord(rule=rule_id, paused=True, by=BY, at_ms=at_ms, because=because)
    return list(records.values())
