"""The one place from which every part of a processor reads the active rule set."""

from dataclasses import dataclass

from workers.core.rules.rule_set import RuleSet


@dataclass(slots=True)
class ActiveRules:
    """The active rule set of one processor.

    `Processor.activate` replaces it while it holds the lock of every partition, so no step sees two rule sets.

    Attributes:
        current: decides every step that starts now.
    """

    current: RuleSet
