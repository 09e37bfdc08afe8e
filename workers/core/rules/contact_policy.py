"""Contact policy for one customer: limits over all rules, quiet hours, consent.

Pure. `decisions.admission` applies these checks in order; the settings of single rules are in `rule_set`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from schemas.consent import answers, spelling_of
from schemas.durations import duration_ms, write_duration
from schemas.events import UNREADABLE
from schemas.rules import ForEveryRule, Limit
from workers.core.conditions.condition import PERSONAL

_WEEK_DAYS: Final = 7
_LONGEST_CALENDAR_MS: Final = (_WEEK_DAYS + 2) * 86_400_000
_LONGEST_SPELLING: Final = 40
"""Characters of an answer that is shown and counted."""

Attributes = Mapping[str, tuple[Any, int]]
"""The latest known value of each attribute, by `type.attribute`, and the time of its event."""


@dataclass(frozen=True)
class ContactPolicy:
    """The contact policy of all rules, compiled.

    Attributes:
        policy: the policy as written.
        types: event types whose attributes decide whether a customer may be contacted.
        remembers_ms: the longest time for which an action counts towards a limit; 0 without limits.
        most: number of actions to remember.
        hides_answer: whether the answer about consent is personal, and not shown.
        hides_zone: whether the time zone comes from a personal attribute, and is not published.
    """

    policy: ForEveryRule
    types: frozenset[str]
    remembers_ms: int
    most: int
    hides_answer: bool = False
    hides_zone: bool = False
    _answers: dict[str, bool] = field(default_factory=dict)

    @property
    def attributes(self) -> frozenset[str]:
        """Return the attributes that must be kept, as `type.attribute`."""
        zone, consent = self.policy.time_zone, self.policy.consent
        wanted = (zone.from_, zone.country, None if consent is None else consent.from_)
        return frozenset(reference for reference in wanted if reference is not None)

    def is_opted_out(self, attributes: Attributes) -> bool:
        """Return whether the customer must not be contacted: answered no, or with what is neither no nor yes."""
        consent = self.policy.consent
        if consent is None:
            return False
        known = attributes.get(consent.from_)
        if known is None or known[0] is None:
            return consent.unknown == "opted out"
        return not self._answers.get(spelling_of(known[0]), False)

    def answer(self, attributes: Attributes) -> tuple[bool, int] | None:
        """Return the customer's latest answer, whether it is a yes, and when it was given (ms).

        None if there is none that is understood.
        """
        consent = self.policy.consent
        known = None if consent is None else attributes.get(consent.from_)
        if known is None or known[0] is None:
            return None
        says_yes = self._answers.get(spelling_of(known[0]))
        return None if says_yes is None else (says_yes, known[1])

    def last_word(self, attributes: Attributes) -> tuple[bool, int] | None:
        """Return what `answer` returns, but take what is not understood for a no: for who is erased or forgotten."""
        consent = self.policy.consent
        known = None if consent is None else attributes.get(consent.from_)
        if known is None or known[0] is None:
            return None
        return self._answers.get(spelling_of(known[0]), False), known[1]

    def unreadable_answer(self, event_type: str, attributes: Mapping[str, Any]) -> str | None:
        """Return the key of the consent if an event had an answer that could not be kept, None if it had none."""
        if event_type not in self.types or (names := attributes.get(UNREADABLE)) is None:
            return None
        consent = self.policy.consent
        return consent.from_ if consent is not None and consent.from_.split(".", 1)[1] in names.split(",") else None

    def not_understood(self, attributes: Attributes) -> str | None:
        """Return the customer's answer, cut, if it is neither yes nor no; None if it is one of them, or unknown.

        Of an answer that is personal, `PERSONAL`.
        """
        consent = self.policy.consent
        known = None if consent is None else attributes.get(consent.from_)
        if known is None or known[0] is None:
            return None
        spelling = spelling_of(known[0])
        if spelling in self._answers:
            return None
        return PERSONAL if self.hides_answer else spelling[:_LONGEST_SPELLING]

    def zone_of(self, attributes: Attributes) -> str:
        """Return the name of the customer's time zone: the customer's own, the country's, or the default."""
        zone = self.policy.time_zone
        if zone.from_ is not None and (known := attributes.get(zone.from_)) is not None and _is_zone(known[0]):
            return str(known[0])
        if zone.country is not None and (known := attributes.get(zone.country)) is not None:
            return zone.zones.get(str(known[0]), zone.otherwise)
        return zone.otherwise

    def quiet_until_ms(self, at_ms: int, attributes: Attributes) -> int | None:
        """Return when the quiet hours at a moment end, None if it is not in quiet hours."""
        quiet = self.policy.quiet_hours
        if quiet is None:
            return None
        zone = ZoneInfo(self.zone_of(attributes))
        local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
        begin, end, now = _clock(quiet.from_), _clock(quiet.until), local.time()
        if begin < end:
            if not begin <= now < end:
                return None
            day = local.date()
        else:
            if end <= now < begin:
                return None
            day = local.date() + timedelta(days=1) if now >= begin else local.date()
        return _moment_ms(day, end, zone, at_ms)

    def reached(self, acted: Sequence[int], at_ms: int, attributes: Attributes) -> str | None:
        """Return the limit that another action would exceed, in words; None if it exceeds none.

        Args:
            acted: when actions were decided, in any order.
            at_ms: when the next action would be decided.
            attributes: the customer's, for the time zone.
        """
        for limit in self.policy.limits:
            if _counted(limit, acted, at_ms, self.zone_of(attributes)) >= limit.at_most:
                return f"at most {limit_in_words(limit)}"
        return None


