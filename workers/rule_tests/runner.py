"""The runner: examples of rules, and tests of several rules, run on the production core in virtual time.

An example has the events of one made-up customer, and every decision that is expected. It runs on `compile_rules`
and `decide` alone (`workers.rule_tests.playback`).

This module must never know files and terminals: `files` reads, `timelines` shows.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from schemas.durations import write_duration
from schemas.rules import Example, Expected, RuleBook, RuleTest, write_offset
from workers.rule_files.hints.likeness import did_you_mean
from workers.rule_files.problems import Explanation, Problem
from workers.rule_tests.differences import compare
from workers.rule_tests.entries import TimelineEntry, words_of
from workers.rule_tests.locations import Locate, SourceLocation, nowhere
from workers.rule_tests.playback import LONGEST, START, ImpossibleExample, Path, Playback, Scenario, scenario_of


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """The result of one example or test.

    Attributes:
        name: its name in the file.
        owner: the id of the rule of an example, or the file of a test.
        rules: the ids of the rules that it ran on.
        location: its location or, if it could not be run, that of the reason.
        acts: whether it expects at least one action.
        start: the time from which offsets are counted.
        problem: why it could not be run; None if it ran.
        hint: what was probably meant.
        timeline: everything given, decided and expected, by time.
        instead: everything that was decided, as an example would expect it.
    """

    name: str
    owner: str
    rules: tuple[str, ...]
    location: SourceLocation
    acts: bool
    start: datetime
    problem: str | None = None
    hint: str | None = None
    timeline: tuple[TimelineEntry, ...] = ()
    instead: tuple[Expected, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it ran, and exactly the expected decisions were made."""
        return self.problem is None and not any(entry.mark in ("missing", "unexpected") for entry in self.timeline)

    @property
    def differs_by_reason_of_0_1(self) -> bool:
        """Whether all that keeps it from passing is `customer_returned` where now `no_longer_true` is given.

        Release 0.1 said so of every event that ended a rule, such as a better answer.
        """
        if self.problem is not None or self.passed:
            return False
        missing, unexpected = (
            [entry.expected for entry in self.timeline if entry.mark == mark] for mark in ("missing", "unexpected")
        )
        given = [(each.rule, each.at) for each in unexpected if each and each.retracted == "no_longer_true"]
        wanted = [(each.rule, each.at) for each in missing if each and each.retracted == "customer_returned"]
        return len(given) == len(unexpected) and len(wanted) == len(missing) and sorted(given) == sorted(wanted)


# -- running ---------------------------------------------------------------------------------------------------


def run_examples(book: RuleBook, types: Iterable[str], locate: Locate = nowhere) -> list[ExampleResult]:
    """Run the examples of every rule, each rule alone and as if it were live.

    Other rules do not exist for them, so `priority` and `instead of` have no effect; `for every rule` does. No
    customer is held out.

    Args:
        book: without problems.
        types: all event types.
        locate: called with `(rule id, index of the example, path)`.

    Returns:
        One result per example, in the order of the book.
    """
    all_types = tuple(types)
    results: list[ExampleResult] = []
    for rule in book.rules:
        if not rule.examples:
            continue
        scenarios: dict[str | None, Scenario] = {}
        for index, example in enumerate(rule.examples):
            source = _Source(example, rule.id, index, locate)
            if (impossible := _impossible_ladder(example, book)) is not None:
                results.append(_not_run(source, impossible, (rule.id,)))
                continue
            if example.ladder not in scenarios:
                scenarios[example.ladder] = scenario_of(_with_ladder(book, example.ladder), (rule,), all_types)
            results.append(_run(source, scenarios[example.ladder]))
    return results


