"""Whole rules in plain English: their content, when they are checked, and which customers they leave out.

`workers.core.phrases` words each condition; this module joins the phrases. It needs only the rule files, so it also
explains rules that no worker has loaded, such as drafts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from schemas import conditions as model
from schemas.conditions import expanded
from schemas.durations import write_duration
from schemas.ladders import Ladder
from schemas.outcomes import Success, success_of
from schemas.rules import ForEveryRule, Rule, RuleBook
from schemas.variables import Measurement
from workers.core.phrases import Said, a, filters, listed, measurement_in_words, noun
from workers.core.rules.contact_policy import limit_in_words
from workers.core.rules.kinds import kind_of
from workers.core.rules.wording import negated, phrase, said


@dataclass(frozen=True, slots=True)
class Explained:
    """A rule in words.

    Attributes:
        when: the phrase of every condition, as in the `why` of an action.
        sentence: the rule as one sentence.
        checked_after: the events and times after which the rule is checked.
        excluded: the customers it leaves out, and why; one part of a sentence each.
    """

    when: tuple[str, ...]
    sentence: str
    checked_after: str
    excluded: tuple[str, ...]


def explained(rule: Rule, book: RuleBook) -> Explained:
    """Explain one rule of a rule book that has no problems."""
    return Explained(
        tuple(_phrases(rule, book)), sentence(rule, book), checked_after(rule, book), tuple(exclusions(rule, book))
    )


def _phrases(rule: Rule, book: RuleBook) -> Iterator[str]:
    when = expanded(rule.when, book.define)
    for part in when.all if isinstance(when, model.All) else [when]:
        yield phrase(part)
    if rule.unless is not None:
        yield negated(expanded(rule.unless, book.define))


# -- the sentence ----------------------------------------------------------------------------------------------


def sentence(rule: Rule, book: RuleBook) -> str:
    """Word a rule: when it acts, its action, and its limits."""
    condition = f"When {clause(rule.when, book, named=False)}"
    if rule.unless is not None:
        condition += f", unless {clause(rule.unless, book, named=True)}"
    if rule.for_ is not None:
        condition += f", and this has lasted for {write_duration(rule.for_)}"
    message = f'"{rule.template}" ({rule.action}){_with_it(rule, book)}'
    return f"{condition}, ask for the message {message}. {'; '.join(_afterwards(rule, book))}."


def _with_it(rule: Rule, book: RuleBook) -> str:
    """Word the channel, and the measurements that the message gets."""
    channel = rule.channel or book.for_every_rule.channel
    measured = [
        f"{name} ({measurement_in_words(variable)})"
        for name, variable in rule.variables.items()
        if isinstance(variable, Measurement)
    ]
    by, handed = f" by {channel}" if channel else "", f" with {listed(measured, 'and')}" if measured else ""
    return by + handed


def clause(condition: Any, book: RuleBook, *, named: bool, holds: bool = True, inside: bool = False) -> str:
    """Word a condition as a statement about the customer.

    Args:
        condition: as written.
        book: defines the names that `meets` uses.
        named: whether the customer was mentioned before, and is "they" here.
        holds: false for the opposite.
        inside: whether it is part of an "either … or …", where a list needs brackets.
    """
    if isinstance(condition, model.Not):
        return clause(condition.not_, book, named=named, holds=not holds, inside=inside)
    parts = model.parts_of(condition)
    if not parts:
        return _spoken(condition, book, holds).of(named=named)
    if len(parts) == 1:
        return clause(parts[0], book, named=named, holds=holds, inside=inside)
    if isinstance(condition, model.All) == holds:
        texts = _together(parts, book, named=named, holds=holds)
        return texts[0] if len(texts) == 1 else _in_brackets(f"{', '.join(texts[:-1])}, and {texts[-1]}", inside)
    choices = [
        clause(part, book, named=named or index > 0, holds=holds, inside=True) for index, part in enumerate(parts)
    ]
    return _in_brackets(f"either {listed(choices, 'or')}", inside)


def _in_brackets(text: str, needed: bool) -> str:
    return f"({text})" if needed else text


def _together(parts: Sequence[Any], book: RuleBook, *, named: bool, holds: bool) -> list[str]:
    """Word conditions that are joined by "and"; neighbours with the same verb share it."""
    texts: list[str] = []
    run: list[Said] = []

    def finish() -> None:
        if run:
            whole = replace(run[0], rest=listed([said_part.rest for said_part in run], "and"))
            texts.append(whole.of(named=named or bool(texts)))
            run.clear()

    for part in parts:
        if model.parts_of(part):
            finish()
            texts.append(clause(part, book, named=named or bool(texts), holds=holds))
            continue
        words = _spoken(part, book, holds)
        if run and not (words.verb and words.verb == run[-1].verb):
            finish()
        run.append(words)
    finish()
    return texts


def _spoken(condition: Any, book: RuleBook, holds: bool) -> Said:
    words = said(condition, holds=holds)
    if isinstance(condition, model.Meets) and condition.meets in book.define:
        return replace(words, rest=f"{words.rest} ({phrase(book.define[condition.meets])})")
    return words


def _afterwards(rule: Rule, book: RuleBook) -> Iterator[str]:
    yield "Never again" if rule.again_after is None else f"Not again for {write_duration(rule.again_after)}"
    if rule.again_every is not None:
        most = "" if rule.at_most is None else f", at most {rule.at_most} actions in all"
        yield f"but every {write_duration(rule.again_every)} while it stays true{most}"
    yield f"expires after {write_duration(rule.expires_after)}"
    if rule.take_back == "never":
        yield "stands even when this is no longer true"
    if rule.pace is not None:
        above = "the rest is spread over time" if rule.over_pace == "spread" else "the rest is held for release"
        yield f"{pace_in_words(rule.pace)}, {above}"
    if rule.by_value:
        yield "what is held goes out by the value of the customers, the greatest first"
    yield from _measured(rule, book)
    if rule.priority is not None:
        yield f"not while an action of a rule with a priority above {rule.priority} is active"
    if rule.instead_of:
        yield f"while it is true, {_quoted(rule.instead_of)} {'does' if len(rule.instead_of) == 1 else 'do'} not act"
    if rule.existing == "include":
        yield "also for customers who already match when the rule goes live"


def _measured(rule: Rule, book: RuleBook) -> Iterator[str]:
    """Say how it is measured whether a rule helps."""
    if rule.hold_out is None:
        return
    named = "" if rule.experiment is None else f' (experiment "{rule.experiment}")'
    success = success_of(rule.action, rule.success or book.for_every_rule.success)
    yield f"{rule.hold_out:f}% of customers get nothing, so that the effect can be measured{named}"
    if success is not None:
        yield f"a success is {_success(success)}"
    if rule.as_before is not None:
        yield f"{rule.as_before:f}% get what an older campaign sends them"
    if rule.variants:
        shares = listed([f'{share:f}% "{name}"' for name, share in rule.variants.items()], "and")
        yield f"of those who get something, {shares}"
    if rule.smallest_difference is not None:
        yield f"a difference matters from {rule.smallest_difference:f} points of a hundred on"
    if rule.count_at_most is not None:
        yield f"of what one customer spends, at most {rule.count_at_most.words()} count"


def _success(success: Success) -> str:
    return f"{a(noun(success.event))}{filters(success.where)} within {write_duration(success.within)}"


def pace_in_words(pace: tuple[int, str]) -> str:
    """Word a pace: `at most 500 per hour`."""
    return f"at most {pace[0]} per {pace[1]}"


def _quoted(names: Sequence[str]) -> str:
    return listed([f'"{name}"' for name in names], "and")


# -- when it is checked ----------------------------------------------------------------------------------------


def checked_after(rule: Rule, book: RuleBook) -> str:
    """List the events and the times after which a rule is checked."""
    leaves = [leaf for leaf, _ in _leaves(rule, book)]
    climbed = leaves_of_ladder(book.ladder, book) if book.ladder is not None and reads_ladder(rule, book) else []
    types, times = types_of([*leaves, *climbed]), _times_of(leaves)
    if climbed:
        times.append("when time alone changes the customer's stage")
    if rule.for_ is not None:
        times.append(f"when it has been true for {write_duration(rule.for_)}")
    if rule.again_every is not None:
        times.append(f"every {write_duration(rule.again_every)} while it stays true")
    return _checked(types, times)


def ladder_checked_after(ladder: Ladder, book: RuleBook) -> str:
    """List the events and the times after which it is checked on which stage of a ladder a customer stands."""
    leaves = leaves_of_ladder(ladder, book)
    return _checked(types_of(leaves), _times_of(leaves))


def _checked(types: list[str], times: list[str]) -> str:
    if not types:
        events = "After the customer's first event"
    else:
        events = f"After every {listed([noun(name) for name in types], 'or')}"
    if not times:
        return f"{events}. Time alone changes nothing."
    return f"{events}. Also {', or '.join(times)}."


def _leaves(rule: Rule, book: RuleBook) -> Iterator[tuple[Any, bool]]:
    """Yield every elementary condition, and whether the rule needs it to hold."""
    yield from _leaves_of(expanded(rule.when, book.define), True)
    if rule.unless is not None:
        yield from _leaves_of(expanded(rule.unless, book.define), False)


def _leaves_of(condition: Any, holds: bool) -> Iterator[tuple[Any, bool]]:
    parts = model.parts_of(condition)
    if not parts:
        yield condition, holds
    for part in parts:
        yield from _leaves_of(part, holds != isinstance(condition, model.Not))


def leaves_of_ladder(ladder: Ladder, book: RuleBook) -> list[Any]:
    """Return every elementary condition of the steps of a ladder that are no drafts."""
    steps = ladder.counting().steps
    return [leaf for step in steps for leaf, _ in _leaves_of(expanded(step.when, book.define), True)]


def reads_ladder(rule: Rule, book: RuleBook) -> bool:
    """Return whether a rule asks on which stage the customer stands."""
    return any(kind_of(leaf).reads_ladder for leaf, _ in _leaves(rule, book))


def types_of(leaves: Sequence[Any]) -> list[str]:
    """Return the event types that elementary conditions read, each once."""
    return _distinct(name for leaf in leaves for name in _types_of(leaf))


def _times_of(leaves: Sequence[Any]) -> list[str]:
    return _distinct(time for leaf in leaves for time in kind_of(leaf).times(leaf))


def _distinct(texts: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _types_of(condition: Any) -> list[str]:
    """Return the event types that a condition reads, in the order in which they are written."""
    types = kind_of(condition).types(condition)
    written = [name for name, _ in condition.events()]
    return written + sorted(types.difference(written))


# -- customers it leaves out -----------------------------------------------------------------------------------


def excluded(rule: Rule, book: RuleBook) -> str:
    """List in one line which customers a rule leaves out."""
    return "; ".join(exclusions(rule, book))


def exclusions(rule: Rule, book: RuleBook) -> list[str]:
    """List which customers a rule leaves out: one entry for each reason, the rule's own reasons first."""
    return [*_by_the_rule(rule, book), *_unknown(rule, book), *_by_others(rule, book), *_by_all(book.for_every_rule)]


