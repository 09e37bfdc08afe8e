"""Laws of the lint about values of personal attributes, which a rule file names."""

from dataclasses import replace

import pytest

from tests.support.builders import event
from tests.unit.rule_lint.linted_rules import DECLARED, NOW, rule
from workers.histories.seen_values import SeenValues
from workers.rule_files.values.unseen import unseen_in, wanted_values
from workers.rule_files.yaml_nodes import parse_yaml
from workers.rule_lint.check import check_texts

NAMES = replace(DECLARED, personal=frozenset({"profile.email", "purchase.amount"}))


def places(text: str) -> list[tuple[int, int]]:
    report = check_texts({"a.yaml": text}, None, NOW, ["personal-value"], NAMES)
    assert report.mistakes == ()
    return [(problem.line, problem.column) for problem in report.warnings]


@pytest.mark.parametrize(
    ("when", "column"),
    [
        ("{latest: profile.email, is: a@b.c}", 39),
        ("{latest: profile.email, is not: [a@b.c, d@e.f]}", 44),
        ("{count: profile, at least: 1, where: {email: a@b.c}}", 56),
        ("{count: profile, at least: 1, where: {email: {other than: a@b.c}}}", 69),
        ("{after: {event: profile, where: {email: a@b.c}}, without: purchase, for: 3 days}", 51),
        ("{not: {any: [{latest: profile.email, is: a@b.c}]}}", 52),
    ],
)
def test_a_value_of_a_personal_attribute_is_a_warning_at_its_place(when: str, column: int) -> None:
    assert places("rules:\n" + rule("a-rule", when)) == [(4, column)]


@pytest.mark.parametrize(
    "when",
    [
        "{latest: profile.plan, is: gold}",
        "{count: purchase, at least: 1, where: {amount: {at least: 5}}}",
        "{sum: purchase.amount, at least: 5}",
        "{date: profile.email, in the next: 3 days}",
    ],
)
def test_other_values_and_bounds_are_none(when: str) -> None:
    assert places("rules:\n" + rule("a-rule", when)) == []


def test_a_named_condition_is_looked_at_once() -> None:
    define = "define:\n  mara: {latest: profile.email, is: a@b.c}\n"
    both = rule("a-rule", "{meets: mara}") + rule("b-rule", "{not: {meets: mara}}")
    assert places(define + "rules:\n" + both) == [(2, 37)]


@pytest.mark.parametrize(
    ("when", "says"),
    [
        (
            "{latest: profile.email, is: a@b.c}",
            "no event has profile.email 'a@b.c'; its values are personal, and not shown",
        ),
        ("{latest: profile.email, at least: 7}", "no event has a number in profile.email; its values are personal"),
        ("{latest: profile.score, at least: 7}", "no profile.score is at least 7"),
    ],
)
def test_what_a_history_has_instead_is_not_said(when: str, says: str) -> None:
    document = parse_yaml("a.yaml", "rules:\n" + rule("a-rule", when))
    personal = {"profile.email", "profile.score"}
    for hidden in (personal, set[str]()):
        seen = SeenValues(wanted_values([document]), {}, hidden)
        for number in range(3):
            seen.add(event("profile", number, email=f"mara-{number}@example.com", score=4.25))
        (unseen,) = unseen_in([document], seen)
        shown = repr(unseen.near) + unseen.message
        assert ("mara" in shown or "4.25" in shown) is not bool(hidden)
        assert not hidden or unseen.message.startswith(says)


def test_values_that_are_not_of_the_type_are_not_shown_either() -> None:
    document = parse_yaml("a.yaml", "rules:\n" + rule("a-rule", "{sum: profile.score, at least: 7}"))
    seen = SeenValues(wanted_values([document]), {"profile.score": "number"}, {"profile.score"})
    seen.add(event("profile", 1, score="mara"))
    (unseen,) = unseen_in([document], seen)
    assert unseen.message == "no profile has a number as 'score'; its values are personal, and not shown"