def run_tests(
    book: RuleBook, tests: Sequence[RuleTest], types: Iterable[str], file: str = "", locate: Locate = nowhere
) -> list[ExampleResult]:
    """Run tests of several rules at once, with `priority` and `instead of`.

    A test runs on the rules that it names or, by default, on all live and shadow rules. All of them count as live,
    and so does the ladder that it names; by default, that is the live one, or the only one.

    Args:
        book: without problems.
        tests: the tests of one file, in its order.
        types: all event types.
        file: the name of the file.
        locate: called with `(file, index of the test, path)`.
    """
    all_types, by_id = tuple(types), {rule.id: rule for rule in book.rules}
    usual = tuple(rule.id for rule in book.rules if rule.status in ("live", "shadow"))
    scenarios: dict[tuple[tuple[str, ...], str | None], Scenario] = {}
    results: list[ExampleResult] = []
    for index, test in enumerate(tests):
        source = _Source(test, file, index, locate)
        ids = usual if test.rules is None else tuple(dict.fromkeys(test.rules))
        impossible = _impossible_rules(test, ids, by_id) or _impossible_ladder(test, book)
        if impossible is not None:
            results.append(_not_run(source, impossible, ids))
            continue
        if (ids, test.ladder) not in scenarios:
            rules = tuple(by_id[rule_id] for rule_id in ids)
            scenarios[ids, test.ladder] = scenario_of(_with_ladder(book, test.ladder), rules, all_types)
        results.append(_run(source, scenarios[ids, test.ladder]))
    return results


def _with_ladder(book: RuleBook, name: str | None) -> RuleBook:
    """Return the book with one ladder that counts: that of a name or, without one, the live or the only one."""
    live = [ladder for ladder in book.ladders if ladder.status == "live"]
    chosen = [ladder for ladder in book.ladders if ladder.name == name] if name is not None else live or book.ladders
    if len(chosen) != 1:
        return replace(book, ladders=())
    return replace(book, ladders=(chosen[0].model_copy(update={"status": "live"}),))


def _impossible_ladder(example: Example, book: RuleBook) -> ImpossibleExample | None:
    """Return why an example cannot run on the ladder that it names, or None if it can."""
    names = [ladder.name for ladder in book.ladders]
    if example.ladder is None or example.ladder in names:
        return None
    suggested = did_you_mean(example.ladder, names)
    known = f"there are {', '.join(names)}" if names else "write one under 'stages', in one of the files"
    hint = f"did you mean '{suggested}'?" if suggested else known
    return ImpossibleExample(("ladder",), f"there is no ladder '{example.ladder}' here", hint)


@dataclass(frozen=True, slots=True)
class _Source:
    """An example or test and its origin.

    Attributes:
        example: the example or test.
        owner: the id of its rule, or its file.
        index: its index among the examples or tests of the owner.
        locate: finds the location of a part of it.
    """

    example: Example
    owner: str
    index: int
    locate: Locate


def _impossible_rules(test: RuleTest, ids: Collection[str], rule_ids: Collection[str]) -> ImpossibleExample | None:
    """Return why a test has no rules to run on, or None if it has."""
    for index, rule_id in enumerate(test.rules or ()):
        if rule_id not in rule_ids:
            return _no_rule(rule_id, rule_ids, ("rules", index))
    if test.rules is None and not ids:
        return ImpossibleExample((), "there is no live or shadow rule here", "name some, under 'rules'")
    if not ids and not any(expected.is_stage for expected in test.expectations()):
        return ImpossibleExample(("rules",), "is about no rule, and expects no stage")
    return None


def _no_rule(rule_id: str, rule_ids: Collection[str], path: Path) -> ImpossibleExample:
    suggested = did_you_mean(rule_id, rule_ids)
    hint = f"did you mean '{suggested}'?" if suggested else None
    return ImpossibleExample(path, f"there is no rule '{rule_id}' here", hint)


def _run(source: _Source, scenario: Scenario) -> ExampleResult:
    example, rules = source.example, tuple(scenario.rules)
    try:
        expectations = _wanted(example, scenario)
        playback = Playback.of(example, scenario)
    except ImpossibleExample as error:
        return _not_run(source, error, rules)
    comparison = compare(expectations, playback)
    return ExampleResult(
        name=example.name,
        owner=source.owner,
        rules=rules,
        location=source.locate(source.owner, source.index, ()),
        acts=_acts(example),
        start=playback.moment(0),
        timeline=tuple(comparison.timeline),
        instead=tuple(comparison.instead),
    )


def _not_run(source: _Source, error: ImpossibleExample, rules: tuple[str, ...]) -> ExampleResult:
    return ExampleResult(
        name=source.example.name,
        owner=source.owner,
        rules=rules,
        location=source.locate(source.owner, source.index, error.path),
        acts=_acts(source.example),
        start=source.example.start or START,
        problem=error.message,
        hint=error.hint,
    )


def _acts(example: Example) -> bool:
    return any(expected.action is not None for expected in example.expectations())


