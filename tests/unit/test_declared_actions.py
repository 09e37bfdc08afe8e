"""Laws of actions that `sources.yaml` declares: their names, and where they are known."""

from pathlib import Path

import pytest

from schemas.actions import Action, encode
from schemas.sources import NO_ACTIONS, SourcesFile
from tests.support.builders import event, rule, rules, watched
from workers.core.decisions.decide import decide
from workers.core.decisions.published import read_record
from workers.customer_export.from_kafka import searched
from workers.customer_orders.kept_in_kafka import keyed_topics
from workers.loading import load_rule_book, with_declared_actions
from workers.operations.retention import needs_of
from workers.operations.rights.needs import NEEDS, rights_by_topic
from workers.rule_files.known_names import known_names
from workers.rule_files.rules import load_book
from workers.settings import OWN_TOPICS, for_command, read_settings
from workers.source_files.reading import read_sources

SOURCE = "sources: [{topic: shop.orders, format: canonical, events: [purchase], max_silence: 3 days}]\n"
DECLARED = f"actions: {{grow: {{about: Offer more.}}, thank-you: {{}}}}\n{SOURCE}"
RULE = """rules:
  - {id: grow-more, title: Grow, when: {status: active}, action: ACTION, template: t, expires after: 9 days}
"""


def declared(text: str = DECLARED) -> SourcesFile:
    sources, problems = read_sources("sources.yaml", text)
    assert sources is not None, problems
    return sources


@pytest.mark.parametrize("name", ["at-risk", "decisions", "dead-letter", "stages", "Grow", "a", "grow.more"])
def test_an_action_is_called_by_no_name_that_is_taken_or_no_part_of_a_topic(name: str) -> None:
    sources, problems = read_sources("sources.yaml", f"actions: {{{name}: {{}}}}\n{SOURCE}")
    assert sources is None
    assert problems


def test_no_action_is_called_as_a_topic_of_linger() -> None:
    assert set(OWN_TOPICS) - {"at-risk", "win-back"} <= NO_ACTIONS


def test_rules_ask_for_declared_actions_and_for_no_others(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    for action, hint in (("grow", None), ("groww", "did you mean 'grow'?"), ("at-risk", None)):
        file.write_text(RULE.replace("ACTION", action))
        _, problems = load_book([file], known_names(declared()))
        assert [(one.code, one.hint) for one in problems] == ([("unknown-action", hint)] if hint else [])
    file.write_text(RULE.replace("ACTION", "grow"))
    _, (problem,) = load_book([file], known_names(None))
    assert problem.hint == "declare it under 'actions' in sources.yaml; known are at-risk, win-back"


def test_the_topics_of_declared_actions_are_topics_of_linger_everywhere(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(DECLARED)
    (tmp_path / "rules.yaml").write_text(RULE.replace("ACTION", "grow"))
    paths = {"LINGER_SOURCES": str(tmp_path / "sources.yaml"), "LINGER_RULES": str(tmp_path / "rules.yaml")}
    settings = for_command(with_declared_actions(read_settings(paths)))
    names = {"grow", "thank-you"}
    assert set(settings.actions) == {"at-risk", "win-back", *names}
    for topics in (settings.worker_topics, settings.own_topics, settings.topics_by_customer, keyed_topics(settings)):
        assert names <= set(topics)
    assert {name for name, how in searched(settings).items() if how == "key"} >= names
    full = {f"linger.{name}" for name in names}
    assert full <= needs_of(load_rule_book(settings), settings).keys()
    for command in ("run", "customer export", "customer erase", "rebuild", "topics create", "doctor"):
        rights = rights_by_topic(NEEDS[command], settings, ())
        assert {rights[topic] for topic in full} == {rights["linger.at-risk"]}, command


def test_a_record_of_a_declared_action_has_its_topic_and_type() -> None:
    grow = rules(rule("grow-more", when={"count": "login", "at least": 1}, action="grow"))
    (record,) = decide("ada", None, [event("login", 1)], grow, watched(grow)).records("linger")
    assert (record.topic, dict(record.headers)["ce_type"]) == ("linger.grow", b"linger.grow.v1")
    content = read_record(record.stored).content()
    assert isinstance(content, Action)
    assert encode(content) == record.value
