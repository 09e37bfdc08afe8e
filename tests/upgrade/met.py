"""Who met which rule at the moment of the upgrade, by what this release means with its conditions."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.site import Site
from tests.upgrade.stored import PREFIX, Entry, Places
from workers.core.conditions.truth import TRUE
from workers.core.coverage import Coverage
from workers.core.customer import codec
from workers.core.rules.rule_set import RuleSet
from workers.explain.customer_state import coverage_of
from workers.loading import load_configuration
from workers.state.keys import PartitionKeys


@dataclass(frozen=True)
class AtTheUpgrade:
    """The stored customers, ready to be asked about.

    Attributes:
        rules: compiled by this release.
        activities: stored bytes by customer.
        coverage: by customer, that of the customer's partition.
        now_ms: the upgrade.
    """

    rules: RuleSet
    activities: Mapping[str, bytes]
    coverage: Mapping[str, Coverage]
    now_ms: int

    def had_met(self, rule_id: str, customer: str) -> bool:
        """Return whether the rule's condition held for a customer, by this release's meaning, at the upgrade."""
        raw, rule = self.activities.get(customer), self.rules.by_id[rule_id]
        if raw is None:
            return False
        activity = codec.decode(raw, codec.codes_of(self.rules.by_id))
        at_ms = max(self.now_ms, activity.at_ms)
        return rule.condition.evaluate(activity, at_ms, self.coverage[customer])[0] == TRUE


def at_the_upgrade(place: Site, places: Places, entries: list[Entry]) -> AtTheUpgrade:
    """Return the stored customers, for a site whose files this release can read."""
    configuration = load_configuration(place.settings)
    activities: dict[str, bytes] = {}
    coverage: dict[str, Coverage] = {}
    values = {key.decode(): value for key, _, value in entries if b"{" in key}
    for number in places.activity:
        keys = PartitionKeys(f"{PREFIX}linger", number)
        fields = {name.decode(): value.decode() for name, value in values[keys.meta]}
        observed = coverage_of(fields, configuration.sources, {})
        begin = keys.customer("")
        for key, value in values.items():
            if key.startswith(begin):
                customer = key.removeprefix(begin)
                activities[customer], coverage[customer] = value, observed
    return AtTheUpgrade(configuration.rules, activities, coverage, places.now_ms)
