"""`linger why`: reads one customer, and prints the explanation for people or for machines."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from workers.cli.audit_commands.changing import Because, By, changing
from workers.cli.customer import complain_about_unknown
from workers.cli.output import AsJson, out, print_json
from workers.errors import LingerError
from workers.explain.customer_state import read_customer
from workers.explain.snapshot import CustomerSnapshot
from workers.explain.why import TooEarly, explain_customer
from workers.explain.why_report import (
    Change,
    ConditionReport,
    Gap,
    RuleReport,
    Verdict,
    WhyReport,
    as_document,
    in_words,
)
from workers.loading import Configuration, load_configuration
from workers.printing import given_text, one_line
from workers.rule_files.hints.likeness import did_you_mean
from workers.rule_files.problems import shortened
from workers.settings import Settings, read_settings
from workers.state.connect import clock_of, with_stored_state
from workers.state.store import Store

_MARKS: Final[Mapping[Verdict, tuple[str, str]]] = {
    "true": ("✓", "bold green"),
    "false": ("✗", "bold red"),
    "not observable": ("?", "bold yellow"),
}
_COMBINED: Final = {"all": "all of these", "any": "any of these"}
_BOTTOM_LINE: Final[Mapping[str, str]] = {
    "true": "begins to hold",
    "false": "ends",
    "not observable": "can no longer be known",
}


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("why")(why)


def why(
    context: typer.Context,
    customer_id: Annotated[str, typer.Argument(parser=given_text, metavar="CUSTOMER_ID", help="The customer's id.")],
    rule_id: Annotated[str | None, typer.Argument(metavar="RULE", help="A rule's id; left out, every rule.")] = None,
    at: Annotated[
        str | None, typer.Option(help="As of this moment, such as 2026-12-01 or 2026-12-01T10:00+01:00; now.")
    ] = None,
    because: Because = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Show for each rule whether it holds for a customer, why, and what would change that and when.

    A rule holds, does not hold, or cannot be known yet. Who looked is recorded.
    """
    settings = read_settings(context.obj)
    at_ms = None if at is None else read_moment(at)
    configuration = load_configuration(settings)
    if rule_id is not None:
        _check_rule(rule_id, configuration)
    with changing(context, settings, by, because):
        try:
            report = _explain(settings, configuration, customer_id, at_ms)
        except TooEarly as error:
            raise LingerError(str(error)) from error
        if report is None:
            complain_about_unknown(customer_id, as_json=as_json)
    if rule_id is not None:
        report = replace(report, rules=tuple(rule for rule in report.rules if rule.id == rule_id))
    if as_json:
        print_json(as_document(report))
    else:
        render(report, out)


