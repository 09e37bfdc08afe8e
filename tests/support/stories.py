"""Random stories: rule sets of every kind of condition and option, and what happens to one customer under them.

A story is made from a source of randomness, Hypothesis' or Python's own, so that it can be shrunk or run in a loop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from schemas.events import UNREADABLE
from schemas.ladders import Ladder
from schemas.rules import ForEveryRule, Rule, RuleBook, measured
from schemas.value import Valuation, with_value
from tests.support.builders import DAY, START, rule
from workers.core.coverage import Coverage
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import LADDER, RuleSet

TYPES: Final = ("purchase", "login", "cancellation", "nps", "prefs", "refund")
EVENTS: Final = (
    "purchase",
    "purchase",
    "purchase",
    "login",
    "login",
    "cancellation",
    "nps",
    "prefs",
    "refund",
    "visit",
)
"""`visit` is a type that no rule set knows."""
_STAGES: Final = ("loyal", "active", "quiet", "others")
_BOUNDS: Final = ("at least", "at most", "more than", "less than")


VALUE: Final = Valuation.model_validate(
    {
        "revenue": ["purchase.amount"],
        "less": ["refund.amount"],
        "currency": "EUR",
        "rates": {"USD": "0.9"},
        "within": "12 days",
        "cost of winning": 25,
        "tiers": {
            "measured": "2024-01-01",
            "customers": 10,
            "from": "scan",
            "thresholds": {"5%": 70, "20%": 40},
        },
    }
)


@dataclass
class TurnOfStory:
    """What is handed to a core at once.

    Attributes:
        rules, observed: in force.
        events: in log order.
        upto_ms: until when timers are decided, 0 for none.
    """

    rules: RuleSet
    observed: Coverage
    events: list[DecodedEvent]
    upto_ms: int


def story(random: Random, changes: bool = True, lags: bool = True) -> list[TurnOfStory]:
    """Return the turns of one customer.

    Args:
        random: where chance comes from.
        changes: whether rules may change in between.
        lags: whether types may be seen less far than events have come.
    """
    book = _book(random)
    rules = compiled(book)
    generation, since = 0, {one.id: (0, 0) for one in rules.rules}
    start_day, whole = random.choice((0, 0, 0, 2, 15)), random.random() < 0.7
    at_day, serial = 1.0, 0
    until = dict.fromkeys(TYPES, START)
    lagging = lags and random.random() < 0.6
    known: list[DecodedEvent] = []
    turns: list[TurnOfStory] = []
    for _ in range(random.randint(1, 8)):
        events: list[DecodedEvent] = []
        for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
            at_day += random.choice((0, 0.0001, 0.5, 1, 2, 5, 11, random.uniform(0, 40)))
            if known and random.random() < 0.08:
                events.append(random.choice(known))
                continue
            events.append(_event(random, serial, at_day))
            known.append(events[-1])
            serial += 1
        if changes and turns and random.random() < 0.15:
            book = _changed(random, book)
            other = compiled(book)
            generation += 1
            now_ms = _ms(at_day) if random.random() < 0.8 else _ms(at_day) - 3 * DAY
            before = rules.by_id
            for one in other.rules:
                same = one.id in before and before[one.id].audience_hash == one.audience_hash
                if not same:
                    since[one.id] = generation, now_ms
            if other.ladder is not None and (rules.ladder is None or rules.ladder.hash != other.ladder.hash):
                since[LADDER] = generation, now_ms
            meaning = (generation, now_ms) if random.random() < 0.2 else (rules.meaning_generation, 0)
            rules = other.as_activated(generation, since, meaning)
        if lagging:
            for name in TYPES:
                behind = random.choice((0, 0, 0, 1, 4, 20))
                until[name] = max(until[name], _ms(at_day - behind) - 1)
        observed = Coverage(
            since={spec.key: _ms(start_day) for spec in rules.specs()},
            until={name: until[name] for name in TYPES if name != "nps"} if lagging else {},
            complete=frozenset(spec.key for spec in rules.specs()) if whole else frozenset(),
            meant=dict.fromkeys(TYPES, rules.meaning_since_ms) if rules.meaning_since_ms else {},
        )
        upto_ms = 0
        if random.random() < 0.5:
            at_day += random.choice((0, 0.5, 3, 12, 30))
            upto_ms = _ms(at_day)
        turns.append(TurnOfStory(rules, observed, events, upto_ms))
    seen = replace(turns[-1].observed, until={})
    turns.append(TurnOfStory(rules, seen, [], _ms(at_day + random.choice((0, 20, 500)))))
    return turns


def compiled(book: RuleBook) -> RuleSet:
    """Compile a rule book."""
    return compile_rules(book, TYPES)


def _ms(at_day: float) -> int:
    return START + round(at_day * DAY)


def _event(random: Random, serial: int, at_day: float) -> DecodedEvent:
    kind = random.choice(EVENTS)
    if random.random() < 0.2:
        at_day = max(0.5, at_day - random.choice((0.0001, 0.5, 3, 9, 30)))
    attributes: dict[str, Any] = {}
    if kind == "purchase":
        attributes = {"amount": random.choice((10, 20, 40, -15)), "currency": random.choice(("EUR", "EUR", "USD"))}
        if random.random() < 0.5:
            attributes["shop"] = random.choice(("north", "south", "east"))
    if kind == "refund":
        attributes = {"amount": random.choice((5, 20, 60)), "currency": random.choice(("EUR", "EUR", "USD"))}
    if kind == "nps":
        attributes = {"score": random.choice((3, 7, "9", "x", None))}
        attributes["until"] = random.choice(("2024-02-10", "2024-01-20T10:00:00+01:00", "soon", None))
    if kind == "login" and random.random() < 0.4:
        attributes = {"device": random.choice(("phone", "desk"))}
    if kind == "prefs":
        attributes = {"mail": random.choice(("yes", "no", "perhaps", True, None)), "zone": "Europe/Berlin"}
        if random.random() < 0.1:
            attributes[UNREADABLE] = "mail"
    history_ms = _ms(at_day + random.choice((-1, 3, 20))) if random.random() < 0.06 else 0
    return DecodedEvent(f"e{serial}", kind, "ada", _ms(at_day), attributes, history_ms)


def _book(random: Random) -> RuleBook:
    names = [f"rule-{letter}" for letter in "abcdefgh"[: random.randint(1, 6)]]
    rules = tuple(_rule(random, name, names) for name in names)
    policy: dict[str, Any] = {}
    if random.random() < 0.3:
        policy["limits"] = [{"at most": "1 action", "within": "9 days"}]
        if random.random() < 0.5:
            policy["limits"].append({"at most": "2 actions", "per": "calendar week"})
    if random.random() < 0.2:
        policy["quiet hours"] = {"from": "22:00", "until": "07:00"}
        policy["time zone"] = {"from": "prefs.zone", "otherwise": "UTC"}
    if random.random() < 0.25:
        policy["consent"] = {"from": "prefs.mail"}
        if random.random() < 0.5:
            policy["consent"]["unknown"] = "opted out"
    return RuleBook(
        rules,
        {},
        ForEveryRule.model_validate(policy),
        signs_of_life=frozenset({"purchase", "login"}),
        value=VALUE if random.random() < 0.5 else None,
        ladders=(_ladder(random),) if random.random() < 0.4 else (),
    )


def _ladder(random: Random) -> Ladder:
    steps = [
        {"stage": stage, "when": _condition(random, 1, _STEPS)}
        for stage in random.sample(_STAGES[:-1], random.randint(1, 3))
    ]
    ladder = Ladder.model_validate({"name": "stages", "status": "live", "steps": steps, "otherwise": _STAGES[-1]})
    return ladder.changed(lambda when: with_value(when, VALUE))


def _changed(random: Random, book: RuleBook) -> RuleBook:
    names = [one.id for one in book.rules]
    rules: list[Rule] = []
    for one in book.rules:
        chance = random.random()
        if chance < 0.15:
            continue
        rules.append(_rule(random, one.id, names) if chance < 0.5 else one)
    if random.random() < 0.4:
        rules.append(_rule(random, "rule-z", [*names, "rule-z"]))
    unique = {one.id: one for one in rules}
    value = book.value if random.random() < 0.8 else None if book.value else VALUE
    ladders = book.ladders if random.random() < 0.7 else (_ladder(random),) if random.random() < 0.7 else ()
    return replace(book, rules=tuple(unique.values()), value=value, ladders=ladders)


def _rule(random: Random, name: str, names: Sequence[str]) -> Rule:
    content: dict[str, Any] = {"when": _condition(random, 2)}
    if random.random() < 0.2:
        content["unless"] = _condition(random, 1)
    if random.random() < 0.2:
        content["for_"] = random.choice(("1 day", "4 days", "2 hours"))
    content["again_after"] = random.choice(("1 day", "5 days", "20 days", "never"))
    content["expires_after"] = random.choice(("1 day", "6 days", "14 days", "60 days"))
    if content["expires_after"] != "60 days" and random.random() < 0.25:
        content["again_every"] = random.choice(("14 days", "20 days"))
        if random.random() < 0.7:
            content["at_most"] = random.choice(("2 actions", "3 actions"))
    content["status"] = random.choice(("live", "live", "live", "live", "shadow", "paused"))
    if random.random() < 0.3:
        content["priority"] = random.choice((10, 20, 30))
    if random.random() < 0.2:
        content["instead_of"] = [random.choice([one for one in [*names, "rule-y"] if one != name])]
    if random.random() < 0.1:
        content["hold_out"] = random.choice(("50%", "20%"))
    if random.random() < 0.2:
        content.update(existing="include", pace="at most 500 per hour")
    if random.random() < 0.2:
        content["take_back"] = "never"
    if random.random() < 0.3:
        content["variables"] = {"amount": "purchase.amount", "shop": "purchase.shop", "score": "nps.score"}
        if random.random() < 0.7:
            content["variables"] |= {f"v{number}": _variable(random) for number in range(random.randint(1, 4))}
    if random.random() < 0.1:
        content.update(channel="push", labels={"campaign": "spring", "cost": 0.5})
    return measured(rule(name, **content), VALUE)


def _variable(random: Random) -> dict[str, Any]:
    kind = _name(random)
    made: dict[str, Any] = random.choice(
        (
            {"sum": "purchase.amount", **_within(random), **_where(random, "purchase")},
            {"count": kind, **_within(random), **_where(random, kind)},
            {"average": random.choice(("purchase.amount", "nps.score")), **_within(random)},
            {"days since": kind, **_where(random, kind)},
            {"first": kind},
            {"last": kind},
            {"top": random.choice(("purchase.shop", "login.device")), **_within(random)},
            {"last known": random.choice(("nps.score", "purchase.shop"))},
            {"latest event": "login.device"},
        )
    )
    return {**made, "otherwise": "unknown"} if random.random() < 0.3 else made


def _condition(random: Random, depth: int, kinds: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a condition of certain kinds, by default of all."""
    chance = random.random()
    if depth and chance < 0.5:
        if chance < 0.1:
            return {"not": _condition(random, depth - 1, kinds)}
        parts = [_condition(random, depth - 1, kinds) for _ in range(random.randint(2, 3))]
        return {"all" if chance < 0.35 else "any": parts}
    kinds = kinds or _KINDS
    made: dict[str, Any] = kinds[random.choice(tuple(kinds))](random)
    return made


