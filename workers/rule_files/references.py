"""References in rule files: rules, definitions, and the names that they use.

This module reads nodes, not models, so that a mistake in one place does not hide another one elsewhere. It must
never know which names exist.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from schemas.conditions import CURRENCY_ATTRIBUTE, ELEMENTARY, Elementary, condition_kind
from schemas.conditions.compared import read_measurement
from schemas.variables import variable_kind
from workers.rule_files.yaml_nodes import (
    Document,
    MapNode,
    Node,
    ScalarNode,
    items_of,
    plain_value,
    value_of,
)

_SETTINGS: Final = ("for every rule", "value", "book")
"""Keys that only one file has, and that hold for the rules of all."""
READERS_OF_STAGES: Final = ("stage", "in stage for", "moved")
"""The first words of conditions that read a ladder."""


class Named(NamedTuple):
    """An event type that a file names, possibly with one of its attributes.

    Attributes:
        type: the event type.
        attribute: the attribute; None if only the type is named.
        node: where it is named.
        is_beside: the node is a key of a mapping beside the type, and names the attribute only.
    """

    type: str
    attribute: str | None
    node: ScalarNode
    is_beside: bool = False


class Definition(NamedTuple):
    """A named condition and its position.

    Attributes:
        name: the name.
        document: the file.
        key: the node of the name.
        condition: the node of the condition.
    """

    name: str
    document: Document
    key: ScalarNode
    condition: Node


def rules_in(document: Document) -> Iterator[MapNode]:
    """Yield every rule that is a mapping."""
    for rule in items_of(value_of(document.root, "rules")):
        if isinstance(rule, MapNode):
            yield rule


def text_of(node: Node | None, key: str) -> ScalarNode | None:
    """Return the node of a key's value if it is a text."""
    value = value_of(node, key)
    return value if isinstance(value, ScalarNode) and isinstance(value.value, str) else None


def entries_of(node: Node | None) -> Mapping[str, tuple[ScalarNode, Node]]:
    """Return the entries of a mapping; none for anything else."""
    return node.entries if isinstance(node, MapNode) else {}


def definitions_in(document: Document) -> Iterator[Definition]:
    """Yield every named condition."""
    for name, (key, condition) in entries_of(value_of(document.root, "define")).items():
        yield Definition(name, document, key, condition)


def steps_in(document: Document) -> list[Node]:
    """Return the nodes of the conditions of a file's ladder."""
    steps = items_of(value_of(value_of(document.root, "stages"), "steps"))
    return [when for step in steps if (when := value_of(step, "when")) is not None]


class LocatedStep(NamedTuple):
    """A step of a ladder, in its file.

    Attributes:
        ladder: the name of the ladder.
        stage: the name of the stage.
        document: the file.
        when: the node of its condition.
        is_draft: whether the step, or the whole ladder, is a draft.
    """

    ladder: str
    stage: str
    document: Document
    when: Node
    is_draft: bool


def located_steps(documents: Iterable[Document]) -> Iterator[LocatedStep]:
    """Yield every step of every ladder that has a name and a condition."""
    for document in documents:
        ladder = value_of(document.root, "stages")
        name, status = text_of(ladder, "name"), text_of(ladder, "status")
        is_live = status is not None and status.text == "live"
        for step in items_of(value_of(ladder, "steps")):
            stage, when = text_of(step, "stage"), value_of(step, "when")
            if name is not None and stage is not None and when is not None:
                is_draft = not is_live or value_of(step, "status") is not None
                yield LocatedStep(name.text, stage.text, document, when, is_draft)


def conditions_in(document: Document) -> list[Node]:
    """Return the nodes of all conditions of a file that are not named: of its rules, and of its ladder."""
    return [condition for rule in rules_in(document) for condition in conditions_of(rule)] + steps_in(document)


def conditions_of(rule: Node) -> list[Node]:
    """Return the nodes under `when` and `unless`."""
    return [part for key in ("when", "unless") if (part := value_of(rule, key)) is not None]


