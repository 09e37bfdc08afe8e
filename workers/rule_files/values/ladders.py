"""Ladders of rule files: one is live, they read no stages, and rules name only their stages.

A model sees one file at a time; this module sees all of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from schemas.ladders import Ladder
from schemas.rules import RuleBook
from workers.errors import StartupError
from workers.rule_files.hints.likeness import did_you_mean
from workers.rule_files.problems import Explanation, Problem, Replacement
from workers.rule_files.references import (
    READERS_OF_STAGES,
    Definition,
    conditions_in,
    conditions_of,
    definitions_in,
    elementary_in,
    entries_of,
    meets_in,
    rules_in,
    steps_in,
    text_of,
)
from workers.rule_files.yaml_nodes import Document, MapNode, Node, ScalarNode, items_of, value_of

_MOST_REPORTED: Final = 200


def chosen_ladder(book: RuleBook, name: str | None) -> Ladder:
    """Return the ladder of a name; without a name the live one, or the only one.

    Raises:
        StartupError: if there is none, or it is not clear which one is meant.
    """
    known = {ladder.name: ladder.counting() for ladder in book.ladders}
    if name is not None and name in known:
        return known[name]
    if not known:
        raise StartupError(["no rule file has a ladder: write 'stages:' at the top of one"])
    listed = ", ".join(sorted(known))
    if name is not None:
        raise StartupError([f"there is no ladder '{name}'; there are {listed}"])
    only = book.ladder or (next(iter(known.values())) if len(known) == 1 else None)
    if only is None:
        raise StartupError([f"no ladder is live; name one: {listed}"])
    return only


def ladder_problems(documents: Sequence[Document]) -> Iterator[Problem]:
    """Yield a problem for every ladder too many, for circles, and for stages that no ladder has; pure.

    Args:
        documents: all rule files.
    """
    yield from islice(_repeated(documents), _MOST_REPORTED)
    defined = {one.name: one for document in documents for one in definitions_in(document)}
    yield from islice(_circles(documents, defined), _MOST_REPORTED)
    yield from islice(_unknown_stages(documents), _MOST_REPORTED)
    yield from islice(_without_live_ladder(documents, defined), _MOST_REPORTED)


def _ladder_of(document: Document) -> Node | None:
    return value_of(document.root, "stages")


def _repeated(documents: Sequence[Document]) -> Iterator[Problem]:
    live: str | None = None
    names: dict[str, str] = {}
    for document in documents:
        ladder = _ladder_of(document)
        name, status = text_of(ladder, "name"), text_of(ladder, "status")
        if name is not None:
            place = f"{document.file}:{name.at.line}"
            if (other := names.setdefault(name.text, place)) != place:
                message = f"a ladder is called '{name.text}' already, at {other}"
                yield Problem(document.file, *name.at, "repeated-ladder", message, "choose another name")
        if status is None or status.text != "live":
            continue
        if live is not None:
            message = f"the ladder at {live} is live already"
            hint = "a customer stands on one ladder: make one of them a draft"
            yield Problem(document.file, *status.at, "repeated-ladder", message, hint)
        live = live or f"{document.file}:{status.at.line}"


def _circles(documents: Sequence[Document], defined: Mapping[str, Definition]) -> Iterator[Problem]:
    for document in documents:
        for step in steps_in(document):
            for word, node in _read_by(step, defined, frozenset()):
                message = f"a step of a ladder cannot use '{word}': that would be a circle"
                hint = "say what the customer does, such as 'count: purchase'"
                yield Problem(document.file, *node.at, "stage-circle", message, hint)


def _read_by(condition: Node, defined: Mapping[str, Definition], seen: frozenset[str]) -> Iterator[tuple[str, Node]]:
    """Yield what in a condition reads a ladder; what a named condition reads, at its name."""
    for part in elementary_in(condition):
        for word in READERS_OF_STAGES:
            if word in entries_of(part):
                yield word, part
        for name in meets_in(part):
            if name.text in defined and name.text not in seen:
                for word, _ in islice(_read_by(defined[name.text].condition, defined, seen | {name.text}), 1):
                    yield word, name


def _unknown_stages(documents: Sequence[Document]) -> Iterator[Problem]:
    ladders = [ladder for document in documents if (ladder := _ladder_of(document)) is not None]
    live = [ladder for ladder in ladders if (status := text_of(ladder, "status")) and status.text == "live"]
    stages = {stage for ladder in live or ladders for stage in _stages_of(ladder)}
    for document in documents:
        definitions = [one.condition for one in definitions_in(document)]
        steps = {id(step) for step in steps_in(document)}
        for condition in (*definitions, *conditions_in(document)):
            if id(condition) in steps:
                continue
            for part in elementary_in(condition):
                yield from _in_condition(document, part, stages, has_ladder=bool(ladders))


def _without_live_ladder(documents: Sequence[Document], defined: Mapping[str, Definition]) -> Iterator[Problem]:
    """Yield a problem for each rule that decides and reads a ladder, while all ladders are drafts."""
    ladders = [ladder for document in documents if (ladder := _ladder_of(document)) is not None]
    states = [text_of(ladder, "status") for ladder in ladders]
    if not ladders or any(status is not None and status.text == "live" for status in states):
        return
    for document in documents:
        for rule in rules_in(document):
            status = text_of(rule, "status")
            if status is None or status.text == "draft":
                continue
            if any(True for part in conditions_of(rule) for _ in _read_by(part, defined, frozenset())):
                message = f"the rule is {status.text}, and reads a stage, but no ladder is live"
                hint = "write 'status: live' in the ladder, or make the rule a draft, too"
                yield Problem(document.file, *status.at, "no-ladder", message, hint)


def _in_condition(document: Document, part: Node, stages: set[str], *, has_ladder: bool) -> Iterator[Problem]:
    if not isinstance(part, MapNode) or not any(word in part.entries for word in READERS_OF_STAGES):
        return
    if not has_ladder:
        message = "there is no ladder, so no customer stands on a stage"
        hint = "write one under 'stages', in one of the files"
        yield Problem(document.file, *part.at, "no-ladder", message, hint)
        return
    named = [value_of(part, "stage")] if "stage" in part.entries else []
    if "moved" in part.entries:
        named.append(value_of(part, "from"))
    for node in named:
        for one in [node] if isinstance(node, ScalarNode) else items_of(node):
            if not isinstance(one, ScalarNode) or not isinstance(one.value, str) or one.text in stages:
                continue
            message = f"no ladder has the stage '{one.text}'"
            otherwise = f"it has {', '.join(sorted(stages)) or 'none'}"
            meant = did_you_mean(one.text, stages)
            if meant is None:
                yield Problem(document.file, *one.at, "unknown-stage", message, otherwise)
                continue
            replacement = Replacement(*one.at, one.text, meant)
            hint = f"did you mean '{meant}'?"
            yield Problem(
                document.file, *one.at, "unknown-stage", message, hint, replacement=replacement, otherwise=otherwise
            )


def _stages_of(ladder: Node) -> Iterator[str]:
    for step in items_of(value_of(ladder, "steps")):
        status = text_of(step, "status")
        if (stage := text_of(step, "stage")) is not None and (status is None or status.text != "draft"):
            yield stage.text
    bottom = value_of(ladder, "otherwise")
    if (stage := text_of(bottom, "stage") or text_of(ladder, "otherwise")) is not None:
        yield stage.text


_RULE: Final = (
    "rules:\n  - {id: fell, title: Fell, when: {stage: %s}, action: at-risk, template: a, expires after: 1 day}\n"
)
_LADDER: Final = (
    "stages:\n  name: simple\n  status: live\n  steps:\n    - {stage: quiet, when: %s}\n  otherwise: newcomer\n"
)
_QUIET: Final = "{none: purchase, for: 45 days}"

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "repeated-ladder": Explanation(
        "Two ladders are live, or have one name",
        "A customer stands on one ladder, so at most one of all files is live. Make the others drafts, and give each "
        "a name of its own.",
    ),
    "stage-circle": Explanation(
        "A ladder reads a stage",
        "A ladder says on which stage a customer stands, so its steps cannot ask for that, not even through `meets`. "
        "Say in the step what the customer does.",
        _LADDER % "{in stage for: 30 days}",
        _LADDER % _QUIET,
    ),
    "unknown-stage": Explanation(
        "No ladder has this stage",
        "`stage` and `moved … from` name stages of the live ladder; while none is live, those of the drafts. Correct "
        "the spelling, or add the stage to the ladder.",
        _LADDER % _QUIET + _RULE % "quite",
        _LADDER % _QUIET + _RULE % "quiet",
    ),
    "no-ladder": Explanation(
        "There is no ladder",
        "`stage`, `in stage for` and `moved` ask on which stage a customer stands. No file has a ladder under "
        "`stages`, so no customer stands on one; or all ladders are drafts, and a rule that is none reads a stage.",
        _RULE % "quiet",
        _LADDER % _QUIET + _RULE % "quiet",
    ),
}
