"""The cases of a source: each kind of records that is recognised, with where its fields are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from workers.source_trial.guessing.conditions import (
    Condition,
    all_of,
    attributes_in,
    scalar,
    state_of,
    success_of,
    tests_of,
    unwanted_in,
)
from workers.source_trial.guessing.envelopes import Around
from workers.source_trial.guessing.guess import Guess, place_of, yaml_text
from workers.source_trial.guessing.identity import event_id_of, order_of, row_id_of
from workers.source_trial.guessing.kinds import OTHERS, Discriminator, discriminator_of, kind_of
from workers.source_trial.guessing.leaves import Header, Leaf, leaves_of, searched_path, searched_value
from workers.source_trial.guessing.moments import moment_of
from workers.source_trial.guessing.money import money_of, with_comma
from workers.source_trial.guessing.people import candidates_in, customer_of
from workers.source_trial.guessing.vocabulary import words_of

__all__ = ["CaseGuess", "SourceGuess", "guess_cases"]

_BUILT_IN: Final = ("purchase", "login", "cancellation")
_UNKNOWN: Final = "activity"
_OF_LOGINS: Final = frozenset({"login", "logins", "signin", "auth", "sessions", "logon", "authentication"})
_REASONS: Final = (("reason",), ("cancel", "reason"), ("cancellation", "reason"), ("cancel", "reason", "code"),
                   ("reason", "code"), ("feedback",))  # fmt: skip
_WHATS: Final = (("plan",), ("plan", "id"), ("plan", "name"), ("product",), ("product", "id"),
                 ("subscription", "plan"), ("sku",))  # fmt: skip
_ROW_STATE_CHANGED: Final = (
    "the row has come into this state; where the database does not send the row before, a change is not read"
)


@dataclass(slots=True)
class CaseGuess:
    """One kind of records.

    Attributes:
        event: the event type.
        why: why it is taken for that; empty if nothing needs to be said.
        is_sure: it needs no look.
        only_when: what such a record must have.
        fields: by name, where a field is.
        attributes: by name, a place as YAML and why.
        documents: the numbers of its samples.
    """

    event: str
    why: str = ""
    is_sure: bool = True
    only_when: list[Condition] = field(default_factory=list)
    fields: dict[str, Guess] = field(default_factory=dict)
    attributes: dict[str, tuple[str, str]] = field(default_factory=dict)
    documents: list[int] = field(default_factory=list)


@dataclass(slots=True)
class SourceGuess:
    """What is guessed of a topic.

    Attributes:
        around: what is around its events.
        cases: the kinds of records that are recognised.
        off: kinds that are written as comments: what they are taken for, with their conditions.
        others: values of the discriminator that are not recognised, with how often each was seen.
        discriminator: what distinguishes kinds; None if nothing does.
        shared: conditions of all cases.
        notes: what else an operator should know.
    """

    around: Around
    cases: list[CaseGuess] = field(default_factory=list)
    off: list[tuple[str, Condition]] = field(default_factory=list)
    others: list[tuple[str, int]] = field(default_factory=list)
    discriminator: Discriminator | None = None
    shared: list[Condition] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Seen:
    leaves: Sequence[Leaf]
    headers: Sequence[Header]
    keys: frozenset[int]
    documents: Sequence[int]
    around: Around

    @property
    def own_headers(self) -> Sequence[Header]:
        """The headers that can distinguish events: all items of a record have the same."""
        return () if self.around.has_items else self.headers

    def within(self, documents: Sequence[int]) -> "_Seen":
        leaves = [leaf.within(documents) for leaf in self.leaves]
        headers = [
            Header(
                header.name,
                len(documents),
                {number: header.values[number] for number in documents if number in header.values},
            )
            for header in self.headers
        ]
        return _Seen(
            [leaf for leaf in leaves if leaf.values or leaf.nulls], headers, self.keys, documents, self.around
        )


def guess_cases(around: Around, headers: Sequence[Header], keys: frozenset[int], topic: str) -> SourceGuess:
    """Guess the cases of a source from its documents.

    Args:
        around: what is around the events, with the documents inside.
        headers: the headers of the records, by document.
        keys: the documents whose record has a Kafka key that may be an id.
        topic: its name; it speaks where the records do not.
    """
    source = SourceGuess(around)
    documents = around.documents
    leaves = _worth_a_look(leaves_of(documents), around)
    seen = _Seen(leaves, headers, keys, range(len(documents)), around)
    discriminator = None if around.is_data_capture else discriminator_of(leaves, headers, len(documents))
    source.discriminator = discriminator
    recognised = False if discriminator is None else _by_discriminator(source, seen, discriminator)
    if not recognised:
        _by_other_signs(source, seen, topic)
    _share(source, seen)
    _look_outside(source)
    return source


def _look_outside(source: SourceGuess) -> None:
    """Say what stands beside a list of events and marks tests: conditions look at its items only."""
    for leaf in source.around.outside():
        if unwanted_in(leaf) is None:
            continue
        why = f"{leaf.seen()} such as {leaf.example()}"
        for case in source.cases:
            case.attributes.setdefault(
                "_".join(leaf.words), (f"{{whole: {yaml_text(leaf.place, in_flow=True)}}}", why)
            )
        source.notes.append(
            f"'{leaf.place}' of the whole record says whether it is a test; conditions look at the items only, so it "
            "is kept as an attribute, for rules to ask"
        )


def _share(source: SourceGuess, seen: _Seen) -> None:
    """Take what is the same in all cases out of them, with what was seen in all of them together."""
    cases = source.cases
    if len(cases) < 2 and not source.off:
        for case in cases:
            case.only_when = all_of([*tests_of(seen.within(case.documents).leaves), *case.only_when])
        return
    together = seen.within(sorted({number for case in cases for number in case.documents}))
    source.shared = all_of(tests_of(together.leaves))
    path = None if source.discriminator is None else source.discriminator.path
    for name, guess in (
        ("event_id", event_id_of(together.leaves, together.own_headers, path)),
        ("customer_id", customer_of(together.leaves, has_key=together.keys >= {*together.documents})),
        ("occurred_at", moment_of(together.leaves, "")),
    ):
        found = {_leaf_place(case.fields[name]) for case in cases}
        if guess is not None and found == {_leaf_place(guess)} != {None}:
            for case in cases:
                case.fields[name] = guess


def _leaf_place(guess: Guess) -> str | None:
    return None if guess.leaf is None else guess.leaf.place


def _worth_a_look(leaves: Sequence[Leaf], around: Around) -> list[Leaf]:
    if not around.is_data_capture:
        # Kafka Connect writes the schema of its values beside them.
        has_schema = any(leaf.steps[:1] == ("payload",) for leaf in leaves) and any(
            leaf.place in ("schema.type", "schema.fields[0].type") for leaf in leaves
        )
        return [leaf for leaf in leaves if not has_schema or leaf.steps[:1] != ("schema",)]
    # When a connector saw a change says nothing of when it happened.
    return [leaf for leaf in leaves if leaf.depth > 1 or leaf.place == "op"]


def _by_discriminator(source: SourceGuess, seen: _Seen, discriminator: Discriminator) -> bool:
    """Add a case for each kind that is recognised; return whether there is one."""
    counts = discriminator.counts()
    by_kind: dict[str, list[Any]] = {}
    for value, count in counts.most_common():
        kind = discriminator.kinds[value]
        if kind is None:
            source.others.append((str(value), count))
        else:
            by_kind.setdefault(kind, []).append(value)
    for kind, values in by_kind.items():
        condition = _one_of_values(discriminator, values, counts)
        if kind in OTHERS:
            source.off.append((kind, condition))
            continue
        event = kind.removesuffix("?")
        documents = [number for number, value in discriminator.values.items() if value in values]
        case = _case(event, seen.within(documents), discriminator, is_certain=kind == event)
        if case is None:
            source.notes.append(_no_amount(condition.value, event, seen))
            continue
        case.only_when.insert(0, condition)
        if len(values) > 1 and case.is_sure:
            case.why, case.is_sure = f"is each of these a {event}, and none of them the same one again?", False
        source.cases.append(case)
    order = {event: number for number, event in enumerate(_BUILT_IN)}
    source.cases.sort(key=lambda case: order.get(case.event, len(order)))
    return bool(source.cases)


def _no_amount(value: str, event: str, seen: _Seen) -> str:
    text = f"{value} looks like a {event}, but names no amount, which a {event} needs"
    comma = with_comma(seen.leaves)
    return text if comma is None else f"{text}; '{comma.place}' has a decimal comma, which no mapping reads"


def _one_of_values(discriminator: Discriminator, values: Sequence[Any], counts: Any) -> Condition:
    total = sum(counts.values())
    written = [scalar(value) for value in values]
    value = written[0] if len(written) == 1 else "[" + ", ".join(written) + "]"
    seen = ", ".join(f"{value} in {counts[value]}" for value in values[:4])
    return Condition(discriminator.key, value, f"{seen} of {total} sample{'s' if total != 1 else ''}")


def _by_other_signs(source: SourceGuess, seen: _Seen, topic: str) -> None:
    """Add one case for all records: by an amount, a state or the name of the topic."""
    if not seen.documents:
        return
    tables = [str(value) for leaf in seen.leaves if leaf.place == "source.table" for value in leaf.values.values()]
    named = kind_of(topic.replace(".", " ").replace("-", " "))
    words = {*words_of(topic), *(word for table in set(tables) for word in words_of(table))}
    case = None
    ended = state_of(seen.leaves, "cancellation")
    if ended is not None and state_of(seen.leaves, "purchase") is not None and money_of(seen.leaves) is not None:
        ended = None  # a purchase that was called off says nothing of the customer's leaving
    if ended is not None and not ({"order", "orders", "payment", "payments"} & words):
        case = _case("cancellation", seen, source.discriminator, is_certain=True)
        if case is not None:
            case.why, case.is_sure = "by its state; is it the customer who has left then?", False
            _add_state(case, ended, seen)
    elif words & _OF_LOGINS or named == "login":
        case = _case("login", seen, source.discriminator, is_certain=True)
        if case is not None:
            case.why = "by the name of the topic"
    else:
        case = _case("purchase", seen, source.discriminator, is_certain=False)
        if case is not None and named != "purchase":
            case.why, case.is_sure = "it has an amount; is it paid then, and once only?", bool(tables)
    if case is None:
        case = _case(_UNKNOWN, seen, source.discriminator, is_certain=True)
        assert case is not None, "only a purchase needs more than the common fields"
        case.why = "nothing says what it is: write purchase, login, cancellation, or a type of your own"
        if (comma := with_comma(seen.leaves)) is not None:
            case.why += f"; '{comma.place}' may be an amount, but has a decimal comma, which no mapping reads"
        case.is_sure = False
    discriminator = source.discriminator
    if discriminator is not None and len(discriminator.counts()) == 1:
        values = list(discriminator.counts())
        case.only_when.insert(0, _one_of_values(discriminator, values, discriminator.counts()))
        source.others.clear()
    elif discriminator is not None:
        listed = ", ".join(f"{value} {count}" for value, count in discriminator.counts().most_common(8))
        source.notes.append(
            f"'{discriminator.words}' may distinguish kinds of records ({listed}); which of them count?"
        )
        source.others.clear()
    source.cases.append(case)


def _case(event: str, seen: _Seen, discriminator: Discriminator | None, *, is_certain: bool) -> CaseGuess | None:
    """Return a case with its fields; None for a purchase without an amount."""
    leaves = seen.leaves
    case = CaseGuess(event, documents=list(seen.documents))
    rows = seen.around.is_data_capture
    body = [leaf for leaf in leaves if not rows or leaf.parents[-1:] != ["source"]]
    path = None if discriminator is None else discriminator.path
    row_side = "after" if any("after" in leaf.parents for leaf in leaves) else "before"
    case.fields["event_id"] = row_id_of(leaves, row_side) if rows else event_id_of(leaves, seen.own_headers, path)
    customer = customer_of(body, has_key=seen.keys >= {*seen.documents})
    if customer is None or (customer.leaf is None and seen.around.envelopes):
        beside = [leaf.within(seen.documents) for leaf in seen.around.outside()]
        customer = customer_of(beside, has_key=False) or customer
    if customer is None:
        why = "nothing looks like a customer: name the place, or no record can be read"
        own_id = case.fields["event_id"].leaf
        if candidates := candidates_in(body, [] if own_id is None else [own_id.place]):
            why += f"; is it {' or '.join(candidates)}?"
        customer = Guess("{key: true}", why, is_sure=False)
    case.fields["customer_id"] = customer
    moment = moment_of(leaves, event) or moment_of(
        [leaf.within(seen.documents) for leaf in seen.around.outside()], event
    )
    case.fields["occurred_at"] = moment or Guess(
        "{timestamp: true}", "nothing looks like a time: when the record was written, by Kafka", is_sure=False
    )
    if event == "purchase":
        money = money_of(body)
        if money is None:
            return None
        case.fields["amount"], case.fields["currency"] = money.amount, money.currency
        if (order := order_of(body)) is not None:
            case.fields["order_id"] = order
        if (state := state_of(leaves, "purchase")) is not None and not is_certain:
            _add_state(case, state, seen)
        elif rows:
            case.only_when.append(Condition("op", "[c, r]", "new rows; r are those of a snapshot, which are history"))
    elif event == "cancellation":
        for name, wanted in (("what", _WHATS), ("reason", _REASONS)):
            if (found := _named(body, wanted)) is not None:
                case.fields[name] = Guess(place_of(found), found.seen(), leaf=found)
        if (effective := moment_of(body, event, later=True)) is not None:
            case.fields["effective_at"] = effective
    elif rows:
        case.only_when.append(Condition("op", "[c, r]", "new rows; r are those of a snapshot, which are history"))
    if (success := success_of(leaves)) is not None and event in ("purchase", "login"):
        case.only_when.append(success)
    used = [guess.leaf.place for guess in case.fields.values() if guess.leaf is not None]
    case.attributes = {name: (place_of(leaf), why) for name, (leaf, why) in attributes_in(body, used).items()}
    return case


def _add_state(case: CaseGuess, found: tuple[Condition, Leaf, list[str]], seen: _Seen) -> None:
    condition, leaf, states = found
    if not seen.around.is_data_capture:
        case.only_when.append(condition)
        own = next((other for other in seen.leaves if other.words == ("id",) and other.is_beside(leaf)), None)
        if own is not None:
            parts = f"{yaml_text(own.place, in_flow=True)}, {yaml_text(leaf.place, in_flow=True)}"
            why = f"{own.seen()}, with the state: however often it is sent in this state, it counts once"
            case.fields["event_id"] = Guess(f"{{join: [{parts}]}}", why)
        return
    case.only_when.append(condition)
    if leaf.steps[0] == "after":
        before = searched_path(("before", *leaf.steps[1:]))
        others = " && ".join(f"{before} != {searched_value(state)}" for state in states)
        changed = f"op != 'u' || (before && {others})"
        case.only_when.append(Condition("find", yaml_text(changed), _ROW_STATE_CHANGED))


def _named(leaves: Sequence[Leaf], wanted: Sequence[tuple[str, ...]]) -> Leaf | None:
    possible = [leaf for leaf in leaves if leaf.words in wanted and not leaf.in_list and leaf.values]
    possible = [leaf for leaf in possible if "before" not in leaf.parents]
    return min(possible, key=lambda leaf: (wanted.index(leaf.words), leaf.depth), default=None)
