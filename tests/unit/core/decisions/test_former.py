"""Laws of actions that wait under a version of a rule that no one knows: they cost the customer nothing else."""

from typing import Final

import pytest

from schemas.actions import Decision
from tests.support.builders import day, event, rule, rules, watched
from tests.support.decided import Decided, decide, facts_in, in_layout, moment
from workers.core.decisions.decide import decider_of
from workers.customer_facts.facts_of import stored_facts

WHEN: Final = {"all": [{"none": "login", "for": "9 days"}, {"status": "active"}]}
BEFORE: Final = rules(rule(when=WHEN))
NOW: Final = rules(rule(when=WHEN, template="another"))
VERSION: Final = BEFORE.rules[0].version
SEEN: Final = watched(BEFORE, cancellation=5)


def waiting(*further: str) -> bytes:
    """Return a customer whose action of day 10 waits for cancellations; so do those of further rules."""
    ruleset = rules(rule(when=WHEN), *(rule(name, when=WHEN) for name in further))
    outcome = decide("ada", None, [event("login", 1), event("purchase", 12)], ruleset, SEEN, day(12))
    assert outcome.stored is not None
    return outcome.stored


def under_now(stored: bytes, layout: int = 4) -> Decided:
    return decide("ada", stored, [event("login", 13)], NOW, watched(NOW), layout=layout)


def test_an_action_that_cannot_be_worded_is_not_sent_and_a_decision_says_so() -> None:
    outcome = under_now(waiting())
    (held,) = outcome.decisions
    assert isinstance(held, Decision)
    assert (held.decision, held.rule.id, held.rule.version) == ("held", "a-rule", VERSION)
    assert held.episode_started_at.timestamp() * 1000 == day(10)
    assert held.detail == (
        "it waited for a source to be seen, and what that version of the rule says is not known any longer"
    )
    assert (outcome.folded, outcome.unnamed, outcome.facts.series["login"].total) == (1, [], 2)
    assert outcome.facts.candidates == []


def test_which_rule_it_was_is_said_by_the_episode_of_its_moment_and_never_guessed() -> None:
    """Two rules began then, and both waited: one of them is gone."""
    outcome = under_now(waiting("another"))
    assert [one.rule.version for one in outcome.decisions] == []
    assert outcome.unnamed == [VERSION, rules(rule("another", when=WHEN)).rules[0].version]
    assert (outcome.folded, outcome.facts.candidates) == (1, [])


def test_an_action_whose_customer_came_back_is_dropped_without_a_word() -> None:
    stored = waiting()
    decider = decider_of(BEFORE)
    decider.read(stored)
    decider.program.customer.candidates[0].withdrawn_ms = day(11)
    withdrawn = decider.stored.write(4)
    outcome = under_now(withdrawn)
    assert (outcome.decisions, outcome.unnamed, outcome.facts.candidates) == ([], [], [])


def test_it_is_kept_as_numbers_where_it_is_only_read() -> None:
    (candidate,) = stored_facts(decider_of(NOW), waiting()).candidates
    assert (candidate.rule, candidate.version, candidate.began) == (None, VERSION, moment(10))
    assert facts_in(in_layout(waiting(), NOW, 4), NOW).candidates == [candidate]


def test_a_layout_that_has_words_only_does_not_give_it_those_of_another_rule() -> None:
    with pytest.raises(ValueError, match=f"version {VERSION} .* is not known any longer"):
        in_layout(waiting(), NOW, 3)
    known = NOW.as_activated(0, {}, former={VERSION: BEFORE.rules[0]})
    (candidate,) = facts_in(in_layout(waiting(), known, 3), known).candidates
    assert (candidate.rule, candidate.version) == ("a-rule", VERSION)