def _span(random: Random) -> str:
    return random.choice(("1 day", "3 days", "5 days", "9 days", "20 days", "60 days"))


def _days(random: Random) -> str:
    return random.choice(("1 day", "3 days", "7 days", "12 days", "30 days"))


def _name(random: Random) -> str:
    return random.choice(("purchase", "purchase", "login", "nps", "cancellation"))


def _where(random: Random, kind: str) -> dict[str, Any]:
    if random.random() < 0.7:
        return {}
    if kind == "purchase":
        return {
            "where": random.choice(({"amount": {"at least": 20}}, {"shop": "north"}, {"shop": ["south", "east"]}))
        }
    return {"where": {"device": "phone"}} if kind == "login" else {}


def _limited(random: Random, numbers: Sequence[int]) -> dict[str, Any]:
    if random.random() < 0.15:
        return {"exactly": random.choice(numbers)}
    first = random.choice(_BOUNDS)
    return {first: random.choice(numbers)}


def _within(random: Random) -> dict[str, Any]:
    return {"within": _days(random)} if random.random() < 0.6 else {}


def _count(random: Random) -> dict[str, Any]:
    kind = _name(random)
    return {"count": kind, **_limited(random, (1, 2, 3, 4)), **_within(random), **_where(random, kind)}


def _sum(random: Random) -> dict[str, Any]:
    return {
        "sum": "purchase.amount",
        **_limited(random, (10, 30, 50, 80)),
        **_within(random),
        **_where(random, "purchase"),
    }


