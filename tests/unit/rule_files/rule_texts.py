"""Texts of rule files that several of these tests use."""

import jsonschema  # type: ignore[import-untyped]
import orjson

from tests.support.paths import ROOT
from workers.rule_files.problems import Problem
from workers.rule_files.yaml_nodes import parse_yaml, plain_value


def rule(rule_id: str = "gone-quiet", when: str = "{none: purchase, for: 45 days}", more: str = "") -> str:
    return (
        f"  - id: {rule_id}\n    title: A rule\n    when: {when}\n    action: at-risk\n"
        f"    template: we-miss-you\n    expires after: 14 days\n{more}"
    )


def file_of(*rules: str) -> str:
    return "rules:\n" + "".join(rules)


def places(problems: list[Problem]) -> list[tuple[int, int]]:
    return [(problem.line, problem.column) for problem in problems]


def source(topic: str = "shop.logins", event: str = "login") -> str:
    fields = "{event_id: id, customer_id: who, occurred_at: at}"
    return f"  - topic: {topic}\n    event: {event}\n    fields: {fields}\n    max_silence: 1 day\n"


def assert_keeps_schema(text: str, name: str) -> None:
    """Assert that the generated schema, which editors use, agrees with the models."""
    document = parse_yaml(name, text)
    assert document.root is not None
    schema = orjson.loads((ROOT / "schemas" / "json" / name).read_bytes())
    jsonschema.Draft202012Validator(schema).validate(plain_value(document.root))
