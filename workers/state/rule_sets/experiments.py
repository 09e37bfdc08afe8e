"""Experiments in Redis: which ones go on, what is kept of each, and the figures that partitions count.

Those that go on stand in the hash of rules, so that they change with the rule set: `experiment:NAME|DESIGN` to key
and salt, generation and moment of the beginning. A rule that is renamed goes on with the experiment of its old name,
if nothing else has changed. What is kept of each experiment is in a hash of its own, also after its end.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import structs

from schemas.experiments import ExperimentEntry, decode_experiment, encode_experiment
from workers.core.customer.specs import digest_of
from workers.core.experiments.experiment import Experiment
from workers.core.rules.rule_set import RuleSet
from workers.state.store import Store

EXPERIMENT: Final = "experiment:"


def going_on(
    rules: RuleSet,
    stored: Mapping[str, str],
    entries: Mapping[str, ExperimentEntry],
    generation: int,
    since_ms: int,
    now_ms: int,
) -> dict[str, str]:
    """Return the fields of the experiments of a rule set that is activated. Pure.

    An experiment that the hash of rules does not name any more, because Redis has lost it, goes on with its entry. If
    it was lost which customers are in one, another one begins that divides customers as before.

    Args:
        rules: the set, compiled.
        stored: the fields of the hash of rules before.
        entries: by key, what is kept of every experiment.
        generation: of the set.
        since_ms: since when what is new in it counts; 0 if it is the first of all.
        now_ms: when it is activated.
    """
    fields: dict[str, str] = {}
    wanted = {_field(one): one for one in rules.experiments}
    known = _entered(entries, stored, generation)
    left = {name: text for name, text in sorted(known.items()) if name not in wanted}
    for name, one in wanted.items():
        text = known.get(name) or _renamed(one, left)
        if text is None:
            text = f"{_new_key(one, entries, generation)}|{one.arms.salt} {generation} {since_ms}"
        elif _is_forgotten(text, entries):
            text = f"{_new_key(one, entries, generation)}|{_identity(text)[1]} {generation} {now_ms}"
        fields[name] = text
    return fields


def begun_again(
    rules: RuleSet, stored: Mapping[str, str], entries: Mapping[str, ExperimentEntry], generation: int, now_ms: int
) -> dict[str, str] | None:
    """Return what the hash of rules is to say, if experiments of the newest set begin again; None if none does. Pure.

    Args:
        rules: the newest set, compiled.
        stored: the fields of the hash of rules.
        entries: by key, what is kept of every experiment.
        generation: of the set.
        now_ms: when they begin.
    """
    if not any(_is_forgotten(text, entries) for name, text in stored.items() if name.startswith(EXPERIMENT)):
        return None
    others = {name: text for name, text in stored.items() if not name.startswith(EXPERIMENT)}
    return others | going_on(rules, stored, entries, generation, now_ms, now_ms)


def begun(rules: RuleSet, stored: Mapping[str, str]) -> tuple[Experiment, ...]:
    """Return the experiments of a rule set with the keys, salts and beginnings that Redis has. Pure."""
    found = []
    for one in rules.experiments:
        text = stored.get(_field(one))
        if text is None:
            found.append(one)
            continue
        key, salt = _identity(text)
        found.append(one.begun(key, salt, int(text.split()[2])))
    return tuple(found)


async def keep_entries(store: Store, rules: RuleSet, now_ms: int) -> None:
    """Keep what is to be known of the experiments that go on, and note the end of the others.

    Called after the set is the newest, and again by each worker that starts with it, so a crash leaves nothing out.

    Args:
        store: the store that all workers share.
        rules: the set, as activated.
        now_ms: the present moment.

    Raises:
        Transient: if Redis does not answer.
    """
    present = {one.key: one for one in rules.experiments}

    def change(fields: Mapping[str, str]) -> dict[str, str] | None:
        changed = dict(fields)
        for key, text in fields.items():
            entry = decode_experiment(text)
            if key not in present and entry.closed_at is None:
                changed[key] = entry_text(structs.replace(entry, closed_at=now_ms))
        for key, one in present.items():
            known = decode_experiment(fields[key]) if key in fields else one.entry()
            kept = structs.replace(known, rules=one.rules, design=one.design)
            if kept.closed_at is not None:
                # Redis and the rules went back to before its end.
                kept = structs.replace(kept, closed_at=None, ended={}, lost_at=None)
            if key not in fields or kept != known:
                changed[key] = entry_text(kept)
        return None if changed == fields else changed

    if present or await store.fields(store.keys.experiments):
        await store.redis.rewrite(store.keys.experiments, change)


async def read_entries(store: Store) -> dict[str, ExperimentEntry]:
    """Return what is kept of every experiment, by its key.

    Raises:
        Transient: if Redis does not answer.
    """
    stored = await store.fields(store.keys.experiments)
    return {key: decode_experiment(text) for key, text in stored.items()}


async def figures_in(store: Store, partition: int) -> dict[str, int]:
    """Return what one partition has counted, by the name of the figure.

    Raises:
        Transient: if Redis does not answer.
    """
    stored = await store.fields(store.keys.partition(partition).experiments)
    return {name: int(number) for name, number in stored.items()}


def _field(experiment: Experiment) -> str:
    return f"{EXPERIMENT}{experiment.name}|{experiment.design}"


def _renamed(experiment: Experiment, left: dict[str, str]) -> str | None:
    """Return what is stored of an experiment under a name that is gone, and take it out of those that are left."""
    found = next((name for name in left if name.endswith(f"|{experiment.design}")), None)
    return None if found is None else left.pop(found)


def _identity(text: str) -> tuple[str, str]:
    """Return key and salt of an experiment that goes on."""
    key, _, salt = text.split()[0].partition("|")
    return key, salt


def _is_forgotten(text: str, entries: Mapping[str, ExperimentEntry]) -> bool:
    entry = entries.get(_identity(text)[0])
    return entry is not None and entry.forgotten_at is not None


def _entered(entries: Mapping[str, ExperimentEntry], stored: Mapping[str, str], generation: int) -> dict[str, str]:
    """Return the experiments that go on: those in the hash of rules, and those that only have an entry."""
    known = {name: text for name, text in stored.items() if name.startswith(EXPERIMENT)}
    keys = {_identity(text)[0] for text in known.values()}
    for key, entry in entries.items():
        if entry.closed_at is None and entry.design and key not in keys:
            name = f"{EXPERIMENT}{entry.name}|{entry.design}"
            known.setdefault(name, f"{key}|{entry.name} {generation} {entry.begun_at}")
    return known


def _new_key(experiment: Experiment, entries: Mapping[str, ExperimentEntry], generation: int) -> str:
    """Return a key that no experiment has had. Numbers of rule sets begin again where Redis has lost everything."""
    number = generation
    while (key := digest_of([experiment.name, experiment.design, number])) in entries:
        number += 1
    return key


def entry_text(entry: ExperimentEntry) -> str:
    """Return an entry as Redis has it."""
    return encode_experiment(entry).decode()
