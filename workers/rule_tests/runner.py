"""Rule tests: examples of rules, and tests over several of them, run on the production core in virtual time.

An example says what one made-up customer does and everything that is then expected to be decided. It runs on
`compile_rules` and `decide` and nothing else (`workers.rule_tests.playback`).

What is here must know no files and no terminal: `rule_test_files` reads, `rule_timelines` shows.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from schemas.durations import write_duration
from schemas.rules import Example, Expected, RuleBook, RuleTest, write_offset
from workers.rule_files.problems import Explanation, Problem, did_you_mean
from workers.rule_tests.differences import TimelineEntry, compare, words_of
from workers.rule_tests.playback import LONGEST, START, ImpossibleExample, Path, Playback, Scenario, scenario_of


class SourceLocation(NamedTuple):
    """Where something stands in a file, counted from 1."""

    file: str = ""
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


Locate = Callable[[str, int, Path], SourceLocation]
"""`locate(owner, number, path)` -> where a part of an example stands; `owner` is a rule's id, or a test file."""


def nowhere(owner: str, number: int, path: Path) -> SourceLocation:
    """Locate nothing: for rules that do not come from files."""
    return SourceLocation()


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """What became of one example or test.

    Attributes:
        name: as written.
        owner: the id of the rule whose example it is, or the file of the test.
        rules: the ids of the rules it ran on.
        place: where it stands or, if it could not be run, where the reason stands.
        acts: at least one action is expected.
        start: the moment from which times are counted.
        problem: why it could not be run.
        hint: what was probably meant.
        timeline: everything given, decided and expected, in the order of time.
        instead: everything that was decided, as it would have to be expected.
    """

    name: str
    owner: str
    rules: tuple[str, ...]
    place: SourceLocation
    acts: bool
    start: datetime
    problem: str | None = None
    hint: str | None = None
    timeline: tuple[TimelineEntry, ...] = ()
    instead: tuple[Expected, ...] = ()

    @property
    def passed(self) -> bool:
        """Tell whether it ran, and everything that was decided was expected and the reverse."""
        return self.problem is None and not any(entry.mark in ("missing", "unexpected") for entry in self.timeline)


# -- running ---------------------------------------------------------------------------------------------------


def run_examples(book: RuleBook, types: Iterable[str], locate: Locate = nowhere) -> list[ExampleResult]:
    """Run every rule's own examples, whatever its status, each rule alone and as if it were live.

    Other rules do not exist for them, so `priority` and `instead of` do not matter; what holds for every rule does.
    Nobody in an example is held out.

    Args:
        book: without problems.
        types: every event type there is.
        locate: where examples stand; asked for `(rule id, number of the example, path)`.

    Returns:
        One result per example, in the order of the book.
    """
    known = tuple(types)
    results: list[ExampleResult] = []
    for rule in book.rules:
        if not rule.examples:
            continue
        scenario = scenario_of(book, (rule,), known)
        for number, example in enumerate(rule.examples):
            results.append(_run(example, scenario, rule.id, number, locate))
    return results


def run_tests(
    book: RuleBook, tests: Sequence[RuleTest], types: Iterable[str], file: str = "", locate: Locate = nowhere
) -> list[ExampleResult]:
    """Run tests over several rules at once, with `priority` and `instead of`.

    A test runs on the rules that it names, whatever their status, or on all live and shadow rules; all of them
    count as live.

    Args:
        book: without problems.
        tests: of one file, in its order.
        types: every event type there is.
        file: the name of that file.
        locate: where tests stand; asked for `(file, number of the test, path)`.
    """
    known, by_id = tuple(types), {rule.id: rule for rule in book.rules}
    usual = tuple(rule.id for rule in book.rules if rule.status in ("live", "shadow"))
    scenarios: dict[tuple[str, ...], Scenario] = {}
    results: list[ExampleResult] = []
    for number, test in enumerate(tests):
        ids = usual if test.rules is None else tuple(dict.fromkeys(test.rules))
        unknown = next((index for index, rule_id in enumerate(test.rules or ()) if rule_id not in by_id), None)
        if unknown is not None:
            assert test.rules is not None
            problem = _no_rule(test.rules[unknown], by_id, ("rules", unknown))
            results.append(_not_run(test, problem, ids, file, number, locate))
            continue
        if not ids:
            problem = ImpossibleExample((), "there is no live or shadow rule here", "name some, under 'rules'")
            results.append(_not_run(test, problem, ids, file, number, locate))
            continue
        if ids not in scenarios:
            scenarios[ids] = scenario_of(book, tuple(by_id[rule_id] for rule_id in ids), known)
        results.append(_run(test, scenarios[ids], file, number, locate))
    return results


