"""YAML texts and short ways to validate them, which several of these tests use."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.rules import RuleFile
from workers.rule_files.problems import Problem
from workers.rule_files.yaml_validation import read_yaml

GOOD = """\
rules:
  - id: regular-gone-quiet
    title: A regular buyer has gone quiet
    status: live
    when:
      all:
        - count: purchase
          at least: 3
          within: 365 days
        - none: purchase
          for: 45 days
        - status: active
    action: at-risk
    template: we-miss-you
    expires after: 14 days
"""
GOOD_SOURCES = """\
sources:
  - topic: shop.orders
    event: login
    fields: {event_id: id, customer_id: who, occurred_at: at}
    only_when: {result: [ok, 1]}
    max_silence: 3 days
"""


def place(text: str, part: str, occurrence: int = 1) -> tuple[int, int]:
    """Return the line and column of a part of a text, counted from 1."""
    index = -1
    for _ in range(occurrence):
        index = text.index(part, index + 1)
    line = text.count("\n", 0, index) + 1
    return line, index - text.rfind("\n", 0, index)


def changed(old: str, new: str, text: str = GOOD) -> str:
    assert text.count(old) >= 1
    return text.replace(old, new, 1)


def problems_of(text: str, model: type[BaseModel] = RuleFile) -> list[Problem]:
    value, problems = read_yaml("rules/a.yaml", text, model)
    assert (value is None) == bool(problems)
    return problems


def only_problem(text: str, model: type[BaseModel] = RuleFile) -> Problem:
    problems = problems_of(text, model)
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def at(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column


class Anything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    value: Any = None
    flag: Literal[True] | None = None
    switch: bool | None = None
    mood: Literal["good", "bad"] | None = None
    few: list[str] = Field(default_factory=list, max_length=2)


REFUSED = [
    ("duplicate-key", changed("    template:", "    status: draft\n    template:"), "status: draft", "line 4"),
    ("anchor", changed("we-miss-you", "&a we-miss-you"), "&a", "'&a'"),
    ("alias", changed("we-miss-you", "*a"), "*a", "'*a'"),
    ("tag", changed("we-miss-you", "!!python/object/apply:os.system [ls]"), "!!python", "!!python/object/apply"),
    ("tag", changed("we-miss-you", "!secret x"), "!secret", "!secret"),
    ("tag", changed("we-miss-you", "!!str x"), "!!str", "!!str"),
    ("merge-key", changed("    action:", "    <<: {}\n    action:"), "<<", "'<<'"),
    ("several-documents", GOOD + "---\nrules: []\n", "---", "second document"),
    ("key-not-text", changed("    action:", "    1: x\n    action:"), "1: x", "found 1"),
    ("key-not-text", changed("    action:", "    true: x\n    action:"), "true: x", "found true"),
    ("key-not-text", changed("    action:", "    : x\n    action:"), ": x", "no key"),
    ("key-not-text", changed("    action:", "    [a, b]: x\n    action:"), "[a, b]", "must be a text"),
    ("key-not-text", changed("we-miss-you", "{{ template }}"), "{ template }", "must be a text"),
    ("empty-value", changed("within: 365 days", "within:"), "within", "'within' has no value"),
    ("smart-quotes", changed("we-miss-you", "“we-miss-you”"), "“", "typographic"),
    ("merge-conflict", changed("    action:", "<<<<<<< HEAD\n    action:"), "<<<<<<<", "merge conflict"),
    ("merge-conflict", changed("    action:", ">>>>>>> 1f2e\n    action:"), ">>>>>>>", "merge conflict"),
]
SYNTAX = [
    (changed("    template", "\ttemplate"), "\ttemplate", "a tab is not possible in front of a line"),
    (changed("template: we", "template:\n\t- we"), "\t- we", "a tab"),
    (changed("    template", "\u00a0   template"), "\u00a0", "a non-breaking space is not possible"),
    (changed("we-miss-you", "'we-miss-you"), "'we", "never closed"),
    (changed("we-miss-you", '"we-miss-you'), '"we', "never closed"),
    (changed("we-miss-you", "[we, miss"), "[we", "never closed"),
    (changed("we-miss-you", "we: miss"), ": miss", "a second ':' in one line"),
    (changed("we-miss-you", "@we"), "@we", "cannot begin with this character"),
    (changed("we-miss-you", "%we"), "%we", "cannot begin with this character"),
    (changed("we-miss-you", "* we"), "* we", "'*'"),
    (changed("we-miss-you", '"c:\\dir"'), 'dir"', "'\\'"),
    (changed("template: we-miss-you", "template we-miss-you"), "template we", "no ':'"),
    (changed("    template:", "   template:"), "template:", "does not fit"),
    (changed("we-miss-you", "we\x07"), "\x07", "U+0007"),
]
