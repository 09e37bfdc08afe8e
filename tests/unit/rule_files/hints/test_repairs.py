"""Laws of repairs: a replacement changes what it names and nothing else, and is suggested only if it helps."""

import pytest

from workers.rule_files.hints.repairs import kept, repaired
from workers.rule_files.known_names import KnownNames
from workers.rule_files.problems import Problem, Replacement
from workers.rule_files.rules import read_documents
from workers.rule_files.yaml_nodes import parse_yaml, plain_value

NAMES = KnownNames(("purchase", "login"), {"purchase": {"amount"}, "login": set()})
RULE = (
    "rules:\n  - id: one\n    title: One\n    action: at-risk\n    template: a\n    expires after: 9 days\n    when: "
)


@pytest.mark.parametrize(
    ("text", "replacement", "repaired_text"),
    [
        ("a: b\n", Replacement(1, 4, "b", "c"), "a: c\n"),
        ("a: 'it''s'  # why\n", Replacement(1, 4, "it's", "c"), "a: c  # why\n"),
        ('a: "x\\"y"\n', Replacement(1, 4, 'x"y', "c"), "a: c\n"),
        ("a: [3, 10]\n", Replacement(1, 4, "", "3 and 10"), "a: 3 and 10\n"),
        (
            "  - a: b # c\n    d: e\n",
            Replacement(1, 8, "b", "f", (("g", "1"),)),
            "  - a: f # c\n    g: 1\n    d: e\n",
        ),
        ("a: b", Replacement(1, 4, "b", "f", (("g", "1"),)), "a: f\ng: 1"),
        ("{a: b, d: e}\n", Replacement(1, 5, "b", "f", (("g", "1"),)), "{a: f, g: 1, d: e}\n"),
        ("a: '{' # [\nb: c\n", Replacement(2, 4, "c", "f", (("g", "1"),)), "a: '{' # [\nb: f\ng: 1\n"),
    ],
)
def test_a_replacement_changes_what_it_names(text: str, replacement: Replacement, repaired_text: str) -> None:
    assert repaired(text, replacement) == repaired_text
    assert parse_yaml("a", repaired_text).problems == ()


@pytest.mark.parametrize("replacement", [Replacement(9, 1, "b", "c"), Replacement(1, 4, "x", "c")])
def test_what_is_not_there_is_not_replaced(replacement: Replacement) -> None:
    assert repaired("a: b\n", replacement) is None


def problems_of(condition: str) -> list[Problem]:
    return list(read_documents({"a.yaml": f"{RULE}{condition}\n"}, NAMES).problems)


def test_a_suggestion_that_leads_to_another_mistake_gives_way_to_the_possible_words() -> None:
    (problem,) = problems_of("{count: purchase, over: 30 days, at least: 2}")
    assert problem.replacement is None
    assert str(problem.hint).startswith("possible are")


def test_a_suggestion_beside_other_mistakes_stays() -> None:
    hints = [problem.hint for problem in problems_of("{cuont: purchase, at leats: 3}")]
    assert "did you mean 'count'?" in hints
    problems = problems_of("{all: [{count: puchase, at leats: 3}, {none: login}]}")
    assert [problem.hint for problem in problems if problem.replacement] == [
        "did you mean 'purchase'?",
        "did you mean 'at least'?",
    ]


def test_what_cannot_be_tried_any_more_is_not_suggested() -> None:
    text = "a: b\nc: d\n" + "#" * 1_100_000
    problems = [
        Problem("a.yaml", line, 4, "x", "odd", "did you mean 'e'?", replacement=Replacement(line, 4, old, "e"))
        for line, old in ((1, "b"), (2, "d"))
    ]
    other = Problem("a.yaml", 9, 1, "y", "another")
    first, second = kept(problems, {"a.yaml": text}, lambda texts: [other])
    assert (first.hint, second.hint) == ("did you mean 'e'?", None)


def test_every_replacement_of_a_broken_rule_gives_yaml() -> None:
    for problem in problems_of("{count: purchase at least 3 within 30 days}"):
        assert problem.replacement is not None
        repaired_text = repaired(f"{RULE}{{count: purchase at least 3 within 30 days}}\n", problem.replacement)
        root = parse_yaml("a.yaml", str(repaired_text)).root
        assert root is not None
        assert plain_value(root)["rules"][0]["when"] == {"count": "purchase", "at least": 3, "within": "30 days"}