def _wanted(example: Example, scenario: Scenario) -> list[Expected]:
    """Return the expected decisions, each with its rule.

    Raises:
        ImpossibleExample: if a decision names no rule or an unknown one, or is too late, or a stage is unknown.
    """
    expectations = []
    for index, expected in enumerate(example.expectations()):
        if expected.at > LONGEST:
            message = f"is later than {write_duration(LONGEST)} after the start"
            raise ImpossibleExample(("expect", index, "at"), message)
        if expected.stage is not None:
            _refuse_unknown_stage(expected.stage, scenario, ("expect", index, "stage"))
        if expected.is_stage:
            expectations.append(expected)
            continue
        if not scenario.rules:
            raise ImpossibleExample(("expect", index), "no rule is tested here, so that only stages can be expected")
        first = next(iter(scenario.rules))
        if expected.rule is None and len(scenario.rules) > 1:
            message = "does not say which rule, and this test is about several"
            raise ImpossibleExample(("expect", index), message, f"add 'rule: {first}' or another")
        if expected.rule is not None and expected.rule not in scenario.rules:
            raise _no_rule(expected.rule, scenario.rules, ("expect", index, "rule"))
        expectations.append(expected.model_copy(update={"rule": expected.rule or first}))
    return expectations


def _refuse_unknown_stage(stage: str, scenario: Scenario, path: Path) -> None:
    """Refuse a stage that the ladder of an example does not have.

    Raises:
        ImpossibleExample: if no ladder counts, or it has no such stage.
    """
    ladder = scenario.compiled.ladder
    if ladder is None:
        hint = "make one live, or name a draft with 'ladder:', beside 'expect'"
        raise ImpossibleExample(path, "no ladder counts here, so that no customer stands on a stage", hint)
    if stage not in ladder.stages:
        suggested = did_you_mean(stage, ladder.stages)
        hint = f"did you mean '{suggested}'?" if suggested else f"its stages are {', '.join(ladder.stages)}"
        raise ImpossibleExample(path, f"the ladder has no stage '{stage}'", hint)


# -- problems --------------------------------------------------------------------------------------------------


def problems_of(results: Iterable[ExampleResult]) -> list[Problem]:
    """Return a problem for each example or test that failed or could not be run, at its location."""
    return [_problem(result) for result in results if not result.passed]


def _problem(result: ExampleResult) -> Problem:
    if result.problem is not None:
        message = f"the example '{result.name}' cannot be run: {result.problem}"
        return Problem(*result.location, "impossible-example", message, result.hint)
    message = f"the example '{result.name}' fails: {in_short(result)}"
    return Problem(*result.location, "failing-example", message, "`linger rules test` shows what happens, and when")


def in_short(result: ExampleResult) -> str:
    """Return in a few words why an example failed: its first difference, or why it could not be run."""
    if result.problem is not None:
        return f"cannot be run: {result.problem}"
    for entry in result.timeline:
        if entry.mark in ("missing", "unexpected") and entry.expected is not None:
            what, at = words_of(entry.expected, len(result.rules) > 1), write_offset(entry.expected.at)
            verb = "is expected and does not happen" if entry.mark == "missing" else "happens and is not expected"
            return f"at {at}, {what} {verb}"
    return "passed"


# --- codes ------------------------------------------------------------------------------------------------------

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "failing-example": Explanation(
        "An example of a live rule fails",
        "The rule does not decide what its example expects. `linger rules test` shows what happens, and when. Fix "
        "the rule or the example.",
        "status: live\nwhen: {none: purchase, for: 45 days}\nexamples:\n"
        "  - name: too soon\n    given: [{at: start, event: purchase}]\n"
        "    expect: [{at: 30 days, action: at-risk}]\n",
        "status: live\nwhen: {none: purchase, for: 45 days}\nexamples:\n"
        "  - name: a purchase, and then silence\n    given: [{at: start, event: purchase}]\n"
        "    expect: [{at: 45 days, action: at-risk}]\n"
        "  - name: not watched long enough\n    given: [{at: start, event: purchase}]\n"
        "    watch for: 40 days\n    expect: nothing\n",
    ),
    "impossible-example": Explanation(
        "An example that cannot run",
        "Its `given` is impossible: an event that no source could deliver, or a time after the watched period.",
        "status: live\nexamples:\n  - name: a negative purchase\n"
        "    given: [{at: start, event: purchase, with: {amount: -5}}]\n    expect: nothing\n",
        "status: shadow\n",
    ),
}
