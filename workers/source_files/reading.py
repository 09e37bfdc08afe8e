"""`sources.yaml`: read and checked, with the position of every problem.

This module must never know how a record is mapped.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from schemas.events import BUILT_IN
from schemas.sources import SourcesFile
from workers.rule_files.files import read_text
from workers.rule_files.hints.likeness import did_you_mean
from workers.rule_files.positions import Position
from workers.rule_files.problems import Explanation, Problem, add_elsewhere, in_order
from workers.rule_files.yaml_nodes import Document, MapNode, ScalarNode, items_of, parse_yaml, value_of
from workers.rule_files.yaml_validation import validate
from workers.source_files.packs import with_packs

__all__ = ["load_sources", "read_sources"]


def load_sources(path: Path) -> tuple[SourcesFile | None, list[Problem]]:
    """Read `sources.yaml`; return None if there is any problem, and all problems by line."""
    text, problems = read_text(path)
    return (None, problems) if text is None else read_sources(str(path), text)


def read_sources(file: str, text: str) -> tuple[SourcesFile | None, list[Problem]]:
    """Check the text of `sources.yaml`, with the packs that it names under what it says.

    Returns:
        The sources, None if there is any problem; and all problems by line. A problem that is not in what the
        operator wrote stands at the `pack:` of its source, and says so.
    """
    # A table of `words` has the numbers of a system as keys.
    merged = with_packs(parse_yaml(file, text, any_scalar_as_key=True))
    document = merged.document
    value, problems = validate(document, SourcesFile)
    precise = [
        *merged.problems,
        *_repeated_topics(document),
        *_redefined_types(document),
        *_undeclared_types(document),
    ]
    if precise and document.root is not None:
        # The model reports the same, but for the file as a whole.
        of_the_file = (*document.root.at, "wrong-value")
        problems = [problem for problem in problems if (problem.line, problem.column, problem.code) != of_the_file]
    problems = [_of_pack(problem, merged.packs) for problem in in_order(add_elsewhere(problems, precise))]
    return (None if problems else value), problems


def _of_pack(problem: Problem, packs: Mapping[Position, str]) -> Problem:
    """Return a problem at the position of a pack's name as one that says where it comes from."""
    pack = packs.get(Position(problem.line, problem.column))
    if pack is None:
        return problem
    return replace(problem, message=f"the pack '{pack}' with what is written here: {problem.message}")


def _repeated_topics(document: Document) -> Iterator[Problem]:
    first: dict[str, ScalarNode] = {}
    for source in _sources_in(document):
        topic = value_of(source, "topic")
        if not isinstance(topic, ScalarNode):
            continue
        if (other := first.setdefault(topic.text, topic)) is not topic:
            message = f"the topic '{topic.text}' is a source already, in line {other.at.line}"
            yield Problem(document.file, *topic.at, "repeated-topic", message, "one topic is one source")


def _redefined_types(document: Document) -> Iterator[Problem]:
    declared = value_of(document.root, "event_types")
    for event_type, (key, _) in declared.entries.items() if isinstance(declared, MapNode) else ():
        if event_type in BUILT_IN:
            message = f"the event type '{event_type}' is built in and cannot be declared again"
            yield Problem(document.file, *key.at, "built-in-type", message, "delete it, or give yours another name")


def _undeclared_types(document: Document) -> Iterator[Problem]:
    declared = value_of(document.root, "event_types")
    declared_types = {*BUILT_IN, *(declared.entries if isinstance(declared, MapNode) else ())}
    for source in _sources_in(document):
        for node in _types_in(source):
            if node.text not in declared_types:
                suggested = did_you_mean(node.text, sorted(declared_types))
                hint = f"did you mean '{suggested}'?" if suggested else "declare it under 'event_types'"
                yield Problem(document.file, *node.at, "unknown-type", f"there is no event type '{node.text}'", hint)


def _sources_in(document: Document) -> Iterator[MapNode]:
    for source in items_of(value_of(document.root, "sources")):
        if isinstance(source, MapNode):
            yield source


def _types_in(source: MapNode) -> Iterator[ScalarNode]:
    of_cases = [value_of(case, "event") for case in items_of(value_of(source, "one_of"))]
    for node in (value_of(source, "event"), *items_of(value_of(source, "events")), *of_cases):
        if isinstance(node, ScalarNode):
            yield node


# --- codes ------------------------------------------------------------------------------------------------------

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "repeated-topic": Explanation(
        "Two sources read the same topic",
        "In sources.yaml, each topic can be one source only. Otherwise every record would be read twice.",
    ),
    "built-in-type": Explanation(
        "A built-in event type is declared again",
        "Linger already has `purchase`, `login` and `cancellation`. Remove them from `event_types`.",
    ),
}
