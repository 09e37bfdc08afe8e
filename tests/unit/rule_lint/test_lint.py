"""Laws of lints as a whole: which of them run, and on which files."""

from tests.unit.rule_lint.linted_rules import NOW, rule
from workers.rule_lint.check import check_texts


def test_only_the_lints_that_are_asked_for_are_reported() -> None:
    text = "rules:\n" + rule("a-rule", "{all: [{status: active}, {status: cancelled}]}", "again after: 1 day")
    assert {problem.code for problem in check_texts({"a.yaml": text}).warnings} == {
        *("contradiction", "short-pause", "without-example")
    }
    assert [problem.code for problem in check_texts({"a.yaml": text}, lints=["short-pause"]).warnings] == [
        "short-pause"
    ]
    assert check_texts({"a.yaml": text}, lints=[]).warnings == ()


def test_lints_are_reported_beside_mistakes_elsewhere_but_not_what_a_fix_may_change() -> None:
    good = "rules:\n" + rule("a-rule", "{all: [{status: active}, {status: cancelled}]}")
    named = "rules:\n" + rule("b-rule", "{meets: nothing here}", "again after: 1 day")
    report = check_texts({"a.yaml": good, "b.yaml": named, "c.yaml": "define:\n  a a: {status: active}\n"}, None, NOW)
    assert [problem.code for problem in report.mistakes] == ["unknown-definition"]
    assert [problem.code for problem in report.warnings] == ["contradiction"]
