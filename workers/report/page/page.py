"""The page of a report: one file that has no script and loads nothing. Pure."""

from collections.abc import Iterator

from workers.report.document import Label, Moment, Report, Section
from workers.report.page.blocks import contents, document, note, section
from workers.report.page.charts import chart_of
from workers.report.page.figures import figures_of
from workers.report.page.markup import Html, element, isolated, joined
from workers.report.page.tables import table_of
from workers.report.words.language import Language


def page_of(report: Report, language: Language) -> str:
    """Return the page of a report in a language."""
    title = language.say("report.title", {"time": Label(language.time(report.period))})
    return document(title, joined(_body(report, title, language)), language.code)


def _body(report: Report, title: str, language: Language) -> Iterator[Html]:
    yield element("h1", None, title)
    made = language.say("report.made", {"moment": Moment(report.at_ms)})
    zone = language.say("report.zone", {"zone": Label(report.zone)})
    yield element("p", {"class": "soft"}, isolated(language.text(report.source)), ". ", made, " ", zone)
    yield from (note(language.say(f"note.{one.id}", one.given)) for one in report.notes)
    titles = [(f"section-{one.id}", language.say(f"section.{one.id}.title")) for one in report.sections]
    yield contents(language.say("report.contents"), titles)
    for one, (name, heading) in zip(report.sections, titles, strict=True):
        yield section(name, heading, language.say(f"section.{one.id}.sentence"), list(_parts(one, language)))


def _parts(shown: Section, language: Language) -> Iterator[Html]:
    """Yield the parts of a section: each chart has the table of its numbers below it."""
    for one in shown.notes:
        yield note(language.say(f"note.{one.id}", one.given))
    yield from figures_of(shown.figures, language)
    tables = list(shown.tables)
    for place, chart in enumerate(shown.charts):
        yield chart_of(chart, f"picture-{shown.id}-{place}", language)
        if (table := next((one for one in tables if one.id == chart.table), None)) is not None:
            tables.remove(table)
            yield table_of(table, language, is_under_its_chart=table.id == chart.id)
    for table in tables:
        yield table_of(table, language, is_under_its_chart=False)