def _by_the_rule(rule: Rule, book: RuleBook) -> Iterator[str]:
    if rule.unless is not None:
        yield f"customers who match the exception: {phrase(expanded(rule.unless, book.define))}"
    if rule.again_after is None:
        yield "customers this rule has ever acted for"
    else:
        yield f"customers this rule acted for less than {write_duration(rule.again_after)} ago"
    if rule.hold_out is not None:
        yield f'{rule.hold_out:f}% of customers, always the same ones for "{rule.experiment or rule.id}"'
    if rule.as_before is not None:
        yield f"{rule.as_before:f}% of customers, for whom an older campaign goes on"
    if rule.existing == "leave alone":
        yield "customers who already match when the rule goes live"


def _unknown(rule: Rule, book: RuleBook) -> Iterator[str]:
    """List the customers for which Linger cannot know the answer."""
    needed = [
        need
        for condition, holds in ((rule.when, True), (rule.unless, False))
        if condition is not None
        for need in _needs(expanded(condition, book.define), holds)
    ]
    spans = [need for need in needed if isinstance(need, timedelta)]
    if spans:
        yield f"customers Linger has known for less than {write_duration(max(spans))}"
    yield from _distinct(need for need in needed if isinstance(need, str))


def _needs(condition: Any, holds: bool) -> Iterator[timedelta | str]:
    """Yield what Linger must know for a condition to hold: how long the customer must be known, or a phrase."""
    parts = model.parts_of(condition)
    if isinstance(condition, model.Not):
        yield from _needs(parts[0], not holds)
    elif parts:
        # Alternatives need nothing: another one may hold without this one.
        if len(parts) == 1 or isinstance(condition, model.All) == holds:
            for part in parts:
                yield from _needs(part, holds)
    else:
        yield from kind_of(condition).needs(condition, holds)


