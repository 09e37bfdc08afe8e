"""A guessed source as the text of `sources.yaml`: each line with what was seen, and what has to be looked at."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from workers.source_trial.guessing.cases import CaseGuess, SourceGuess
from workers.source_trial.guessing.conditions import Condition
from workers.source_trial.guessing.guess import CHECK, Guess, yaml_text

__all__ = ["written_pack", "written_skeleton", "written_source"]

_FIELD_ORDER: Final = (
    *("event_id", "customer_id", "occurred_at", "amount", "currency", "order_id", "what", "reason", "effective_at"),
)
_SHARED: Final = ("event_id", "customer_id", "occurred_at")
_WIDEST: Final = 112
_MOST_LISTED: Final = 12
_MAX_SILENCE: Final = "max_silence: 3 days"
_SILENCE_SAYS: Final = "choose a time well above the longest quiet time, at night and on holidays"
_MODELINE: Final = "# yaml-language-server: $schema=schemas/json/sources.schema.json"
_DESCRIPTIONS: Final = {"activity": "what these records say of a customer: give it a better name"}


def written_source(source: SourceGuess, topic: str, origin: str) -> str:
    """Return `sources.yaml` for one guessed source.

    Args:
        source: what was guessed.
        topic: the name of the topic.
        origin: from what it was guessed, such as `20 records of shop.events`.
    """
    lines = [*_head(topic, origin)]
    declared = sorted({case.event for case in source.cases} - {"purchase", "login", "cancellation"})
    if declared:
        lines.append("event_types:")
        lines += [
            f"  {name}: {{description: {yaml_text(_DESCRIPTIONS.get(name, name), in_flow=True)}}}"
            for name in declared
        ]
        lines.append("")
    lines += ["sources:", *_indented([f"- topic: {yaml_text(topic)}"], 2)]
    body = [*_around(source), *_notes(source)]
    body += _only_case(source) if len(source.cases) == 1 and not source.off else _cases(source)
    lines += _indented(body, 4)
    return "\n".join(lines) + "\n"


def written_pack(pack: str, topic: str, origin: str) -> str:
    """Return `sources.yaml` for a topic whose records a pack reads."""
    lines = [
        *_head(topic, origin),
        "sources:",
        f"  - topic: {yaml_text(topic)}",
        *_indented(_commented(f"the records have the structure of {pack}, whose pack says where everything is"), 4),
        f"    pack: {pack}",
    ]
    return "\n".join(lines) + "\n"


def written_skeleton(topic: str, origin: str, format_: str, why: Sequence[str]) -> str:
    """Return `sources.yaml` for records that cannot be looked into here: what is known, and places to be named."""
    lines = [
        *_head(topic, origin),
        "event_types:",
        f"  activity: {{description: {yaml_text(_DESCRIPTIONS['activity'], in_flow=True)}}}",
        "",
        "sources:",
        f"  - topic: {yaml_text(topic)}",
    ]
    for sentence in why:
        lines += _indented(_commented(sentence), 4)
    body = [
        f"format: {format_}",
        *_commented(f"{CHECK}: the records could not be looked into here: name the type and the places"),
        "event: activity",
        "fields:",
        "  event_id: {position: true}",
        "  customer_id: {key: true}",
        "  occurred_at: {timestamp: true}",
        f"{_MAX_SILENCE}  # {_SILENCE_SAYS}",
    ]
    return "\n".join([*lines, *_indented(body, 4)]) + "\n"


def _head(topic: str, origin: str) -> list[str]:
    return [
        _MODELINE,
        "#",
        *_commented(
            f"Guessed by `linger sources guess` from {origin}. Look at every line, first at those with {CHECK}. "
            f"What the mapping makes of records: linger sources try {topic} --last 20 --sources FILE; or name files "
            "of records instead of --last."
        ),
        "",
    ]


def _around(source: SourceGuess) -> Iterator[str]:
    around = source.around
    for why in around.why:
        yield from _commented(why)
    if around.format != "json":
        yield f"format: {around.format}"
    if words := around.unwrap():
        yield f"unwrap: {words[0] if len(words) == 1 else '[' + ', '.join(words) + ']'}"


def _notes(source: SourceGuess) -> Iterator[str]:
    for note in source.notes:
        yield from _commented(f"{CHECK}: {note}")


def _only_case(source: SourceGuess) -> Iterator[str]:
    case = source.cases[0]
    yield from _others(source)
    if case.why:
        yield from _commented(case.why if case.is_sure else f"{CHECK}: {case.why}")
    yield f"event: {case.event}"
    yield from _conditions([*source.shared, *case.only_when])
    yield from _fields(case.fields)
    yield from _attributes(case)
    yield f"{_MAX_SILENCE}  # {_SILENCE_SAYS}"


def _cases(source: SourceGuess) -> Iterator[str]:
    yield from _conditions(source.shared)
    shared = _common_fields(source.cases)
    yield from _fields(shared)
    discriminator = source.discriminator
    if discriminator is not None:
        yield from _commented(
            f"'{discriminator.words}' distinguishes kinds of records; seen: {_counted(discriminator.counts())}"
        )
    yield "one_of:"
    for case in source.cases:
        if case.why:
            yield from _indented(_commented(case.why if case.is_sure else f"{CHECK}: {case.why}"), 2)
        yield f"  - event: {case.event}"
        own = {name: guess for name, guess in case.fields.items() if name not in shared}
        body = [*_conditions(case.only_when), *(_fields(own) if own else ()), *_attributes(case), _MAX_SILENCE]
        yield from _indented(body, 4)
    for kind, condition in source.off:
        yield from _indented(_commented(f"{condition.why}; to count it, declare the type under event_types:"), 2)
        written = f"only_when: {{{condition.key}: {condition.value}}}"
        yield f"  # - event: {kind}"
        yield f"  #   {written}"
        yield "  #   fields: {}"
        yield f"  #   {_MAX_SILENCE}"
    yield from _others(source)


def _others(source: SourceGuess) -> Iterator[str]:
    if source.others:
        yield from _commented(f"not read: {_counted(dict(source.others))}")


def _counted(counts: Mapping[Any, int]) -> str:
    """Return values with how often each was seen, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    listed = ", ".join(f"{value} {count}" for value, count in ordered[:_MOST_LISTED])
    return listed + (f" and {len(ordered) - _MOST_LISTED} more" if len(ordered) > _MOST_LISTED else "")


