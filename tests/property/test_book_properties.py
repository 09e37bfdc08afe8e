"""Laws of the book: its facts are those of a naive counter over the same log, in all batches."""

from collections import Counter
from decimal import Decimal
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from schemas.rules import RuleBook, RuleFile
from tests.support.builders import DAY, START, watched
from tests.support.examples import examples
from tests.support.naive_book import NaiveBook
from workers.core.customer.standing import AS_ANYBODY
from workers.core.decisions.decide import Decider
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_compiler import compile_rules

TYPES: Final = ("purchase", "login", "cancellation", "complaint", "nps", "renewal", "renewal_failed", "refund")
FILE: Final = RuleFile.model_validate(
    {"book": {"contract": "renewal", "break after": "60 days"}},
)
VALUED: Final = RuleFile.model_validate({"value": {"revenue": ["purchase.amount"], "currency": "EUR"}})
BOOKS: Final = {None: RuleBook(book=FILE.book), "EUR": RuleBook(book=FILE.book, value=VALUED.value)}
"""By the currency of what customers are worth; None where that is said nowhere."""
NAMES: Final[dict[str, dict[str, st.SearchStrategy[Any]]]] = {
    "purchase": {
        "amount": st.sampled_from([Decimal(10), Decimal("4.99995"), Decimal(0), Decimal(10**9)]),
        "currency": st.sampled_from(["EUR", "USD", "GBP"]),
    },
    "cancellation": {
        "reason": st.sampled_from(["price", "a:b", "x" * 60, "", "too dear, she said", "not for me or you"])
    },
    "complaint": {"about": st.sampled_from(["late", "rude", 5])},
    "nps": {"score": st.sampled_from([0, 3, 9, 10, 11, -1, 4.5, "9", True and 7])},
}
moments = st.integers(0, 120).map(lambda days: START + days * DAY) | st.integers(START, START + 400 * DAY)


@st.composite
def events(draw: st.DrawFn) -> DecodedEvent:
    kind = draw(st.sampled_from(TYPES))
    attributes: dict[str, Any] = {}
    for name, values in NAMES.get(kind, {}).items():
        if kind == "purchase" or draw(st.booleans()):
            attributes[name] = draw(values)
    return DecodedEvent(f"e{draw(st.integers(0, 25))}", kind, draw(st.sampled_from("ab")), draw(moments), attributes)


@examples(300)
@given(
    st.lists(events(), min_size=1, max_size=40),
    st.lists(st.integers(1, 10), min_size=1, max_size=8),
    st.sampled_from(list(BOOKS)),
)
def test_the_facts_are_those_of_a_naive_counter_however_the_log_is_cut(
    log: list[DecodedEvent], sizes: list[int], currency: str | None
) -> None:
    expected = NaiveBook(contract=("renewal",), break_days=60, currency=currency).read(log)
    rules = compile_rules(BOOKS[currency], TYPES)
    decider, observed = Decider(rules), watched(rules)
    stored: dict[str, bytes | None] = {}
    found: Counter[tuple[int, str]] = Counter()
    at = turn = 0
    while at < len(log):
        size = sizes[turn % len(sizes)]
        batch, at, turn = log[at : at + size], at + size, turn + 1
        for customer_id in {event.customer_id: None for event in batch}:
            own = [event for event in batch if event.customer_id == customer_id]
            decider.decide(customer_id, stored.get(customer_id), own, observed, 0, 4)  # a turn that is lost …
            decider.begin(customer_id, observed, AS_ANYBODY)
            decider.drop_facts()  # … counts nothing
            outcome = decider.decide(customer_id, stored.get(customer_id), own, observed, 0, 4)
            stored[customer_id] = outcome.stored
            for day, name, number in decider.take_facts():
                found[day, name] += number
    assert found == expected
