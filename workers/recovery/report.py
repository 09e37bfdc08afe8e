"""The operator's options for a rebuild, and its report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workers.recovery.loss import Loss
from workers.recovery.release_policy import Tally


@dataclass(frozen=True, slots=True)
class Options:
    """The operator's options.

    Attributes:
        all_partitions: rebuild partitions whose state is consistent with the log, too.
        dry_run: only report what would be done.
        among_workers: do not refuse to run while workers of the group are alive; they are fenced.
        cut_log_accepted: rebuild from a log without its beginning, and do not ask before.
        begin_with: state files to begin with, or a folder of them; None to begin with nothing.
    """

    all_partitions: bool = False
    dry_run: bool = False
    among_workers: bool = False
    cut_log_accepted: bool = False
    begin_with: Path | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a rebuild did or, after a dry run, would do.

    Attributes:
        reasons: why each partition is rebuilt, by partition; empty if there is nothing to rebuild.
        dry_run: nothing was changed.
        records: records of the activity topic to read.
        seconds: duration of the rebuild; after a dry run an estimate.
        ids_known: published action ids that have not expired.
        log_begins: time of the first record left (ISO 8601), or that none is left, by partition; only partitions
            whose log has lost its beginning.
        loss: what is lost because logs have lost their beginning; None if they have it.
        rules_lost: Redis no longer held when each rule was activated.
        from_files: partitions that begin with a state file.
        tally: published and withheld actions, by rule.
    """

    reasons: Mapping[int, str]
    dry_run: bool = False
    records: int = 0
    seconds: float = 0.0
    ids_known: int = 0
    log_begins: Mapping[int, str] = field(default_factory=dict)
    loss: Loss | None = None
    rules_lost: bool = False
    from_files: Sequence[int] = ()
    tally: Tally = field(default_factory=Tally)
