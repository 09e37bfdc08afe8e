"""Which event: what distinguishes events, so that one that is sent twice counts once; and which order."""

from collections.abc import Sequence
from typing import Any, Final

from workers.source_trial.guessing.guess import Guess, place_of, yaml_text
from workers.source_trial.guessing.leaves import Header, Leaf
from workers.source_trial.guessing.moments import is_time, moment_of
from workers.source_trial.guessing.people import PERSONS
from workers.source_trial.guessing.vocabulary import words_of

__all__ = ["event_id_of", "order_of", "row_id_of"]

_OF_AN_EVENT: Final = (
    (("event", "id"), 100),
    (("insert", "id"), 96),
    (("message", "id"), 92),
    (("messageid",), 92),
    (("delivery", "id"), 86),
    (("webhook", "id"), 45),  # of a delivery with some, of what was subscribed to with others
    (("log", "id"), 84),
    (("uuid",), 82),
    (("guid",), 82),
    (("notification", "id"), 80),
    (("request", "id"), 50),
    (("idempotency", "key"), 78),
    (("dedup", "id"), 78),
)
_THINGS: Final = frozenset(
    {
        *(
            "order",
            "transaction",
            "txn",
            "payment",
            "invoice",
            "ticket",
            "purchase",
            "charge",
            "receipt",
            "increment",
        ),
        *("entity", "sale", "psp", "checkout", "booking", "bill", "subscription", "capture", "record", "document"),
    }
)
_ID_WORDS: Final = frozenset({"id", "no", "nr", "num", "number", "key", "ref", "reference", "uuid", "guid", "code"})
_NOT_IT: Final = frozenset(
    {
        *(
            "instance",
            "session",
            "customer",
            "user",
            "client",
            "product",
            "store",
            "shop",
            "tenant",
            "merchant",
            "app",
        ),
        *("account", "member", "parent", "original", "device", "category", "project", "trace", "span", "profile"),
        *("location", "discount", "plan", "price", "channel", "quote", "store", "replay", "bundle", "correlation"),
        *("address", "connection", "organization", "org", "company", "type", "schema", "actor", "country", "method"),
        *(
            "currency",
            "status",
            "auth",
            "coupon",
            "discount",
            "postal",
            "zip",
            "error",
            "distinct",
            "card",
            "sku",
            "item",
        ),
        *("loyalty", "buyer", "driver", "person", "campaign", "list", "token", "tax", "cart", "line", "template"),
    }
)
_LASTING: Final = frozenset({"subscription", "contract", "mandate", "membership", "policy", "agreement"})
_LOG_POSITIONS: Final = (
    ("source.lsn",),
    ("source.file", "source.pos", "source.row"),
    ("source.scn",),
    ("source.change_lsn", "source.event_serial_no"),
    ("source.ord",),
    ("source.txId",),
)
_SEQUENCES: Final = (("sequence",), ("sequence", "number"), ("sequence", "no"))
_OWN_NUMBERS: Final = (("number",), ("reference",))
_LEAST: Final = 40
_BY_VALUES: Final = 46
_MANY: Final = 5
_LEAST_COUNTED: Final = 1_000_000


