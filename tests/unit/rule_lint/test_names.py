"""Laws of the lints about names and values: what no rule uses, and what no source gives."""

import pytest

from schemas.sources import SourcesFile
from tests.unit.rule_lint.linted_rules import NOW, checked, codes, rule
from workers.rule_lint.check import check_texts


def test_a_name_is_used_if_a_rule_needs_it_over_other_names() -> None:
    define = "define:\n  one one: {status: active}\n  two two: {not: {meets: one one}}\n  six six: {meets: two two}\n"
    assert codes(rule("a-rule", "{meets: two two}"), more=define) == ["unused-definition"]
    assert codes(rule("a-rule", "{meets: six six}"), more=define) == []


def test_definitions_alone_are_not_called_unused() -> None:
    report = check_texts({"a.yaml": "define:\n  one one: {status: active}\n"}, None, NOW)
    assert (report.mistakes, report.warnings) == ((), ())


@pytest.mark.parametrize("word", ["yes", "No", "ON", "off", "y", "N"])
@pytest.mark.parametrize(
    "condition",
    [
        "{{count: login, at least: 1, where: {{a: {}}}}}",
        "{{count: login, at least: 1, where: {{a: [x, {}]}}}}",
        "{{count: login, at least: 1, where: {{a: {{other than: {}}}}}}}",
        "{{latest: p.a, is: {}}}",
        "{{latest: p.a, is not: [x, {}]}}",
        "{{after: {{event: login, where: {{a: {}}}}}, then: purchase, within: 2 days}}",
    ],
)
def test_a_truth_of_older_yaml_is_reported_unless_it_is_quoted(word: str, condition: str) -> None:
    assert codes(rule("a-rule", condition.format(word))) == ["old-truth"]
    assert codes(rule("a-rule", condition.format(f"'{word}'"))) == []


def test_what_is_no_value_of_an_event_may_be_called_yes() -> None:
    assert codes(rule("a-rule", "{status: active}", "template: yes", "variables: {no: login.on}")) == []


def test_a_type_without_a_source_is_reported_for_rules_in_use(sources: SourcesFile) -> None:
    when = "{count: complaint, at least: 1}"
    assert codes(rule("a-rule", when), sources=sources) == ["unfed-type"]
    assert codes(rule("a-rule", when, "status: draft"), sources=sources) == []
    assert codes(rule("a-rule", when)) == []


def test_a_consent_or_a_time_zone_that_no_source_gives_is_reported(sources: SourcesFile) -> None:
    consent = "for every rule:\n  consent: {from: complaint.consent, opted out: [false]}\n"
    zone = "for every rule:\n  time zone: {from: complaint.zone, otherwise: UTC}\n"
    known = "for every rule:\n  consent: {from: purchase.currency, opted out: [EUR]}\n"
    assert codes(rule(), sources=sources, more=consent) == ["unfed-type"]
    assert codes(rule(), sources=sources, more=zone) == ["unfed-type"]
    assert codes(rule(), sources=sources, more=known) == []


def test_a_field_that_no_source_fills_is_reported_for_rules_in_use(sources: SourcesFile) -> None:
    def warned(variable: str, *more: str) -> list[str]:
        return codes(rule("a-rule", "{status: active}", f"variables: {{x: {variable}}}", *more), sources=sources)

    assert warned("cancellation.reason") == ["unprovided-attribute"]
    assert warned("cancellation.reason", "status: draft") == []
    assert warned("cancellation.what") == []
    assert warned("purchase.category") == []


def test_without_sources_only_what_linger_itself_has_is_known() -> None:
    def warned(variable: str) -> list[tuple[str, str | None]]:
        warnings = checked(rule("a-rule", "{status: active}", f"variables: {{x: {variable}}}")).warnings
        return [(problem.code, problem.hint) for problem in warnings]

    assert warned("purchase.amount") == []
    assert warned("profile.name") == []
    assert warned("purchase.amuont") == [("unprovided-attribute", "did you mean 'purchase.amount'?")]
    assert [code for code, _ in warned("purchase.colour")] == ["unprovided-attribute"]
    assert codes(rule("a-rule", "{distinct: purchase.colour, at least: 2}")) == []