def compile_contact_policy(policy: ForEveryRule, personal: frozenset[str] = frozenset()) -> ContactPolicy:
    """Compile the policy of all rules; `personal` are the personal attributes, as `type.attribute`."""
    consent, zone = policy.consent, policy.time_zone
    remembers_ms = max(
        (_LONGEST_CALENDAR_MS if limit.within is None else duration_ms(limit.within) for limit in policy.limits),
        default=0,
    )
    return ContactPolicy(
        policy,
        frozenset() if consent is None else frozenset({consent.from_.split(".", 1)[0]}),
        remembers_ms,
        max((limit.at_most for limit in policy.limits), default=0),
        consent is not None and consent.from_ in personal,
        zone.from_ in personal or zone.country in personal,
        {} if consent is None else answers(consent.opted_in, consent.opted_out),
    )


def _is_zone(name: Any) -> bool:
    if not isinstance(name, str) or not name:
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def _clock(text: str) -> time:
    hours, minutes = text.split(":")
    return time(int(hours), int(minutes))


def _moment_ms(day: date, at: time, zone: ZoneInfo, after_ms: int) -> int:
    """Return the moment of a local time on a day.

    A local time that is skipped when clocks go forward counts with the offset from before. One that occurs twice is
    the first occurrence after `after_ms`.
    """
    local = datetime.combine(day, at, tzinfo=zone)
    moment_ms = int(local.timestamp()) * 1000
    return moment_ms if moment_ms > after_ms else int(local.replace(fold=1).timestamp()) * 1000


def _counted(limit: Limit, acted: Sequence[int], at_ms: int, zone_name: str) -> int:
    if limit.within is not None:
        from_ms = at_ms - duration_ms(limit.within)
        return sum(from_ms < one <= at_ms for one in acted)
    zone = ZoneInfo(zone_name)
    period = _period(limit, at_ms, zone)
    return sum(_period(limit, one, zone) == period for one in acted if one <= at_ms)


def _period(limit: Limit, at_ms: int, zone: ZoneInfo) -> tuple[int, ...]:
    day = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date()
    if limit.per == "calendar week":
        return tuple(day.isocalendar())[:2]
    return (day.toordinal(),)


def limit_in_words(limit: Limit) -> str:
    """Word a limit: `2 actions within 7 days`."""
    number = f"{limit.at_most} action" + ("" if limit.at_most == 1 else "s")
    return f"{number} {f'within {write_duration(limit.within)}' if limit.within is not None else f'per {limit.per}'}"
