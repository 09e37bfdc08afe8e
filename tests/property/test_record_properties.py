"""Laws of published records: made of numbers in one pass, they are those that objects give, to the byte."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any, Final

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas import actions
from schemas.actions import Action, Decision, Reason, action_id, encode, moment
from tests.property.test_condition_truth import TREES, lives
from tests.property.test_fact_properties import what_is_known
from tests.support.builders import rule, rules
from tests.support.examples import examples
from tests.support.looked_at import READ
from tests.support.messages import messages
from tests.support.stories import story
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.layout_3 import Waiting, reasons_in
from workers.core.customer.specs import SeriesSpec
from workers.core.decisions import decided
from workers.core.decisions.decide import decide, decider_of
from workers.core.decisions.decided import Decided, Decisions
from workers.core.decisions.program import ActiveRule, Program
from workers.core.decisions.published import PublishedRecord, held_back, read_record, record_of
from workers.core.decisions.records import Records
from workers.core.decisions.wording import reasons_of
from workers.core.events.decoding import epoch_ms
from workers.core.rules.rule_set import Rule
from workers.kafka.records import OutboxRecord, decode_record, encode_record
from workers.outbox.sent_action import action_in

TYPES: Final = ("purchase", "login", "cancellation", "reactivation", "nps")
PREFIX: Final = "linger.prod"
_LAST_MS: Final = 253_402_300_799_999

moments = st.integers(1, 2**41) | st.integers(1, _LAST_MS) | st.integers(1, 2**31).map(lambda seconds: seconds * 1000)
texts = st.text(max_size=20) | st.text("\"\\\n\t\x00é漢🙂<>'", max_size=12)
customers = st.text(min_size=1, max_size=12) | texts.filter(bool) | st.text(min_size=200, max_size=300)
values = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | texts
variables = st.dictionaries(texts, values, max_size=4)


def day_in_words(at_ms: int) -> str:
    """Return a day as sentences have it."""
    return f"{moment(at_ms):%Y-%m-%d}" if at_ms <= _LAST_MS else "never"


Draw = Callable[[st.SearchStrategy[Any]], Any]

DETAILS: Final[dict[int, Callable[[Decided, Rule], str]]] = {
    decided.ACTS_NEVER_AGAIN: lambda row, _: f"acted on {day_in_words(row.since_ms)} and never acts again",
    decided.SILENT_UNTIL: lambda row, _: (
        f"acted on {day_in_words(row.since_ms)}, silent until {day_in_words(row.until_ms)}"
    ),
    decided.NOT_EXPIRED_YET: lambda row, _: f"its action of {day_in_words(row.since_ms)} has not expired yet",
    decided.ANOTHER_COMES_FIRST: lambda row, _: f"'{row.said}' comes first",
    decided.HAD_ENOUGH: lambda row, _: f"the customer has had enough: {row.said}",
    decided.LEFT_OUT: lambda _, rule: (
        ""
        if rule.hold_out is None
        else f"one of the {rule.hold_out.share:f}% left out of '{rule.hold_out.salt}' to measure the effect"
    ),
    decided.OPTED_OUT_CLEARLY: lambda row, _: "the customer does not want to be written to",
    decided.NOT_UNDERSTOOD: lambda row, _: (
        f"not understood: the customer's answer '{row.said}' is neither yes nor no"
    ),
    decided.WOULD_HAVE_EXPIRED: lambda row, _: f"it would have expired on {day_in_words(row.since_ms)}",
    decided.QUIET_UNTIL_EXPIRED: lambda row, _: (
        f"the customer's quiet hours last until it has expired, {moment(row.since_ms)}"
    ),
    decided.RULE_IS_GONE: lambda row, _: (
        "it waited for a source to be seen, and the rule was paused or removed meanwhile"
    ),
    decided.RULE_IS_UNKNOWN: lambda row, _: (
        "it waited for a source to be seen, and what that version of the rule says is not known any longer"
    ),
    decided.IN_SHADOW: lambda row, _: "the rule is in shadow: decided and reported, nothing is sent",
    decided.KNOWN_FROM: lambda row, _: (
        f"it cannot be known whether the rule holds: known from {day_in_words(row.since_ms)} on"
    ),
    decided.ONLY_AN_EVENT: lambda row, _: "it cannot be known whether the rule holds: only an event can show it",
}
"""The detail of each decision in words."""


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """A program of a few rules, with a customer to whom something happened."""
    names = draw(
        st.lists(st.from_regex(r"[a-z][a-z0-9-]{2,12}[a-z0-9]", fullmatch=True), min_size=1, max_size=3, unique=True)
    )
    conditions = [draw(TREES) for _ in names]
    hold_outs: list[dict[str, str]] = [{}, {"hold_out": "10%"}, {"hold_out": "12.5%", "experiment": "one-of-two"}]
    written = [
        rule(
            name,
            when=when,
            action=draw(st.sampled_from(["at-risk", "win-back"])),
            template=draw(st.text('abc"é/', min_size=1, max_size=8)),
            **draw(st.sampled_from(hold_outs)),
            **draw(st.sampled_from([{}, {"priority": 80}])),
        )
        for name, when in zip(names, conditions, strict=True)
    ]
    program = Program(rules(*written, types=TYPES))
    life = draw(lives(READ({"any": conditions}), draw(st.booleans())))
    program.begin()
    program.observe(Coverage(since={spec.key: life.since.get(spec.type, FOREVER_MS) for spec in _series(program)}))
    customer = program.customer
    customer.is_known, customer.first_ms = True, life.first_ms
    for event in life.events:
        customer.at_ms = max(customer.at_ms, event.at_ms)
        kind = program.types.get(event.type)
        if kind is not None and kind.folding is not None:
            kind.folding.fold(event)
    return program


def _series(program: Program) -> list[SeriesSpec]:
    return list(program.rule_set.specs())


class Both:
    """Decisions as numbers, and the same as objects."""

    def __init__(self, program: Program, customer_id: str) -> None:
        self.customer_id = customer_id
        self.decisions = Decisions(program.customer.most_conditions)
        self.objects: list[Action | Decision] = []

    def add_action(self, draw: Draw, one: ActiveRule, worded: Waiting | None) -> None:
        start_ms = draw(st.integers(1, _LAST_MS - one.expires_after_ms) | moments.filter(lambda at: at < 2**42))
        row = self.decisions.another(decided.ACTIVE, one, one.rank, start_ms, start_ms)
        row.expires_ms = start_ms + one.expires_after_ms
        not_before_ms, zone = draw(st.just((None, None)) | st.tuples(moments, texts))
        row.not_before_ms, row.time_zone = not_before_ms or 0, zone
        row.variables = given = draw(st.none() | variables)
        row.known = known = draw(what_is_known)
        consented_ms = row.consented_ms = draw(st.just(0) | moments)
        why = self._why(row, one, worded, back=False)
        self.objects.append(
            Action(
                **self._identity(one.rule, start_ms),
                status="active",
                expires_at=moment(start_ms) + timedelta(milliseconds=one.expires_after_ms),
                not_before=None if not_before_ms is None else moment(not_before_ms),
                time_zone=zone,
                template=one.rule.template,
                variables=given or {},
                why=reasons_in(why),
                **(known or {}),
                **self._side(one.rule, is_action=True),
                consent_as_of=moment(consented_ms) if consented_ms else None,
                priority=one.rule.priority or None,
            )
        )

    def add_retraction(self, draw: Draw, one: ActiveRule, worded: Waiting | None) -> None:
        start_ms, at_ms = draw(st.integers(1, _LAST_MS - one.expires_after_ms)), draw(moments)
        row = self.decisions.another(decided.RETRACTED, one, one.rank, start_ms, at_ms)
        row.expires_ms = start_ms + one.expires_after_ms
        row.because = draw(st.integers(0, len(decided.RETRACTIONS) - 1))
        why = () if row.because == decided.REPLACED else self._why(row, one, worded, back=True)
        self.objects.append(
            Action(
                **self._identity(one.rule, start_ms),
                status="retracted",
                expires_at=moment(start_ms) + timedelta(milliseconds=one.expires_after_ms),
                template=one.rule.template,
                variables={},
                why=reasons_in(why),
                retracted_at=moment(at_ms),
                retracted_because=decided.RETRACTIONS[row.because],
            )
        )

    def add_refusal(self, draw: Draw, one: ActiveRule, worded: Waiting | None) -> None:
        start_ms = draw(moments)
        kind, detail = draw(st.integers(decided.COOLING_DOWN, decided.UNKNOWN)), draw(st.sampled_from([*DETAILS]))
        if detail == decided.LEFT_OUT and one.rule.hold_out is None:
            detail = decided.HAD_ENOUGH
        row = self.decisions.another(kind, one, one.rank, start_ms, start_ms)
        row.explain(detail, draw(moments), draw(moments))
        row.said = draw(texts)
        decision = decided.SUPPRESSIONS[kind]
        assert decision is not None
        sentence = DETAILS[detail](row, one.rule)
        side = self._side(one.rule, is_action=False)
        self.objects.append(
            Decision(**self._identity(one.rule, start_ms), decision=decision, detail=sentence, **side)
        )

    def add_held(self, draw: Draw, one: ActiveRule, worded: Waiting | None) -> None:
        """What waited for a rule that is paused, another one, or gone by now."""
        start_ms = draw(moments)
        is_gone = worded is not None and draw(st.booleans())
        row = self.decisions.another(decided.HELD, None if is_gone else one, one.rank, start_ms, start_ms)
        row.explain(decided.RULE_IS_GONE)
        row.worded = worded
        identity = self._identity(one.rule, start_ms)
        if worded is not None:
            identity |= {
                "action_id": action_id(worded.rule, self.customer_id, start_ms),
                "action": worded.action,
                "rule": actions.Rule(worded.rule, worded.version),
            }
        sentence = DETAILS[decided.RULE_IS_GONE](row, one.rule)
        side = {} if worded is not None else self._side(one.rule, is_action=False)
        self.objects.append(Decision(**identity, decision="held", detail=sentence, **side))

    def _side(self, rule: Rule, *, is_action: bool) -> dict[str, Any]:
        """Return on which side of a rule's experiment the customer is: who gets an action is treated."""
        held = rule.hold_out
        if held is None:
            return {}
        arm = "treated" if is_action else held.of(self.customer_id)
        return {"experiment": held.salt, "arm": arm}

    def _identity(self, rule: Rule, start_ms: int) -> dict[str, Any]:
        """Return what actions and decisions have in common."""
        return {
            "action_id": action_id(rule.id, self.customer_id, start_ms),
            "action": rule.action,
            "customer_id": self.customer_id,
            "rule": rule.identity,
            "episode_started_at": moment(start_ms),
            "decided_at": moment(start_ms),
        }

    def _why(self, row: Decided, one: ActiveRule, worded: Waiting | None, *, back: bool) -> Any:
        row.has_why = True
        if worded is not None:
            row.worded = worded
            return worded.why_back if back else worded.why
        one.condition.note(row.evidence, max(one.episode.start_ms, 1))
        return reasons_of(one.condition, row.evidence)


