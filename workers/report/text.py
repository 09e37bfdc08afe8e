"""A report for a terminal: each figure with what it is of, its parts, and the sentence that defines it."""

from typing import Final

from rich.console import Console
from rich.text import Text

from workers.printing import one_line, print_table, table_of
from workers.report.document import Figure, Incomplete, Label, Missing, Moment, Report, Section, Share, Table, Value
from workers.report.words.language import Language

_NOT_SEEN: Final = "not_seen"
"""The reason of places that have no time yet: they stay empty."""
_NAMES: Final = 1
"""Columns of a table that name its rows."""


def print_report(report: Report, language: Language, console: Console) -> None:
    """Print a report."""
    title = language.say("report.title", {"time": Label(language.time(report.period))})
    console.print(Text(title, style="bold"), soft_wrap=True)
    made = language.say("report.made", {"moment": Moment(report.at_ms)})
    zone = language.say("report.zone", {"zone": Label(report.zone)})
    _dim(f"{language.text(report.source)}. {made} {zone}", console)
    for note in report.notes:
        _plain(language.say(f"note.{note.id}", note.given), console)
    for section in report.sections:
        print_section(section, language, console)


def print_section(section: Section, language: Language, console: Console) -> None:
    """Print a section; its charts show what its tables say, so only what must be known to read those is printed."""
    console.print()
    console.print(Text(language.say(f"section.{section.id}.title"), style="bold cyan"), soft_wrap=True)
    _dim(language.say(f"section.{section.id}.sentence"), console)
    for note in section.notes:
        _plain(language.say(f"note.{note.id}", note.given), console)
    for figure in section.figures:
        _print_figure(figure, language, console)
    for table in section.tables:
        _print_table(table, language, console)
    notes = [language.say(f"note.{note.id}", note.given) for chart in section.charts for note in chart.notes]
    if notes:
        _dim(f"  {' '.join(dict.fromkeys(notes))}", console)


def _print_figure(figure: Figure, language: Language, console: Console) -> None:
    console.print()
    title = one_line(language.say(f"{figure.id}.title", figure.given))
    value = figure.value.value if isinstance(figure.value, Incomplete) else figure.value
    if isinstance(value, Missing):
        console.print(Text.assemble((f"{title}: ", "bold"), one_line(language.reason(value))), soft_wrap=True)
    else:
        of = "" if figure.denominator is None else _of(figure, value, language)
        console.print(Text.assemble((f"{title}: {language.text(figure.value)}", "bold"), of), soft_wrap=True)
        said = [f"{language.say(f'part.{part.id}')}: {language.text(part.value)}" for part in figure.parts]
        if said:
            _plain("  " + " · ".join(said), console)
    sentence = language.say(f"{figure.id}.sentence", figure.given)
    _dim(f"  {sentence} ({language.time(figure.time)})", console)


def _of(figure: Figure, value: Value, language: Language) -> str:
    assert figure.denominator is not None
    of = language.say(f"{figure.id}.of", {**figure.given, "n": figure.denominator})
    return ", " + (language.say("of_whole", {"whole": Label(of)}) if isinstance(value, Share) else of)


def _print_table(table: Table, language: Language, console: Console) -> None:
    console.print()
    title, sentence = (language.say(f"{table.id}.{part}", table.given) for part in ("title", "sentence"))
    if table.empty is not None:
        console.print(Text.assemble((f"{one_line(title)}: ", "bold"), language.reason(table.empty)), soft_wrap=True)
        _dim(f"  {sentence}", console)
        return
    console.print(Text(one_line(title), style="bold"), soft_wrap=True)
    drawn = table_of(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for place, name in enumerate(table.columns):
        head = language.say(f"column.{name}", table.given)
        drawn.add_column(head, overflow="fold", justify="left" if place < _NAMES else "right")
    for row in table.rows:
        drawn.add_row(*(_cell(value, language) for value in row))
    print_table(console, drawn)
    _dim(f"  {sentence} ({language.time(table.time)})", console)
    values = [value for row in table.rows for value in row]
    if any(isinstance(one, Incomplete) for one in values):
        _dim(f"  {language.say('report.can_change')}", console)
    missing = [one for one in values if isinstance(one, Missing) and one.reason != _NOT_SEEN]
    for reason in dict.fromkeys(map(language.reason, missing)):
        _dim(f"  {language.text(missing[0])} {reason}", console)


def _cell(value: Value, language: Language) -> str:
    is_unseen = isinstance(value, Missing) and value.reason == _NOT_SEEN
    return "" if is_unseen else one_line(language.text(value))


def _plain(text: str, console: Console) -> None:
    console.print(Text(one_line(text)), soft_wrap=True)


def _dim(text: str, console: Console) -> None:
    console.print(Text(one_line(text), style="dim"), soft_wrap=True)
