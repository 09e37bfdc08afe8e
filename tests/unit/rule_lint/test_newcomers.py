"""Laws of the lint about new customers: what is true of each of them is said before a rule goes live."""

import pytest

from schemas.sources import SourcesFile
from tests.unit.rule_lint.linted_rules import NOW, rule
from workers.rule_lint.check import check_texts

FOR_EVERYBODY = [
    "{count: complaint, exactly: 0}",
    "{not: {count: complaint, at least: 1}}",
    "{not: {count: purchase, at least: 2}}",
    "{count: purchase, fewer than: 3}",
    "{sum: purchase.amount, at most: 100}",
    "{status: active}",
    "{all: [{status: active}, {count: complaint, exactly: 0}]}",
    "{any: [{count: login, at least: 1}, {count: login, exactly: 0}]}",
]
FOR_SOME = [
    "{count: purchase, exactly: 1}",
    "{all: [{count: purchase, at least: 1}, {count: complaint, exactly: 0}]}",
    "{none: purchase, for: 45 days}",
    "{known for: 30 days}",
    "{status: cancelled}",
    "{latest: profile.country, is not: NL}",
    "{all: [{count: complaint, exactly: 0}, {known for: 1 hour}]}",
]


def warned(sources: SourcesFile, when: str, *more: str) -> list[str]:
    text = "rules:\n" + rule("a-rule", when, *(more or ("status: live",)))
    problems = check_texts({"a.yaml": text}, sources, NOW, ["every-newcomer"]).warnings
    return [problem.message for problem in problems]


@pytest.mark.parametrize("when", FOR_EVERYBODY)
def test_a_live_rule_that_is_true_for_every_new_customer_is_reported(sources: SourcesFile, when: str) -> None:
    (message,) = warned(sources, when)
    assert "'a-rule' is true for every new customer at their very first event" in message


@pytest.mark.parametrize("when", FOR_SOME)
def test_a_live_rule_that_needs_more_than_to_appear_is_not(sources: SourcesFile, when: str) -> None:
    assert warned(sources, when) == []


@pytest.mark.parametrize("status", ["draft", "shadow", "paused"])
def test_a_rule_that_sends_nothing_is_not_reported(sources: SourcesFile, status: str) -> None:
    assert warned(sources, FOR_EVERYBODY[0], f"status: {status}") == []


def test_a_rule_that_waits_is_not_true_at_the_first_event(sources: SourcesFile) -> None:
    assert warned(sources, FOR_EVERYBODY[0], "status: live", "for: 3 days") == []


def test_the_events_that_make_it_false_at_once_are_named(sources: SourcesFile) -> None:
    (message,) = warned(sources, "{all: [{count: complaint, exactly: 0}, {status: active}]}")
    assert message.endswith("unless that is a cancellation")
    (message,) = warned(sources, "{count: login, exactly: 0}")
    assert message.endswith("unless that is a login")


def test_what_is_true_after_each_event_that_there_is_is_true_for_everybody(sources: SourcesFile) -> None:
    each = ", ".join(f"{{count: {name}, at least: 1}}" for name in ("login", "cancellation", "purchase"))
    assert len(warned(sources, f"{{any: [{each}]}}")) == 1
    assert warned(sources, f"{{any: [{each.rpartition(', {')[0]}]}}") == []


def late(sources: SourcesFile, *steps: str, more: str = "") -> list[tuple[int, str]]:
    lines = "".join(f"    - {{stage: step-{number}, when: {when}}}\n" for number, when in enumerate(steps, 1))
    text = f"stages:\n  name: simple\n  steps:\n{lines}  otherwise: newcomer\n{more}rules:\n{rule()}"
    problems = check_texts({"a.yaml": text}, sources, NOW, ["late-stage"]).warnings
    return [(problem.line, problem.message) for problem in problems]


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("{average: purchase.amount, at least: 80, within: 180 days}", "for 179 days"),
        ("{change: login, down by: 20%, within: 30 days, from at least: 5}", "for 59 days"),
        ("{none: purchase, for: 365 days}", "for 365 days"),
        ("{latest: profile.plan, is: gold}", "until an event says it"),
        ("{any: [{latest: profile.plan, is: gold}, {count: purchase, at least: 3}]}", "until an event says it"),
    ],
)
def test_a_step_that_is_not_known_of_a_new_customer_is_reported(sources: SourcesFile, when: str, says: str) -> None:
    ((line, message),) = late(sources, when)
    assert line == 4
    assert message.startswith(f"the step 'step-1' is not known of a new customer {says}: ")


@pytest.mark.parametrize(
    "when",
    [
        "{last: purchase, at least: 365 days ago}",
        "{count: purchase, at least: 3, within: 365 days}",
        "{last: purchase, at most: 60 days ago}",
        "{all: [{known for: 180 days}, {average: purchase.amount, at least: 80, within: 180 days}]}",
        "{all: [{latest: profile.plan, is: given}, {latest: profile.plan, is: gold}]}",
        "{not: {known for: 60 days}}",
        "{value: at least 100}",
    ],
)
def test_a_step_that_is_false_until_it_holds_is_not(sources: SourcesFile, when: str) -> None:
    assert late(sources, when, more="value: {revenue: [purchase.amount]}\n") == []


def test_a_step_below_one_that_is_never_known_is_reported_once_that_is_mended(sources: SourcesFile) -> None:
    unknown = "{latest: profile.plan, is: gold}"
    assert [line for line, _ in late(sources, unknown, unknown)] == [4]
    assert [line for line, _ in late(sources, "{count: purchase, at least: 1}", unknown)] == [5]


@pytest.mark.parametrize(
    "when", ["{average: purchase.amount, at least: 80, within: 180 days}", "{none: login, for: 9 days}"]
)
def test_a_step_that_is_written_as_the_hint_says_is_reported_no_more(sources: SourcesFile, when: str) -> None:
    text = f"stages:\n  name: simple\n  steps:\n    - {{stage: a-step, when: {when}}}\n  otherwise: newcomer\n"
    (problem,) = check_texts({"a.yaml": text + "rules:\n" + rule()}, sources, NOW, ["late-stage"]).warnings
    known = (problem.hint or "").split("'")[1]
    assert late(sources, f"{{all: [{{{known}}}, {when}]}}") == []
