"""Laws of the names of series: a series that folds otherwise starts again, and no other does."""

from typing import Any

import pytest

from schemas.attribute_types import AttributeType
from schemas.conditions import Bounds, Different
from workers.core.customer.specs import Specs

TYPES = ("purchase", "login", "topup", "complaint")


def bounds(**content: Any) -> Bounds:
    return Bounds.model_validate({name.replace("_", " "): value for name, value in content.items()})


def specs(**types: AttributeType) -> Specs:
    """Specs with types of attributes of `topup`, as if the rules needed them."""
    return Specs(TYPES, {f"topup.{name}": kind for name, kind in types.items()})


def built_in() -> Specs:
    return Specs(TYPES, {"purchase.amount": "number", "purchase.currency": "text", "purchase.category": "text"})


def test_series_that_no_type_changes_keep_the_names_of_the_release_before() -> None:
    """Stored names of 0.1.0: a customer's history under them goes on counting."""
    of = built_in()
    assert of.require("purchase", None, "amount", 30) == "purchase"
    assert of.require("topup", None) == "topup"
    assert of.require("purchase", {"category": "shoes", "plan": ["gold", "silver"]}) == "purchase?19f08bdeb5e5"
    assert (
        of.require("purchase", {"amount": bounds(at_least=50), "currency": "EUR"}, "amount", 90)
        == "purchase?73b32afe3f3d"
    )
    other = Different.model_validate({"other than": "gift card"})
    assert of.require("purchase", {"category": other}) == "purchase?1f6f802c99cf"
    assert of.require_mean("purchase", {"category": "shoes"}, "amount", 30) == "purchase?29a8c63087e1"
    assert of.require_different("purchase", None, "category") == "purchase?f122ff6afc7e"
    pair = of.require_pair(("complaint", {"topic": "price"}), ("purchase", None))
    assert pair.key == "complaint?8b93823adc34>purchase"


@pytest.mark.parametrize(
    ("key", "old"),
    [
        (specs(amount="number").require("topup", None, "amount", 30), "topup?cbe8b71ff210"),
        (specs(score="number").require("topup", {"score": bounds(at_least=50)}), "topup?8d8df7c99f8f"),
        (specs(vip="true/false").require("topup", {"vip": True}), "topup?5bf75dffb502"),
        (specs(sku="text").require("topup", {"sku": "123"}), "topup?7e0d94373d2a"),
        (specs(amount="number").require_mean("topup", None, "amount", 30), "topup?2c703c10c1f9"),
        (
            Specs(TYPES, {"complaint.stars": "number"})
            .require_pair(("complaint", {"stars": 1}), ("purchase", None))
            .key,
            "complaint?05cf651b4feb>purchase",
        ),
        (
            Specs(TYPES, {"purchase.category": "text"}, {"purchase.category"}).require_different(
                "purchase", None, "category"
            ),
            "purchase?f122ff6afc7e",
        ),
    ],
)
def test_a_series_in_which_conversion_changes_what_is_folded_starts_again(key: str, old: str) -> None:
    assert key.split("?")[0] == old.split("?")[0]
    assert key != old


def test_a_series_starts_again_when_a_type_changes() -> None:
    one, other = (specs(size=kind).require_different("topup", None, "size") for kind in ("number", "true/false"))
    untyped = specs().require_different("topup", None, "size")
    assert len({one, other, untyped}) == 3


def test_the_type_of_another_attribute_changes_nothing() -> None:
    where = {"score": bounds(at_least=50)}
    assert specs(score="number", other="moment").require("topup", where) == specs(score="number").require(
        "topup", where
    )