def _no_rule(rule_id: str, known: Collection[str], path: Path) -> ImpossibleExample:
    suggested = did_you_mean(rule_id, known)
    hint = f"did you mean '{suggested}'?" if suggested else None
    return ImpossibleExample(path, f"there is no rule '{rule_id}' here", hint)


def _not_run(
    example: Example, error: ImpossibleExample, rules: tuple[str, ...], owner: str, number: int, locate: Locate
) -> ExampleResult:
    return ExampleResult(
        name=example.name,
        owner=owner,
        rules=rules,
        place=locate(owner, number, error.path),
        acts=_acts(example),
        start=example.start or START,
        problem=error.message,
        hint=error.hint,
    )


def _acts(example: Example) -> bool:
    return any(expected.action is not None for expected in _expectations(example))


def _expectations(example: Example) -> list[Expected]:
    return [] if example.expect == "nothing" else list(example.expect)


def _run(example: Example, scenario: Scenario, owner: str, number: int, locate: Locate) -> ExampleResult:
    try:
        wanted = _wanted(example, scenario)
        playback = Playback.of(example, scenario)
    except ImpossibleExample as error:
        return _not_run(example, error, tuple(scenario.rules), owner, number, locate)
    timeline, instead = compare(wanted, playback)
    return ExampleResult(
        name=example.name,
        owner=owner,
        rules=tuple(scenario.rules),
        place=locate(owner, number, ()),
        acts=_acts(example),
        start=playback.moment(0),
        timeline=tuple(timeline),
        instead=tuple(instead),
    )


def _wanted(example: Example, scenario: Scenario) -> list[Expected]:
    """Return what is expected, each with its rule."""
    wanted = []
    for number, expected in enumerate(_expectations(example)):
        if expected.rule is None and len(scenario.rules) > 1:
            message = "says not which rule, and this test is about several"
            raise ImpossibleExample(
                ("expect", number), message, f"add 'rule: {next(iter(scenario.rules))}' or another"
            )
        if expected.rule is not None and expected.rule not in scenario.rules:
            raise _no_rule(expected.rule, scenario.rules, ("expect", number, "rule"))
        if expected.at > LONGEST:
            raise ImpossibleExample(
                ("expect", number, "at"), f"is later than {write_duration(LONGEST)} after the start"
            )
        rule_id = expected.rule or next(iter(scenario.rules))
        wanted.append(expected.model_copy(update={"rule": rule_id}))
    return wanted


# -- what follows ----------------------------------------------------------------------------------------------


def problems_of(results: Iterable[ExampleResult]) -> list[Problem]:
    """Return a problem for each example or test that failed, or could not be run, at its place."""
    return [_problem(result) for result in results if not result.passed]


def _problem(result: ExampleResult) -> Problem:
    if result.problem is not None:
        message = f"the example '{result.name}' cannot be run: {result.problem}"
        return Problem(*result.place, "impossible-example", message, result.hint)
    message = f"the example '{result.name}' fails: {in_short(result)}"
    return Problem(*result.place, "failing-example", message, "`linger rules test` shows what happens when")


def in_short(result: ExampleResult) -> str:
    """Return in a few words why a result failed: the first difference, or why it could not be run."""
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