def parts_of(condition: Node) -> list[Node]:
    """Return the conditions directly inside a combination; none for an elementary one."""
    parts = [part for key in ("all", "any") for part in items_of(value_of(condition, key))]
    return parts + [part for part in (value_of(condition, "not"),) if part is not None]


def elementary_in(condition: Node) -> Iterator[Node]:
    """Yield every condition that is not a combination, in the order of the file."""
    parts = parts_of(condition)
    for part in parts:
        yield from elementary_in(part)
    if not parts:
        yield condition


def kind_of(condition: Node) -> type[Elementary] | None:
    """Return how an elementary condition is to be written; None if no key names its kind, and for `meets`.

    The first word of a condition decides; another one beside it is a separate mistake.
    """
    written = {
        key: value.value if isinstance(value, ScalarNode) else None
        for key, (_, value) in entries_of(condition).items()
    }
    return ELEMENTARY.get(condition_kind(written) or "")


def meets_in(condition: Node) -> Iterator[ScalarNode]:
    """Yield the nodes of the named conditions that a condition uses."""
    for part in elementary_in(condition):
        if (name := text_of(part, "meets")) is not None:
            yield name


# --- event types and attributes ---------------------------------------------------------------------------------


def names_in(document: Document) -> Iterator[Named]:
    """Yield every event type and attribute that a file names, in no particular order."""
    for definition in definitions_in(document):
        yield from names_in_condition(definition.condition)
    for rule in rules_in(document):
        for condition in conditions_of(rule):
            yield from names_in_condition(condition)
        yield from variables_in(rule)
        yield from names_in_success(value_of(rule, "success"))
        for example in items_of(value_of(rule, "examples")):
            yield from names_in_example(example)
    for condition in steps_in(document):
        yield from names_in_condition(condition)
    every = value_of(document.root, "for every rule")
    for setting, key in (("time zone", "from"), ("time zone", "country"), ("consent", "from")):
        yield from _named(value_of(value_of(every, setting), key))
    yield from names_in_success(value_of(every, "success"))
    yield from names_in_value(value_of(document.root, "value"))
    yield from names_in_book(value_of(document.root, "book"))


def actions_in(document: Document) -> Iterator[ScalarNode]:
    """Yield the actions that rules ask for, and those that their examples and the tests of a file expect."""
    for rule in rules_in(document):
        if (action := text_of(rule, "action")) is not None:
            yield action
        yield from _expected_in(rule, "examples")
    yield from _expected_in(document.root, "tests")


def _expected_in(node: Node | None, key: str) -> Iterator[ScalarNode]:
    for example in items_of(value_of(node, key)):
        for expected in items_of(value_of(example, "expect")):
            if (action := text_of(expected, "action")) is not None:
                yield action


def names_in_condition(condition: Node) -> Iterator[Named]:
    """Yield the names in a condition and the conditions inside it."""
    for part in elementary_in(condition):
        if (kind := kind_of(part)) is None:
            continue
        for key in (kind.naming, *kind.one_of):
            if key:
                yield from _named(value_of(part, key), value_of(part, "where"))
        for key in kind.against:
            yield from _named_in_bound(value_of(part, key))
        for key in kind.steps:
            step = value_of(part, key)
            named = value_of(step, "event") if isinstance(step, MapNode) else step
            yield from _named(named, value_of(step, "where"))


def _named_in_bound(node: Node | None) -> Iterator[Named]:
    """Yield what a bound measures that is another measurement; nothing if it cannot be read."""
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        try:
            measured = read_measurement(node.value)
        except ValueError:
            return  # reported where the value is read
        event_type, dot, attribute = measured.named.partition(".")
        yield Named(event_type, attribute if dot else None, node)


