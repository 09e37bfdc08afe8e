"""The states of a rule at one moment, in addition to its verdict: actions, pauses and refusals. Pure."""

from collections.abc import Iterator

from schemas.actions import Action, Decision
from workers.core.conditions.condition import NOT_OBSERVABLE
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Candidate
from workers.core.decisions.episodes import next_repetition
from workers.core.experiments.arms import division
from workers.explain.moment import Moment
from workers.explain.rule_at_moment import RuleAtMoment
from workers.explain.why_report import State, in_words


def states_of(standing: RuleAtMoment) -> Iterator[State]:
    """Yield the states of a rule, in the order in which they are printed."""
    moment, rule, episode = standing.moment, standing.rule, standing.episode
    if rule.shadow:
        yield State("shadow", "in shadow: decided and reported, nothing is sent")
    if rule.paused:
        yield State("paused", "paused: sends nothing new")
    yield from _confirmation(standing)
    yield from _acted(standing)
    queued = [
        candidate
        for candidate in moment.candidates
        if candidate.rule == standing.active.place and not candidate.withdrawn_ms
    ]
    for candidate in queued:
        yield _queued(standing, candidate)
    decided = [_decided(moment, decision) for decision in moment.decisions if decision.rule.id == rule.id]
    yield from decided
    if episode.holding and episode.acted_ms < episode.start_ms and not queued and not decided:
        yield from _refused(standing)
    if episode.holding and (repeats_ms := next_repetition(standing.active, moment.at_ms)) < FOREVER_MS:
        number = (repeats_ms - episode.start_ms) // rule.again_every_ms + 1
        most = f" of {rule.most_times}" if rule.most_times else ""
        text = f"asks again on {in_words(repeats_ms)}, if it still holds: action {number}{most}"
        yield State("repeats", text, repeats_ms)


def _confirmation(standing: RuleAtMoment) -> Iterator[State]:
    """Yield the reasons why the verdict is not final."""
    moment, episode = standing.moment, standing.episode
    if standing.blocked_ms is not None:
        due = in_words(standing.blocked_ms)
        yield State("waiting", f"was due to be decided again on {due}, and waits", standing.blocked_ms)
    elif episode.holding and moment.evaluate(standing.active.condition, moment.at_ms)[0] == NOT_OBSERVABLE:
        yield State("unconfirmed", "cannot be confirmed at present; it holds until it is known not to")
    if standing.long_enough_ms is not None:
        since, until = in_words(episode.true_since_ms), in_words(standing.long_enough_ms)
        text = f"its condition holds since {since} and must hold until {until}"
        yield State("met", text, episode.true_since_ms, standing.long_enough_ms)


def _acted(standing: RuleAtMoment) -> Iterator[State]:
    """Yield the latest action, and how long the rule cools down after it."""
    moment, rule, episode = standing.moment, standing.rule, standing.episode
    acted_ms = episode.acted_ms
    if not acted_ms:
        return
    if episode.is_silent:
        arms, _ = division(rule.programme, rule.hold_out, moment.snapshot.customer_id)
        named = "an experiment that has ended" if arms is None else f"'{arms.salt}'"
        text = f"held out of {named} on {in_words(acted_ms)}, to measure the effect"
        yield State("held_out", text, acted_ms)
    elif (held_by := moment.snapshot.held_rules.get(rule.id)) is not None:
        yield State("held", f"its action of {in_words(acted_ms)} is held by {held_by}", acted_ms)
    elif episode.open_until_ms > moment.at_ms:
        text = f"acted on {in_words(acted_ms)}; the action is good until {in_words(episode.open_until_ms)}"
        yield State("acted", text, acted_ms, episode.open_until_ms)
    else:
        # Only a retraction ends an action before it expires.
        is_retracted = moment.at_ms < acted_ms + rule.expires_after_ms
        retraction = ", and took the action back" if is_retracted else ""
        yield State("acted", f"acted on {in_words(acted_ms)}{retraction}", acted_ms)
    if rule.again_after_ms is None:
        yield State("cooling_down", "never acts again for this customer", acted_ms)
    elif (until_ms := acted_ms + rule.again_after_ms) > moment.at_ms:
        yield State("cooling_down", f"cooling down until {in_words(until_ms)}", acted_ms, until_ms)


def _queued(standing: RuleAtMoment, candidate: Candidate) -> State:
    """Return why a decided action is not admitted yet."""
    moment = standing.moment
    seen_ms = max(candidate.start_ms, candidate.doubted_ms)
    unseen = moment.coverage.unseen(standing.rule.needed_to_admit, seen_ms)
    because = "other rules are decided first" if unseen is None else moment.unseen(unseen).text
    text = f"its action of {in_words(candidate.start_ms)} waits: {because}"
    return State("waiting", text, candidate.start_ms)


def _decided(moment: Moment, decision: Action | Decision) -> State:
    """Return a decision that no worker has made yet."""
    at_ms = round(decision.decided_at.timestamp() * 1000)
    if isinstance(decision, Decision):
        return State(decision.decision, f"does not act on {in_words(at_ms)}: {decision.detail}", at_ms)
    effect = f"asks for '{decision.template}'" if decision.status == "active" else "takes its action back"
    is_due = at_ms <= moment.snapshot.now_ms
    when = "as soon as a worker evaluates it" if is_due else "if nothing happens until then"
    return State("expected", f"{effect} as of {in_words(at_ms)}, {when}", at_ms)


def _refused(standing: RuleAtMoment) -> Iterator[State]:
    """Yield why a rule that holds did not act; a request for the same action now shows it."""
    moment, rule = standing.moment, standing.rule
    if rule.shadow or rule.paused:
        return
    start_ms = standing.episode.start_ms
    if start_ms < rule.live_since_ms:
        yield State("left_alone", "skipped: the customer already matched the rule when it went live", start_ms)
        return
    floor_ms = moment.customer.floor_ms(rule.types, rule.reads_tenure)
    if start_ms < floor_ms and standing.episode.acted_ms < start_ms:
        yield State(
            "left_alone", f"skipped: history until {in_words(floor_ms)}, so it counts as met already", start_ms
        )
        return
    if moment.coverage.was_decided(rule.needed_to_decide, start_ms) and standing.episode.acted_ms < start_ms:
        yield State(
            "left_alone", "skipped: a new release reads the rule so that it had begun to hold before", start_ms
        )
        return
    refusal = moment.refusal(standing.active, start_ms)
    if refusal is not None:
        yield State(refusal.decision, f"did not act: {refusal.detail}", start_ms)
    else:
        yield State("no_action", "did not act when it began to hold; the decisions topic states why", start_ms)