WORDED_REASONS: Final = st.lists(
    st.builds(Reason, texts, values, texts, st.none() | texts, st.none() | texts), max_size=3
).map(tuple)
worded_actions = st.builds(
    Waiting,
    st.from_regex(r"[a-z-]{1,9}", fullmatch=True),
    st.just(1),
    st.just(1),
    st.sampled_from(["at-risk", "win-back"]),
    texts,
    st.just({}),
    WORDED_REASONS | WORDED_REASONS.map(msgspec.msgpack.encode),
    st.just("late_event"),
    WORDED_REASONS | WORDED_REASONS.map(msgspec.msgpack.encode),
)


@given(programs(), customers, st.data())
@examples(400)
def test_records_made_of_numbers_are_those_made_of_objects(
    program: Program, customer_id: str, data: st.DataObject
) -> None:
    both = Both(program, customer_id)
    for _ in range(data.draw(st.integers(1, 4))):
        one = data.draw(st.sampled_from(program.rules))
        worded = data.draw(st.none() | st.none() | worded_actions)
        add = data.draw(st.sampled_from([Both.add_action, Both.add_retraction, Both.add_refusal, Both.add_held]))
        add(both, data.draw, one, worded)
    records = Records(program.rules, PREFIX)
    of_numbers = records.written(customer_id, both.decisions)
    expected = messages(both.objects, PREFIX)
    assert [decode_record(record.stored) for record in of_numbers] == expected
    assert [record.stored for record in of_numbers] == [encode_record(record) for record in expected]
    assert records.contents(customer_id, both.decisions) == [
        msgspec.json.decode(encode(one), type=type(one)) for one in both.objects
    ]
    for record, content, sent in zip(of_numbers, both.objects, expected, strict=True):
        _is_alike(record, content, sent)
        for again in (record_of(content, PREFIX), read_record(record.stored)):
            assert again.stored == record.stored
            _is_alike(again, content, sent)
        if record.is_active:
            assert isinstance(content, Action)
            same = (
                *("action_id", "action", "customer_id", "rule", "episode_started_at", "decided_at"),
                *("experiment", "arm"),
            )
            of_action = {name: getattr(content, name) for name in same}
            of_pause = Decision(**of_action, decision="held", detail="paused by 'Ada'")
            held = held_back(record, "paused by 'Ada'")
            assert held.stored == encode_record(messages([of_pause], PREFIX)[0])
            assert held.status == "held"
            assert not held.is_action


