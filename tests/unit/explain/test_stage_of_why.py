"""Laws of what `why` and what is shown of a customer say of the stage."""

from schemas.rules import RuleBook
from tests.support.builders import TYPES, day, event, rule, watched
from tests.support.decided import LATEST_LAYOUT, decide
from tests.support.looked_at import LADDER
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.explain.snapshot import CustomerSnapshot
from workers.explain.stored_activity import read_activity
from workers.explain.why import explain_customer


def compiled(ladders: bool = True) -> RuleSet:
    return compile_rules(RuleBook((rule("quiet"),), ladders=(LADDER,) if ladders else ()), TYPES)


def notes_on(rules: RuleSet, at_day: float, *bought: float) -> tuple[str, ...]:
    observed = watched(rules)
    stored = decide("ada", None, [event("purchase", at) for at in bought], rules, observed, 0, LATEST_LAYOUT).stored
    assert stored is not None
    snapshot = CustomerSnapshot("ada", stored, rules, observed, day(at_day))
    return explain_customer(snapshot, day(at_day)).notes


def test_why_says_the_stage_since_when_and_what_would_change_it() -> None:
    assert notes_on(compiled(), 5, 1, 2, 3) == (
        "stands on the stage 'loyal' since 2024-01-04 00:00 UTC, from 'newcomer'; becomes 'quiet' on "
        "2024-02-03 00:00 UTC, or changes with the next purchase",
    )
    assert notes_on(compiled(), 100, 1) == (
        "stands on the stage 'lost' since 2024-04-01 00:00 UTC, from 'quiet'; can change with the next purchase",
    )
    assert notes_on(compiled(ladders=False), 5, 1) == ()


def test_what_is_stored_names_the_stage() -> None:
    rules = compiled()
    stored = decide("ada", None, [event("purchase", at) for at in (1, 2, 3)], rules, watched(rules), 0).stored
    assert stored is not None
    stage = read_activity(stored, rules)["stage"]
    assert stage is not None
    assert (stage["stage"], stage["came_from"], stage["direction"], stage["published"]) == (
        *("loyal", "newcomer", "up"),
        "loyal",
    )
