"""Rule set: rule models compiled into conditions, indexed by what can change them.

Compiling is pure and happens once per load; the hash over all rules says whether two workers decide alike.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from hashlib import blake2b
from typing import Any, Final

import orjson

from schemas import actions
from schemas import conditions as model
from schemas.durations import duration_ms, write_duration
from schemas.rules import Rule as WrittenRule
from workers.core import conditions
from workers.core.activity import DAY_MS
from workers.core.conditions import Condition
from workers.core.facts import UNIT, Fact, scaled

MIN_KEEP_DAYS: Final = 90
"""Days of buckets kept of every type even if no rule asks for them, so that a new rule does not start blind."""

Matcher = Callable[[Fact], bool]


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """One series that has to be kept.

    Attributes:
        key: its name in stored activities.
        adds: the attribute to add up, or None.
        matches: whether an event of the type belongs to it; None for every one.
        keep_days: how long its buckets are kept.
    """

    key: str
    type: str
    adds: str | None
    matches: Matcher | None
    keep_days: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule; durations in milliseconds, `again_after_ms` None for never again."""

    id: str
    version: str
    action: actions.ActionName
    shadow: bool
    condition: Condition
    template: str
    variables: Mapping[str, str]
    again_after_ms: int | None
    expires_after_ms: int
    types: frozenset[str]
    needs: frozenset[str]

    @property
    def identity(self) -> actions.Rule:
        """Return the rule as actions name it."""
        return actions.Rule(self.id, self.version)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules that are evaluated (live and shadow), in the order of their ids.

    Attributes:
        hash: over the content of every rule, also those not evaluated.
        series: by event type, the series to keep of it.
        by_type: by event type, the rules whose truth its events can change.
        references: by event type, the attributes of its latest event that templates use.
        declared: the event types beyond the built-in ones.
    """

    rules: tuple[Rule, ...]
    hash: str
    series: Mapping[str, tuple[SeriesPlan, ...]]
    by_type: Mapping[str, tuple[Rule, ...]]
    references: Mapping[str, tuple[str, ...]]
    declared: frozenset[str] = frozenset()
    by_id: Mapping[str, Rule] = field(default_factory=dict)

    def plans(self) -> Iterable[SeriesPlan]:
        """Iterate over every series of every type."""
        for plans in self.series.values():
            yield from plans


def compile_rules(rules: Iterable[WrittenRule], types: Iterable[str]) -> RuleSet:
    """Compile rule models.

    Args:
        rules: of all files; ids are unique.
        types: every event type there is, built-in and declared.
    """
    ordered = sorted(rules, key=lambda rule: rule.id)
    evaluated = [rule for rule in ordered if rule.status in ("live", "shadow")]
    known = sorted(set(types) | {name for rule in evaluated for name in _types_of(rule.when)})
    plans = _Plans(known)
    compiled = tuple(_compile(rule, plans) for rule in evaluated)
    references: dict[str, set[str]] = {}
    for rule in evaluated:
        for reference in rule.variables.values():
            name, attribute = reference.split(".", 1)
            references.setdefault(name, set()).add(attribute)
    return RuleSet(
        rules=compiled,
        hash=_digest([_content(rule) for rule in ordered]),
        series=plans.by_type(),
        by_type={name: tuple(rule for rule in compiled if name in rule.types) for name in known},
        references={name: tuple(sorted(attributes)) for name, attributes in references.items()},
        declared=frozenset(known) - {"purchase", "login", "cancellation"},
        by_id={rule.id: rule for rule in compiled},
    )


def _content(rule: WrittenRule) -> Any:
    return rule.model_dump(mode="json", by_alias=True, exclude_none=True)


def _digest(content: Any) -> str:
    return blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=6).hexdigest()


def _compile(rule: WrittenRule, plans: "_Plans") -> Rule:
    condition = _condition(rule.when, plans)
    return Rule(
        id=rule.id,
        version=_digest(_content(rule)),
        action=rule.action,
        shadow=rule.status == "shadow",
        condition=condition,
        template=rule.template,
        variables=dict(rule.variables),
        again_after_ms=None if rule.again_after is None else duration_ms(rule.again_after),
        expires_after_ms=duration_ms(rule.expires_after),
        types=condition.types,
        needs=condition.needs,
    )


class _Plans:
    """Collects which series the conditions read, and how far back."""

    def __init__(self, types: Iterable[str]) -> None:
        # The plain series of each type is kept whatever the rules are; a purchase's adds up its amount.
        self._plans = {
            name: SeriesPlan(name, name, "amount" if name == "purchase" else None, None, MIN_KEEP_DAYS)
            for name in types
        }

    def need(self, name: str, where: Any, adds: str | None, days: int) -> str:
        """Ask for a series and return its key."""
        plain = self._plans.get(name)
        if not where and plain is not None and adds in (None, plain.adds):
            key, matches, adds = name, None, plain.adds
        else:
            filters = {attribute: _filter_content(value) for attribute, value in (where or {}).items()}
            key = f"{name}?{_digest([filters, adds])}"
            matches = _matcher(where) if where else None
        known = self._plans.get(key)
        keep_days = max(days, known.keep_days if known else MIN_KEEP_DAYS)
        self._plans[key] = SeriesPlan(key, name, adds, matches, keep_days)
        return key

    def by_type(self) -> dict[str, tuple[SeriesPlan, ...]]:
        """Return the series of each type, the plain one first."""
        grouped: dict[str, list[SeriesPlan]] = {}
        for plan in sorted(self._plans.values(), key=lambda plan: plan.key):
            grouped.setdefault(plan.type, []).append(plan)
        return {name: tuple(plans) for name, plans in grouped.items()}


def _types_of(when: Any) -> set[str]:
    match when:
        case model.Count(count=name):
            return {name}
        case model.Sum(sum=reference):
            return {reference.split(".", 1)[0]}
        case model.Absent(none=name):
            return {name}
        case model.Status():
            return {conditions.CANCELLATION, conditions.PURCHASE}
        case model.All(all=parts) | model.Any_(any=parts):
            return {name for part in parts for name in _types_of(part)}
        case model.Not(not_=part):
            return _types_of(part)
    raise TypeError(f"no such condition: {when!r}")


def _condition(when: Any, plans: _Plans) -> Condition:
    match when:
        case model.Count():
            return _volume(when, when.count, None, 1, plans)
        case model.Sum():
            name, attribute = when.sum.split(".", 1)
            return _volume(when, name, attribute, UNIT, plans)
        case model.Absent():
            key = plans.need(when.none, when.where, None, 0)
            span = write_duration(when.for_)
            phrase = f"no {when.none}{_filter_phrase(when.where)} for {span}"
            return conditions.Absence(key, when.none, duration_ms(when.for_), span, phrase)
        case model.Status():
            for name in (conditions.CANCELLATION, conditions.PURCHASE):
                plans.need(name, None, None, 0)
            return conditions.Cancelled(when.status == "cancelled", f"the customer is {when.status}")
        case model.All():
            return conditions.Several(tuple(_condition(part, plans) for part in when.all), conditions.FALSE)
        case model.Any_():
            return conditions.Several(tuple(_condition(part, plans) for part in when.any), conditions.TRUE)
        case model.Not():
            return conditions.Negation(_condition(when.not_, plans))
    raise TypeError(f"no such condition: {when!r}")


def _volume(when: "model.Count | model.Sum", name: str, adds: str | None, unit: int, plans: _Plans) -> Condition:
    days = None if when.within is None else duration_ms(when.within) // DAY_MS
    key = plans.need(name, when.where, adds, days or 0)
    lower, upper = when.limits()
    low = None if lower is None else int((lower[0] * unit).to_integral_value(ROUND_CEILING)) + lower[1]
    high = None if upper is None else int((upper[0] * unit).to_integral_value(ROUND_FLOOR)) - upper[1]
    bounds = when.words()
    subject = f"{bounds} {name}{_filter_phrase(when.where)}"
    if adds is not None:
        subject = f"{name} {adds}{_filter_phrase(when.where)} adding up to {bounds}"
    phrase = subject + (" ever" if when.within is None else f" within {write_duration(when.within)}")
    return conditions.Volume(key, name, adds, low, high, days, phrase)


def _filter_content(value: Any) -> Any:
    if isinstance(value, model.Bounds | model.Different):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    return value


def _filter_phrase(where: Mapping[str, Any] | None) -> str:
    if not where:
        return ""
    return f" ({', '.join(f'{name} {_one_filter_phrase(value)}' for name, value in where.items())})"


def _one_filter_phrase(value: Any) -> str:
    match value:
        case model.Bounds():
            return value.words()
        case model.Different(other_than=other):
            return f"other than {_one_filter_phrase(other)}"
        case list():
            return " or ".join(map(str, value))
    return str(value)


def _matcher(where: Mapping[str, Any]) -> Matcher:
    tests = [(name, _test(value)) for name, value in where.items()]

    def matches(fact: Fact) -> bool:
        attributes = fact.attributes
        return all(test(attributes.get(name)) for name, test in tests)

    return matches


def _test(value: Any) -> Callable[[Any], bool]:
    match value:
        case model.Bounds():
            low, high = value.limits()
            low_scaled = None if low is None else scaled(low[0]) + low[1]
            high_scaled = None if high is None else scaled(high[0]) - high[1]

            def between(found: Any) -> bool:
                if isinstance(found, bool) or not isinstance(found, int | float | Decimal):
                    return False
                number = scaled(found)
                return (low_scaled is None or number >= low_scaled) and (high_scaled is None or number <= high_scaled)

            return between
        case model.Different(other_than=other):
            refused = _test(other)
            return lambda found: found is not None and not refused(found)
        case list():
            allowed = tuple(value)
            return lambda found: any(_same(found, one) for one in allowed)
    return lambda found: _same(found, value)


def _same(found: Any, wanted: Any) -> bool:
    # True == 1 in Python; in a rule they are different answers. And no float equals the exact decimal 19.99.
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, int | float | Decimal) and isinstance(wanted, int | float | Decimal):
        return Decimal(str(found)) == Decimal(str(wanted))
    return bool(found == wanted)
