"""Laws of likeness: a misspelling is recognized, and another word is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.rule_files.hints.likeness import did_you_mean

KNOWN = (
    "purchase",
    "login",
    "cancellation",
    "complaint",
    "reactivation",
    "referral",
    "cart",
    "email-sent",
    "at least",
)
OTHERS = (
    ("donation", "cancellation"),
    ("commitment", "complaint"),
    ("activation", "reactivation"),
    ("activated", "reactivation"),
    ("renewal", "referral"),
    ("card", "cart"),
    ("mail-read", "email-sent"),
    ("purchase_failed", "purchase"),
    ("repurchase", "purchase"),
    ("unlogin", "login"),
    ("no less than", "less than"),
    ("not at least", "at least"),
    ("not active", "active"),
    ("inactive", "active"),
    ("unpaid", "paid"),
    ("import", "export"),
    ("increase", "decrease"),
    ("max_price", "min_price"),
    ("plan_2", "plan_1"),
    ("step-one", "step-two"),
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("puchase", "purchase"),
        ("purchases", "purchase"),
        ("purhcase", "purchase"),
        ("Purchase", "purchase"),
        ("lgoin", "login"),
        ("logins", "login"),
        ("cancelation", "cancellation"),
        ("crat", "cart"),
        ("carts", "cart"),
        ("email_sent", "email-sent"),
        ("emailsent", "email-sent"),
        ("At Leats", "at least"),
    ],
)
def test_a_misspelt_word_is_recognized(written: str, meant: str) -> None:
    assert did_you_mean(written, KNOWN) == meant


@pytest.mark.parametrize(("written", "other"), OTHERS)
def test_another_word_is_no_misspelling(written: str, other: str) -> None:
    assert did_you_mean(written, [other]) is None
    assert did_you_mean(other, [written]) is None


def test_of_two_words_that_are_equally_close_none_is_suggested() -> None:
    assert did_you_mean("orders", ["order", "orderz"]) is None
    assert did_you_mean("ordersz", ["orders", "ord"]) == "orders"


@given(word=st.text(max_size=30), known=st.lists(st.text(max_size=30), max_size=5))
def test_what_is_suggested_is_known(word: str, known: list[str]) -> None:
    assert did_you_mean(word, known) in (None, *known)


@given(word=st.from_regex(r"[a-z]{1,20}", fullmatch=True))
def test_a_word_is_always_like_itself(word: str) -> None:
    assert did_you_mean(word.upper(), [word]) == word
