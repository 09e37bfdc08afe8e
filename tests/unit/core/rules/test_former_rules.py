"""Laws of earlier versions of rules: of what a rule said, the same rule comes again."""

from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from schemas.rules import RuleBook
from tests.support.builders import rule, rules
from tests.support.paths import DATA, ROOT
from workers.core.rules.former_rules import FormerRules
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import load_book

TYPES: Final = ("purchase", "login", "cancellation", "nps", "complaint", "loyalty", "reactivation", "profile")
FOLDERS: Final = [ROOT / "rules", DATA / "upgrade-objects" / "rules"]
NOTHING: Final = rules()


def compiled(folder: Path) -> RuleSet:
    book, _ = load_book([folder], KnownNames(TYPES))
    return compile_rules(book, TYPES)


@pytest.mark.parametrize("folder", FOLDERS, ids=["shipped", "every kind and option"])
def test_a_rule_that_is_made_of_its_content_says_and_acts_as_the_rule_that_was_active(folder: Path) -> None:
    active = compiled(folder)
    former = FormerRules(active.contents, compile_rules(RuleBook(), TYPES))
    assert set(former) == {one.version for one in active.rules}
    for one in active.rules:
        again = former[one.version]
        said: Any = (again.id, again.version, again.identity, again.action, again.template, again.variables)
        assert said == (one.id, one.version, one.identity, one.action, one.template, one.variables)
        assert again.when == one.when
        assert (again.expires_after_ms, again.for_ms, again.takes_back, again.shadow) == (
            one.expires_after_ms,
            one.for_ms,
            one.takes_back,
            one.shadow,
        )


def test_a_version_of_the_present_set_is_no_former_one() -> None:
    active = rules(rule("gone", when={"status": "cancelled"}))
    assert list(FormerRules(active.contents, active)) == []


def test_what_a_former_rule_reads_is_not_kept_because_of_it() -> None:
    active = rules(rule("dear", when={"sum": "purchase.amount", "where": {"currency": "EUR"}, "at least": 9}))
    before = {spec.key for spec in NOTHING.specs()}
    (former,) = FormerRules(active.contents, NOTHING).values()
    assert former.id == "dear"
    assert {spec.key for spec in NOTHING.collected.facts_by_type()["purchase"].series} <= before


def test_a_content_that_this_release_cannot_read_is_not_there_and_the_others_are() -> None:
    active = rules(rule("gone", when={"status": "cancelled"}))
    (version, content), *_ = active.contents.items()
    strange = orjson.dumps({**orjson.loads(content), "when": {"mood": "bad"}}).decode()
    former = FormerRules({version: content, "0123456789ab": strange}, NOTHING)
    assert former.get("0123456789ab") is None
    assert former[version].id == "gone"
