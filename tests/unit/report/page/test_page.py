"""The page of a report: it loads nothing, escapes everything, and says all that the report says."""

from base64 import b64encode
from hashlib import sha256
from html import escape

import pytest

from tests.support.drawn import Balance, drawings, faults
from tests.support.sample_report import AT_MS, MONTHS, NOVEMBER, sample
from workers.report.document import (
    AsOf,
    Chart,
    ChartKind,
    Count,
    Figure,
    Label,
    Moment,
    Report,
    Section,
    Series,
    Table,
    Word,
)
from workers.report.page.markup import Html, element, joined
from workers.report.page.page import page_of
from workers.report.page.style import STYLE
from workers.report.words.language import LANGUAGES

HOSTILE = "<script>alert(1)</script>\" onload='x' &amp; \x1b[31m \u202e"
LOADING = frozenset(("script", "link", "img", "iframe", "object", "embed", "use", "image"))

languages = pytest.mark.parametrize("code", list(LANGUAGES))


def page(code: str = "en") -> str:
    return page_of(sample(), LANGUAGES[code])


def hostile() -> Report:
    label = Label(HOSTILE)
    return Report(
        period=NOVEMBER,
        source=Word("source.history", {"name": label}),
        at_ms=AT_MS,
        sections=(
            Section(
                id="reasons",
                figures=(Figure(id="revenue", value=label, time=NOVEMBER, given={"currency": label}),),
                tables=(
                    Table(
                        id="cancellation_reasons",
                        columns=("reason", "value"),
                        rows=((label, label),),
                        time=NOVEMBER,
                        given={"counted": label},
                    ),
                ),
                charts=tuple(
                    Chart(
                        id="cancellation_reasons",
                        kind=kind,
                        x="reason",
                        y="value",
                        places=(label, label),
                        series=(Series(label, (Count(1), Count(2))), Series(label, (Count(1), Count(2)))),
                        time=NOVEMBER,
                        given={"counted": label},
                    )
                    for kind in ChartKind
                ),
            ),
        ),
    )


@languages
def test_every_element_ends_and_no_name_is_given_twice(code: str) -> None:
    names = [attributes["id"] for _, attributes in Balance(page(code)).found if "id" in attributes]
    assert len(names) == len(set(names))


@languages
def test_it_has_no_script_and_loads_nothing(code: str) -> None:
    found = Balance(page(code)).found
    assert {tag for tag, _ in found}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "embed", "use", "image"}
    )
    given = {name for _, attributes in found for name in attributes}
    assert given.isdisjoint({"src", "srcset", "style", "xlink:href"})
    assert not [name for name in given if name.startswith("on")]
    assert all((attributes.get("href") or "#").startswith("#") for _, attributes in found)
    assert "http://" not in page(code)
    assert "https://" not in page(code)
    assert "url(" not in STYLE


def test_its_policy_lets_nothing_in_but_its_own_style() -> None:
    (policy,) = (
        attributes["content"]
        for tag, attributes in Balance(page()).found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f"<style>{STYLE}</style>" in page()


def test_every_link_within_the_page_leads_somewhere() -> None:
    found = Balance(page()).found
    names = {attributes.get("id") for _, attributes in found}
    assert {(attributes["href"] or "")[1:] for _, attributes in found if "href" in attributes} <= names


@languages
def test_every_value_is_escaped(code: str) -> None:
    text = page_of(hostile(), LANGUAGES[code])
    found = Balance(text).found
    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not [name for _, attributes in found for name in attributes if name.startswith("on")]
    assert escape("<script>alert(1)</script>") in text


@languages
def test_it_says_every_title_and_every_definition(code: str) -> None:
    language, text = LANGUAGES[code], page(code)
    for section in sample().sections:
        parts: tuple[Figure | Table | Chart, ...] = (*section.figures, *section.tables, *section.charts)
        for part in parts:
            assert escape(language.say(f"{part.id}.title", part.given)) in text
            assert escape(language.say(f"{part.id}.sentence", part.given)) in text
        for figure in section.figures:
            assert escape(language.time(figure.time)) in text


@languages
def test_its_tables_have_every_value(code: str) -> None:
    language, text = LANGUAGES[code], page(code)
    for section in sample().sections:
        for table in section.tables:
            for row in table.rows:
                assert all(escape(language.text(value)) in text for value in row)


@languages
def test_every_chart_can_be_read_at_every_width(code: str) -> None:
    found = list(drawings(page(code)))
    assert {drawing.width for drawing in found} == {340, 720, 960}
    assert [fault for drawing in found for fault in faults(drawing)] == []


def test_a_chart_stands_above_the_table_of_its_numbers_and_does_not_repeat_its_title() -> None:
    text, title = page(), LANGUAGES["en"].say("slipping_away.title")
    chart, table = text.index('id="picture-slipping-0"'), text.index("22.7%")
    assert chart < table
    assert text.count(f"<figcaption>{title}</figcaption>") == 1


@languages
def test_a_chart_says_of_when_it_is_and_everything_that_is_remarked_on_it(code: str) -> None:
    language, text = LANGUAGES[code], page(code)
    for section in sample().sections:
        for chart in section.charts:
            if isinstance(chart.time, AsOf):
                said = [language.say("chart.moment", {"moment": Moment(chart.time.at_ms)})]
            else:
                said = [language.say("chart.period", {"period": Label(language.time(chart.time))})]
            said += [language.say(f"note.{note.id}", note.given) for note in chart.notes]
            assert f'<p class="about soft">{escape(" ".join(said))}</p>' in text


def test_a_value_of_a_whole_is_said_with_its_share_and_groups_with_their_sums() -> None:
    text = page()
    assert "12,320 (72%)" in text
    assert "371 (56%)" in text


def test_what_is_missing_is_said_in_words_and_never_as_zero() -> None:
    text = page()
    assert "No customer&#x27;s first order is 180 days old yet." in text
    assert "No complaint has arrived." in text


def test_what_can_still_change_has_a_sign_and_the_sign_is_explained() -> None:
    text = page()
    assert "2.8%*" in text
    assert escape(LANGUAGES["en"].say("report.can_change")) in text
    star = LANGUAGES["en"].say("note.month_with_star", {"month": MONTHS[-1]})
    assert escape(star) in text[text.index('id="picture-retention-1"') : text.index('id="section-revenue"')]


def test_an_element_escapes_what_is_no_html() -> None:
    assert element("p", {"class": '"'}, "<", Html("<b>"), "&") == '<p class="&quot;">&lt;<b>&amp;</p>'
    assert element("br") == "<br>"
    assert (
        element("p", {"hidden": True, "id": None, "x": -0.01, "y": 1.25, "z": 3})
        == '<p hidden x="0" y="1.2" z="3"></p>'
    )
    assert joined(("<", Html("<b>")), "") == "&lt;<b>"
