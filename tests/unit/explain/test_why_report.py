"""Laws of the report of `linger why`: one document for machines, and moments as exact as they are."""

import json

import pytest

from tests.support.builders import START, event, rule, rules
from tests.support.explained import QUIET, known, why
from workers.explain.why_report import as_document, in_words


def test_machines_get_the_same_as_json() -> None:
    ruleset = rules(rule("quiet", when=QUIET, again_after="9 days"))
    activity = known(ruleset, event("purchase", 1), event("purchase", 2), upto_day=11)
    document = json.loads(json.dumps(as_document(why(ruleset, activity, 12.00000001))))
    assert document["customer_id"] == "ada"
    assert document["at"] == "2024-01-13T00:00:00.001Z"
    (rule_document,) = document["rules"]
    assert (rule_document["rule"], rule_document["verdict"], rule_document["holds_since"]) == (
        "quiet",
        "true",
        "2024-01-12T00:00:00.000Z",
    )
    count, silence = rule_document["condition"]["parts"]
    assert (count["observed"], count["bound"], count["window"]) == (2, "at least 2", "60 days")
    assert count["changes_by_itself"] == {"at": "2024-03-02T00:00:00.000Z", "becomes": "false"}
    assert silence["events_that_change_it"] == ["purchase"]
    assert [state["state"] for state in rule_document["states"]] == ["acted", "cooling_down"]


@pytest.mark.parametrize(
    ("at_ms", "expected"),
    [
        (START, "2024-01-01 00:00 UTC"),
        (START + 61_000, "2024-01-01 00:01:01 UTC"),
        (START + 1, "2024-01-01 00:00:00.001 UTC"),
    ],
)
def test_a_moment_is_shown_as_exactly_as_it_is(at_ms: int, expected: str) -> None:
    assert in_words(at_ms) == expected