def _is_alike(record: PublishedRecord, content: Action | Decision, sent: OutboxRecord) -> None:
    """What a record shows without being read is what its bytes say."""
    assert (record.topic, record.key, record.value, record.headers) == (
        sent.topic,
        sent.key,
        sent.value,
        sent.headers,
    )
    status = content.status if isinstance(content, Action) else content.decision
    assert record.content() == msgspec.json.decode(encode(content), type=type(content))
    assert (record.action_id, record.action, record.status) == (content.action_id, content.action, status)
    assert (record.rule, record.version) == (content.rule.id, content.rule.version)
    assert (record.customer_id, record.decided_ms) == (content.customer_id, epoch_ms(content.decided_at))
    expires_ms = epoch_ms(content.expires_at) if isinstance(content, Action) else 0
    assert record.expires_ms == expires_ms
    assert record.is_action == isinstance(content, Action)
    action = action_in(sent)
    assert record.is_action == (action is not None)
    if action is not None:
        assert (record.action_id, record.rule, record.is_active) == (action.action_id, action.rule, action.is_active)


@given(st.randoms(use_true_random=False), customers)
@examples(200)
def test_the_records_of_a_story_are_those_of_its_actions_and_decisions(random: Random, customer_id: str) -> None:
    stored: bytes | None = None
    for turn in story(random):
        outcome = decide(customer_id, stored, turn.events, turn.rules, turn.observed, turn.upto_ms)
        stored = outcome.stored
        decider = decider_of(turn.rules)
        of_numbers = Records(decider.program.rules, PREFIX).written(customer_id, decider.turn.decisions)
        expected = messages(outcome.decisions(), PREFIX)
        assert [record.stored for record in of_numbers] == [encode_record(record) for record in expected]
        for record, content, sent in zip(of_numbers, outcome.decisions(), expected, strict=True):
            _is_alike(record, content, sent)
