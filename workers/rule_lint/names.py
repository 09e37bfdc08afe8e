"""Lints about names and values: definitions that no rule uses, types and attributes that no source gives.

This module must never know files: the sources are an argument.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Final

from schemas.rules import Rule
from workers.rule_files.hints.likeness import did_you_mean
from workers.rule_files.known_names import built_in_attributes
from workers.rule_files.model_errors import as_yaml
from workers.rule_files.problems import Problem, Replacement, shortened
from workers.rule_files.references import (
    Named,
    conditions_of,
    meets_in,
    names_in_condition,
    steps_in,
    variables_in,
)
from workers.rule_files.yaml_nodes import MapNode, Node, ScalarNode, items_of, value_of
from workers.rule_lint.definition import Lint, warning
from workers.rule_lint.located_rules import LocatedRules


def unused_definitions(book: LocatedRules) -> Iterator[Problem]:
    """Yield named conditions that no rule uses, directly or through other ones."""
    if not book.is_whole or not book.rules:
        return
    parts = [part for located_rule in book.rules for part in conditions_of(located_rule.node)]
    parts += [part for document in book.documents for part in steps_in(document)]
    used = {node.text for part in parts for node in meets_in(part)}
    waiting = list(used)
    while waiting:
        for node in meets_in(book.definitions[waiting.pop()].condition):
            if node.text not in used:
                used.add(node.text)
                waiting.append(node.text)
    for name, definition in book.definitions.items():
        if name not in used:
            message = f"no rule uses '{name}'"
            hint = f"write 'meets: {name}' in a rule, or delete it"
            file = definition.document.file
            yield Problem(file, *definition.key.at, "unused-definition", message, hint, "warning")


UNUSED_DEFINITION: Final = Lint(
    "unused-definition",
    unused_definitions,
    warning(
        "A named condition that no rule uses",
        "Nothing `meets` it. Perhaps it is left over, or a rule repeats the same condition instead of using the "
        "name.",
        "define:\n  regular customer: {count: purchase, at least: 3}\n"
        "rules:\n  - id: quiet\n    title: Quiet\n    status: shadow\n    when: {none: purchase, for: 45 days}\n"
        "    action: at-risk\n    template: a\n    expires after: 14 days\n",
        "define:\n  regular customer: {count: purchase, at least: 3}\n"
        "rules:\n  - id: quiet\n    title: Quiet\n    status: shadow\n"
        "    when: {all: [{meets: regular customer}, {none: purchase, for: 45 days}]}\n"
        "    action: at-risk\n    template: a\n    expires after: 14 days\n",
    ),
)


def unprovided_attributes(book: LocatedRules) -> Iterator[Problem]:
    """Yield attributes that no event has, as far as the sources show."""
    for located_rule in book.rules:
        conditions = [named for part in conditions_of(located_rule.node) for named in names_in_condition(part)]
        variables = list(variables_in(located_rule.node))
        for named in dict.fromkeys([*conditions, *variables]):
            if named.attribute is None:
                continue
            text = _unprovided(book, named, located_rule.rule, named in variables)
            if text is not None:
                yield located_rule.warn("unprovided-attribute", named.node.at, *text)


UNPROVIDED_ATTRIBUTE: Final = Lint(
    "unprovided-attribute",
    unprovided_attributes,
    warning(
        "An attribute that no event has",
        "It is not one of Linger's own fields of the event, and no known source provides it. A condition on it is "
        "never true, and a message gets no value for it.",
        "variables: {reason: cancellation.raeson}\n",
        "variables: {reason: cancellation.reason}\n",
    ),
)


def _unprovided(book: LocatedRules, named: Named, rule: Rule, is_variable: bool) -> tuple[str, str] | None:
    """Return the message and the hint for an attribute that no event has; None if events may have it."""
    own, attribute = built_in_attributes(named.type), named.attribute or ""
    if named.type in book.provided:
        if attribute in book.provided[named.type] or rule.status not in ("live", "shadow"):
            return None
        message = f"no source fills {named.type}.{attribute}: it never has a value"
        return message, f"add '{attribute}' to a source of {named.type} in sources.yaml"
    if attribute in own or not own:
        return None
    if (close := did_you_mean(attribute, own)) is not None:
        return f"a {named.type} has no field '{attribute}' of its own", f"did you mean '{named.type}.{close}'?"
    if is_variable and book.sources is None:
        message = f"a {named.type} has no field '{attribute}' of its own, so the message may get no value"
        return message, f"it has {', '.join(sorted(own)) or 'none'}; --sources shows which others there are"
    return None


def unfed_types(book: LocatedRules) -> Iterator[Problem]:
    """Yield event types that no source provides and that live or shadow rules need."""
    if book.sources is None:
        return
    provided = {event_type for source in book.sources.sources for event_type in source.types()}
    yield from _unfed_settings(book, provided)
    yield from _unfed_rules(book, provided)


def _unfed_settings(book: LocatedRules, provided: Collection[str]) -> Iterator[Problem]:
    for document in book.documents:
        every = value_of(document.root, "for every rule")
        for setting, key in (("consent", "from"), ("time zone", "from"), ("time zone", "country")):
            node = value_of(value_of(every, setting), key)
            if isinstance(node, ScalarNode) and (event_type := node.text.partition(".")[0]) not in provided:
                message = f"no source gives a {event_type}: the {setting} of a customer can never be known"
                hint = "add a source in sources.yaml, or leave it out until there is one"
                yield Problem(document.file, *node.at, "unfed-type", message, hint, "warning")


def _unfed_rules(book: LocatedRules, provided: Collection[str]) -> Iterator[Problem]:
    for located_rule in book.rules:
        if located_rule.rule.status not in ("live", "shadow"):
            continue
        reported = set(provided)
        for named in (named for part in conditions_of(located_rule.node) for named in names_in_condition(part)):
            if named.type not in reported:
                reported.add(named.type)
                message = f"no source gives a {named.type}: rule '{located_rule.rule.id}' can never see one"
                hint = "add a source in sources.yaml, or make the rule a draft until there is one"
                yield located_rule.warn("unfed-type", named.node.at, message, hint)


UNFED_TYPE: Final = Lint(
    "unfed-type",
    unfed_types,
    warning(
        "An event type that no source provides",
        "sources.yaml declares it, but no topic delivers it. An active rule would wait for events that never come.",
    ),
)


_TRUTHS: Final = {"yes": "true", "y": "true", "on": "true", "no": "false", "n": "false", "off": "false"}


def old_truths(book: LocatedRules) -> Iterator[Problem]:
    """Yield `yes` and `no` without quotes as values of events: older YAML reads them as true and false."""
    for document in book.documents:
        for node in _values_in(document.root, False):
            if node.is_plain and node.text.lower() in _TRUTHS:
                message = f"'{node.text}' is a text here, not {_TRUTHS[node.text.lower()]}"
                hint = f'write "{node.text}" if the text is meant, or {_TRUTHS[node.text.lower()]}'
                yield Problem(document.file, *node.at, "old-truth", message, hint, "warning")


OLD_TRUTH: Final = Lint(
    "old-truth",
    old_truths,
    warning(
        "`yes` or `no` without quotes",
        "Older YAML reads `yes`, `no`, `on` and `off` as true and false; Linger reads them as texts. If the events "
        'carry true or false, write `true` or `false`. Otherwise put the text in quotes: `"no"`, also for Norway.',
        "when:\n  count: purchase\n  at least: 1\n  where: {newsletter: yes}\n",
        "when:\n  count: purchase\n  at least: 1\n  where: {newsletter: true}\n",
    ),
)


_TEXT: Final = re.compile(r"\{\{|\{%|<\w|[.!?]$|\n|(?:\S+\s+){5}")


def texts_as_templates(book: LocatedRules) -> Iterator[Problem]:
    """Yield templates that are the text of a message, not the name of one."""
    for located_rule in book.rules:
        template = located_rule.rule.template
        if _TEXT.search(template.strip()):
            message = f"the template '{shortened(template, 60)}' looks like the text of a message, not like its name"
            hint = "write the name under which your mailer has the message, such as 'we-miss-you'"
            yield located_rule.warn("text-as-template", located_rule.at("template"), message, hint)


TEXT_AS_TEMPLATE: Final = Lint(
    "text-as-template",
    texts_as_templates,
    warning(
        "The text of a message instead of its name",
        "Linger sends no messages: it asks the mailer for the one that `template` names, and the mailer has its "
        "text. Values for it are given under `variables`.",
        'template: "Hello {{first_name}}, we miss you!"\n',
        "template: we-miss-you\n",
    ),
)


def values_not_composed(book: LocatedRules) -> Iterator[Problem]:
    """Yield values whose accents are characters of their own: they equal no value that is written as usual."""
    for document in book.documents:
        for node in _values_in(document.root, False):
            if isinstance(node.value, str) and not unicodedata.is_normalized("NFC", node.value):
                composed = unicodedata.normalize("NFC", node.value)
                message = (
                    f"'{shortened(node.value)}' has accents as characters of their own (it is not in Unicode's NFC)"
                )
                hint = f"write '{shortened(composed)}' as keyboards do, unless events have this form"
                replacement = Replacement(*node.at, node.text, as_yaml(composed))
                yield Problem(
                    document.file, *node.at, "not-composed", message, hint, "warning", replacement=replacement
                )


NOT_COMPOSED: Final = Lint(
    "not-composed",
    values_not_composed,
    warning(
        "A value that only looks like the usual one",
        "Values and ids are compared character by character. Unicode can write `é` as one character (NFC, as "
        "keyboards do) or as `e` and an accent (NFD, as some file systems do). Both look alike, and are different "
        "values. Write the value as events have it: usually as one character.",
        'when:\n  count: purchase\n  at least: 1\n  where: {category: "Cafe\\u0301"}\n',
        "when:\n  count: purchase\n  at least: 1\n  where: {category: Café}\n",
    ),
)


def _values_in(node: Node | None, is_value: bool) -> Iterator[ScalarNode]:
    """Yield every single value that is compared with a value of an event."""
    if isinstance(node, ScalarNode):
        if is_value:
            yield node
    elif isinstance(node, MapNode):
        for key, (_, value) in node.entries.items():
            begins = key in ("where", "is", "is not", "other than", "opted out", "opted in", "with", "variables")
            is_reference = key == "variables" and not _is_expected(node)
            yield from _values_in(value, (is_value or begins) and not is_reference)
    else:
        for item in items_of(node):
            yield from _values_in(item, is_value)


def _is_expected(node: MapNode) -> bool:
    return "at" in node.entries


LINTS: Final = (UNUSED_DEFINITION, UNPROVIDED_ATTRIBUTE, UNFED_TYPE, OLD_TRUTH, NOT_COMPOSED, TEXT_AS_TEMPLATE)
