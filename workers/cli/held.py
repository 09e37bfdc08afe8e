"""`linger rules held`, `release`, `discard` and `promote`: what people decide about running rules."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from workers.cli.output import AsJson, out, print_json
from workers.errors import StartupError
from workers.loading import load_configuration
from workers.operations.held_actions import HeldOfRule, held_by_rule, order_for_held
from workers.settings import Settings
from workers.state.connect import clock_of, with_store
from workers.state.rule_sets import Activation, activate
from workers.state.store import Store

RuleName = Annotated[str, typer.Argument(help="The rule's id.")]
AtMost = Annotated[int | None, typer.Option("--at-most", min=1, help="So many of them, the oldest first.")]
Everything = Annotated[bool, typer.Option("--all", help="All of them.")]


def add_to(app: typer.Typer, read: Callable[[], Settings]) -> None:
    """Add the commands to those about rules; `read` gives the settings."""

    @app.command("held")
    def _held(as_json: AsJson = False) -> None:
        """Show how many actions are held because their rule's pace was exceeded."""
        held(read(), as_json=as_json)

    @app.command("release")
    def _release(rule: RuleName, at_most: AtMost = None, everything: Everything = False) -> None:
        """Send held actions of a rule; the workers do it within a second or two. Expired ones are not sent."""
        order(read(), rule, "release", at_most, everything=everything)

    @app.command("discard")
    def _discard(rule: RuleName, at_most: AtMost = None, everything: Everything = False) -> None:
        """Drop held actions of a rule; each is reported in the decisions topic."""
        order(read(), rule, "discard", at_most, everything=everything)

    @app.command("promote")
    def _promote(
        path: Annotated[Path | None, typer.Argument(help="Rule file or folder; left out, LINGER_RULES.")] = None,
    ) -> None:
        """Make these rules the newest, even if they were in force before: the way back to an older version."""
        settings = read()
        promote(settings if path is None else settings.model_copy(update={"rules": path}))


def held(settings: Settings, *, as_json: bool) -> None:
    """Print how many actions are held, by rule."""

    async def ask(store: Store) -> list[HeldOfRule]:
        return await held_by_rule(store, settings.partitions, await _now_ms(settings, store))

    found = with_store(settings, ask)
    if as_json:
        print_json(found)
    elif not found:
        out.print("No action is held.")
    else:
        table = Table("rule", "held", "expired", "oldest", "first to expire")
        for one in found:
            table.add_row(one["rule"], str(one["held"]), str(one["expired"]), one["oldest"], one["expires_first"])
        out.print(table)
        out.print("linger rules release RULE --at-most 100    or    linger rules discard RULE --all")


def promote(settings: Settings) -> None:
    """Make the rules of some settings the newest."""
    rules = load_configuration(settings).rules

    async def ask(store: Store) -> Activation:
        return await activate(store, rules, await _now_ms(settings, store), allow_rollback=True)

    promotion = with_store(settings, ask)
    out.print(f"These are rule set {promotion.rules.generation} now. Start the workers that were refused.")
    for name in promotion.began:
        out.print(f"'{name}' counts from now on; whoever meets it already is left alone, unless it includes them.")


def order(
    settings: Settings, rule: str, what: Literal["release", "discard"], at_most: int | None, *, everything: bool
) -> None:
    """Order what becomes of held actions of a rule."""
    if (at_most is None) == (not everything):
        raise StartupError([f"say how many to {what}: --at-most 100, or --all"])

    async def ask(store: Store) -> int:
        return await order_for_held(store, settings.partitions, rule, what, at_most)

    number = with_store(settings, ask)
    said = {"release": "are being released", "discard": "are being discarded"}[what]
    out.print(f"{number} held actions of '{rule}' {said}." if number else f"No action of '{rule}' is held.")


async def _now_ms(settings: Settings, store: Store) -> int:
    return (await clock_of(settings, store).read()).now_ms