def read_moment(text: str) -> int:
    """Parse an ISO 8601 moment, in UTC unless it names a zone, and return epoch milliseconds.

    Raises:
        LingerError: if the text is not a moment.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise LingerError(
            f"'{shortened(text)}' is no moment; write it like 2026-12-01 or 2026-12-01T10:00+01:00"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def _check_rule(rule_id: str, configuration: Configuration) -> None:
    """Raise `LingerError` for a rule that does not exist or is not evaluated."""
    if rule_id in configuration.rules.by_id:
        return
    written = {rule.id: rule for rule in configuration.book.rules}
    if rule_id in written:
        raise LingerError(f"the rule '{rule_id}' is a {written[rule_id].status}: it is not evaluated")
    meant = did_you_mean(rule_id, written)
    hint = f"; did you mean '{meant}'?" if meant else f"; there are {', '.join(sorted(written)) or 'no rules at all'}"
    raise LingerError(f"there is no rule '{shortened(rule_id)}'{hint}")


def _explain(
    settings: Settings, configuration: Configuration, customer_id: str, at_ms: int | None
) -> WhyReport | None:
    """Explain a customer as of a moment, now if it is None; return None if no event of the customer has arrived."""

    async def ask(store: Store) -> CustomerSnapshot | None:
        return await read_customer(
            store,
            clock_of(settings, store),
            configuration.sources,
            configuration.rules,
            settings.partitions,
            customer_id,
        )

    snapshot = with_stored_state(settings, ask)
    if snapshot is None:
        return None
    if at_ms is None:
        # An event may be a little ahead of this machine's clock.
        at_ms = max(snapshot.now_ms, snapshot.decided_ms)
    return explain_customer(snapshot, at_ms, {rule.id: rule.title for rule in configuration.book.rules})


# -- for people ------------------------------------------------------------------------------------------------


def render(report: WhyReport, console: Console) -> None:
    """Print a tree for each rule, and when Linger evaluates the customer next."""
    ahead = ", if nothing happens until then" if report.is_ahead else ""
    console.print(
        Text.assemble("Customer ", (one_line(report.customer_id), "bold"), f" as of {in_words(report.at_ms)}{ahead}")
    )
    console.print(
        f"known since {in_words(report.known_since_ms)}, latest event {in_words(report.latest_event_ms)}", style="dim"
    )
    for note in report.notes:
        console.print(Text(f"! {one_line(note)}", "yellow"))
    for rule in report.rules:
        console.print()
        console.print(_tree(rule))
    console.print()
    console.print(_next_evaluation(report))


def _tree(rule: RuleReport) -> Tree:
    verdicts: dict[Verdict, str] = {
        "true": "holds" if rule.since_ms is None else f"holds since {in_words(rule.since_ms)}",
        "false": "does not hold",
        "not observable": "cannot be known yet",
    }
    mark, style = _MARKS[rule.verdict]
    head = Text.assemble((f"{mark} ", style), (rule.title, "bold"), (f" ({rule.id})", "dim"), ": ")
    head.append(verdicts[rule.verdict], style)
    for text in [gap.text for gap in rule.gaps] + [state.text for state in rule.states]:
        head.append(f"\n  {text}")
    if rule.change is not None:
        head.append(
            f"\n  if nothing happens, it {_BOTTOM_LINE[rule.change.becomes]} on {in_words(rule.change.at_ms)}"
        )
    tree = Tree(head, guide_style="dim")
    _branch(tree, rule.condition)
    return tree


def _branch(tree: Tree, condition: ConditionReport) -> None:
    mark, style = _MARKS[condition.verdict]
    if condition.kind != "condition":
        branch = tree.add(Text.assemble((f"{mark} ", style), _COMBINED[condition.kind]))
        for part in condition.parts:
            _branch(branch, part)
        return
    text = Text.assemble((f"{mark} ", style), condition.phrase)
    text.append(f"\n  found: {_as_text(condition.observed)}")
    if condition.bound:
        text.append(f"; asked for: {condition.bound}", "dim")
    nearly = [] if condition.nearly is None else [condition.nearly]
    for line in [*nearly, *(gap.text for gap in condition.gaps), *_changes(condition)]:
        text.append(f"\n  {line}")
    tree.add(text)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def _changes(condition: ConditionReport) -> list[str]:
    lines = []
    if condition.change is not None:
        lines.append(_by_time(condition.change, condition.gaps))
    if condition.by_events is not None:
        lines.append(condition.by_events)
    return lines


def _by_time(change: Change, gaps: tuple[Gap, ...]) -> str:
    verb = "can be known from" if gaps and change.becomes != "not observable" else "changes on"
    becomes = f" and is then {_MARKS[change.becomes][0]}" if gaps else f" to {_MARKS[change.becomes][0]}"
    return f"if nothing happens, {verb} {in_words(change.at_ms)}{becomes}"


def _next_evaluation(report: WhyReport) -> Text:
    if report.looks_again_ms is None:
        text = Text("Linger does not evaluate again unless an event arrives.")
    else:
        text = Text.assemble("Linger evaluates again on ", (in_words(report.looks_again_ms), "bold"))
        if report.looks_again_because:
            text.append(f": {'; '.join(report.looks_again_because)}")
    for gap in report.waits:
        text.append(f"\nIt waits for a source: {gap.text}")
    return text
