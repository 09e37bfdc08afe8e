"""Laws of what a worker runs on: all files in order and every live rule proven, or every problem at once."""

from pathlib import Path

import pytest

from workers.errors import StartupError
from workers.loading import load_configuration
from workers.registry import requirements
from workers.settings import Settings, read_settings

SOURCES = """\
sources:
  - topic: shop.orders
    event: purchase
    fields: {event_id: id, customer_id: who, occurred_at: at, amount: total, currency: currency}
    max_silence: 3 days
"""
RULE = """\
rules:
  - id: gone-quiet
    title: Gone quiet
    status: live
    when: {none: purchase, for: 45 days}
    action: at-risk
    template: we-miss-you
    expires after: 14 days
"""
ACTS = """\
      - name: a purchase, and then silence
        given: [{at: start, event: purchase}]
        expect: [{at: 45 days, action: at-risk}]
"""
STAYS_SILENT = """\
      - name: a purchase every month
        given: [{at: start, event: purchase, every: 30 days, times: 4}]
        watch for: 120 days
        expect: nothing
"""
GOOD = f"{RULE}    examples:\n{ACTS}{STAYS_SILENT}"


def settings(folder: Path, rules: str, sources: str = SOURCES, **variables: str) -> Settings:
    (folder / "rules.yaml").write_text(rules)
    (folder / "sources.yaml").write_text(sources)
    given = {"RULES": str(folder / "rules.yaml"), "SOURCES": str(folder / "sources.yaml"), **variables}
    return read_settings({f"LINGER_{name}": value for name, value in given.items()})


def problems(folder: Path, rules: str, sources: str = SOURCES) -> list[str]:
    with pytest.raises(StartupError) as raised:
        load_configuration(settings(folder, rules, sources))
    return [problem.removeprefix(f"{folder}/") for problem in raised.value.problems]


def test_files_in_order_become_sources_and_rules(tmp_path: Path) -> None:
    configuration = load_configuration(settings(tmp_path, GOOD))
    assert [source.topic for source in configuration.sources.sources] == ["shop.orders"]
    assert [rule.id for rule in configuration.rules.rules] == ["gone-quiet"]
    assert [rule.title for rule in configuration.book.rules] == ["Gone quiet"]


def test_what_sources_call_personal_is_masked_by_the_rules_that_a_worker_decides_by(tmp_path: Path) -> None:
    plain = load_configuration(settings(tmp_path, GOOD))
    declared = f"attribute_types: {{purchase.amount: {{personal: true}}}}\n{SOURCES}"
    masked = load_configuration(settings(tmp_path, GOOD, declared))
    assert plain.rules.collected.personal == frozenset()
    assert masked.rules.collected.personal == masked.book.personal == {"purchase.amount"}


def test_a_live_rule_without_examples_keeps_a_worker_from_starting(tmp_path: Path) -> None:
    assert problems(tmp_path, RULE) == [
        "rules.yaml:4:13: the rule 'gone-quiet' is live, and has no passing example in which it acts and none in "
        "which it does not act (add what is missing under 'examples', or write 'status: shadow' until then)"
    ]


@pytest.mark.parametrize(
    ("example", "lacking"), [(ACTS, "in which it does not act"), (STAYS_SILENT, "in which it acts")]
)
def test_one_kind_of_example_is_not_enough(tmp_path: Path, example: str, lacking: str) -> None:
    (problem,) = problems(tmp_path, f"{RULE}    examples:\n{example}")
    assert f"no passing example {lacking} (" in problem


def test_an_example_of_a_live_rule_that_fails_keeps_a_worker_from_starting_and_is_reported_in_its_place(
    tmp_path: Path,
) -> None:
    (problem,) = problems(tmp_path, GOOD.replace("{at: 45 days, a", "{at: 44 days, a"))
    assert problem.startswith("rules.yaml:10:9: the example 'a purchase, and then silence' fails: at 44 days,")


