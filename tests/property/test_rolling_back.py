"""A worker of the release before goes on from layout 3 as this release writes it, and misses no due time.

Goes with the core on objects, which plays the release before; `tests/upgrade` has the release itself.
"""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from schemas.actions import Action, Decision
from tests.property.test_decide_properties import END, OBSERVED, RULES, STEPS, history
from tests.support.customers import customer_of, named
from tests.support.examples import examples
from tests.support.on_objects import as_stored
from tests.support.oracle import left
from workers.core.coverage import FOREVER_MS
from workers.core.customer.stored import Stored
from workers.core.events.decoding import DecodedEvent
from workers.core.objects.customer import codec
from workers.core.objects.customer.activity import Activity
from workers.core.objects.decisions.decide import decide

GROUPS: Final = 2
PLACES: Final = [place % GROUPS for place in range(len(RULES.rules))]


class Customer:
    """One customer whom the release before decides."""

    def __init__(self) -> None:
        self.activity: Activity | None = None
        self.decisions: list[Action | Decision] = []

    def turn(self, events: list[DecodedEvent], upto_ms: int = 0) -> None:
        known = None if self.activity is None else as_stored(self.activity)
        outcome = decide("ada", known, events, RULES, OBSERVED, upto_ms)
        self.activity = outcome.activity
        self.decisions += outcome.decisions


def written_anew(stored: Stored, activity: Activity, *, has_flips: bool) -> Activity:
    """Return a customer as the old release reads it after this one had it: in layout 4, then in layout 3 again."""
    customer = stored.customer
    stored.read(codec.encode(activity))
    if has_flips:  # groups of other rules than those of layout 3, as exact as those were
        customer.flips_known, customer.generation = True, RULES.generation
        for place, one in enumerate(RULES.rules):
            flip_ms = activity.flips.get(one.group, FOREVER_MS)
            customer.set_flip(PLACES[place], min(flip_ms, customer.read_flips()[PLACES[place]]))
    stored.read(stored.write(4))
    assert customer.flips_known == has_flips
    assert customer.due_ms == activity.due_ms
    return codec.decode(stored.write(3), RULES.codes)


@examples(200)
@given(STEPS, st.booleans(), st.booleans(), st.lists(st.integers(0, 3 * 10**9), min_size=14, max_size=14))
def test_going_back_and_forth_between_the_releases_changes_no_decision(
    steps: list[tuple[str, float, float, int]], late: bool, has_flips: bool, waits: list[int]
) -> None:
    customer = customer_of(RULES.facts, len(RULES.rules), GROUPS)
    stored = Stored(named(customer, RULES, PLACES))
    events = history(steps, late)
    known, due_ms = Customer(), 0
    for serial, event in enumerate(events):
        known.turn([event])
        assert known.activity is not None
        known.activity = written_anew(stored, known.activity, has_flips=has_flips)
        upto_ms = event.at_ms + waits[serial]
        if upto_ms < min((later.at_ms for later in events[serial + 1 :]), default=END):
            due_ms = known.activity.due_ms
            if due_ms and due_ms <= upto_ms:  # only then a worker looks
                known.turn([], upto_ms)
                known.activity = written_anew(stored, known.activity, has_flips=has_flips)
    while known.activity is not None and 0 < known.activity.due_ms <= END:
        due_ms = known.activity.due_ms
        known.turn([], due_ms)
    alone = Customer()
    alone.turn(events)
    alone.turn([], END)
    assert left(known.decisions) == left(alone.decisions)