def names_in_success(success: Node | None) -> Iterator[Named]:
    """Yield the names in what counts as a success: in a mapping, or before `within` in a text."""
    if isinstance(success, ScalarNode):
        words = success.value.split() if isinstance(success.value, str) else []
        if words[1:2] == ["within"]:
            yield Named(words[0], None, success)
    else:
        yield from _named(value_of(success, "event"), value_of(success, "where"))


def names_in_value(value: Node | None) -> Iterator[Named]:
    """Yield the names in what a customer is worth; with a currency, each type needs the attribute with its own."""
    currency = entries_of(value).get("currency")
    for key in ("revenue", "less"):
        for reference in items_of(value_of(value, key)):
            for named in _named(reference):
                yield named
                if currency is not None and named.attribute is not None:
                    yield Named(named.type, CURRENCY_ATTRIBUTE, currency[0], is_beside=True)


def names_in_book(book: Node | None) -> Iterator[Named]:
    """Yield the names in what events mean in the book."""
    for key in ("purchase", "contract"):
        said = value_of(book, key)
        for node in (said,) if isinstance(said, ScalarNode) else items_of(said):
            yield from _named(node)
    for key in ("failed renewal", "recommends"):
        yield from _named(value_of(book, key))
    for key, attribute in (("cancellation", "reason"), ("complaint", "subject")):
        event, own = text_of(value_of(book, key), "event"), text_of(value_of(book, key), attribute)
        yield from _named(event)
        if event is not None and own is not None:
            yield Named(event.text, own.text, own, True)


def variables_in(rule: Node) -> Iterator[Named]:
    """Yield the names in the template variables of a rule."""
    for variable in variables_of(rule):
        if isinstance(variable, MapNode):
            word = variable_kind(dict(variable.entries))
            if word is not None:
                yield from _named(value_of(variable, word), value_of(variable, "where"))
        else:
            yield from _named(variable)


def variables_of(rule: Node) -> Iterator[Node]:
    """Yield the template variables of a rule as they are written, in their order."""
    for _, variable in entries_of(value_of(rule, "variables")).values():
        yield variable


def names_in_example(example: Node) -> Iterator[Named]:
    """Yield the names in the events of an example."""
    for given in items_of(value_of(example, "given")):
        yield from _named(value_of(given, "event"), value_of(given, "with"))


def _named(node: Node | None, attributes: Node | None = None) -> Iterator[Named]:
    """Yield the names in `purchase` or `purchase.amount`, and the attributes in a mapping beside it."""
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return
    event_type, dot, attribute = node.value.partition(".")
    yield Named(event_type, attribute if dot else None, node)
    for beside, (key, _) in entries_of(attributes).items():
        yield Named(event_type, beside, key, True)


# --- what files lend ----------------------------------------------------------------------------------------------


def ids_in(documents: Iterable[Document]) -> set[str]:
    """Return the ids of all rules."""
    rules = (rule for document in documents for rule in rules_in(document))
    return {rule_id.text for rule in rules if (rule_id := text_of(rule, "id")) is not None}


def lent_documents(own: Sequence[Document], beside: Sequence[Document], *, with_rules: bool) -> list[Document]:
    """Return what files beside the named ones lend them: documents with only that, at its positions.

    They lend each named condition that is used and that no named file defines. One that has no rules also lends
    `for every rule`, `value` and `book`, if no named file has it, and its live ladder, if a named file reads a stage
    and none has a live ladder: beside rules they can belong to another attempt at them. What two of them say
    differently is lent twice, so that it is a repeated name, as in a folder. But a file with the id of a rule of a
    named file is another version of it, and lends only conditions that no other file defines.

    Args:
        own: the named files.
        beside: the others. What is broken in them, and not lent, is no problem.
        with_rules: all but other versions also lend their rules, and all names; what is broken in them is a
            problem then.
    """
    own_ids = ids_in(own)
    others = [document for document in beside if own_ids.isdisjoint(ids_in([document]))]
    whole = others if with_rules else []
    by_name = {**_definitions_by_name(beside), **_definitions_by_name(others)}
    for name in _definitions_by_name(own):
        by_name.pop(name, None)
    ladders = [] if with_rules else _lent_ladders(own, others, by_name)
    names = _used_names([*own, *whole, *ladders], by_name) | (by_name.keys() & _definitions_by_name(whole))
    lent: set[Node] = set(_different([entries_of(one.root)["stages"] for one in ladders]))
    for name in names:
        lent.update(_different([(definition.key, definition.condition) for definition in by_name[name]]))
    for key in _SETTINGS:
        if not any(key in entries_of(document.root) for document in own):
            settings = [entries_of(document.root) for document in others if with_rules or not any(rules_in(document))]
            lent.update(_different([entries[key] for entries in settings if key in entries]))
    documents = (_only(document, lent, with_rules=document in whole) for document in beside)
    return [document for document in documents if document.root is not None or document.problems]


