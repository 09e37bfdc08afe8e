"""How long Linger's topics must keep their records, by the rules as written, and which of them keep less. Pure.

If Redis is lost, its state is rebuilt from the activity topic, and the action topics say what was published. What
these topics have deleted is unknown then, without a trace.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel

from schemas.conditions import All, Any_, Meets, Not
from schemas.durations import duration_ms, write_duration
from schemas.rules import Rule, RuleBook
from workers.core.rules.kinds import kind_of
from workers.settings import REQUESTS, Settings

LEAST_ACTIVITY: Final = timedelta(days=400)
"""The activity topic keeps a year and a month even if no rule looks back so far: the next rule may."""
REQUESTS_KEPT: Final = timedelta(days=30)
"""Requests are kept as long as all workers may be away, and no longer: they name customers."""
ACTION_MARGIN: Final = timedelta(days=30)
"""Action topics keep records longer than any action is valid: for mailers that were off or start afresh, and because
`expires after` of a rule may have become shorter."""

Configs = Mapping[str, Mapping[str, str]]
"""Kafka's settings by topic, of the topics whose settings this user may see."""


@dataclass(frozen=True, slots=True)
class Need:
    """How long a topic must keep its records.

    Attributes:
        kept: this long or longer.
        because: what needs it, as a clause.
    """

    kept: timedelta
    because: str

    @property
    def kept_ms(self) -> int:
        """The value of `retention.ms`."""
        return duration_ms(self.kept)


@dataclass(frozen=True, slots=True)
class Shortage:
    """A setting with which a topic loses records that are needed.

    Attributes:
        topic: its name.
        setting: Kafka's name of the setting.
        found: its value, in words.
        needed: what it should be, in words.
        because: what needs it, as a clause.
        remedy: the setting to make, such as `retention.ms=34560000000`.
    """

    topic: str
    setting: str
    found: str
    needed: str
    because: str
    remedy: str


def needs_of(book: RuleBook, settings: Settings) -> dict[str, Need]:
    """Return how long each topic must keep its records, by the topic's full name.

    The dead-letter topic is not among them: how long dead letters are of use, no rule says.

    Args:
        book: all rules as written, drafts included: a draft may go live tomorrow.
        settings: name the topics.
    """
    actions = _longest(_expiries(book), Need(ACTION_MARGIN, "30 days at least; no rule needs more"))
    activity = _longest(_look_backs(book), Need(LEAST_ACTIVITY, "400 days at least; no rule looks back further"))
    requests = Need(REQUESTS_KEPT, "a request that is deleted before a worker has read it is lost")
    return {
        settings.topic("activity"): activity,
        **dict.fromkeys(map(settings.topic, settings.decided_topics), actions),
        settings.topic(REQUESTS): requests,
    }


def shortages_of(topic: str, need: Need, config: Mapping[str, str]) -> list[Shortage]:
    """Return the settings with which one topic loses records that are needed.

    Args:
        topic: its name.
        need: how long it must keep its records.
        config: its settings as Kafka shows them; those that it does not show are taken to be well.
    """
    found = []
    policy = config.get("cleanup.policy", "delete")
    if "compact" in policy:
        because = "compaction keeps only the last record of each customer"
        found.append(Shortage(topic, "cleanup.policy", policy, "delete", because, "cleanup.policy=delete"))
    kept_ms = int(config.get("retention.ms", -1))
    if 0 <= kept_ms < need.kept_ms:
        kept = write_duration(timedelta(milliseconds=kept_ms))
        remedy = f"retention.ms={need.kept_ms}"
        found.append(Shortage(topic, "retention.ms", kept, write_duration(need.kept), need.because, remedy))
    size = int(config.get("retention.bytes", -1))
    if size >= 0:
        because = f"records are needed for {write_duration(need.kept)}, however many there are: {need.because}"
        words = f"{size} bytes of each partition"
        found.append(Shortage(topic, "retention.bytes", words, "unlimited", because, "retention.bytes=-1"))
    return found


def _longest(needs: Iterable[Need], least: Need) -> Need:
    return max([least, *needs], key=lambda need: need.kept)


def _expiries(book: RuleBook) -> Iterator[Need]:
    margin = write_duration(ACTION_MARGIN)
    for rule in book.rules:
        because = f"actions of rule '{rule.id}' expire after {write_duration(rule.expires_after)}, and {margin} more"
        yield Need(rule.expires_after + ACTION_MARGIN, because)


def _look_backs(book: RuleBook) -> Iterator[Need]:
    for rule in book.rules:
        reach = _reach(rule, book)
        yield Need(reach, f"rule '{rule.id}' looks back {write_duration(reach)}")
        if rule.again_after is not None:
            pause = write_duration(rule.again_after)
            yield Need(rule.again_after, f"rule '{rule.id}' does not act again for {pause}")
        if rule.again_every is not None and rule.at_most is not None:
            lasts = rule.again_every * (rule.at_most - 1)
            yield Need(reach + lasts, f"rule '{rule.id}' asks again for {write_duration(lasts)}")
        for name, variable in rule.variables.items():
            if span := max(_durations(variable), default=None):
                yield Need(span, f"the variable '{name}' of rule '{rule.id}' looks back {write_duration(span)}")
    if book.ladder is not None:
        for step in book.ladder.steps:
            if span := max(_spans(step.when, book.define), default=None):
                yield Need(span, f"the stage '{step.stage}' looks back {write_duration(span)}")
    if book.value is not None and book.value.within is not None:
        yield Need(book.value.within, f"the value of a customer counts {write_duration(book.value.within)}")
    for limit in book.for_every_rule.limits:
        if limit.within is not None:
            yield Need(limit.within, f"a limit counts the actions of {write_duration(limit.within)}")


def _reach(rule: Rule, book: RuleBook) -> timedelta:
    """Return how far back a rule looks: its longest condition must have been true for `for`."""
    conditions = [rule.when, *([] if rule.unless is None else [rule.unless])]
    spans = [span for condition in conditions for span in _spans(condition, book.define)]
    return max(spans, default=timedelta()) + (rule.for_ or timedelta())


def _spans(condition: Any, define: Mapping[str, Any]) -> Iterator[timedelta]:
    """Yield how far back each elementary condition looks."""
    match condition:
        case All(all=parts) | Any_(any=parts):
            for part in parts:
                yield from _spans(part, define)
        case Not():
            yield from _spans(condition.not_, define)
        case Meets():
            # Without itself: definitions that name each other are refused elsewhere, and must end here.
            rest = {name: meaning for name, meaning in define.items() if name != condition.meets}
            if condition.meets in define:
                yield from _spans(define[condition.meets], rest)
        case _:
            looks_back = kind_of(condition).looks_back
            yield from _durations(condition) if looks_back is None else (looks_back(condition),)


def _durations(value: Any) -> Iterator[timedelta]:
    if isinstance(value, timedelta):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _durations(getattr(value, name))
    elif isinstance(value, Mapping):
        for content in value.values():
            yield from _durations(content)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for content in value:
            yield from _durations(content)