def _common_fields(cases: Sequence[CaseGuess]) -> dict[str, Guess]:
    """Return the fields that all cases find in the same place, which is written once."""
    shared = {}
    for name in _SHARED:
        guesses = [case.fields[name] for case in cases]
        if len({guess.place for guess in guesses}) == 1:
            shared[name] = max(guesses, key=lambda guess: (not guess.is_sure, len(guess.why)))
    return shared if len(cases) > 1 else {}


def _conditions(conditions: Sequence[Condition]) -> Iterator[str]:
    if not conditions:
        return
    yield "# only_when:" if all(condition.is_off for condition in conditions) else "only_when:"
    for condition in conditions:
        comment = condition.why if condition.is_sure else f"{CHECK}: {condition.why}"
        line = f"{condition.key}: {condition.value}"
        yield from _indented(_beside(f"# {line}" if condition.is_off else line, comment), 2)


def _fields(fields: dict[str, Guess]) -> Iterator[str]:
    if not fields:
        return
    yield "fields:"
    for name in _FIELD_ORDER:
        if (guess := fields.get(name)) is not None:
            yield from _indented(_beside(f"{name}: {guess.place}", guess.comment), 2)


def _attributes(case: CaseGuess) -> Iterator[str]:
    if case.attributes:
        yield "attributes:"
        for name, (place, why) in case.attributes.items():
            yield from _indented(_beside(f"{yaml_text(name)}: {place}", why), 2)


def _beside(line: str, comment: str) -> list[str]:
    """Return a line with its comment beside it, or above it where there is no room."""
    comment = _one_line(comment)
    whole = f"{line}  # {comment}"
    return [whole] if len(whole) <= _WIDEST - 10 else [*_commented(comment), line]


def _commented(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(_one_line(text), _WIDEST - 10, break_long_words=False)]


def _one_line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _indented(lines: Sequence[str], by: int) -> list[str]:
    return [f"{' ' * by}{line}" for line in lines]