def event_id_of(leaves: Sequence[Leaf], headers: Sequence[Header], discriminator: str | None) -> Guess:
    """Guess what distinguishes events; the record's position if nothing does.

    Args:
        leaves: the values of the samples.
        headers: the headers of the samples.
        discriminator: the path that distinguishes kinds of records; it is joined to the id of a thing, which may have
            several events.
    """
    scored = sorted(((_score(leaf), leaf) for leaf in leaves), key=lambda found: -found[0])
    best, leaf = scored[0] if scored else (0, None)
    header = next((header for header in headers if _is_id_header(header)), None)
    if header is not None and best < 80:
        name = yaml_text(header.name, in_flow=True)
        return Guess(f"{{header: {name}}}", header.seen())
    if leaf is None or best < _LEAST:
        return Guess(
            "{position: true}", "nothing looks like the id of an event; sent twice, it counts twice", is_sure=False
        )
    guess = Guess(place_of(leaf), f"{leaf.seen()}, such as {leaf.example()}", leaf=leaf)
    if leaf.place == "id" and {"specversion", "source"} <= {other.place for other in leaves}:
        return Guess("{join: [source, id]}", f"{guess.why}; a CloudEvent's id is its source's own", leaf=leaf)
    sequence = next((other for other in leaves if other.words in _SEQUENCES and other.is_beside(leaf)), None)
    if sequence is not None:
        parts = f"{yaml_text(leaf.place, in_flow=True)}, {yaml_text(sequence.place, in_flow=True)}"
        return Guess(f"{{join: [{parts}]}}", f"{guess.why}, with its number there", leaf=leaf)
    if _is_a_things(leaf):
        thing = f"{guess.why}; the id of a thing, not of an event"
        own = place_of(leaf) if leaf.find is not None else yaml_text(leaf.place, in_flow=True)
        also = [] if discriminator is None else [discriminator]
        if _lasts(leaf):
            moment = moment_of(leaves, "")
            if moment is not None and moment.leaf is not None and moment.leaf.find is None:
                place = ", ".join([own, *(yaml_text(path, in_flow=True) for path in [*also, moment.leaf.place])])
                return Guess(f"{{join: [{place}]}}", f"{thing}, and one that lasts, so the time is joined to it")
            return guess.doubted(f"{thing}, and one that lasts: a second event of it would count as the same")
        if also:
            place = f"{{join: [{own}, {yaml_text(also[0], in_flow=True)}]}}"
            return Guess(place, f"{thing}, so its kind is joined to it", leaf=leaf)
        return Guess(guess.place, f"{thing}: sent again, it counts once", leaf=leaf)
    if best <= _BY_VALUES:
        return guess.doubted(f"{guess.why}; its name hardly says so: is it one for each event?")
    if len(leaf.values) > 1 and leaf.distinct < len(leaf.values):
        return guess.doubted(f"{guess.why}; some samples have the same")
    return guess


def row_id_of(leaves: Sequence[Leaf], row: str) -> Guess:
    """Guess what distinguishes changes of database rows: their place in the database's log, with the row's key."""
    places = {leaf.place for leaf in leaves if leaf.values}
    position = next((found for found in _LOG_POSITIONS if all(path in places for path in found)), ("source.ts_ms",))
    own = sorted((leaf for leaf in leaves if leaf.place.startswith(f"{row}.") and leaf.depth == 2), key=_by_row_key)
    key = [own[0].place] if own and _by_row_key(own[0])[0] < 3 else []
    table = [path for path in ("source.name", "source.table") if path in places]
    parts = [*table, *position, *key]
    why = "no row names its change: where it stands in the database's log, and the key of the row"
    if len(parts) < 2 or not {*parts} <= places:
        return Guess("{position: true}", "nothing names a row's change; sent twice, it counts twice", is_sure=False)
    place = f"{{join: [{', '.join(yaml_text(part, in_flow=True) for part in parts)}]}}"
    return Guess(place, why) if key else Guess(place, f"{why}, which nothing looks like", is_sure=False)


def order_of(leaves: Sequence[Leaf]) -> Guess | None:
    """Guess the id of what was bought; None if nothing looks like it."""
    wanted = ("order", "transaction", "txn", "purchase", "payment", "invoice", "ticket", "checkout")

    def rank(leaf: Leaf) -> tuple[int, int]:
        words = {*leaf.words}
        return next(number for number, word in enumerate(wanted) if word in words), leaf.depth

    found = [
        leaf
        for leaf in leaves
        if {*leaf.words} & {*wanted}
        and {*leaf.words} & (_ID_WORDS - {"key", "code"})
        and not {*leaf.words} & {"method", "type", "status", "code", "version", "time"}
        and all(_is_id(value) for value in leaf.values.values())
        and leaf.values
        and not leaf.in_list
    ]
    if not found:
        return None
    best = min(found, key=rank)
    return Guess(place_of(best), best.seen(), leaf=best)


