"""Whether the stored state fits the rules and the log of the activity topic. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from schemas.experiments import ExperimentEntry
from workers.catalogue import kind_of
from workers.catalogue.keys import is_known
from workers.core.rules.rule_set import RuleSet
from workers.operations.findings import Finding, judged, ok, problem, unknown
from workers.pauses.record import ALL_RULES, PauseRecord
from workers.state.brake import BrakeState
from workers.state.consistency import Kind, Log, StateMismatch, check_consistency, partitions_made_with
from workers.state.meta import MARKED, topic_id_of

_CHECKED: Final[Mapping[Kind, str]] = {
    "layout": "layout of the stored state",
    "rebuilding": "rebuild",
    "partitions": "partitions of the stored state",
    "recreated": "topic of the stored state",
    "outside": "stored offsets",
}
"""Name of the check, by kind of mismatch."""
_SHOWN_PARTITIONS: Final = 5


def kinds_of_keys(namespace: str, names: Sequence[str]) -> Finding:
    """Check that this release knows what some keys are for.

    Args:
        namespace: of Linger.
        names: some keys that begin with it.
    """
    kinds = {kind_of(namespace, name)[:2] for name in names}
    unknown_kinds = sorted({kind for tag, kind in kinds if not is_known(tag, kind)})
    finding = problem(
        "state",
        "kinds of keys",
        f"'{', '.join(unknown_kinds)}' among {len(names):,} keys"
        if unknown_kinds
        else f"{len(names):,} keys: all known",
        "a later release has worked here: no command of this one exports, erases or rebuilds what is in them",
        "use the later release",
    )
    return judged(finding, is_well=not unknown_kinds)


def rule_set(rules: RuleSet, stored: Mapping[str, str]) -> Finding:
    """Check that these rules are not older than the active ones.

    Args:
        rules: the rules of this worker.
        stored: the record of active rule sets.
    """
    newest, generation = stored.get("generation", "0"), stored.get(f"set:{rules.hash}")
    is_older = generation is not None and stored.get("hash") != rules.hash
    if is_older:
        state = f"was set {generation}, the newest is {newest}"
    elif generation:
        state = f"set {newest}, active"
    else:
        state = f"new, will be set {int(newest) + 1}"
    why = "a worker refuses to start with rules that were replaced by newer ones"
    remedy = "load the newest files, or: linger rules promote"
    return judged(problem("state", "rule set", f"{rules.hash}, {state}", why, remedy), is_well=not is_older)


def pauses(paused: Sequence[PauseRecord]) -> Finding:
    """Show what is paused: it is meant, so it is no problem."""
    names = ["all rules" if record.rule == ALL_RULES else record.rule for record in paused]
    said = [f"{name} by {record.by}: {record.because}" for name, record in zip(names, paused, strict=True)]
    return ok("state", "pauses", "; ".join(said) or "nothing is paused")


def experiments(kept: Mapping[str, ExperimentEntry]) -> Finding:
    """Check that the figures of the experiments that go on can be believed, and that none harms.

    Args:
        kept: what is kept of every experiment, by its key.
    """
    running = [entry for entry in kept.values() if entry.closed_at is None]
    unhealthy = sorted(entry.called for entry in running if entry.unhealthy_since is not None)
    harmed = sorted(entry.called for entry in running if entry.harmed_at is not None)
    said = f"{len(running)} {'goes' if len(running) == 1 else 'go'} on"
    why, remedy = [], []
    if unhealthy:
        said += f"; the arms do not fit: {', '.join(unhealthy)}"
        why.append("customers were lost or added in one arm only, so the figures stay hidden")
        remedy.append("docs/does-it-help.md, 'Groups that do not fit'; then change the rule, so that another begins")
    if harmed:
        said += f"; does harm: {', '.join(harmed)}"
        why.append("fewer customers reach the goal than without the messages")
        remedy.append("linger experiments; then change the rule, or linger resume it if it is to go on")
    finding = problem("state", "experiments", said, "; ".join(why), "; ".join(remedy))
    return judged(finding, is_well=not unhealthy and not harmed)


def brake(state: BrakeState, held: int) -> Finding:
    """Check that the brake holds nothing.

    Args:
        state: of this hour.
        held: how many actions it holds.
    """
    limit = "no limit yet" if state.limit is None else f"at most {state.limit}"
    observed = f"{state.passed} actions in this hour, {limit}; it holds {held}"
    why = "far more actions than ever: the rest waits until an operator decides, and expires meanwhile"
    remedy = "linger rules held; then linger rules release or discard, and set `brake` if so many are meant"
    return judged(problem("state", "brake", observed, why, remedy), is_well=not held)


def another_namespace(namespace: str, elsewhere: Sequence[str]) -> list[Finding]:
    """Return the finding that the state of the activity topic is under other namespaces, nothing if it is not."""
    if not elsewhere:
        return []
    shown = " and ".join(f"'{name}'" for name in elsewhere)
    observed = f"nothing is stored under '{namespace}'; the state of the activity topic is under {shown}"
    why = "a worker would begin again from the start of the topic, and commands would find no customer"
    return [problem("state", "namespace", observed, why, "set LINGER_REDIS_NAMESPACE to that of the workers")]


def stored_offsets(
    metas: Mapping[int, Mapping[str, str]], logs: Mapping[int, Log], partitions_set: int
) -> list[Finding]:
    """Check that the stored state of each partition fits its log.

    Args:
        metas: fields of `meta` by partition, read before `logs`; empty for a partition without state.
        logs: by partition; empty if they could not be read.
        partitions_set: LINGER_PARTITIONS; compared if there are no logs to compare with.
    """
    checked = _CHECKED["outside"]
    stored = {partition: fields for partition, fields in sorted(metas.items()) if fields}
    if not stored:
        return [ok("state", checked, "nothing is stored yet")]
    why = "continuing would lose events or count them twice, so workers do not process these partitions"
    if not logs:
        made_with = {count for fields in stored.values() if (count := partitions_made_with(fields)) is not None}
        if others := sorted(made_with - {partitions_set}):
            observed = f"made with {' and '.join(map(str, others))} partitions, LINGER_PARTITIONS is {partitions_set}"
            return [problem("state", _CHECKED["partitions"], observed, why, f"set LINGER_PARTITIONS={others[0]}")]
        remedy = "fix the problems of Kafka first"
        return [unknown("state", checked, "the log of the activity topic could not be read", why, remedy)]
    partitions_by_mismatch: dict[StateMismatch, list[int]] = {}
    for partition, fields in stored.items():
        offset = int(fields.get("offset", -1))
        mismatch = check_consistency(fields, offset, topic_id_of(fields), logs[partition])
        if mismatch is not None:
            partitions_by_mismatch.setdefault(mismatch, []).append(partition)
    if not partitions_by_mismatch:
        return [ok("state", checked, f"those of {len(stored)} partitions are in the log")]
    return [_mismatch(mismatch, partitions, why) for mismatch, partitions in partitions_by_mismatch.items()]


def copied_marks(metas: Mapping[int, Mapping[str, str]], topic: str, topic_id: str | None) -> list[Finding]:
    """Check that the topic of marks has the marks of every partition.

    Args:
        metas: fields of `meta` by partition.
        topic: its name.
        topic_id: its id; None if it is not known, and then there is nothing to compare.
    """
    marked = {number: fields[MARKED] for number, fields in sorted(metas.items()) if MARKED in fields}
    if topic_id is None or not marked:
        return []
    missing = [number for number, copied_to in marked.items() if copied_to != topic_id]
    observed = f"those of {len(marked)} partitions are in {topic}"
    if missing:
        observed = f"{topic} is another topic than before, without those of partition{_numbers(missing)}"
    why = "if Redis is lost, a customer who is suppressed, opted out or erased is forgotten, and written to again"
    remedy = "start the workers: each copies the marks of its partitions at once"
    return [judged(problem("state", "copies of marks", observed, why, remedy), is_well=not missing)]


def stopped_sources(problems: Mapping[str, str]) -> Finding:
    """Check that every source is read.

    Args:
        problems: by topic, which of its partitions are stopped, and why.
    """
    observed = "; ".join(f"{topic}, {text}" for topic, text in problems.items()) or "none"
    why = "the rules that need its events wait, and decide nothing, until it is read again"
    remedy = "fix the cause; it is tried every minute, and at once by: linger sources resume TOPIC"
    finding = problem("state", "stopped sources", observed, why, remedy)
    return judged(finding, is_well=not problems)


def _mismatch(mismatch: StateMismatch, partitions: Sequence[int], why: str) -> Finding:
    observed = f"partition{_numbers(partitions)}: {mismatch.problem}"
    remedy = f"{mismatch.remedy} (docs/operating.md, 'A partition is stopped')"
    return problem("state", _CHECKED[mismatch.kind], observed, why, remedy)


def _numbers(partitions: Sequence[int]) -> str:
    """Return what follows the word `partition`: which ones they are."""
    return f"{'s' * (len(partitions) > 1)} {_listed(partitions)}"


def _listed(partitions: Sequence[int]) -> str:
    shown = ", ".join(map(str, partitions[:_SHOWN_PARTITIONS]))
    more = len(partitions) - _SHOWN_PARTITIONS
    return f"{shown} and {more} more" if more > 0 else shown
