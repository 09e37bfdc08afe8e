"""Laws of the names of groups: a rule set has the hash that the last release with stored layout 3 computes for it.

Workers of both releases run side by side while a site is upgraded: with another hash, each would take the other's
rules for new ones.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from schemas.rules import ForEveryRule, RuleBook, RuleFile
from tests.support.paths import ROOT
from workers.core.rules.groups_of_3 import quiet_after, raised_at_once
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet

GOLDEN: Final = ROOT / "tests" / "data" / "golden" / "rule-sets.jsonl"
ROWS: Final[list[dict[str, Any]]] = [json.loads(line) for line in GOLDEN.read_text().splitlines()]

WORDS_OF_3: Final = (
    *("count", "sum", "average", "distinct", "none", "last", "first", "known for", "change", "overdue"),
    *("then", "without", "latest", "date", "status"),
)
"""A word of each kind of condition in the last release with stored layout 3."""


def compiled(row: dict[str, Any]) -> RuleSet:
    file = RuleFile.model_validate(row["book"])
    book = RuleBook(
        tuple(file.rules), file.define, file.for_every_rule or ForEveryRule(), attribute_types=row["attribute_types"]
    )
    return compile_rules(book, row["types"])


@pytest.mark.parametrize("row", ROWS, ids=[row["hash"] for row in ROWS])
def test_a_rule_set_has_the_hash_and_the_groups_that_the_release_before_gives_it(row: dict[str, Any]) -> None:
    rules = compiled(row)
    assert {rule.id: rule.group for rule in rules.rules} == row["groups"]
    assert rules.hash == row["hash"]


def test_the_rule_sets_have_every_kind_of_that_release_and_more_groups_than_types() -> None:
    sets = [compiled(row) for row in ROWS]
    written = json.dumps([row["book"] for row in ROWS])
    assert all(f'"{word}"' in written for word in WORDS_OF_3)
    assert max(len(set(row["groups"].values())) for row in ROWS) > len(sets[0].facts)


def raised(when: Any) -> list[set[str]]:
    return [raised_at_once(when, was_cancelled) for was_cancelled in (False, True)]


def quiet(when: Any) -> list[set[str]]:
    return [quiet_after(when)]


@pytest.mark.parametrize("part", [raised, quiet])
def test_each_part_of_the_manner_tells_groups_apart(part: Callable[[Any], list[set[str]]]) -> None:
    """Otherwise these rule sets would say nothing of it."""
    manners: dict[Any, set[str]] = {}
    for row in ROWS:
        for rule in compiled(row).rules:
            alike = (row["hash"], rule.types, rule.requires, rule.conflict_group)
            manners.setdefault(alike, set()).add(str([sorted(one & rule.types) for one in part(rule.when)]))
    assert any(len(one) > 1 for one in manners.values())
