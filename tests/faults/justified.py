"""Which published actions a history does not justify: messages to the wrong people.

An action is justified if the core, in one thread and in the order of time, makes it too, even if it takes it back
later. Events that come late can move the beginning of an episode, and with it the id of an action. So an action is
also justified if, by everything that had happened, its rule is true at the beginning of its episode, when it was
published, or acts for the customer in between, and the customer could be written to when it was published. Everything
else is wrong, even if it is taken back a moment later: it was in the topic. An action that had expired when it was
published is no message: no mailer sends it. What a customer wants counts from when it is in the activity topic, and a
worker has had time to read it: days of the history pass while a record is on its way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.actions import Action
from tests.support.decided import decide, facts_in, truth_of
from workers.core.conditions.condition import TRUE
from workers.core.coverage import Coverage
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_set import RuleSet
from workers.customer_facts.texts import moment_ms

ON_ITS_WAY_MS: Final = 1_000
"""How long a worker may take to read an event, to decide and to publish, by the machine's clock."""


@dataclass(frozen=True)
class Published:
    """An action, and when it was published.

    Attributes:
        action: as it was published first.
        at_ms: by the clock of the run, in epoch milliseconds.
        written_ms: by the machine's clock.
    """

    action: Action
    at_ms: int
    written_ms: int

    @property
    def has_expired(self) -> bool:
        """Whether no mailer may send it any more."""
        return self.action.expires_at.timestamp() * 1000 <= self.at_ms


class Justice:
    """The history of a run, to be asked about its actions.

    Args:
        events: by customer, in the order of time; what was meant, not what arrived.
        rules: of the run.
        start_ms: since when every type is watched, completely.
        end_ms: until when the run is judged.
        arrived: by type and id, when an event was in the activity topic, by the machine's clock; one that is left out
            was there when it happened.
    """

    def __init__(
        self,
        events: Mapping[str, Sequence[DecodedEvent]],
        rules: RuleSet,
        start_ms: int,
        end_ms: int,
        arrived: Mapping[tuple[str, str], int] = {},
    ) -> None:
        keys = [spec.key for spec in rules.specs()]
        self._events, self._rules, self._end_ms, self._arrived = events, rules, end_ms, arrived
        self._observed = Coverage(dict.fromkeys(keys, start_ms), complete=frozenset(keys))

    def ever_active(self) -> dict[str, Action]:
        """Return by id all actions that the core makes in the order of time, also those that it takes back."""
        return {
            decision.action_id: decision
            for customer_id, events in self._events.items()
            for decision in decide(customer_id, None, events, self._rules, self._observed, self._end_ms).decisions
            if isinstance(decision, Action) and decision.status == "active"
        }

    def wrong(self, published: Iterable[Published]) -> list[Action]:
        """Return those of some actions that nothing justifies."""
        justified = self.ever_active()
        begun: dict[tuple[str, str], list[int]] = {}
        for action in justified.values():
            begun.setdefault((action.rule.id, action.customer_id), []).append(began_ms(action))
        return [
            one.action
            for one in published
            if not (one.has_expired or one.action.action_id in justified or self.is_true_for(one, begun))
        ]

    def is_true_for(self, one: Published, begun: Mapping[tuple[str, str], Sequence[int]]) -> bool:
        """Return whether the rule of an action is true, or acts in between, for a customer who may be written to.

        Args:
            one: the action.
            begun: by rule and customer, when the episodes of all actions begin that are right in the order of time.
        """
        rule = self._rules.by_id.get(one.action.rule.id)
        start_ms = began_ms(one.action)
        published_ms = max(start_ms, one.at_ms)
        by_then = self._known(one.action.customer_id, published_ms)
        at_start = self._known(one.action.customer_id, start_ms)
        if rule is None or by_then is None or self._has_opted_out(one, published_ms):
            return False
        in_order = begun.get((one.action.rule.id, one.action.customer_id), ())
        return any(start_ms <= at_ms <= published_ms for at_ms in in_order) or any(
            stored is not None and truth_of(stored, self._rules, at_ms, self._observed, rule.id)[0] == TRUE
            for stored, at_ms in ((at_start, start_ms), (by_then, published_ms))
        )

    def _has_opted_out(self, one: Published, published_ms: int) -> bool:
        """Return whether the customer does not want to be written to, by all that a worker can have read by then."""
        return all(
            self._is_opted_out(self._known(one.action.customer_id, published_ms, read_ms))
            for read_ms in (one.written_ms - ON_ITS_WAY_MS, one.written_ms)
        )

    def _is_opted_out(self, stored: bytes | None) -> bool:
        if stored is None:
            return False
        latest = facts_in(stored, self._rules).attributes
        answers = {name: (one.value, moment_ms(one.at, name)) for name, one in latest.items()}
        return self._rules.contact_policy.is_opted_out(answers)

    def _known(self, customer_id: str, at_ms: int, arrived_ms: int | None = None) -> bytes | None:
        """Return what was to be known of a customer at a moment, and if asked, what had arrived at another."""
        events = [
            event
            for event in self._events.get(customer_id, ())
            if event.at_ms <= at_ms
            and (arrived_ms is None or self._arrived.get((event.type, event.event_id), arrived_ms) <= arrived_ms)
        ]
        return decide(customer_id, None, events, self._rules, self._observed, at_ms).stored


def began_ms(action: Action) -> int:
    """Return when the episode of an action began."""
    return round(action.episode_started_at.timestamp() * 1000)
