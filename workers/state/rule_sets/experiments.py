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


def going_on(rules: RuleSet, stored: Mapping[str, str], generation: int, since_ms: int) -> dict[str, str]:
    """Return the fields of the experiments of a rule set that is activated. Pure.

    Args:
        rules: the set, compiled.
        stored: the fields of the hash of rules before.
        generation: of the set.
        since_ms: when it is activated; 0 if it is the first of all.
    """
    fields: dict[str, str] = {}
    wanted = {_field(one): one for one in rules.experiments}
    left = {name: text for name, text in sorted(stored.items()) if name.startswith(EXPERIMENT) and name not in wanted}
    for name, one in wanted.items():
        text = stored.get(name) or _renamed(one, left)
        key = digest_of([one.name, one.design, generation])
        fields[name] = text or f"{key}|{one.arms.salt} {generation} {since_ms}"
    return fields


def begun(rules: RuleSet, stored: Mapping[str, str]) -> tuple[Experiment, ...]:
    """Return the experiments of a rule set with the keys, salts and beginnings that Redis has. Pure."""
    found = []
    for one in rules.experiments:
        text = stored.get(_field(one))
        if text is None:
            found.append(one)
            continue
        identity, _, since_ms = text.split()
        key, _, salt = identity.partition("|")
        found.append(one.begun(key, salt, int(since_ms)))
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
                changed[key] = _encoded(structs.replace(entry, closed_at=now_ms))
        for key, one in present.items():
            known = decode_experiment(fields[key]) if key in fields else one.entry()
            if key not in fields or known.rules != one.rules:
                changed[key] = _encoded(structs.replace(known, rules=one.rules))
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


def _encoded(entry: ExperimentEntry) -> str:
    return encode_experiment(entry).decode()
