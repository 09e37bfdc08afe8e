"""Laws of `sources.yaml`: every problem names its place."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.unit.rule_files.rule_texts import assert_keeps_schema, places, source
from workers.core.source_changes import SourceChanges, changes_between, content_hash, mapped
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


def test_an_attribute_can_be_personal_with_a_type_or_without() -> None:
    declared = "{profile.email: {personal: true}, profile.age: {personal: true, type: number}, profile.plan: text}"
    text = f"event_types: {{profile: {{}}}}\nattribute_types: {declared}\nsources:\n" + source()
    sources, problems = read_sources("sources.yaml", text)
    assert problems == []
    assert sources is not None
    assert sources.personal() == {"profile.email", "profile.age"}
    assert sources.types_of_attributes() == {"profile.age": "number", "profile.plan": "text"}


@pytest.mark.parametrize(
    ("declared", "at", "says"),
    [
        ("{login.device: {persnal: true}}", (1, 34), "unknown key 'persnal' (did you mean 'personal'?)"),
        ("{login.device: {personal: perhaps}}", (1, 44), "expected true or false, found 'perhaps'"),
        ("{login.device: {type: txt}}", (1, 40), "did you mean 'text'?"),
        ("{login.device: personal}", (1, 33), "'attribute_types: {profile.email: {personal: true}}'"),
        (
            "{login.devise: {personal: true}}",
            (1, 1),
            "no source gives a login the attribute 'devise'",
        ),
        ("{logon.device: {personal: true}}", (1, 1), "there is no event type 'logon'; known are"),
        ("{purchase.amount: {personal: true, type: text}}", (1, 1), "it is Linger's own field, of the type number"),
    ],
)
def test_a_personal_attribute_that_cannot_be_is_a_problem(declared: str, at: tuple[int, int], says: str) -> None:
    text = f"attribute_types: {declared}\nsources:\n" + source() + "    attributes: {device: device}\n"
    sources, problems = read_sources("sources.yaml", text)
    assert (sources, places(problems)) == (None, [at])
    assert says in str(problems[0])


@pytest.mark.parametrize(
    "text",
    [
        "sources:\n" + source() + "    attributes: {device: {path: device, personal: true}}\n",
        "sources:\n" + source() + "    personal: [device]\n",
        "personal: [login.device]\nsources:\n" + source(),
        "event_types: {profile: {personal: true}}\nsources:\n" + source(),
    ],
)
def test_personal_in_another_place_says_where_it_belongs(text: str) -> None:
    _, problems = read_sources("sources.yaml", text)
    assert [problem.code for problem in problems] == ["unknown-key"]
    assert "'attribute_types: {profile.email: {personal: true}}'" in str(problems[0])


def test_a_file_that_declares_types_alone_has_the_hash_that_it_had() -> None:
    """A generation of sources is known by this hash: a release that changes it would begin another one."""
    text = "attribute_types: {login.device: text}\nsources:\n" + source() + "    attributes: {device: device}\n"
    sources, _ = read_sources("sources.yaml", text)
    assert sources is not None
    assert content_hash(sources) == "33bbd9cfab2191a36d7ad40e"
    personal, _ = read_sources("sources.yaml", text.replace("text}", "{type: text, personal: true}}"))
    assert personal is not None
    assert content_hash(personal) != content_hash(sources)
    assert changes_between(mapped(sources), mapped(personal)) == SourceChanges()


@pytest.mark.parametrize(
    ("written", "days"), [("3 years", 1095), ("1 year", 365), ("400 days", 400), ("60 weeks", 420), ("30 days", 30)]
)
def test_forget_after_is_a_duration_or_years_of_365_days(written: str, days: int) -> None:
    text = f"forget after: {written}\nsources:\n" + source()
    sources, problems = read_sources("sources.yaml", text)
    assert problems == []
    assert sources is not None
    assert sources.forget_after == timedelta(days=days)
    assert_keeps_schema(text, "sources.schema.json")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("29 days", "at least 30 days after a sign of life"),
        ("11 years", "longer than ten years"),
        ("4000 days", "longer than ten years"),
        ("0 years", "too short"),
        ("36 months", "write '1080 days'"),
        ("3", "3 has no unit"),
        ("never", "a whole number and a unit such as"),
    ],
)
def test_what_is_no_time_to_be_remembered_is_refused_at_its_place(written: str, said: str) -> None:
    sources, problems = read_sources("sources.yaml", f"forget after: {written}\nsources:\n" + source())
    assert sources is None
    assert places(problems) == [(1, 15)]
    assert said in problems[0].message


def test_another_forget_after_is_another_generation_that_reads_the_same() -> None:
    texts = ["sources:\n" + source(), "forget after: 3 years\nsources:\n" + source()]
    before, after = (read_sources("sources.yaml", text)[0] for text in texts)
    assert before is not None
    assert after is not None
    assert content_hash(before) != content_hash(after)
    assert changes_between(mapped(before), mapped(after)) == SourceChanges()
