"""A history whose first half is loaded before the second half happens: `history_before` of sources.yaml.

Every record of the first half is written in the seconds before the second half begins, in the order of time. Many of
its customers are long gone by then: no worker may ever act for that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from schemas.actions import Action
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_set import RuleSet
from workers.histories.history import History
from workers.histories.simulated import simulate
from workers.settings import Settings

_CUSTOMERS: Final = 150
_DAYS: Final = 400
_YAML: Final = YAML(typ="safe")


@dataclass(frozen=True, slots=True)
class Loaded(History):
    """A history that is loaded up to a moment.

    Attributes:
        loaded_ms: the moment, UTC epoch milliseconds.
    """

    loaded_ms: int

    def name_the_moment(self, settings: Settings) -> None:
        """Write the moment into every source of the sources file."""
        path = Path(settings.sources)
        document: dict[str, Any] = _YAML.load(path)
        moment = datetime.fromtimestamp(self.loaded_ms / 1000, UTC).isoformat()
        with path.open("w") as file:
            for source in document["sources"]:
                source["history_before"] = moment
            _YAML.dump(document, file)


def loaded(seed: int) -> Loaded:
    """Make the history of a seed; its first half is loaded."""
    plain = simulate(seed, _CUSTOMERS, _DAYS)
    moment_ms = (plain.start_ms + plain.end_ms) // 2 // 1000 * 1000
    old = [record for record in plain.records if record.at_ms < moment_ms]
    new = plain.records[len(old) :]
    written = [record._replace(at_ms=moment_ms - len(old) + place) for place, record in enumerate(old)]
    return Loaded("loaded", plain.start_ms, plain.end_ms, [*written, *new], plain.customers, moment_ms)


def acted_on_history(
    actions: Iterable[Action], events: Mapping[str, Sequence[DecodedEvent]], rules: RuleSet
) -> list[Action]:
    """Return those of some actions whose episode began in the history of the types that their rule reads.

    Args:
        actions: also those that were taken back.
        events: by customer.
        rules: of the run.
    """
    return [action for action in actions if _is_of_history(action, events[action.customer_id], rules)]


def _is_of_history(action: Action, events: Sequence[DecodedEvent], rules: RuleSet) -> bool:
    rule = rules.by_id[action.rule.id]
    ends = [event.history_ms for event in events if event.type in rule.types]
    return action.episode_started_at.timestamp() * 1000 < max([*ends, events[0].history_ms])
