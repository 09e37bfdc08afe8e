"""`linger topics create`: Linger's own topics, created where they are missing."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from workers.cli.audit_commands.changing import Because, By, changing
from workers.cli.output import EXIT_PROBLEM, AsJson, complain, out, print_json, warn
from workers.kafka.topic_configs import alter_command
from workers.kafka.topics import TopicOutcome
from workers.loading import load_rule_book, with_declared_actions
from workers.operations.own_topics import OwnTopic, create_own_topics
from workers.printing import print_table, table_of
from workers.settings import AUDIT, read_settings


def add_to(app: typer.Typer) -> None:
    """Register the group and its command."""
    group = typer.Typer(no_args_is_help=True, help="Linger's own Kafka topics.")
    group.command("create")(create)
    app.add_typer(group, name="topics")


def create(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    because: Because = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Create those of Linger's own topics that are missing; existing topics are never changed.

    How long they keep their records follows from the rules (LINGER_RULES). An existing topic that keeps less is
    named, with the command that changes it.
    """
    settings = with_declared_actions(read_settings(context.obj))
    book = load_rule_book(settings)
    if dry_run:
        topics = asyncio.run(create_own_topics(settings, book, dry_run=True))
    else:
        # The audit comes first: what follows is recorded in it.
        (audit,) = asyncio.run(create_own_topics(settings, book, names=(AUDIT,)))
        with changing(context, settings, by, because) as trail:
            others = asyncio.run(create_own_topics(settings, book, names=settings.worker_topics))
            topics = [*others, audit]
            trail.counts["created"] = sum(topic.outcome == TopicOutcome.CREATED for topic in topics)
    servers = settings.kafka_bootstrap_servers
    if as_json:
        print_json([_document(topic, servers) for topic in topics])
    else:
        _print(topics)
    _warn(topics, servers)
    if any(topic.partitions != topic.planned for topic in topics):
        complain(
            f"a topic has other partitions than LINGER_PARTITIONS={settings.partitions} (pauses, requests and "
            "audit: 1); they cannot be changed later"
        )
        sys.exit(EXIT_PROBLEM)


def _document(topic: OwnTopic, servers: str) -> dict[str, Any]:
    """Return a topic as JSON values; `settings` are those of a new topic, also where it exists already."""
    return {
        "topic": topic.name,
        "outcome": str(topic.outcome),
        "partitions": topic.partitions,
        "settings": dict(topic.configs),
        "kept": topic.kept,
        "because": topic.because,
        "settings_shown": topic.is_shown,
        "shortages": [
            {
                "setting": shortage.setting,
                "found": shortage.found,
                "needed": shortage.needed,
                "because": shortage.because,
                "remedy": alter_command(shortage.topic, shortage.remedy, servers),
            }
            for shortage in topic.shortages
        ],
    }


def _print(topics: Sequence[OwnTopic]) -> None:
    table = table_of("topic", "partitions", "outcome")
    for topic in topics:
        table.add_row(topic.name, str(topic.partitions), str(topic.outcome).replace("_", " "))
    print_table(out, table)
    new = [topic for topic in topics if topic.outcome in ("created", "missing")]
    for topic in new:
        settings = ", ".join(f"{name}={value}" for name, value in topic.configs.items())
        kept = f"{topic.kept} ({topic.because})" if topic.kept else "as long as the cluster's default says"
        out.print(Text(f"{topic.name} keeps records for {kept}: {settings}"), soft_wrap=True)


def _warn(topics: Sequence[OwnTopic], servers: str) -> None:
    if hidden := [topic.name for topic in topics if not topic.is_shown]:
        warn(
            f"this user may not see how long {', '.join(hidden)} keep their records: allow DescribeConfigs on them "
            "(docs/acl/kafka-acls.sh)"
        )
    for topic in topics:
        for shortage in topic.shortages:
            warn(
                f"topic '{shortage.topic}' loses records that are needed: {shortage.setting} is {shortage.found}, "
                f"needed: {shortage.needed} ({shortage.because}). An existing topic is not changed here: "
                f"{alter_command(shortage.topic, shortage.remedy, servers)}"
            )
