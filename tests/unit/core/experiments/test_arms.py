"""Arms: how the customers of an experiment are divided."""

from collections import Counter
from decimal import Decimal
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.experiments import AS_BEFORE, HELD_OUT
from workers.core.experiments.arms import Arms, division


def is_held_out(key: bytes, salt: str, customer: str, share: Decimal) -> bool:
    return Arms(salt, share, key).of(customer) == HELD_OUT


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=30, unique=True))
def test_a_greater_share_keeps_all_who_were_held_out_before(customers: list[str]) -> None:
    shares = [Decimal(share) for share in ("1", "5", "10", "30", "50")]
    for customer in customers:
        held = [is_held_out(b"key", "winter", customer, share) for share in shares]
        assert held == sorted(held)


def test_about_the_share_is_held_out_and_other_experiments_and_keys_choose_others() -> None:
    customers = [f"c{number}" for number in range(20_000)]
    tenth = {name for name in customers if is_held_out(b"key", "winter", name, Decimal(10))}
    assert 1_850 <= len(tenth) <= 2_150
    other = {name for name in customers if is_held_out(b"key", "summer", name, Decimal(10))}
    keyed = {name for name in customers if is_held_out(b"other", "winter", name, Decimal(10))}
    assert 120 <= len(tenth & other) <= 280
    assert 120 <= len(tenth & keyed) <= 280


@pytest.mark.parametrize("size", [0, 1, 63, 64])
def test_a_key_of_at_most_64_bytes_holds_out_whom_it_always_held_out(size: int) -> None:
    key, customers = b"k" * size, [f"c{number}" for number in range(200)]
    digests = {name: blake2b(f"winter\n{name}".encode(), key=key, digest_size=8).digest() for name in customers}
    as_before = {name for name in customers if int.from_bytes(digests[name], "big") * 100 < 30 << 64}
    assert {name for name in customers if is_held_out(key, "winter", name, Decimal(30))} == as_before
    assert as_before


@pytest.mark.parametrize("size", [65, 128, 10_000])
def test_a_longer_key_counts_to_its_last_byte(size: int) -> None:
    customers = [f"c{number}" for number in range(20_000)]
    held = {name for name in customers if is_held_out(b"k" * size, "winter", name, Decimal(10))}
    other = {name for name in customers if is_held_out(b"k" * (size - 1) + b"l", "winter", name, Decimal(10))}
    assert 1_850 <= len(held) <= 2_150
    assert 120 <= len(held & other) <= 280


def test_the_arms_have_their_shares_and_variants_those_of_the_treated() -> None:
    arms = Arms("winter", Decimal(10), b"key", Decimal(20), (("a", Decimal(25)), ("b", Decimal(75))))
    found = Counter(arms.of(f"c{number}") for number in range(40_000))
    shares = {arm: number / 400 for arm, number in found.items()}
    expected = {HELD_OUT: 10, AS_BEFORE: 20, "a": 17.5, "b": 52.5}
    assert shares.keys() == expected.keys()
    assert all(abs(shares[arm] - share) < 1 for arm, share in expected.items())


@given(st.text(max_size=20))
def test_further_arms_take_no_one_from_those_who_are_held_out(customer: str) -> None:
    alone = Arms("winter", Decimal(10), b"key")
    divided = Arms("winter", Decimal(10), b"key", Decimal(20), (("a", Decimal(50)), ("b", Decimal(50))))
    assert (alone.of(customer) == HELD_OUT) == (divided.of(customer) == HELD_OUT)


def test_who_is_held_out_of_all_rules_takes_part_in_no_experiment_of_a_rule() -> None:
    of_all, own = Arms("*every-rule", Decimal(50), b"key"), Arms("winter", Decimal(50), b"key")
    for customer in (f"c{number}" for number in range(50)):
        arms, arm = division(of_all, own, customer)
        if of_all.of(customer) == HELD_OUT:
            assert (arms, arm) == (of_all, HELD_OUT)
        else:
            assert (arms, arm) == (own, own.of(customer))
