"""Written rules -> the compiled rule set."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from schemas import actions, conditions
from schemas import rules as written
from schemas.attribute_types import AttributeType, told_apart_in, uses_of
from schemas.conditions import expanded
from schemas.durations import duration_ms
from schemas.ladders import Ladder as LadderAsWritten
from schemas.paces import pace_seconds
from schemas.rules import RuleBook
from schemas.variables import OfLatestEvent, measurement_of
from workers.core.book.meant import meant_in
from workers.core.coverage import FOREVER_MS
from workers.core.customer.names import code_of
from workers.core.customer.specs import AttributeSpec, Specs, digest_of
from workers.core.customer.stage import code_of_stage
from workers.core.experiments.arms import Arms
from workers.core.experiments.experiment import arms_of, arms_of_all, experiments_of
from workers.core.meaning import MEANING
from workers.core.rules.attribute_types import attributes_in, attributes_of_success, to_convert, types_of_attributes
from workers.core.rules.competition import competing
from workers.core.rules.contact_policy import compile_contact_policy
from workers.core.rules.groups_of_3 import grouped
from workers.core.rules.rule_set import Ladder, Pace, Required, Rule, RuleSet
from workers.core.rules.value import require_value
from workers.core.rules.variables import collect_variables
from workers.core.rules.whole_conditions import (
    can_turn_false,
    collect,
    least_events,
    most_events,
    reads_ladder,
    reads_tenure,
    types_of,
)

HOLD_OUT_KEY: Final = b"linger"
"""Key of the hold-out hash if the operator sets none."""


_BUILT_IN: Final = frozenset({"purchase", "login", "cancellation"})


def compile_rules(book: RuleBook, types: Iterable[str], hold_out_key: bytes = HOLD_OUT_KEY) -> RuleSet:
    """Compile everything that rule files say.

    Args:
        book: validated: ids are unique, and every named condition exists.
        types: all event types, built-in and declared.
        hold_out_key: key of the hold-out hash, of any length.
    """
    ordered = sorted((_expanded(rule, book) for rule in book.rules), key=lambda rule: rule.id)
    evaluated = [rule for rule in ordered if rule.status != "draft"]
    contact_policy = compile_contact_policy(book.for_every_rule, book.personal)
    steps = [] if book.ladder is None else [expanded(step.when, book.define) for step in book.ladder.steps]
    conditions_of_all = [*(part for rule in evaluated for part in _conditions_of(rule)), *steps]
    read = {name for part in conditions_of_all for name in types_of(part)}
    valued = set() if book.value is None else set(book.value.types())
    known = sorted(
        set(types) | read | valued | {reference.split(".", 1)[0] for reference in contact_policy.attributes}
    )
    types_by_attribute = types_of_attributes(book)
    specs = Specs(known, types_by_attribute, book.attribute_types, book.personal)
    for reference in sorted(contact_policy.attributes):
        specs.require_attribute(reference)
    if book.value is not None:
        require_value(book.value, specs)
    read_attributes = {name for part in conditions_of_all for name in attributes_in(part)}
    worded = frozenset(read_attributes)
    _refuse_same_codes(rule.id for rule in evaluated)
    contents = {rule.id: _content(rule) for rule in ordered}
    ladder = None if book.ladder is None else compile_ladder(book.ladder, book.define, specs)
    programme = arms_of_all(book.for_every_rule, hold_out_key)
    own = [_compile(rule, contents[rule.id], specs, hold_out_key, ladder, programme) for rule in evaluated]
    compiled = grouped(competing(own, contact_policy))
    whom = {rule.id: rule.whom for rule in compiled}
    experiments = experiments_of(evaluated, book.for_every_rule, whom, hold_out_key, book.value)
    read_attributes |= {reference for one in experiments for reference in attributes_of_success(one.success)}
    references: dict[str, set[str]] = {}
    for measurement in (measurement_of(one) for rule in evaluated for one in rule.variables.values()):
        read_attributes |= attributes_in(measurement)
        if "." in measurement.named:
            read_attributes.add(measurement.named)
        if isinstance(measurement, OfLatestEvent):
            name, attribute = measurement.latest_event.split(".", 1)
            references.setdefault(name, set()).add(attribute)
    if book.value is not None:
        read_attributes.update(use.reference for use in book.value.attribute_uses())
    meant = meant_in(book, known)
    attribute_types = to_convert(types_by_attribute, read_attributes)
    # Two workers that mask different values write different records; of values that no rule reads, neither does.
    hidden = sorted(book.personal & {*worded, *contact_policy.attributes})
    forget_after_ms = 0 if book.forget_after is None else duration_ms(book.forget_after)
    groups: dict[str, list[Rule]] = {}
    for rule in compiled:
        groups.setdefault(rule.group, []).append(rule)
    return RuleSet(
        rules=tuple(compiled),
        # Stored state names groups of rules, so other groups are another rule set.
        hash=digest_of(
            [
                [contents[rule.id] for rule in ordered],
                _dumped(book.for_every_rule),
                [(rule.id, rule.group, sorted(rule.types), rule.requires) for rule in compiled],
                *([dict(book.attribute_types)] if book.attribute_types else []),
                *([{"personal": hidden}] if hidden else []),
                sorted(book.signs_of_life),
                *([{"forget after": forget_after_ms}] if forget_after_ms else []),
                *([{"stages": [_dumped(one) for one in book.ladders]}] if book.ladders else []),
                *([{"steps": ladder.hash}] if ladder is not None else []),
                *([{"value": _dumped(book.value)}] if book.value is not None else []),
                *([{"book": _dumped(book.book)}] if book.book is not None else []),
                MEANING,
            ]
        ),
        contact_policy=contact_policy,
        facts=specs.facts_by_type(),
        collected=specs,
        groups={name: tuple(group) for name, group in groups.items()},
        requires={name: group[0].requires for name, group in groups.items()},
        returns=specs.returns,
        signs_of_life=book.signs_of_life,
        forget_after_ms=forget_after_ms,
        ladder=ladder,
        value=book.value,
        experiments=experiments,
        meant=meant,
        references={name: tuple(sorted(attributes)) for name, attributes in references.items()},
        brake=None if book.for_every_rule.brake is None else book.for_every_rule.brake[0],
        declared=frozenset(known) - _BUILT_IN,
        attribute_types=attribute_types,
        kept_raw=_kept_raw(contact_policy.attributes, attribute_types),
        by_id={rule.id: rule for rule in compiled},
        contents={rule.version: _json(one, contents[one.id]) for one, rule in zip(evaluated, compiled, strict=True)},
    )


def _refuse_same_codes(ids: Iterable[str]) -> None:
    """Raise ValueError if two rules have the same code in stored customers."""
    known: dict[int, str] = {}
    for rule_id in ids:
        other = known.setdefault(code_of(rule_id), rule_id)
        if other != rule_id:
            raise ValueError(f"rules '{other}' and '{rule_id}' look the same in what is stored; give one another id")


def compile_ladder(ladder: LadderAsWritten, define: Mapping[str, Any], specs: Specs) -> Ladder:
    """Compile a ladder.

    Args:
        ladder: as written.
        define: the named conditions.
        specs: what is kept; changed.

    Raises:
        ValueError: if two stages look the same in what is stored.
    """
    steps = tuple(expanded(step.when, define) for step in ladder.steps)
    codes = {code_of_stage(name): name for name in ladder.stages()}
    for name in ladder.stages():
        if codes[code_of_stage(name)] != name:
            other = codes[code_of_stage(name)]
            raise ValueError(f"stages '{other}' and '{name}' look the same in what is stored; give one another name")
    for when in steps:
        collect(when, specs)
    matter: dict[str, AttributeType] = {}
    for when in steps:
        matter |= _types_that_matter(when, specs)
    meant = [list(ladder.stages()), [_dumped(when) for when in steps], MEANING, *([matter] if matter else [])]
    return Ladder(
        name=ladder.name,
        stages=ladder.stages(),
        steps=steps,
        listed=ladder.listed(),
        pace=Pace(ladder.pace[0], pace_seconds(ladder.pace), spread=True),
        types=frozenset(name for when in steps for name in types_of(when, specs.types)),
        reads_tenure=any(map(reads_tenure, steps)),
        hash=digest_of(meant),
    )


def compile_content(content: str, rules: RuleSet) -> Rule:
    """Compile one rule alone, of what it said when it was active, to word what it decided.

    Of how it competes with other rules nothing is known. The facts that it reads are not kept because of it.

    Args:
        content: as `RuleSet.contents` has it.
        rules: the present set.

    Raises:
        ValueError: if this release does not know what it says.
    """
    rule = written.Rule.model_validate(orjson.loads(content))
    return _compile(rule, _content(rule), rules.collected.with_nothing_required(), HOLD_OUT_KEY, rules.ladder)


def _json(rule: written.Rule, content: Mapping[str, Any]) -> str:
    """Return the content that decides as JSON, so that it is read as it was written."""
    if rule.again_after is None:
        content = {**content, "again after": "never"}  # without the key, the default would be meant
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()


def _kept_raw(
    references: Iterable[str], attribute_types: Mapping[str, tuple[tuple[str, AttributeType], ...]]
) -> dict[str, tuple[AttributeSpec, ...]]:
    """Return by event type the attributes whose latest value is kept as it came, though rules read it as a type."""
    kept: dict[str, tuple[AttributeSpec, ...]] = {}
    for reference in sorted(references):
        name, attribute = reference.split(".", 1)
        if any(attribute == own for own, _ in attribute_types.get(name, ())):
            kept[name] = (*kept.get(name, ()), AttributeSpec(attribute, reference))
    return kept


def _conditions_of(rule: written.Rule) -> list[Any]:
    return [rule.when] if rule.unless is None else [rule.when, rule.unless]


def _expanded(rule: written.Rule, book: RuleBook) -> written.Rule:
    """Return a rule with named conditions replaced by their content, and with what holds for every rule."""
    every = book.for_every_rule
    changes: dict[str, Any] = {
        "when": expanded(rule.when, book.define),
        "channel": rule.channel or every.channel,
        "locale": rule.locale or every.locale,
    }
    if rule.unless is not None:
        changes["unless"] = expanded(rule.unless, book.define)
    return rule.model_copy(update=changes)


def _dumped(model: Any, **options: Any) -> Any:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True, **options)


def _content(rule: written.Rule) -> Any:
    """Return the content that decides: a rule without its examples and description."""
    return _dumped(rule, exclude={"examples", "description"})


def _compile(
    rule: written.Rule,
    content: Mapping[str, Any],
    specs: Specs,
    hold_out_key: bytes,
    ladder: Ladder | None,
    programme: Arms | None = None,
) -> Rule:
    when: Any = rule.when
    if rule.unless is not None:
        when = conditions.All(all=[rule.when, conditions.Not(not_=rule.unless)])
    collect(when, specs)
    collect_variables(rule.variables, specs)
    read = frozenset(types_of(when, specs.types))
    turning = frozenset(can_turn_false(when, specs.types))
    on_ladder = ladder is not None and reads_ladder(when)
    if ladder is not None and on_ladder:
        read |= ladder.types
        turning |= ladder.types
    version = digest_of(content)
    audience = {name: content.get(name) for name in ("when", "unless", "for", "existing")}
    # A declared type can change whom a rule means, without a change of the rule.
    types = _types_that_matter(when, specs)
    beside = [*([types] if types else []), *([ladder.hash] if ladder is not None and on_ladder else [])]
    return Rule(
        id=rule.id,
        version=version,
        identity=actions.Rule(rule.id, version),
        action=rule.action,
        shadow=rule.status == "shadow",
        paused=rule.status == "paused",
        when=when,
        template=rule.template,
        variables=dict(rule.variables),
        channel=rule.channel,
        locale=rule.locale,
        labels=None if rule.labels is None else dict(rule.labels),
        again_after_ms=None if rule.again_after is None else duration_ms(rule.again_after),
        again_every_ms=0 if rule.again_every is None else duration_ms(rule.again_every),
        most_times=rule.at_most or 0,
        expires_after_ms=duration_ms(rule.expires_after),
        for_ms=0 if rule.for_ is None else duration_ms(rule.for_),
        types=read,
        can_turn_false=turning,
        requires=_range_of_events(when),
        reads_tenure=reads_tenure(when) or (ladder is not None and on_ladder and ladder.reads_tenure),
        by_value=rule.by_value or False,
        priority=rule.priority or 0,
        instead_of=tuple(rule.instead_of or ()),
        hold_out=arms_of(rule, hold_out_key),
        pace=None if rule.pace is None else Pace(rule.pace[0], pace_seconds(rule.pace), rule.over_pace == "spread"),
        includes_existing=rule.existing == "include",
        takes_back=rule.take_back != "never",
        audience_hash=digest_of([audience, rule.status == "live", *beside]),
        whom=digest_of([audience, *beside]),
        programme=programme,
    )


def _types_that_matter(when: Any, specs: Specs) -> dict[str, AttributeType]:
    """Return by `type.attribute` the types without which a rule would mean other customers."""
    types: dict[str, AttributeType] = {}
    for use in uses_of(when):
        name, attribute = use.reference.split(".", 1)
        if found := specs.types_that_matter(name, {attribute: use.wanted}, None):
            types[use.reference] = found[attribute]
    for reference in sorted(told_apart_in(when)):
        name, attribute = reference.split(".", 1)
        if found := specs.types_that_matter(name, None, attribute):
            types[reference] = found[attribute]
    return types


def _range_of_events(when: Any) -> Required:
    least, most = least_events(when), most_events(when)
    # No customer has more events than FOREVER_MS: a larger bound becomes FOREVER_MS.
    return tuple(
        (name, min(least.get(name, 0), FOREVER_MS), min(most.get(name, FOREVER_MS), FOREVER_MS))
        for name in sorted({*least, *most})
    )
