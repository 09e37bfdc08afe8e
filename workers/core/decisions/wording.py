"""Wording: what waits is put into words when its rule becomes another one, or goes."""

from typing import Final

import msgspec

from schemas.actions import Reason
from workers.core.conditions.condition import Condition
from workers.core.customer.candidate import NUMBERS_EACH, Candidate, Evidence
from workers.core.customer.episode import Episode
from workers.core.customer.layout_3 import Waiting
from workers.core.customer.names import code_of
from workers.core.customer.specs import Specs
from workers.core.decisions.decided import RETRACTIONS
from workers.core.decisions.program import ActiveRule, Program
from workers.core.rules.binding import Binding
from workers.core.rules.rule_set import Rule
from workers.core.rules.whole_conditions import compile_whole
from workers.core.text import Text

_as_reasons: Final = msgspec.json.Decoder(tuple[Reason, ...]).decode


def reasons_of(condition: Condition, evidence: Evidence) -> tuple[Reason, ...]:
    """Return the reasons of a condition in words."""
    text = Text()
    text.byte(91)
    condition.word(text, evidence)
    text.byte(93)
    return _as_reasons(text.made())


def worded(candidate: Candidate, program: Program) -> Waiting:
    """Return an action that waits as numbers in words, by its rule in force."""
    rule: ActiveRule = program.rules[candidate.rule]
    is_withdrawn = candidate.withdrawn_ms != 0
    return Waiting(
        rule.id,
        candidate.start_ms,
        candidate.withdrawn_ms,
        rule.rule.action,
        rule.rule.version,
        candidate.variables or {},
        reasons_of(rule.condition, candidate.evidence),
        RETRACTIONS[candidate.because] if is_withdrawn else None,
        reasons_of(rule.condition, candidate.evidence_back) if is_withdrawn else b"",
        candidate.doubted_ms,
        candidate.known,
    )


class FormerRules:
    """Words what waits of earlier versions of rules, with the rules as they were.

    Their conditions are compiled on first use, only for their words.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._conditions: dict[str, tuple[Condition, int]] = {}

    def word(self, candidate: Candidate) -> bool:
        """Put an action into words that waits as numbers of another version of its rule.

        Returns:
            False if no one knows that version: then nothing is changed.
        """
        version = candidate.former
        rule = self.program.rule_set.former.get(version)
        if rule is None:
            return False
        condition, conditions = self._condition_of(rule)
        candidate.evidence.widen(NUMBERS_EACH * conditions)
        candidate.evidence_back.widen(NUMBERS_EACH * conditions)
        is_withdrawn = candidate.withdrawn_ms != 0
        candidate.worded = Waiting(
            rule.id,
            candidate.start_ms,
            candidate.withdrawn_ms,
            rule.action,
            version,
            candidate.variables or {},
            reasons_of(condition, candidate.evidence),
            RETRACTIONS[candidate.because] if is_withdrawn else None,
            reasons_of(condition, candidate.evidence_back) if is_withdrawn else b"",
            candidate.doubted_ms,
            candidate.known,
        )
        active: ActiveRule | None = self.program.by_id.get(rule.id)
        candidate.rule = -1 if active is None else active.place
        candidate.former = ""
        return True

    def named(self, candidate: Candidate) -> Waiting | None:
        """Return whose an action is that cannot be worded, without reasons; None if its rule is not known either.

        The state is that which the rules of that version have left. So the rule has an episode that began with the
        action, and if no other rule has one, it is that rule.
        """
        found, owner = 0, None
        for rule in self.program.rules:
            if _began(rule.episode, candidate.start_ms):
                found, owner = found + 1, rule
        for episode in self.program.customer.other_episodes.values():
            found += _began(episode, candidate.start_ms)
        if owner is None or found > 1:
            return None
        return Waiting(owner.id, candidate.start_ms, 0, owner.rule.action, candidate.former, {}, b"")

    def of_code(self, code: bytes) -> list[Rule]:
        """Return a version of the rule whose id has this code, for each action that it has asked for."""
        number, found = int.from_bytes(code, "big"), dict[str, Rule]()
        for version in self.program.rule_set.former:
            rule = self.program.rule_set.former.get(version)
            if rule is not None and code_of(rule.id) == number:
                found[rule.action] = rule
        return list(found.values())

    def _condition_of(self, rule: Rule) -> tuple[Condition, int]:
        known = self._conditions.get(rule.version)
        if known is None:
            specs = Specs((), personal=self.program.rule_set.collected.personal)
            binding = Binding(self.program.customer, specs, collects=True)
            known = self._conditions[rule.version] = compile_whole(rule.when, binding), binding.places
        return known


def _began(episode: Episode, at_ms: int) -> bool:
    """Return whether an episode of a rule, this one or an earlier one, began at a moment."""
    return episode.is_present and (episode.start_ms == at_ms or at_ms in episode.held[::2])


def word_retraction(candidate: Candidate, rule: ActiveRule) -> None:
    """Word why an action in words was withdrawn: by its rule of now, which noted the evidence."""
    candidate.worded.because = RETRACTIONS[candidate.because]
    candidate.worded.why_back = reasons_of(rule.condition, candidate.evidence_back)