def _by_row_key(leaf: Leaf) -> tuple[int, int]:
    table_like = {*leaf.words} & _THINGS and {*leaf.words} & _ID_WORDS
    rank = 0 if leaf.words == ("id",) else 1 if table_like else 3
    return rank, -len(leaf.values)


def _is_id_header(header: Header) -> bool:
    words = header.words
    named = words[-1:] == ("id",) and bool(
        {*words} & {"event", "message", "delivery", "webhook", "notification", "ce"}
    )
    return named and len(header.values) == header.records and len({*header.values.values()}) == header.records


def _is_a_things(leaf: Leaf) -> bool:
    if leaf.words == ("id",):
        return leaf.depth > 1 and words_of(leaf.parents[0])[-1:] != ("event",)
    return bool({*leaf.words} & _THINGS) or leaf.words in _OWN_NUMBERS


def _lasts(leaf: Leaf) -> bool:
    """Return whether it is the id of something with many events of one kind, such as a subscription."""
    named = {*leaf.words} - _ID_WORDS or {*words_of(leaf.parents[0])} if leaf.parents else {*leaf.words}
    return bool(named & _LASTING)


def _score(leaf: Leaf) -> int:
    values = list(leaf.values.values())
    if not values or not all(map(_is_id, values)) or leaf.in_list:
        return 0
    words = set(leaf.words)
    if leaf.parents and leaf.words == ("id",) and {*words_of(leaf.parents[0])} & PERSONS.keys():
        return 0
    by_name = max((score for name, score in _OF_AN_EVENT if leaf.words[-len(name) :] == name), default=0)
    if not by_name:
        if len(leaf.words) == 1 and words & _THINGS and any(character.isdigit() for character in str(values[0])):
            return 60 - 3 * leaf.depth if leaf.distinct == leaf.documents else 0
        if {*leaf.words[-1:]} & {"txn", "transaction"} and leaf.distinct == leaf.documents:
            return 60 - 3 * leaf.depth
        if leaf.words in _OWN_NUMBERS and leaf.distinct == leaf.documents:
            of_thing = leaf.depth > 1 and bool({*words_of(leaf.parents[0])} & _THINGS)
            return 60 - 3 * leaf.depth if of_thing else 50 if leaf.depth == 1 else 0
        if words & (_NOT_IT | PERSONS.keys()) or not (words & _ID_WORDS):
            return 0
        by_name = 90 if leaf.words == ("id",) else 68 if words & _THINGS else _by_values(leaf)
        if leaf.words == ("id",) and leaf.depth > 1:
            by_name = 95 if words_of(leaf.parents[0])[-1:] == ("event",) else 70
            if any({*words_of(parent)} & _NOT_IT for parent in leaf.parents):
                by_name = 20
    if all(isinstance(value, int) and value < _LEAST_COUNTED for value in values):
        by_name -= 25 if by_name > 90 else 0  # a number within a session or a shop
    if words & {"changes", "before"} or "before" in leaf.parents:
        return 0
    repeated = len(values) - leaf.distinct
    missing = leaf.documents - len(values)
    return by_name - 3 * leaf.depth - 60 * bool(missing) - (70 * repeated // len(values) if repeated else 0)


def _by_values(leaf: Leaf) -> int:
    """Return how much the id of an unknown thing looks like an event's: each of many samples has another."""
    return _BY_VALUES if len(leaf.words) == 2 and leaf.distinct == leaf.documents >= _MANY else 0


def _is_id(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return False
    if isinstance(value, int):
        return True
    return 0 < len(value) <= 200 and "\n" not in value and value.count(" ") < 2 and not _is_moment(value)


def _is_moment(value: str) -> bool:
    return not value.isdigit() and is_time(value)
