"""`linger rules tune`: measures the thresholds of a rule file, and writes them into it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from schemas.rules import RuleBook
from schemas.sources import SourcesFile
from schemas.value import Tiers
from workers.errors import LingerError, StartupError
from workers.histories.by_customer import EventsByCustomer
from workers.rule_files.files import read_texts
from workers.rule_files.known_names import event_types, known_types
from workers.rule_files.rules import read_rules
from workers.rule_preview.history_reader import HistoryReader, Mappings
from workers.rule_preview.progress import Progress
from workers.scan.scan_file import Advance
from workers.scan.tiers_text import files_with_value, with_tiers
from workers.scan.tuning import Amounts, of_history, of_scan, shares_of, tiers_of
from workers.settings import Settings

_MEASURED_BY_THIS: Final = {"no-threshold"}
"""Codes of problems that this command ends."""


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """What to measure, and where to write it.

    Attributes:
        rules: rule files and folders.
        sources: the content of `sources.yaml`, None for none.
        scan: the scan to measure; None if there is a history.
        history: the history to measure, as for a preview; None if there is a scan.
        source: the topic in `sources` whose mapping reads a history.
        settings: of the worker, to connect to Kafka; needed for topics only.
        dry_run: write nothing.
    """

    rules: Sequence[Path]
    sources: SourcesFile | None
    scan: Path | None
    history: str | None
    source: str | None = None
    settings: Settings | None = None
    dry_run: bool = False


def tune(options: TuneOptions, advance: Advance = lambda _, __: None) -> dict[str, Any]:
    """Measure the thresholds, write them, and return what was measured as plain values.

    Args:
        options: what was asked for.
        advance: called now and then with a number of customers.

    Raises:
        StartupError: if rule files have other mistakes, none or several say what a customer is worth, or what is to
            be measured cannot be read.
        LingerError: if no customer is worth anything, as far as is known.
    """
    book = _book(options)
    file = _file_with_value(options.rules)
    found = _amounts(options, book, advance)
    tiers = tiers_of(found, shares_of(book), "history" if options.scan is None else "scan")
    if tiers is None:
        unknown = f" Of {found.unknown:,} more, something may be missing." if found.unknown else ""
        raise LingerError(
            f"none of {len(found.amounts):,} customers is worth anything, as far as is known.{unknown} Nothing was "
            "written. What adds up to the value is kept once workers have loaded it; till then, measure a history"
        )
    text = with_tiers(str(file), file.read_bytes().decode(), tiers)
    if not options.dry_run:
        _write(file, text)
    return _document(file, book, found, tiers, is_written=not options.dry_run)


def _book(options: TuneOptions) -> RuleBook:
    names = replace(known_types(options.sources), attributes=None)
    files = read_rules(options.rules, names)
    if problems := [problem for problem in files.problems if problem.code not in _MEASURED_BY_THIS]:
        raise StartupError([str(problem) for problem in problems])
    return files.book


def _file_with_value(paths: Sequence[Path]) -> Path:
    files = files_with_value(read_texts(paths).own)
    if len(files) != 1:
        raise StartupError(["no file says what a customer is worth: write 'value:' at the top of one rule file"])
    return Path(files[0])


def _amounts(options: TuneOptions, book: RuleBook, advance: Advance) -> Amounts:
    sources = options.sources
    types = tuple(event_types(sources)) if sources is not None else tuple(known_types(None).types or ())
    if options.scan is not None:
        return of_scan(options.scan, book, types, advance)
    assert options.history is not None
    with EventsByCustomer() as store:
        mappings = Mappings(sources, options.source, types)
        reader = HistoryReader(store, mappings, options.settings, Progress(Console(stderr=True)))
        read = reader.read(options.history)
        customers = (customer for part in store.parts() for customer in part.customers())
        return of_history(customers, book, types, read.start_ms, read.end_ms)


def _write(file: Path, text: str) -> None:
    """Replace the content of a file at once; its rights stay."""
    path = file.resolve()
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as new:
            new.write(text)
        unfinished.chmod(path.stat().st_mode)
        os.replace(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise StartupError([f"{file}: {error.strerror or error}"]) from error


def _document(file: Path, book: RuleBook, found: Amounts, tiers: Tiers, *, is_written: bool) -> dict[str, Any]:
    assert book.value is not None
    amounts = sorted(found.amounts, reverse=True)
    before = {} if book.value.tiers is None else book.value.tiers.thresholds
    return {
        "file": str(file),
        "written": is_written,
        "measured": tiers.measured.isoformat(),
        "from": tiers.from_,
        "customers": tiers.customers,
        "unknown": found.unknown,
        "currency": book.value.currency,
        "thresholds": [
            {
                "share": f"{share:f}%",
                "before": float(before[share]) if share in before else None,
                "at_least": float(least),
                "customers": sum(amount >= least * 10_000 for amount in amounts),
            }
            for share, least in sorted(tiers.thresholds.items())
        ],
        "without": [f"{share:f}%" for share in shares_of(book) if share not in tiers.thresholds],
    }