def _average(random: Random) -> dict[str, Any]:
    return {"average": "purchase.amount", **_limited(random, (10, 20, 30)), **_within(random)}


def _distinct(random: Random) -> dict[str, Any]:
    return {"distinct": "purchase.shop", **_limited(random, (1, 2, 3)), **_within(random)}


def _none(random: Random) -> dict[str, Any]:
    kind = _name(random)
    return {"none": kind, "for": _span(random), **_where(random, kind)}


def _aged(word: str) -> Any:
    def made(random: Random) -> dict[str, Any]:
        kind = _name(random)
        ages: Mapping[str, str] = random.choice(
            (
                {"at least": "4 days ago"},
                {"at most": "9 days ago"},
                {"at least": "3 days ago", "at most": "10 days ago"},
            )
        )
        return {word: kind, **ages, **_where(random, kind)}

    return made


def _known_for(random: Random) -> dict[str, Any]:
    return {"known for": _span(random)}


def _change(random: Random) -> dict[str, Any]:
    return {
        "change": random.choice(("purchase", "login", "purchase.amount")),
        random.choice(("up by", "down by")): random.choice(("20%", "50%", "90%")),
        "within": _days(random),
        "from at least": random.choice((1, 2, 10)),
    }


def _overdue(random: Random) -> dict[str, Any]:
    kind = random.choice(("purchase", "login"))
    return {
        "overdue": kind,
        "by": random.choice(("2 times", "1.5 times")),
        "usual gap": random.choice(("5 days", "20 days")),
        "at least": random.choice(("2 days", "9 days")),
        **_where(random, kind),
    }


