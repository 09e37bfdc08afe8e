"""The page of a report: one file that has no script and loads nothing. Pure."""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from workers.report.document import Label, Moment, Report, Section
from workers.report.page.charts import chart_of
from workers.report.page.figures import figures_of
from workers.report.page.markup import Html, element, isolated, joined
from workers.report.page.style import STYLE
from workers.report.page.tables import table_of
from workers.report.words.language import Language

_POLICY: Final = "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"


def page_of(report: Report, language: Language) -> str:
    """Return the page of a report in a language."""
    title = language.say("report.title", {"time": Label(language.time(report.period))})
    return document(title, joined(_body(report, title, language)), language.code)


def document(title: str, body: Html, code: str) -> str:
    """Return a whole document of HTML with the style of reports.

    Args:
        title: of it, for the window that shows it.
        body: everything that is shown.
        code: of its language.
    """
    policy = _POLICY.format(hash=b64encode(sha256(STYLE.encode()).digest()).decode())
    head = element(
        "head",
        None,
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "referrer", "content": "no-referrer"}),
        element("meta", {"name": "robots", "content": "noindex"}),
        element("title", None, title),
        element("style", None, Html(STYLE)),
    )
    return f"<!DOCTYPE html>\n{element('html', {'lang': code}, head, element('body', None, body))}\n"


def _body(report: Report, title: str, language: Language) -> Iterator[Html]:
    yield element("h1", None, title)
    made = language.say("report.made", {"moment": Moment(report.at_ms)})
    zone = language.say("report.zone", {"zone": Label(report.zone)})
    yield element("p", {"class": "soft"}, isolated(language.text(report.source)), ". ", made, " ", zone)
    for note in report.notes:
        yield element("p", {"class": "notes"}, isolated(language.say(f"note.{note.id}", note.given)))
    yield element(
        "nav",
        {"aria-label": language.say("report.contents")},
        *(
            element("a", {"href": f"#section-{section.id}"}, language.say(f"section.{section.id}.title"))
            for section in report.sections
        ),
    )
    for section in report.sections:
        yield element("section", {"id": f"section-{section.id}"}, joined(_section(section, language), "\n"))


def _section(section: Section, language: Language) -> Iterator[Html]:
    """Yield the parts of a section: each chart has the table of its numbers below it."""
    yield element("h2", None, language.say(f"section.{section.id}.title"))
    yield element("p", {"class": "soft"}, language.say(f"section.{section.id}.sentence"))
    for note in section.notes:
        yield element("p", {"class": "notes"}, isolated(language.say(f"note.{note.id}", note.given)))
    yield from figures_of(section.figures, language)
    tables = list(section.tables)
    for place, chart in enumerate(section.charts):
        yield chart_of(chart, f"picture-{section.id}-{place}", language)
        if (table := next((one for one in tables if one.id == chart.table), None)) is not None:
            tables.remove(table)
            yield table_of(table, language, is_under_its_chart=table.id == chart.id)
    for table in tables:
        yield table_of(table, language, is_under_its_chart=False)
