"""What is refused before anything of a customer is read."""

import pytest

from tests.support.customers import customer_of
from workers.core.customer.names import NamedRule, Names
from workers.core.customer.specs import Specs
from workers.core.customer.stored import OtherLayout, Stored, UnknownLayout
from workers.core.decisions.decided import RETRACTIONS


def stored() -> Stored:
    customer = customer_of(Specs(("login",)).facts_by_type(), 1)
    return Stored(Names(customer, 1, [NamedRule("a-rule", "0123456789ab", 0)]))


@pytest.mark.parametrize(
    ("raw", "error", "text"),
    [
        (b"\5anything", OtherLayout, "layout 5, this version reads 3 and 4: a newer version .*run that version"),
        (b"\x92\2\0", OtherLayout, "layout 2, this version reads 3 and 4: an older version .*linger rebuild"),
        (b"", UnknownLayout, "does not begin with a layout"),
        (b"{}", UnknownLayout, "does not begin with a layout"),
        (b"\3", UnknownLayout, "it ends too early"),
        (b"\4", UnknownLayout, "it ends too early"),
        (b"\4\0" + bytes(40), UnknownLayout, "there is more than it says"),
    ],
)
def test_what_no_worker_of_these_layouts_wrote_is_refused_by_name(
    raw: bytes, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text) as raised:
        stored().read(raw)
    assert raised.type is error


def test_a_customer_of_whom_little_is_known_takes_few_bytes() -> None:
    given = stored()
    customer = given.customer
    customer.is_known, customer.first_ms, customer.at_ms = True, 1_704_067_200_123, 1_704_067_200_123
    customer.remember(1)
    customer.by_key["login"].add(customer.at_ms, 0, customer.at_ms // 86_400_000)
    raw = given.write(4)
    assert len(raw) <= 24
    given.read(raw)
    assert given.write(4) == raw
    assert customer.by_key["login"].days.read() == [(19723, 1, 0)]


def test_no_other_layout_is_written() -> None:
    with pytest.raises(ValueError, match="layout 5"):
        stored().write(5)


def test_due_times_of_another_rule_set_are_not_taken_over() -> None:
    given = stored()
    customer = given.customer
    customer.is_known, customer.first_ms, customer.at_ms, customer.generation = True, 1000, 1000, 1
    customer.due_ms = 2000
    customer.set_flip(1, 2000)
    raw = given.write(4)
    given.read(raw)
    assert customer.flips_known
    assert customer.due_ms == customer.read_flips()[1] == 2000
    later = customer_of(Specs(("login",)).facts_by_type(), 1)
    newer = Stored(Names(later, 2, [NamedRule("a-rule", "0123456789ab", 0)]))
    newer.read(raw)
    assert not later.flips_known
    assert later.due_ms == 2000
    newer.read(newer.write(4))
    assert not later.flips_known
    assert later.due_ms == 2000


def test_an_action_that_waits_to_be_taken_back_has_a_reason_that_there_is() -> None:
    given = stored()
    customer = given.customer
    customer.is_known, customer.first_ms, customer.at_ms, customer.generation = True, 1000, 1000, 1
    candidate = customer.another_candidate()
    candidate.rule, candidate.start_ms, candidate.withdrawn_ms = 0, 1000, 2000
    candidate.because = len(RETRACTIONS) - 1
    raw = given.write(4)
    given.read(raw)
    assert given.write(4) == raw
    customer.candidates[0].because = len(RETRACTIONS)
    with pytest.raises(UnknownLayout):
        given.read(given.write(4))