def _side(random: Random) -> Any:
    kind = _name(random)
    where = _where(random, kind)
    return {"event": kind, **where} if where else kind


def _after_then(random: Random) -> dict[str, Any]:
    return {"after": _side(random), "then": _side(random), "within": _span(random)}


def _after_without(random: Random) -> dict[str, Any]:
    return {"after": _side(random), "without": _side(random), "for": _span(random)}


def _latest(random: Random) -> dict[str, Any]:
    return random.choice(
        (
            {"latest": "nps.score", "at most": 6},
            {"latest": "nps.score", "more than": 6},
            {"latest": "purchase.shop", "is": "north"},
            {"latest": "purchase.shop", "is not": ["north", "south"]},
            {"latest": "login.device", "is": "phone"},
        )
    )


def _date(random: Random) -> dict[str, Any]:
    return {"date": "nps.until", **random.choice(({"in the next": "10 days"}, {"passed for": "3 days"}))}


def _status(random: Random) -> dict[str, Any]:
    if random.random() < 0.4:
        return {"status": "cancelled", "for": _span(random)}
    return {"status": random.choice(("active", "cancelled"))}


def _value(random: Random) -> dict[str, Any]:
    bounds = ("at least 30", "less than 30", "top 20%", "top 5%", "less than cost of winning", "at most 0")
    return {"value": random.choice((*bounds, {"at least": 10, "less than": 60}))}


def _stage(random: Random) -> dict[str, Any]:
    return {"stage": random.choice((*_STAGES, list(_STAGES[1:])))}


def _in_stage_for(random: Random) -> dict[str, Any]:
    return {"in stage for": _span(random)}


def _moved(random: Random) -> dict[str, Any]:
    origin: dict[str, Any] = {"from": random.choice(_STAGES)} if random.random() < 0.3 else {}
    return {"moved": random.choice(("up", "down")), **_within(random), **origin}


_STEPS: Final = {
    "count": _count,
    "sum": _sum,
    "average": _average,
    "distinct": _distinct,
    "none": _none,
    "last": _aged("last"),
    "first": _aged("first"),
    "known for": _known_for,
    "change": _change,
    "overdue": _overdue,
    "after then": _after_then,
    "after without": _after_without,
    "latest": _latest,
    "date": _date,
    "status": _status,
    "value": _value,
}
"""By kind of condition that reads no ladder, what makes one."""
_KINDS: Final = {**_STEPS, "stage": _stage, "in stage for": _in_stage_for, "moved": _moved}