def _lent_ladders(
    own: Sequence[Document], others: Sequence[Document], by_name: Mapping[str, Sequence[Definition]]
) -> list[Document]:
    """Return the files without rules whose ladder is live, if the named files read a stage and have none."""
    if any(map(_has_live_ladder, own)):
        return []
    used = [definition.condition for name in _used_names(own, by_name) for definition in by_name[name]]
    conditions = [one for document in own for one in conditions_in(document)]
    conditions += [definition.condition for document in own for definition in definitions_in(document)]
    read = {
        word for condition in (*conditions, *used) for part in elementary_in(condition) for word in entries_of(part)
    }
    if read.isdisjoint(READERS_OF_STAGES):
        return []
    return [document for document in others if _has_live_ladder(document) and not any(rules_in(document))]


def _has_live_ladder(document: Document) -> bool:
    status = text_of(value_of(document.root, "stages"), "status")
    return status is not None and status.text == "live"


def _definitions_by_name(documents: Iterable[Document]) -> dict[str, list[Definition]]:
    by_name: dict[str, list[Definition]] = {}
    for document in documents:
        for definition in definitions_in(document):
            by_name.setdefault(definition.name, []).append(definition)
    return by_name


def _used_names(documents: Iterable[Document], by_name: Mapping[str, Sequence[Definition]]) -> set[str]:
    """Return the names that files use, themselves or through other names."""
    used: set[str] = set()
    waiting: list[Node] = []
    for document in documents:
        waiting += [definition.condition for definition in definitions_in(document)]
        waiting += conditions_in(document)
    while waiting:
        for node in meets_in(waiting.pop()):
            if node.text in by_name and node.text not in used:
                used.add(node.text)
                waiting += [definition.condition for definition in by_name[node.text]]
    return used


def _different(entries: Sequence[tuple[ScalarNode, Node]]) -> list[ScalarNode]:
    """Return the keys of the first entry, and of those that say something else."""
    contents = [plain_value(value) for _, value in entries]
    return [key for (key, _), content in zip(entries, contents, strict=True) if content != contents[0]] + [
        key for key, _ in entries[:1]
    ]


def _only(document: Document, lent: Collection[Node], *, with_rules: bool) -> Document:
    """Return a document with only the definitions and settings whose keys are lent, and with its rules if wanted."""
    problems = document.problems if with_rules else ()
    if not isinstance(document.root, MapNode):
        return Document(document.file, document.root if with_rules else None, problems)
    entries: dict[str, tuple[ScalarNode, Node]] = {}
    for name, (key, value) in document.root.entries.items():
        if name == "define":
            named = {name: entry for name, entry in entries_of(value).items() if entry[0] in lent}
            if named:
                entries[name] = (key, MapNode(value.at, named, is_whole=True))
        elif key in lent or (with_rules and name not in _SETTINGS):
            entries[name] = (key, value)
    root = MapNode(document.root.at, entries, document.root.is_whole) if entries else None
    return Document(document.file, root, problems)
