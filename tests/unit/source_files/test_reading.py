"""Laws of `sources.yaml`: every problem names its place."""

from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.unit.rule_files.rule_texts import assert_keeps_schema, places, source
from workers.source_files.reading import load_sources, read_sources


def test_the_shipped_sources_keep_the_published_schema() -> None:
    assert_keeps_schema((ROOT / "sources.yaml").read_text(), "sources.schema.json")


def test_good_sources_have_no_problems() -> None:
    sources, problems = read_sources("sources.yaml", "sources:\n" + source())
    assert problems == []
    assert sources is not None
    assert sources.sources[0].topic == "shop.logins"


def test_a_topic_that_is_there_twice_is_reported_at_the_second_place() -> None:
    sources, problems = read_sources("sources.yaml", "sources:\n" + source() + source())
    assert sources is None
    assert [str(problem) for problem in problems] == [
        "sources.yaml:6:12: the topic 'shop.logins' is a source already, in line 2 (one topic is one source)"
    ]


def test_a_type_that_is_not_declared_is_reported_at_its_place() -> None:
    _, problems = read_sources("sources.yaml", "event_types: {complaint: {}}\nsources:\n" + source(event="complain"))
    assert [(*places([problem])[0], problem.hint) for problem in problems] == [(4, 12, "did you mean 'complaint'?")]


def test_a_built_in_type_cannot_be_declared_again() -> None:
    _, problems = read_sources("sources.yaml", "event_types: {login: {}}\nsources:\n" + source())
    assert [(problem.code, *places([problem])[0]) for problem in problems] == [("built-in-type", 1, 15)]


def test_mistakes_of_one_source_do_not_hide_those_between_sources() -> None:
    text = "sources:\n" + source() + source(event="lgin").replace("max_silence", "max_silense")
    _, problems = read_sources("sources.yaml", text)
    assert [problem.code for problem in problems] == ["repeated-topic", "unknown-type", "unknown-key"]


@pytest.mark.parametrize("written", ["20240101", "2024-13-01", "soon", "true", "[2024]"])
def test_only_a_day_says_since_when_a_topic_is_complete(written: str) -> None:
    text = "sources:\n" + source() + f"    complete_since: {written}\n"
    _, problems = read_sources("sources.yaml", text)
    assert places(problems) == [(6, 21)]


@pytest.mark.parametrize("written", ["2024-01-01", "2024-01-01T00:00:00", "2024-01-01T01:00:00+01:00"])
def test_a_day_without_a_zone_is_one_of_utc(written: str) -> None:
    sources, _ = read_sources("sources.yaml", "sources:\n" + source() + f"    complete_since: {written}\n")
    assert sources is not None
    assert str(sources.sources[0].complete_since) == "2024-01-01 00:00:00+00:00"


def test_missing_sources_are_a_problem(tmp_path: Path) -> None:
    sources, problems = load_sources(tmp_path / "sources.yaml")
    assert sources is None
    assert [problem.code for problem in problems] == ["cannot-read"]


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ("compliant.stars: number", "there is no event type 'compliant'; known are cancellation, complaint"),
        ("purchase.amount: text", "it is Linger's own field, of the type number"),
        ("login.colour: text", "no source gives a login the attribute 'colour'; they give device"),
    ],
)
def test_a_type_of_an_attribute_that_cannot_be_is_a_problem(declared: str, says: str) -> None:
    text = f"event_types: {{complaint: {{}}}}\nattribute_types: {{{declared}}}\nsources:\n"
    _, problems = read_sources("sources.yaml", text + source() + "    attributes: {device: device}\n")
    assert [places([problem])[0][0] for problem in problems] == [2]
    assert says in str(problems[0])


def test_attributes_have_types_also_where_any_attribute_can_come() -> None:
    text = (
        "event_types: {nps: {}}\nattribute_types: {nps.score: number, nps.vip: true/false, purchase.amount: number}\n"
    )
    sources, problems = read_sources("sources.yaml", text + "sources:\n" + source())
    assert problems == []
    assert sources is not None
    assert sources.attribute_types == {"nps.score": "number", "nps.vip": "true/false", "purchase.amount": "number"}
