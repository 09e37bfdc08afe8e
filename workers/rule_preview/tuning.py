"""`linger rules tune`: measures from which value on a customer is among the top, and writes it into the rule file."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from schemas.conditions import Elementary, parts_of
from schemas.rules import RuleBook
from schemas.value import SHARES, Tiers, Valuation
from workers.core.decisions.replay import Replay
from workers.core.rules.rule_compiler import compile_rules
from workers.errors import StartupError
from workers.histories.by_customer import EventsByCustomer
from workers.printing import CommandConsole, json_line, print_table, table_of
from workers.rule_files.files import read_texts
from workers.rule_files.known_names import known_names
from workers.rule_files.rules import ParsedRuleFiles, read_documents
from workers.rule_files.yaml_nodes import value_of
from workers.rule_preview.command import customers_of, declared_sources, rare_collections
from workers.rule_preview.history_reader import HistoryReader, Mappings
from workers.rule_preview.preview import PreviewTask, coverage_of
from workers.rule_preview.progress import Progress
from workers.settings import Settings
from workers.tiers.thresholds import Threshold, thresholds_of
from workers.tiers.writing import with_tiers, write_file

_MEASURED_HERE: Final = "no-threshold"
"""The problem of rule files that is solved by measuring."""


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """What to measure, and how to print it; the fields are those of `PreviewOptions`.

    Attributes:
        history: where the customers are.
        rules: rule files and folders.
        sources: `sources.yaml`.
        source: the topic in `sources` whose mapping reads the files or topics.
        dry_run: change no file.
        as_json: print one JSON object.
        settings: of the worker; needed for topics only.
    """

    history: str
    rules: Sequence[Path]
    sources: Path | None = None
    source: str | None = None
    dry_run: bool = False
    as_json: bool = False
    settings: Settings | None = None


@dataclass(frozen=True, slots=True)
class Values:
    """What customers are worth.

    Attributes:
        amounts: of each customer, in ten-thousandths.
        at: up to when.
        origin: where they come from.
    """

    amounts: Sequence[int]
    at: datetime
    origin: str


def tune_command(options: TuneOptions, out: Console | None = None) -> None:
    """Measure the tiers of a history, write them into the file that has `value`, and print what changes.

    Raises:
        StartupError: with every problem of the files, or because the history cannot be read.
    """
    parsed = parsed_files(options)
    values = _values_of(options, parsed.book)
    document = tuned(parsed, values, dry_run=options.dry_run)
    if options.as_json:
        sys.stdout.write(json_line(document))
    else:
        render_tuned(document, out or CommandConsole())


def parsed_files(options: TuneOptions) -> ParsedRuleFiles:
    """Read the rule files; that a threshold is not measured yet is no problem here.

    Raises:
        StartupError: with every other problem, or because no file says what a customer is worth.
    """
    names = replace(known_names(declared_sources(options.sources, options.settings)), attributes=None)
    texts = read_texts(options.rules)
    parsed = read_documents(texts.own, names, texts.beside)
    problems = [*texts.problems, *(one for one in parsed.problems if one.code != _MEASURED_HERE)]
    if problems:
        raise StartupError([str(problem) for problem in problems])
    if parsed.book.value is None:
        raise StartupError(["no rule file says what a customer is worth: write 'value:' at the top of one"])
    return parsed


def tuned(parsed: ParsedRuleFiles, values: Values, *, dry_run: bool) -> dict[str, Any]:
    """Measure the tiers and write them, unless it is a dry run; return what changes, ready for JSON.

    Args:
        parsed: the rule files, with `value` in one of them.
        values: what the customers are worth.
        dry_run: change no file.

    Raises:
        StartupError: no customer is worth anything, or there is no place for tiers in the file.
    """
    book, value = parsed.book, parsed.book.value
    assert value is not None
    found = thresholds_of(values.amounts, shares_of(book))
    if not found:
        raise StartupError([f"of {len(values.amounts):,} customers none is worth anything: check 'value'"])
    tiers = Tiers.model_validate(
        {
            "measured": values.at.date(),
            "customers": len(values.amounts),
            "from": values.origin,
            "thresholds": {f"{one.share.normalize():f}%": one.amount for one in found},
        }
    )
    file = next(one.file for one in parsed.documents if value_of(one.root, "value") is not None)
    path = Path(file)
    text = with_tiers(file, path.read_bytes().decode(), tiers)
    if not dry_run:
        write_file(path, text)
    return {
        "file": file,
        "written": not dry_run,
        "measured": tiers.measured.isoformat(),
        "customers": tiers.customers,
        "from": tiers.from_,
        "currency": value.currency,
        "tiers": [_tier(one, value) for one in found],
    }


def shares_of(book: RuleBook) -> list[Decimal]:
    """Return the shares that are measured: the usual ones, those that rules use, and those that are there."""
    conditions = [*book.define.values(), *(part for rule in book.rules for part in (rule.when, rule.unless) if part)]
    used = {share for condition in conditions for share in _shares_in(condition)}
    known = set() if book.value is None or book.value.tiers is None else set(book.value.tiers.thresholds)
    return sorted({*SHARES, *used, *known})


def render_tuned(document: dict[str, Any], console: Console) -> None:
    """Draw what was measured for people."""
    currency = document["currency"] or "worth"
    table = table_of("customers", f"{currency} before", f"{currency} now", "customers there", "of the value")
    for tier in document["tiers"]:
        before = "–" if tier["before"] is None else f"{tier['before']:,.2f}"  # noqa: RUF001 (a dash, as in tables)
        share = f"{100 * tier['of_value']:.1f}%"
        table.add_row(tier["top"], before, f"{tier['now']:,.2f}", f"{tier['customers']:,}", share)
    print_table(console, table)
    where = "written into" if document["written"] else "nothing is written; it would go into"
    console.print(f"{document['customers']:,} customers on {document['measured']}: {where} {document['file']}")


def _shares_in(condition: Any) -> set[Decimal]:
    if isinstance(condition, Elementary):
        return condition.shares()
    return {share for part in parts_of(condition) for share in _shares_in(part)}


def _tier(one: Threshold, value: Valuation) -> dict[str, Any]:
    before = None if value.tiers is None else value.tiers.thresholds.get(one.share)
    return {
        "top": f"{one.share.normalize():f}%",
        "before": None if before is None else float(before),
        "now": float(one.amount),
        "customers": one.customers,
        "of_value": round(one.of_value, 6),
    }


def _values_of(options: TuneOptions, book: RuleBook) -> Values:
    """Return what the customers of a history are worth at its end."""
    sources = declared_sources(options.sources, options.settings)
    types = tuple(known_names(sources).types or ())
    of_value = RuleBook(value=book.value, attribute_types=book.attribute_types)
    rules = compile_rules(of_value, types)
    progress = Progress(Console(stderr=True))
    with EventsByCustomer() as store, rare_collections():
        mappings = Mappings(sources, options.source, types)
        read = HistoryReader(store, mappings, options.settings, progress).read(options.history)
        task = PreviewTask(of_value, types, read.start_ms, read.start_ms, read.end_ms)
        replay = Replay(rules, types, coverage_of(rules, task))
        amounts = []
        for customer_id, events in customers_of(store.parts()):
            replay.decide(customer_id, events, read.end_ms)
            worth = replay.program.worth
            assert worth is not None
            worth.begin(max(read.end_ms, events[-1].at_ms))
            amounts.append(worth.amount())
    return Values(amounts, datetime.fromtimestamp(read.end_ms / 1000, UTC), "history")
