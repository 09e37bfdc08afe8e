"""Laws of the lint about a history: it speaks only of a history that was given."""

from tests.support.builders import event
from tests.unit.rule_lint.linted_rules import DECLARED, NOW, rule
from workers.histories.seen_values import SeenValues
from workers.rule_files.values.unseen import wanted_values
from workers.rule_files.yaml_nodes import parse_yaml
from workers.rule_lint.check import check_texts

TEXT = "rules:\n" + rule("a-rule", "{latest: profile.plan, is: Gold}")


def seen() -> SeenValues:
    counts = SeenValues(wanted_values([parse_yaml("a.yaml", TEXT)]))
    for _ in range(3):
        counts.add(event("profile", 0, plan="gold"))
    return counts


def test_a_value_that_no_event_has_is_a_warning_at_its_place() -> None:
    report = check_texts({"a.yaml": TEXT}, None, NOW, ["unseen-value"], DECLARED, seen())
    (problem,) = report.warnings
    assert (problem.line, problem.code, problem.severity) == (4, "unseen-value", "warning")
    assert problem.message == "no event has profile.plan 'Gold'; it has: 'gold' (3)"


def test_without_a_history_nothing_is_said() -> None:
    assert check_texts({"a.yaml": TEXT}, None, NOW, ["unseen-value"], DECLARED).warnings == ()


def test_files_with_mistakes_are_not_compared_with_a_history() -> None:
    broken = {"a.yaml": TEXT, "b.yaml": "rules:\n" + rule("b-rule", "{meets: nothing here}")}
    report = check_texts(broken, None, NOW, ["unseen-value"], DECLARED, seen())
    assert report.mistakes
    assert report.warnings == ()
