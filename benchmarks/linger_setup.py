"""Linger as the benchmarks run it: the workload's rules with examples, its source, its variables, its topics."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.rules import many
from benchmarks.workload import RULES, START_MS, TYPES
from schemas.actions import Action, Decision
from schemas.rules import Example, Rule, RuleBook, write_offset
from workers.demo.embedded import Pair
from workers.demo.rules import UNBRAKED
from workers.kafka.topics import TopicPlan, connected_admin, create_missing
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import load_book
from workers.rule_tests.playback import Playback, scenario_of
from workers.settings import OWN_TOPICS, Settings

KEPT: Final = {"retention.ms": "-1"}
"""Of topics with events of the past: they are older than any retention, and Kafka would delete them."""

_NEVER_SILENT: Final = "3650 days"
_PURCHASE: Final = {"event": "purchase", "with": {"amount": 200, "currency": "USD"}}
_PLOTS: Final[tuple[list[dict[str, Any]], ...]] = (
    [{"at": "start", "event": "login", "every": "1 day", "times": 12}],
    [{"at": "start", **_PURCHASE}],
    [{"at": "start", **_PURCHASE, "every": "10 days", "times": 4}],
    [{"at": "start", **_PURCHASE, "every": "10 days", "times": 4}, {"at": "31 days", "event": "cancellation"}],
)
"""What made-up customers do; every rule of the workload acts for one of them, and none for a single log-in."""


def workload_book(number: int = 20) -> RuleBook:
    """Return `number` rules of the workload; beyond twenty they repeat with other numbers."""
    book, problems = load_book([RULES], KnownNames(TYPES))
    if problems:
        raise ValueError("\n".join(map(str, problems)))
    if number > len(book.rules):
        return many(book, number)
    return RuleBook(book.rules[:number], book.define, book.for_every_rule)


def write_rules(folder: Path, number: int = 20) -> None:
    """Write `number` rules of the workload into a folder, each with the examples that a live rule needs."""
    folder.mkdir(parents=True, exist_ok=True)
    book = workload_book(number)
    for place in range(0, len(book.rules), 20):
        documents = [_with_examples(rule, book) for rule in book.rules[place : place + 20]]
        # JSON is YAML.
        (folder / f"rules-{place:03d}.yaml").write_text(json.dumps({"rules": documents}, indent=1))
    # What is measured is work, not what is held: an hour of the workload's clock has any number of actions.
    (folder / "brake.yaml").write_text(json.dumps({"for every rule": {"brake": UNBRAKED}}))


def _with_examples(rule: Rule, book: RuleBook) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        rule.model_dump_json(by_alias=True, exclude_none=True, exclude={"examples"})
    )
    silent = {
        "name": "a customer who logs in once",
        "given": [{"at": "start", "event": "login"}],
        "expect": "nothing",
    }
    return document | {"examples": [_acting(rule, book), silent]}


def _acting(rule: Rule, book: RuleBook) -> dict[str, Any]:
    """Return an example in which the rule acts; what it decides there is asked of the core."""
    scenario = scenario_of(book, (rule,), TYPES)
    for given in _PLOTS:
        playback = Playback.of(
            Example.model_validate({"name": "draft", "given": given, "expect": "nothing"}), scenario
        )
        decided = [one for step in playback.steps() for one in step.happened if isinstance(one, Action | Decision)]
        if any(isinstance(one, Action) for one in decided):
            expect = [_expectation(one, playback) for one in decided]
            return {"name": "a customer for whom it acts", "given": given, "expect": expect}
    raise ValueError(f"rule {rule.id} acts for none of the made-up customers")


def _expectation(decided: Action | Decision, playback: Playback) -> dict[str, Any]:
    if isinstance(decided, Decision):
        return {"at": write_offset(playback.since_start(decided.decided_at)), "decision": decided.decision}
    if decided.retracted_at is not None:
        return {
            "at": write_offset(playback.since_start(decided.retracted_at)),
            "retracted": decided.retracted_because,
        }
    return {"at": write_offset(playback.since_start(decided.decided_at)), "action": decided.action}


def write_sources(path: Path, topic: str, since_ms: int = START_MS) -> None:
    """Write a sources file with one topic of canonical events, complete since the day of a moment, never silent."""
    source = {
        "topic": topic,
        "format": "canonical",
        "events": list(TYPES),
        "max_silence": _NEVER_SILENT,
        "complete_since": f"{datetime.fromtimestamp(since_ms / 1000, UTC):%Y-%m-%d}",
    }
    path.write_text(json.dumps({"sources": [source]}, indent=1))


def variables(
    pair: Pair, folder: Path, *, name: str, partitions: int, clock: str = "replay", **others: object
) -> dict[str, str]:
    """Return the variables of a worker whose rules and sources are in `folder/rules` and `folder/sources.yaml`.

    Timeouts are Linger's own, not the short ones of `Pair.variables`.

    Args:
        pair: where Kafka and Redis are.
        folder: of the files.
        name: group, prefix of the topics and of the keys.
        partitions: of the activity topic.
        clock: `system` or `replay`.
        others: further settings by their field in `Settings`.
    """
    return {
        "LINGER_KAFKA_BOOTSTRAP_SERVERS": pair.bootstrap_servers,
        "LINGER_REDIS_URL": pair.redis_url,
        "LINGER_KAFKA_GROUP_ID": name,
        "LINGER_REDIS_NAMESPACE": name,
        "LINGER_TOPIC_PREFIX": name,
        "LINGER_PARTITIONS": str(partitions),
        "LINGER_TOPIC_REPLICATION_FACTOR": "1",
        "LINGER_RULES": str(folder / "rules"),
        "LINGER_SOURCES": str(folder / "sources.yaml"),
        "LINGER_CLOCK": clock,
        "LINGER_HTTP_PORT": "0",
        "LINGER_LOG_FORMAT": "json",
        **{f"LINGER_{key.upper()}": str(value).lower() for key, value in others.items()},
    }


async def create_topics(settings: Settings, sources: Mapping[str, int]) -> None:
    """Create Linger's own topics and source topics with their partitions; existing ones are left alone."""
    own = [name for name in OWN_TOPICS if settings.topic(name) not in sources]
    plans: Sequence[TopicPlan] = [
        *(TopicPlan(settings.topic(name), settings.partitions_of(name), 1) for name in own),
        *(TopicPlan(topic, number, 1, KEPT) for topic, number in sources.items()),
    ]
    async with connected_admin(settings.kafka_connection()) as admin:
        await create_missing(admin, plans)
