"""Laws of `linger doctor --before-upgrade`."""

from typing import Any, Final

import pytest

from tests.support.builders import rule, rules
from workers.kafka.groups import Member
from workers.operations.upgrade import checks
from workers.operations.upgrade.facts import Releases
from workers.state import layouts

OF_OLD: Final = {"owner": "a", "format": "2 a"}
OF_NEW: Final = {"owner": "b", "format": "3 b"}


@pytest.fixture(autouse=True)
def _with_a_later_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "KNOWN", (3, 4))


def releases(*wire_formats: int, ordered: str = "3", **metas: Any) -> Releases:
    members = [Member("linger", "/10.0.0.1", one) for one in wire_formats]
    return Releases(
        members, {int(name[1:]): fields for name, fields in metas.items()}, layouts.Order({"layout": ordered})
    )


def test_before_an_upgrade_has_begun_all_is_well_and_finishing_says_what_it_waits_for() -> None:
    before = releases(0, 0, p0=OF_OLD, p1=OF_OLD)
    assert checks.layouts_of_partitions(before).observed == "2 partitions in layout 3"
    finding = checks.finishing(before)
    assert (finding.health, finding.observed.partition(":")[0]) == ("ok", "not yet")
    assert "2 of 2 members" in finding.observed


def test_after_it_has_begun_it_can_be_finished_and_then_there_is_nothing_to_finish() -> None:
    assert checks.finishing(releases(3, p0=OF_NEW)).observed == "possible: linger upgrade finish"
    done = releases(3, ordered="4", p0={**OF_NEW, "layout": "4"})
    assert checks.finishing(done).observed == "nothing to finish: layout 4 is written"


def test_a_layout_that_this_release_cannot_read_is_a_problem_in_meta_and_in_customers() -> None:
    assert checks.layouts_of_partitions(releases(p0={**OF_NEW, "layout": "5"})).health == "problem"
    old = checks.layouts_of_customers({3: 40, 2: 1})
    assert (old.health, old.observed) == ("problem", "of 41 looked at, 1 in layout 2")
    assert checks.layouts_of_customers({3: 40}).health == "ok"


def test_an_unfinished_rebuild_and_a_full_redis_are_problems() -> None:
    assert checks.rebuild({0: OF_OLD}).health == "ok"
    assert checks.rebuild({0: {**OF_OLD, "rebuilding": "rules-known:0"}}).health == "problem"
    assert checks.memory({"used_memory": "60", "maxmemory": "100"}).health == "ok"
    assert checks.memory({"used_memory": "80", "maxmemory": "100"}).health == "problem"
    assert checks.memory({"used_memory": "80", "maxmemory": "0"}).health == "ok"


def test_rules_that_this_release_reads_otherwise_are_named_with_the_way_back() -> None:
    compiled = rules(rule("gone", when={"status": "cancelled"}))
    same = checks.rules(compiled, {"generation": "7", "hash": compiled.hash})
    assert same.observed == "set 7, active: both releases decide by it"
    assert "linger rules promote" in checks.rules(compiled, {"generation": "7", "hash": "another"}).observed


def test_the_new_meaning_of_readyz_is_said_before_an_upgrade() -> None:
    finding = checks.readiness()
    assert (finding.health, finding.checked) == ("ok", "/readyz")
    assert "linger_condition" in finding.observed