def test_every_failing_example_and_every_missing_one_is_reported_at_once(tmp_path: Path) -> None:
    second = (
        GOOD.replace("rules:\n", "")
        .replace("gone-quiet", "second")
        .replace("expect: nothing", "expect: [{at: 1 day, action: win-back}]")
    )
    messages = problems(tmp_path, RULE + second)
    assert [message.split(": ")[0] for message in messages] == [
        "rules.yaml:4:13",
        "rules.yaml:11:13",
        "rules.yaml:20:9",
    ]


@pytest.mark.parametrize("status", ["draft", "shadow", "paused"])
def test_a_rule_that_sends_nothing_needs_no_examples(tmp_path: Path, status: str) -> None:
    load_configuration(settings(tmp_path, RULE.replace("live", status)))


def test_a_failing_example_of_a_rule_that_is_not_live_keeps_nothing_from_starting(tmp_path: Path) -> None:
    text = GOOD.replace("{at: 45 days, a", "{at: 44 days, a").replace("status: live", "status: shadow")
    load_configuration(settings(tmp_path, text))


def test_problems_of_both_files_are_reported_at_once(tmp_path: Path) -> None:
    messages = problems(
        tmp_path, GOOD.replace("at-risk\n    t", "at risk!\n    t"), SOURCES.replace("max_silence", "silence")
    )
    assert [message.split(":")[0] for message in messages] == ["sources.yaml", "rules.yaml"]


def test_an_attribute_that_no_source_gives_keeps_a_worker_from_starting(tmp_path: Path) -> None:
    messages = problems(tmp_path, GOOD.replace("for: 45 days", "for: 45 days, where: {amuont: 3}"))
    assert "did you mean 'amount'?" in messages[0]


def test_the_key_of_hold_outs_decides_who_is_held_out(tmp_path: Path) -> None:
    usual = load_configuration(settings(tmp_path, GOOD.replace("    action", "    hold out: 10%\n    action"))).rules
    (tmp_path / "other").mkdir()
    keyed = settings(
        tmp_path / "other", GOOD.replace("    action", "    hold out: 10%\n    action"), HOLD_OUT_KEY="another"
    )
    other = load_configuration(keyed).rules
    assert usual.rules[0].hold_out is not None
    assert other.rules[0].hold_out is not None
    assert usual.rules[0].hold_out.key != other.rules[0].hold_out.key


def test_a_hashed_value_needs_its_key_before_anything_is_read(tmp_path: Path) -> None:
    sources = SOURCES.replace("customer_id: who", "customer_id: {path: who, hashed: true}")
    (problem,) = problems(tmp_path, GOOD, sources)
    assert problem.startswith("sources.yaml: ")
    assert "LINGER_ID_KEY" in problem
    load_configuration(settings(tmp_path, GOOD, sources, ID_KEY="a key"))


AVRO = SOURCES.replace("    event: purchase\n", "    event: purchase\n    format: avro\n")


def test_a_source_with_a_registry_needs_to_know_where_it_is(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, GOOD, AVRO)
    assert "source 'shop.orders' has the format avro, whose schemas are in a schema registry" in problem
    assert "set LINGER_SCHEMA_REGISTRY_URL" in problem
    given = settings(tmp_path, GOOD, AVRO, SCHEMA_REGISTRY_URL="http://registry:8081")
    assert load_configuration(given).sources.sources[0].format == "avro"


def test_a_source_in_avro_needs_its_package_and_one_in_json_schema_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requirements, "find_spec", lambda _: None)
    for source_format, is_lacking in (("avro", True), ("json-schema", False)):
        sources = AVRO.replace("avro", source_format)
        given = settings(tmp_path, GOOD, sources, SCHEMA_REGISTRY_URL="http://registry:8081")
        if is_lacking:
            with pytest.raises(StartupError, match=r"pip install 'linger\[registry\]'"):
                load_configuration(given)
        else:
            load_configuration(given)
