"""Laws of `linger sources test`: a record that becomes something else than expected is shown field by field."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT
from tests.unit.rule_files.rule_texts import assert_keeps_schema
from workers.rule_files.yaml_nodes import parse_yaml, plain_value
from workers.source_files.packs import pack_names
from workers.source_files.source_tests import SourceTestReport, report_document, report_lines, run_of_sources

SOURCES = """\
event_types: {refund: {}}
sources:
  - topic: shop.orders
    only_when: {test: [false, null]}
    fields: {event_id: id, customer_id: who, occurred_at: at}
    max_silence: 1 day
    one_of:
      - event: refund
        only_when: {total: {less than: 0}}
        attributes: {share: share}
      - refuse: too_dear
        only_when: {total: {more than: 1000}}
      - event: purchase
        fields: {amount: total, currency: {constant: EUR}}
"""
RECORDS = """\
records:
  order:
    value: {id: o-1, who: c-1, at: "2026-10-03T09:14:52Z", total: 12.5}
    headers: {a: b}
"""
EVENT = (
    "type: purchase, event_id: o-1, customer_id: c-1, occurred_at: 2026-10-03T09:14:52Z, amount: 12.50, currency: EUR"
)


def run(folder: Path, samples: str, *, records: str = RECORDS, sources: str = SOURCES) -> SourceTestReport:
    (folder / "sources.yaml").write_text(sources)
    (folder / "shop_test.yaml").write_text(f"{records}samples:\n{samples}")
    return run_of_sources(folder)


def one(folder: Path, given: str, expect: str, **more: Any) -> list[str]:
    """Run one sample; return its differences in words, none if it passed."""
    report = run(folder, f"  - {{name: it, given: {given}, expect: {expect}}}\n", **more)
    assert report.problems == (), [str(problem) for problem in report.problems]
    (result,) = report.results
    assert result.passed == (not result.differences and result.problem is None)
    differences = [f"{name}: {expected} != {found}" for name, expected, found in result.differences]
    return [*differences, *([] if result.problem is None else [result.problem])]


def test_a_sample_passes_if_every_field_is_as_expected(tmp_path: Path) -> None:
    assert one(tmp_path, "order", f"{{{EVENT}}}") == []
    assert one(tmp_path, "order", f"{{{EVENT}, case: purchase}}") == []


@pytest.mark.parametrize(
    ("written", "instead", "says"),
    [
        ("amount: 12.50", "amount: 125", ["amount: 125 != 12.5"]),
        ("c-1", "c-2", ["customer_id: 'c-2' != 'c-1'"]),
        ("09:14:52Z", "09:14:53Z", ["occurred_at: 2026-10-03T09:14:53Z != 2026-10-03T09:14:52Z"]),
        ("09:14:52Z", "11:14:52+02:00", []),
        ("currency: EUR", "currency: EUR, reason: x", ["reason: 'x' != None"]),
        ("currency: EUR", "currency: EUR, attributes: {a: 1}", ["attributes.a: 1 != None"]),
        ("currency: EUR", "currency: EUR, case: other", ["case: 'other' != 'purchase'"]),
        (", currency: EUR", "", ["currency: None != 'EUR'"]),
    ],
)
def test_each_field_that_differs_is_told(tmp_path: Path, written: str, instead: str, says: list[str]) -> None:
    assert one(tmp_path, "order", f"{{{EVENT.replace(written, instead)}}}") == says


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        ("{like: order, set: {test: true}}", "{skipped: only_when}"),
        ("{value: null}", "{skipped: tombstone}"),
        ("{like: order, set: {total: 1001}}", "{refused: too_dear}"),
        ("{like: order, remove: [who]}", "{refused: missing_field, field: customer_id}"),
        ("{like: order, remove: [who]}", "{refused: missing_field}"),
        ("{value: 'no JSON'}", "{refused: not_json}"),
    ],
)
def test_what_becomes_no_event_is_expected_by_its_name(tmp_path: Path, given: str, expect: str) -> None:
    assert one(tmp_path, given, expect) == []


def test_a_refusal_that_was_not_expected_says_what_the_mapping_said(tmp_path: Path) -> None:
    report = run(tmp_path, f"  - {{name: it, given: {{like: order, remove: [who]}}, expect: {{{EVENT}}}}}\n")
    text = "\n".join(report_lines(report))
    assert "refused      expected nothing, found 'missing_field'" in text
    assert "'customer_id' is missing: there is nothing at path 'who'" in text
    assert f"✗ it   {tmp_path}/shop_test.yaml:6" in text
    assert text.endswith("1 run, 0 passed, 1 failed")


def test_attributes_are_compared_by_their_values(tmp_path: Path) -> None:
    event = EVENT.split(", amount")[0].replace("purchase", "refund")
    given = "{like: order, set: {total: -1, share: 0.5}}"
    assert one(tmp_path, given, f"{{{event}, attributes: {{share: 0.5}}}}") == []
    assert one(tmp_path, given, f"{{{event}}}") == ["attributes.share: None != 0.5"]


def test_a_record_can_be_a_file_and_be_changed(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text('{"id": "o-1", "who": "c-1", "at": "2026-10-03T09:14:52Z", "total": 99}')
    assert one(tmp_path, "{file: order.json, set: {total: 12.5}}", f"{{{EVENT}}}") == []
    assert one(tmp_path, "{file: order.json}", f"{{{EVENT}}}") == ["amount: 12.5 != 99"]
    assert one(tmp_path, "{file: other.json}", f"{{{EVENT}}}")[0].startswith("the file 'other.json' cannot be read")


def test_paths_that_are_not_there_yet_are_made(tmp_path: Path) -> None:
    sources = SOURCES.replace("customer_id: who", "customer_id: 'lines[0].customer.id'")
    given = "{like: order, set: {'lines[0].customer.id': c-1}}"
    assert one(tmp_path, given, f"{{{EVENT}}}", sources=sources) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("no-one", "there is no record 'no-one'; under 'records' are 'order'"),
        ("{like: order, remove: [nothing]}", "'remove' names nothing, which the value does not have"),
        ("{like: order, set: {'id.inner': 1}}", "'set' names id.inner, and there is no place for it"),
    ],
)
def test_a_sample_that_cannot_be_run_says_why_and_does_not_pass(tmp_path: Path, given: str, says: str) -> None:
    (problem,) = one(tmp_path, given, f"{{{EVENT}}}")
    assert problem.startswith(says)


def test_records_that_are_like_each_other_are_told(tmp_path: Path) -> None:
    records = "records:\n  a: {like: b}\n  b: {like: a}\n"
    (problem,) = one(tmp_path, "a", f"{{{EVENT}}}", records=records)
    assert "it is like itself" in problem


def test_the_items_of_a_record_are_compared_one_by_one(tmp_path: Path) -> None:
    sources = SOURCES.replace("    only_when: {test", "    unwrap: {each: orders}\n    only_when: {test")
    given = (
        "{value: {orders: [{id: o-1, who: c-1, at: '2026-10-03T09:14:52Z', total: 12.5},"
        " {id: o-2, who: c-1, at: '2026-10-03T09:14:52Z', total: 12.5, test: true}]}}"
    )
    assert one(tmp_path, given, f"[{{{EVENT}}}, {{skipped: only_when}}]", sources=sources) == []
    assert one(tmp_path, given, f"[{{{EVENT}}}]", sources=sources) == ["item 1: skipped: None != 'only_when'"]


def test_a_topic_is_needed_where_there_are_several(tmp_path: Path) -> None:
    second = SOURCES.split("sources:\n")[1].replace("shop.orders", "other.orders")
    sources = SOURCES + second
    assert one(tmp_path, "order", f"{{{EVENT}}}", sources=sources) == [
        "needs 'topic', since there are several: shop.orders, other.orders"
    ]
    with_topic = f"{RECORDS}topic: other.orders\n"
    assert one(tmp_path, "order", f"{{{EVENT}}}", sources=sources, records=with_topic) == []
    wrong = f"{RECORDS}topic: third.orders\n"
    assert one(tmp_path, "order", f"{{{EVENT}}}", sources=sources, records=wrong)[0].startswith("no source reads")


def test_tests_of_rules_in_the_same_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "rules_test.yaml").write_text("tests:\n  - {name: a, given: [], expect: nothing}\n")
    report = run(tmp_path, f"  - {{name: it, given: order, expect: {{{EVENT}}}}}\n")
    assert [result.name for result in report.results] == ["it"]


def test_a_file_of_sources_is_tried_with_the_samples_beside_it(tmp_path: Path) -> None:
    run(tmp_path, f"  - {{name: it, given: order, expect: {{{EVENT}}}}}\n")
    (tmp_path / "new.yaml").write_text(SOURCES.replace("EUR", "USD"))
    assert run_of_sources(tmp_path / "sources.yaml").is_good
    assert run_of_sources(tmp_path / "shop_test.yaml").is_good
    (result,) = run_of_sources(tmp_path / "new.yaml").results
    assert [difference.found for difference in result.differences] == ["'USD'"]


def test_a_folder_without_samples_says_what_to_write_and_is_not_good(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(SOURCES)
    report = run_of_sources(tmp_path)
    assert not report.is_good
    assert "nothing to run" in next(report_lines(report))


def test_a_broken_file_is_a_problem_with_its_place(tmp_path: Path) -> None:
    report = run(tmp_path, "  - {name: it, given: order, expects: nothing}\n")
    assert not report.is_good
    assert report.results == ()
    assert {problem.line for problem in report.problems} == {6}


def test_broken_sources_are_a_problem_of_the_run(tmp_path: Path) -> None:
    report = run(tmp_path, f"  - {{name: it, given: order, expect: {{{EVENT}}}}}\n", sources="sources: []\n")
    assert [problem.file for problem in report.problems] == [str(tmp_path / "sources.yaml")]


def test_the_report_for_machines_has_every_difference(tmp_path: Path) -> None:
    report = run(tmp_path, f"  - {{name: it, given: order, expect: {{{EVENT.replace('c-1', 'c-2')}}}}}\n")
    document = report_document(report)
    assert document["passed"] is False
    assert document["results"][0]["differences"] == [{"field": "customer_id", "expected": "'c-2'", "found": "'c-1'"}]


@pytest.mark.parametrize("name", pack_names())
def test_samples_of_packs_keep_the_published_schema(name: str) -> None:
    assert_keeps_schema((ROOT / "packs" / f"{name}_test.yaml").read_text(), "source-tests.schema.json")


@pytest.mark.parametrize("name", pack_names())
def test_every_record_of_a_pack_has_the_address_of_the_page_that_shows_it(name: str) -> None:
    root = parse_yaml(name, (ROOT / "packs" / f"{name}_test.yaml").read_text()).root
    assert root is not None
    content = plain_value(root)
    for record in content["records"].values():
        assert record["documentation"].startswith("https://")
    for sample in content["samples"]:
        given = sample["given"]
        is_shown = isinstance(given, str) or "like" in given or sample.get("documentation", "").startswith("https://")
        assert is_shown, sample["name"]
