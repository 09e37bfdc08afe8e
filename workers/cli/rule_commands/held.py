"""`linger rules held`, `release`, `discard` and `promote`: the operator's decisions about running rules."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from workers.cli.audit_commands.changing import Because, By, changing
from workers.cli.output import AsJson, out, print_json, warn
from workers.errors import StartupError
from workers.loading import keep_last_good, load_configuration
from workers.operations.held_actions import HeldOfRule, held_by_rule, order_for_held
from workers.printing import print_table, table_of
from workers.settings import Settings, read_settings
from workers.state.connect import clock_of, with_stored_state
from workers.state.rule_sets.activation import Activation, activate
from workers.state.rule_sets.last_good import TOO_LARGE
from workers.state.store import Store

RuleId = Annotated[str, typer.Argument(metavar="RULE", help="The rule's id.")]
AtMost = Annotated[int | None, typer.Option("--at-most", min=1, help="At most this many, the oldest first.")]
Everything = Annotated[bool, typer.Option("--all", help="All of them.")]


def add_to(group: typer.Typer) -> None:
    """Register the commands in the group `rules`."""
    group.command("held")(held)
    group.command("release")(release)
    group.command("discard")(discard)
    group.command("promote")(promote)


def held(context: typer.Context, as_json: AsJson = False) -> None:
    """Show how many actions are held, and why: their rule's rate limit (pace), a pause, or the brake."""
    settings = read_settings(context.obj)

    async def ask(store: Store) -> list[HeldOfRule]:
        return await held_by_rule(store, settings.partitions, await _now_ms(settings, store))

    held_actions = with_stored_state(settings, ask)
    if as_json:
        print_json(held_actions)
    elif not held_actions:
        out.print("No action is held.")
    else:
        table = table_of("rule", "because", "held", "expired", "oldest", "first to expire")
        for row in held_actions:
            counts = str(row["held"]), str(row["expired"])
            table.add_row(row["rule"], row["because"], *counts, row["oldest"], row["expires_first"])
        print_table(out, table)
        out.print("linger rules release RULE --at-most 100    or    linger rules discard RULE --all")
        if any(row["because"] == "pause" for row in held_actions):
            out.print("What a pause holds goes out by itself after: linger resume (see linger paused)")


def release(
    context: typer.Context,
    rule_id: RuleId,
    at_most: AtMost = None,
    everything: Everything = False,
    because: Because = "",
    by: By = None,
) -> None:
    """Send held actions of a rule; the workers do it within a second or two. Expired actions are not sent.

    Of a rule that is paused nothing is sent: its actions go out after linger resume.
    """
    _order(context, rule_id, "release", at_most, because, by, everything=everything)


def discard(
    context: typer.Context,
    rule_id: RuleId,
    at_most: AtMost = None,
    everything: Everything = False,
    because: Because = "",
    by: By = None,
) -> None:
    """Drop held actions of a rule; each is reported in the decisions topic."""
    _order(context, rule_id, "discard", at_most, because, by, everything=everything)


def promote(
    context: typer.Context,
    path: Annotated[Path | None, typer.Argument(help="Rule file or folder; left out, LINGER_RULES.")] = None,
    because: Because = "",
    by: By = None,
) -> None:
    """Make these rules the newest, even if they were active before: the way back to an older version."""
    settings = read_settings(context.obj)
    if path is not None:
        settings = settings.model_copy(update={"rules": path})
    configuration = load_configuration(settings)
    rules = configuration.rules

    async def ask(store: Store) -> Activation:
        if not await keep_last_good(store, configuration):
            warn(TOO_LARGE)
        return await activate(store, rules, await _now_ms(settings, store), allow_rollback=True)

    with changing(context, settings, by, because) as trail:
        activation = with_stored_state(settings, ask)
        trail.counts["generation"] = activation.rules.generation
    out.print(f"These are rule set {activation.rules.generation} now. Start the workers that were refused.")
    for rule_id in activation.began:
        out.print(
            f"'{rule_id}' counts from now on. A customer who already matches it is skipped, unless the rule includes "
            "them."
        )


def _order(
    context: typer.Context,
    rule_id: str,
    verb: Literal["release", "discard"],
    at_most: int | None,
    because: str,
    by: str | None,
    *,
    everything: bool,
) -> None:
    """Order the release or discard of a rule's held actions, and print how many."""
    settings = read_settings(context.obj)
    if (at_most is None) == (not everything):
        raise StartupError([f"state how many to {verb}: --at-most 100, or --all"])

    async def ask(store: Store) -> int:
        return await order_for_held(store, settings.partitions, rule_id, verb, at_most)

    with changing(context, settings, by, because) as trail:
        count = trail.counts["actions"] = with_stored_state(settings, ask)
    done = {"release": "are being released", "discard": "are being discarded"}[verb]
    out.print(f"{count} held actions of '{rule_id}' {done}." if count else f"No action of '{rule_id}' is held.")


async def _now_ms(settings: Settings, store: Store) -> int:
    return (await clock_of(settings, store).read()).now_ms
