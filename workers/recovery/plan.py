"""The plan of a rebuild: which partitions to rebuild, and why. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.core.meaning import MEANING
from workers.errors import StartupError
from workers.recovery.mark import RebuildMark
from workers.recovery.report import Options
from workers.state.consistency import Log, StateMismatch, check_consistency
from workers.state.meta import REBUILDING, meaning_of, topic_id_of

Metas = Mapping[int, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """The work of one rebuild.

    Attributes:
        reasons: why each partition is rebuilt, by partition.
        resume_offsets: next offset to fold, for partitions that an interrupted rebuild has begun.
        records: records of the activity topic to read.
        rules_lost: Redis no longer holds when each rule was activated.
        file_offsets: next offset to fold, for partitions that begin with a state file.
    """

    reasons: Mapping[int, str]
    resume_offsets: Mapping[int, int]
    records: int
    rules_lost: bool
    file_offsets: Mapping[int, int] = field(default_factory=dict)

    @property
    def wiped_partitions(self) -> list[int]:
        """The partitions whose stored state is deleted: all but those that are resumed."""
        return [partition for partition in self.reasons if partition not in self.resume_offsets]

    @property
    def partitions_from_the_log(self) -> list[int]:
        """The partitions that are made from the log alone."""
        return [partition for partition in self.wiped_partitions if partition not in self.file_offsets]


def make_plan(
    metas: Metas,
    logs: Mapping[int, Log],
    options: Options,
    *,
    rules_stored: bool,
    file_offsets: Mapping[int, int] | None = None,
) -> Plan:
    """Decide which partitions to rebuild.

    Args:
        metas: `meta` of every partition, as stored.
        logs: the activity topic, by partition.
        options: from the operator.
        rules_stored: Redis holds an active rule set.
        file_offsets: the next offset to fold, of the partitions in the state files to begin with.

    Raises:
        StartupError: if the state of a partition cannot be rebuilt; every such partition at once.
    """
    reasons, problems, in_files = {}, [], file_offsets or {}
    for partition, fields in metas.items():
        mismatch = _mismatch(fields, logs[partition])
        if mismatch is not None and not mismatch.can_be_rebuilt:
            problems.append(f"partition {partition}: {mismatch}")
        elif mismatch is not None:
            reasons[partition] = mismatch.problem
        elif _offset(fields) < 0 and (logs[partition].earliest < logs[partition].end or partition in in_files):
            reasons[partition] = "no state is stored"
        elif options.all_partitions:
            reasons[partition] = "all partitions were requested"
    if problems:
        raise StartupError(problems)
    resume_offsets = {
        partition: max(_offset(metas[partition]), logs[partition].earliest)
        for partition in reasons
        if _can_be_resumed(metas[partition], logs[partition])
    }
    from_files = {
        partition: offset
        for partition, offset in in_files.items()
        if partition in reasons and partition not in resume_offsets
    }
    begin = {**from_files, **resume_offsets}
    records = sum(logs[partition].end - begin.get(partition, logs[partition].earliest) for partition in reasons)
    return Plan(reasons, resume_offsets, records, _are_rules_lost(metas, rules_stored=rules_stored), from_files)


def _can_be_resumed(fields: Mapping[str, str], log: Log) -> bool:
    mark = _mark(fields)
    if mark is None or mark.is_wiping:
        return False
    if _offset(fields) >= 0 and meaning_of(fields)[0] != MEANING:
        return False  # it was begun by a release that decided otherwise
    unmarked = {name: value for name, value in fields.items() if name != REBUILDING}
    return _mismatch(unmarked, log) is None


def _are_rules_lost(metas: Metas, *, rules_stored: bool) -> bool:
    # An interrupted rebuild activates the rules again: only its marks still say that they were lost.
    marks = map(_mark, metas.values())
    return not rules_stored or any(mark is not None and mark.rules_lost for mark in marks)


def _mark(fields: Mapping[str, str]) -> RebuildMark | None:
    text = fields.get(REBUILDING)
    return RebuildMark.parse(text) if text else None


def _mismatch(fields: Mapping[str, str], log: Log) -> StateMismatch | None:
    return check_consistency(fields, _offset(fields), topic_id_of(fields), log)


def _offset(fields: Mapping[str, str]) -> int:
    return int(fields.get("offset", -1))
