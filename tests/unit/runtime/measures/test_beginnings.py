"""Laws of counters: each source and each rule has its counters at zero before anything is counted."""

import ast
from typing import Final

from schemas.sources import SourcesFile
from tests.support.builders import rule, rules
from tests.support.paths import ROOT
from workers.observability.metrics import REGISTRY
from workers.runtime.measures.beginnings import DEAD_LETTER_REASONS, begin_activity, begin_rules, begin_sources

SOURCES: Final = SourcesFile.model_validate(
    {
        "sources": [
            {"topic": "begun.events", "format": "canonical", "events": ["login"], "max_silence": "1 day"},
            {
                "topic": "begun.orders",
                "max_silence": "1 day",
                "fields": {"event_id": "id", "customer_id": "who", "occurred_at": "at"},
                "one_of": [
                    {"event": "login", "only_when": {"kind": "login"}},
                    {"skip": "test orders", "only_when": {"kind": "test"}},
                    {"refuse": "payload_not_included", "only_when": {"kind": "cut"}},
                ],
            },
        ]
    }
)


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"linger_{name}_total", labels)


def reasons_in_the_code() -> set[str]:
    """Every reason that is written where a record is refused."""
    found: set[str] = set()
    for folder in ("schemas", "workers"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("InvalidEvent", "Unusable")):
                    found |= {str(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant)}
    return found


def test_every_reason_for_which_a_record_is_refused_is_known() -> None:
    assert reasons_in_the_code() - {*DEAD_LETTER_REASONS} == set()
    assert [*DEAD_LETTER_REASONS] == sorted(DEAD_LETTER_REASONS)


def test_the_counters_of_a_source_begin_at_zero() -> None:
    begin_sources(SOURCES)
    for topic, cases in (
        ("begun.events", ("login", "tombstone", "no case", "only_when")),
        ("begun.orders", ("login", "test orders", "payload_not_included", "no case", "only_when")),
    ):
        for name in ("records_read", "source_records_lost", "records_skipped", "tombstones"):
            assert value(name, topic=topic) == 0
        assert [case for case in cases if value("source_records", topic=topic, case=case) != 0] == []
        missing = [reason for reason in DEAD_LETTER_REASONS if value("dead_letters", topic=topic, reason=reason) != 0]
        assert missing == []
    assert value("dead_letters", topic="begun.orders", reason="payload_not_included") == 0
    assert value("unknown_fields", type="login") is not None


def test_the_counters_of_the_activity_topic_begin_at_zero() -> None:
    begin_activity("begun.activity")
    assert value("dead_letters", topic="begun.activity", reason="wrong_partition") == 0


def test_the_counters_of_a_rule_begin_at_zero() -> None:
    begin_rules(rules(rule("begun")))
    for status in ("active", "retracted"):
        assert value("actions", action="at-risk", rule="begun", status=status) == 0
    for decision in ("held", "opted_out", "shadow", "not_observable"):
        assert value("suppressed", rule="begun", decision=decision) == 0