def _by_others(rule: Rule, book: RuleBook) -> Iterator[str]:
    instead = [other.id for other in book.rules if other.status == "live" and rule.id in (other.instead_of or ())]
    if instead:
        yield f"customers who match {_quoted(instead)}, which {'acts' if len(instead) == 1 else 'act'} instead"
    if rule.priority is not None:
        higher = [
            other.id for other in book.rules if other.status == "live" and (other.priority or 0) > rule.priority
        ]
        if higher:
            comes = "comes" if len(higher) == 1 else "come"
            yield f"customers with an active action of {_quoted(higher)}, which {comes} first"


def _by_all(every: ForEveryRule) -> Iterator[str]:
    if every.consent is not None:
        no = model.Latest.model_validate({"latest": every.consent.from_, "is": "no"})
        also = ", or is not known" if every.consent.unknown == "opted out" else ""
        yield f"customers who opted out: {phrase(no)}, or is neither yes nor no{also}"
    for limit in every.limits:
        yield f"customers who got {limit_in_words(limit)}, across all rules"
    if every.hold_out is not None:
        yield f"{every.hold_out:f}% of all customers, always the same ones, who get nothing from any rule"
    if every.quiet_hours is not None:
        hours = f"between {every.quiet_hours.from_} and {every.quiet_hours.until} in the customer's time zone"
        yield f"no one because of quiet hours; {hours}, the action says when it may be sent"
