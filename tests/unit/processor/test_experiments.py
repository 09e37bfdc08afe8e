"""Laws of experiments in a worker: each step counts once, and figures of long ago take little room."""

from datetime import UTC, datetime, timedelta

from schemas.experiments import encode_experiment
from tests.support.builders import DAY, START, rule
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import Agent, lawful, record
from workers.observability.metrics import REGISTRY
from workers.runtime.measures.beginnings import begin_rules

TODAY = START // DAY + 100
"""The day on which the agents of these laws run."""
QUIET = rule("quiet", when={"none": "purchase", "for": "10 days"}, hold_out="50%", success="purchase within 7 days")


def at(days_ago: float) -> str:
    return (datetime.fromtimestamp(TODAY * 86_400, UTC) - timedelta(days=days_ago)).isoformat()


def bought(offset: int, days_ago: float) -> object:
    return record(offset, "purchase", at(days_ago), amount="10", currency="EUR")


def figures(store: MemoryStore) -> dict[str, int]:
    """What is counted, without the key of the experiment, and the day as how many days ago it was."""
    found = {}
    for name, number in store.contents[0].experiments.items():
        _, arm, day, *what = name.split("|")
        if not what:
            continue  # later episodes stand apart
        found[f"{arm} {day if day == 'all' else TODAY - int(day)} {what[0]}"] = number
    return found


async def know(agent: Agent, store: MemoryStore) -> None:
    """Keep what is to be known of the experiment, as an activation does."""
    (experiment,) = agent.processor.rules.experiments
    store.hashes[store.keys.experiments] = {experiment.key: encode_experiment(experiment.entry()).decode()}


def test_a_step_that_got_no_answer_counts_once() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(bought(0, 20))
        store.losing = 1
        await agent.processor.fire()
        await agent.processor.fire()
        (name,) = figures(store)
        assert name.endswith(" 10 n")
        arm = name.removesuffix(" 10 n")
        store.losing = 1
        await agent.process(bought(1, 5))
        assert {name: number for name, number in figures(store).items() if name.endswith(("n", "won"))} == {
            f"{arm} 10 n": 1,
            f"{arm} 10 won": 1,
        }

    lawful(law, QUIET)


def test_customers_who_enter_are_counted_by_experiment_and_arm() -> None:
    def seen() -> dict[str, float]:
        labels = [{"experiment": "quiet", "arm": arm} for arm in ("held out", "treated")]
        return {
            one["arm"]: REGISTRY.get_sample_value("linger_experiment_customers_total", one) or 0 for one in labels
        }

    async def law(agent: Agent, store: MemoryStore) -> None:
        begin_rules(agent.processor.rules)
        before = seen()
        await agent.process(bought(0, 20))
        await agent.processor.fire()
        (name,) = figures(store)
        arm = name.removesuffix(" 10 n")
        assert seen() == {**before, arm: before[arm] + 1}
        await agent.process(bought(1, 5))
        assert seen() == {**before, arm: before[arm] + 1}

    lawful(law, QUIET)


def test_figures_of_a_day_that_was_finished_a_week_ago_are_kept_together() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await know(agent, store)
        await agent.process(bought(0, 90), bought(1, 75))
        await agent.processor.fire()
        before = figures(store)
        assert before
        agent.clock.now_ms += DAY
        await agent.observe()
        await agent.processor.fire()
        after = figures(store)
        assert {name.split()[-2] for name in after} == {"all"}
        assert sum(after.values()) == sum(before.values())
        agent.clock.now_ms += DAY
        await agent.observe()
        await agent.processor.fire()
        assert figures(store) == after

    lawful(law, QUIET)
