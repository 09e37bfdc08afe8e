"""Laws of published records: made of numbers in one pass, they are those that objects give, to the byte."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.actions import Action, Decision, Reason, moment
from tests.property.test_both_conditions import TREES
from tests.support.builders import rule, rules
from tests.support.examples import examples
from workers.core.customer.candidate import NUMBERS_EACH, Evidence
from workers.core.decisions import decided
from workers.core.decisions.decided import Decided, Decisions
from workers.core.decisions.program import ActiveRule, Program
from workers.core.decisions.published import PublishedRecord, held_back, read_record, record_of
from workers.core.decisions.records import Records
from workers.core.objects.conditions.observability import day_in_words
from workers.core.objects.customer.activity import Candidate
from workers.core.objects.decisions import records as of_objects
from workers.core.rules.rule_set import Rule
from workers.core.text import Text
from workers.kafka.records import OutboxRecord, decode_record, encode_record
from workers.outbox.cloud_events import action_in, messages

TYPES: Final = ("purchase", "login", "cancellation", "reactivation", "nps")
PREFIX: Final = "linger.prod"
_LAST_MS: Final = 253_402_300_799_999

moments = st.integers(1, 2**41) | st.integers(1, _LAST_MS) | st.integers(1, 2**31).map(lambda seconds: seconds * 1000)
texts = st.text(max_size=20) | st.text("\"\\\n\t\x00é漢🙂<>'", max_size=12)
customers = st.text(min_size=1, max_size=12) | texts.filter(bool) | st.text(min_size=200, max_size=300)
values = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | texts
variables = st.dictionaries(texts, values, max_size=4)
numbers = st.integers(-1, 2**41) | st.sampled_from([-1, 0, 1, 10_000]) | st.integers(-(10**6), 10**6)

DETAILS: Final[dict[int, Callable[[Decided, Rule], str]]] = {
    decided.ACTS_NEVER_AGAIN: lambda row, _: f"acted on {day_in_words(row.since_ms)} and never acts again",
    decided.SILENT_UNTIL: lambda row, _: (
        f"acted on {day_in_words(row.since_ms)}, silent until {day_in_words(row.until_ms)}"
    ),
    decided.NOT_EXPIRED_YET: lambda row, _: f"its action of {day_in_words(row.since_ms)} has not expired yet",
    decided.ANOTHER_COMES_FIRST: lambda row, _: f"'{row.said}' comes first",
    decided.HAD_ENOUGH: lambda row, _: f"the customer has had enough: {row.said}",
    decided.LEFT_OUT: lambda _, rule: (
        "" if rule.hold_out is None else f"one of the {rule.hold_out.share:f}% left out of "
        f"'{rule.hold_out.experiment}' to measure the effect"
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
    decided.IN_SHADOW: lambda row, _: "the rule is in shadow: decided and reported, nothing is sent",
    decided.KNOWN_FROM: lambda row, _: (
        f"it cannot be known whether the rule holds: known from {day_in_words(row.since_ms)} on"
    ),
    decided.ONLY_AN_EVENT: lambda row, _: "it cannot be known whether the rule holds: only an event can show it",
}
"""The detail of each decision, as the core on objects words it."""


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Return a program of some rules."""
    written = [
        rule(
            name,
            when=draw(TREES),
            action=draw(st.sampled_from(["at-risk", "win-back"])),
            template=draw(st.text("abc\"é/", min_size=1, max_size=8)),
            **draw(
                st.sampled_from(
                    [{}, {"hold_out": {"share": "12.5 %", "experiment": 'a "bold" one'}}, {"hold_out": "10 %"}]
                )
                if False
                else st.just({})
            ),
        )
        for name in draw(st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True), min_size=1, max_size=3, unique=True))
    ]
    return Program(rules(*written, types=TYPES))


def noted(draw: st.DrawFn, evidence: Evidence) -> None:
    for place in range(evidence.size):
        evidence.numbers[place] = draw(numbers)
    for place in range(evidence.size // NUMBERS_EACH):
        evidence.keep(place, draw(values))
