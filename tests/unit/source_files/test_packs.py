"""Laws of packs: what an operator writes goes before, word by word; problems stand where they can be fixed."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from schemas.sources import Case, Source, SourcesFile
from tests.support.paths import ROOT
from tests.unit.rule_files.rule_texts import assert_keeps_schema
from workers.rule_files.yaml_nodes import MapNode, parse_yaml
from workers.source_files import pack_page
from workers.source_files.packs import load_pack, pack_names, packs_folder, with_packs
from workers.source_files.reading import read_sources
from workers.source_files.source_tests import run_of_packs, run_of_sources

NAMES = pack_names()
# What a declared type of a pack shows of a customer, so that a rule can rely on it.
SIGNS_OF_LIFE = {"reactivation", "signup", "trial-started", "subscription-started"}


def read(written: str, before: str = "") -> tuple[SourcesFile | None, list[Any]]:
    return read_sources("sources.yaml", f"{before}sources:\n  - topic: t\n    pack: {written}")


def source(written: str, before: str = "") -> Source:
    sources, problems = read(written, before)
    assert [str(problem) for problem in problems] == []
    assert sources is not None
    return sources.sources[0]


def case(name: str, written: str) -> Case:
    return next(case for case in source(written).every_case() if case.label() == name)


def names(written: str) -> list[str]:
    return [case.label() for case in source(written).every_case()]


# --- every pack -------------------------------------------------------------------------------------------------


def test_the_twelve_systems_have_a_pack() -> None:
    assert [
        *("adobe-commerce", "auth0", "chargebee", "commercetools", "keycloak", "recurly"),
        *("revenuecat", "segment", "shopify", "snowplow", "stripe", "woocommerce"),
    ] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_needs_no_more_than_a_topic(name: str) -> None:
    read_source = source(name)
    assert read_source.topic == "t"
    assert read_source.pack == name
    assert set(read_source.types()) & {"purchase", "login", "cancellation"}


@pytest.mark.parametrize("name", NAMES)
def test_every_case_of_a_pack_has_a_name_of_its_own_so_that_it_can_be_changed(name: str) -> None:
    document = parse_yaml(name, (packs_folder() / f"{name}.yaml").read_text(), any_scalar_as_key=True)
    assert isinstance(document.root, MapNode)
    written = load_pack(name).content.source["one_of"]
    labels = [case.get("name") or case.get("skip") for case in written]
    assert all(labels)
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("name", NAMES)
def test_purchases_and_logins_fall_silent_alone_and_rare_types_with_their_topic_only(name: str) -> None:
    read_source = source(name)
    assert read_source.max_silence.days == 3
    limited = {event_type for event_type in read_source.types() if read_source.silence_of(event_type) is not None}
    # A login of Adobe Commerce is an event that few subscribe.
    usual = {"purchase"} if name == "adobe-commerce" else {"purchase", "login"}
    assert limited == usual & set(read_source.types())


def test_a_type_means_the_same_in_every_pack() -> None:
    meanings: dict[str, set[str]] = {}
    for name in NAMES:
        for event_type, declared in load_pack(name).content.event_types.items():
            meanings.setdefault(event_type, set()).add(declared.model_dump_json())
            assert declared.sign_of_life == (event_type in SIGNS_OF_LIFE), f"{name}: {event_type}"
    assert {event_type for event_type, said in meanings.items() if len(said) > 1} == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_declares_what_it_brings_and_no_more(name: str) -> None:
    brought = set(source(name).types()) - {"purchase", "login", "cancellation"}
    assert set(load_pack(name).content.event_types) == brought


def test_every_sample_of_every_pack_becomes_what_it_is_to_become() -> None:
    report = run_of_packs()
    assert report.problems == ()
    assert [(result.name, result.differences, result.problem) for result in report.results if not result.passed] == []
    assert {result.file.rpartition("/")[2] for result in report.results} == {f"{name}_test.yaml" for name in NAMES}


# --- the page of packs ------------------------------------------------------------------------------------------


def examples() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "packs.md").read_text(), re.DOTALL)


def test_the_page_of_packs_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert pack_page.main(["--check"]) == 0


def test_a_stale_page_is_reported_and_rewritten(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert pack_page.main(["--check"]) == 1
    assert "python -m workers.source_files.pack_page" in capsys.readouterr().err
    assert pack_page.main([]) == 0
    assert pack_page.main(["--check"]) == 0


def test_what_the_page_shows_can_be_written_so() -> None:
    whole = [text for text in examples() if text.startswith("sources:")]
    assert len(whole) == 2
    assert [read_sources("sources.yaml", text)[1] for text in whole] == [[], []]
    for text in whole:
        assert_keeps_schema(text, "sources.schema.json")


def test_the_samples_of_the_page_pass(tmp_path: Path) -> None:
    (samples,) = [text for text in examples() if "samples:" in text]
    (tmp_path / "sources.yaml").write_text("sources: [{topic: shop, pack: shopify}]\n")
    (tmp_path / "sources_test.yaml").write_text(samples)
    report = run_of_sources(tmp_path)
    assert [(result.name, result.differences, result.problem) for result in report.results if not result.passed] == []
    assert report.is_good


# --- what an operator writes ------------------------------------------------------------------------------------


def test_fields_are_merged_one_by_one() -> None:
    changed = case("purchase", "stripe\n    fields: {customer_id: data.object.metadata.ref}")
    assert changed.fields.customer_id is not None
    assert changed.fields.customer_id.path == "data.object.metadata.ref"  # type: ignore[union-attr]
    assert changed.fields.event_id == case("purchase", "stripe").fields.event_id


def test_a_case_is_changed_by_its_name_and_stays_where_it_is() -> None:
    written = "shopify\n    one_of: [{name: purchase, max_silence: 1 day, fields: {occurred_at: processed_at}}]"
    changed, before = case("purchase", written), case("purchase", "shopify")
    assert changed.max_silence is not None
    assert changed.max_silence.days == 1
    assert changed.fields.occurred_at.path == "processed_at"  # type: ignore[union-attr]
    assert changed.fields.amount == before.fields.amount
    assert changed.only_when == before.only_when
    assert names(written) == names("shopify")


def test_a_condition_of_a_case_is_replaced_by_its_key() -> None:
    written = "shopify\n    one_of: [{name: purchase, only_when: {header X-Shopify-Topic: null}}]"
    assert case("purchase", written).only_when == {"header X-Shopify-Topic": None}


def test_null_takes_a_field_or_an_attribute_away() -> None:
    written = "shopify\n    one_of: [{name: purchase, fields: {order_id: null}, attributes: {channel: null}}]"
    changed = case("purchase", written)
    assert "order_id" not in changed.fields.given()
    assert set(changed.attributes) == {"consent"}


def test_a_case_of_the_operators_own_comes_first() -> None:
    written = (
        "shopify\n    one_of: [{event: login, only_when: {header X-Shopify-Topic: x}, fields: {occurred_at: at}}]"
    )
    assert names(written)[:2] == ["login", "test orders"]


def test_cases_can_be_left_out_and_with_them_the_types_that_they_declare() -> None:
    sources, problems = read("shopify\n    without: [renewal, test orders]")
    assert problems == []
    assert sources is not None
    assert {"renewal", "test orders"} & set(names("shopify\n    without: [renewal, test orders]")) == set()
    assert "renewal" not in sources.event_types
    assert sources.sources[0].without == []


def test_a_type_that_the_file_declares_itself_is_as_the_file_says() -> None:
    sources, _ = read("stripe", "event_types:\n  renewal: {description: mine}\n")
    assert sources is not None
    assert sources.event_types["renewal"].description == "mine"
    assert "refund" in sources.event_types


def test_two_sources_can_have_packs_with_the_same_types() -> None:
    sources, problems = read("stripe\n  - topic: u\n    pack: shopify")
    assert problems == []
    assert sources is not None
    assert [source.pack for source in sources.sources] == ["stripe", "shopify"]


# --- problems ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "place", "said"),
    [
        ("shopfy", (3, 11), "there is no pack 'shopfy' (did you mean 'shopify'?)"),
        ("adobe_commerce", (3, 11), "(did you mean 'adobe-commerce'?)"),
        ("sap", (3, 11), "there are adobe-commerce, auth0"),
        ("stripe\n    without: [renewals]", (4, 15), "has no case 'renewals' (did you mean 'renewal'?)"),
        ("stripe\n    without: renewal", (4, 14), "expected a list"),
        ("stripe\n    one_of: [{name: renewals, max_silence: 1 day}]", (4, 21), "did you mean 'renewal'?"),
        ("stripe\n    one_of: [{event: renewal, max_silence: 1 day}]", (4, 14), "write 'name: renewal'"),
        ("stripe\n    one_of: [{name: renewal, max_silence: 1 dy}]", (4, 43), "did you mean '1 day'?"),
        ("stripe\n    fields: {custmer_id: x}", (4, 14), "did you mean 'customer_id'?"),
        (
            "stripe\n    fields: {amount: x, currency: y}",
            (3, 11),
            "the pack 'stripe' with what is written here: a cancel",
        ),
        ("stripe\n    event: purchase", (4, 5), "'event' and 'one_of' cannot be combined"),
    ],
)
def test_a_problem_stands_at_the_operators_word(written: str, place: tuple[int, int], said: str) -> None:
    sources, problems = read(written)
    assert sources is None
    assert [(problem.line, problem.column) for problem in problems] == [place]
    assert said in str(problems[0])


def test_a_problem_that_is_nowhere_in_the_file_names_the_pack() -> None:
    sources, problems = read("recurly\n    fields: {customer_id: null}")
    assert sources is None
    assert [problem.line for problem in problems] == [3]
    assert "the pack 'recurly' with what is written here: 'customer_id' is missing" in str(problems[0])


def test_a_source_without_a_pack_is_left_as_it_is() -> None:
    document = parse_yaml("sources.yaml", "sources: [{topic: t, event: login}]")
    assert with_packs(document).document is document


def test_without_is_for_sources_with_a_pack() -> None:
    fields = "{event_id: id, customer_id: who, occurred_at: at}"
    text = f"sources: [{{topic: t, event: login, fields: {fields}, max_silence: 1 day, without: [renewal]}}]"
    _, problems = read_sources("sources.yaml", text)
    assert "there is no 'pack'" in str(problems[0])


# --- cases that bring nothing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"event": "login", "skip": "tests"}, "found event, skip"),
        ({"only_when": {"a": 1}}, "found none"),
        ({"skip": "tests", "name": "other"}, "the name already"),
        ({"skip": "tests", "fields": {}}, "'fields' is for cases with an event"),
        ({"refuse": "no-dashes"}, "pattern"),
    ],
)
def test_a_case_is_an_event_or_nothing_or_a_dead_letter(written: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TypeAdapter(Case).validate_python(written)
