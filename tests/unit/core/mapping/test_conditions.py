"""Laws of `only_when` and of cases: nothing is converted, and what is skipped is skipped by name."""

from typing import Any

import pytest

from tests.unit.core.mapping.mapped import event_of, refusal_of, refused_by_the_schema, skipped_by, source


def takes(only_when: dict[str, Any], body: dict[str, Any] | None = None, **parts: Any) -> bool:
    of = source(only_when=only_when)
    try:
        event_of(of, body, **parts)
    except AssertionError:
        assert skipped_by(of, body, **parts) == "only_when"
        return False
    return True


@pytest.mark.parametrize(
    ("wanted", "right", "wrong"),
    [
        ("ok", ["ok"], ["OK", "ok ", None, 1, ["ok"], {"ok": 1}, True]),
        (5, [5, 5.0], ["5", True, None, [5]]),
        (1, [1], [True, "1"]),
        (True, [True], [1, "true", None]),
        (False, [False], [0, "", None]),
        (None, [None], [0, "", False, "null"]),
        (19.99, [19.99], ["19.99", 19.990001]),
        (["a", 2, None], ["a", 2, None], ["b", "2", False]),
        ({"more than": 0}, [1, 0.01], [0, -1, "1", None, True]),
        ({"at least": 3, "less than": 5}, [3, 4.99], [5, 2.99, "4"]),
        ({"at most": 3}, [3, -1], [3.1, "2", None]),
        ({"from": 1, "to": 3}, [1, 2.5, 3], [0.99, 3.01, "2", None, True]),
        ({"other than": "test"}, ["live", 1, True, False, 0, ""], ["test", None, [], {}]),
        ({"other than": ["a", 1]}, ["b", "1", True], ["a", 1, 1.0, None]),
        ({"given": True}, ["x", 0, False, [1], {"a": None}], ["", " ", None, [], {}]),
        ({"given": False}, ["", None, [], {}], ["x", 0, False]),
        (
            {"matches": "(?i)^order completed$"},
            ["Order Completed", "order completed"],
            ["order completed 2", None, 5, []],
        ),
        ({"matches": "paid"}, ["is paid now"], ["Paid", True]),
        ({"matches": "^1"}, ["1x"], [1, 12]),
    ],
)
def test_a_condition_holds_for_these_values_and_no_others(wanted: Any, right: list[Any], wrong: list[Any]) -> None:
    for value in right:
        assert takes({"x.y": wanted}, {"x": {"y": value}}), value
    for value in wrong:
        assert not takes({"x.y": wanted}, {"x": {"y": value}}), value


@pytest.mark.parametrize("x", [None, "text", [], [{"y": "ok"}], 5])
def test_a_path_that_leads_nowhere_is_null(x: Any) -> None:
    assert takes({"x.y": None}, {"x": x})
    assert takes({"x.y": {"given": False}}, {"x": x})
    assert not takes({"x.y": {"other than": "ok"}}, {"x": x})


def test_conditions_on_the_record_itself() -> None:
    headers = [("X-Kind", b"old"), ("x-kind", b"orders/create")]
    assert takes({"header X-KIND": "orders/create"}, headers=headers)
    assert takes({"header X-Kind": {"matches": "^orders/"}}, headers=headers)
    assert takes({"header X-Other": None}, headers=headers)
    assert not takes({"header X-Kind": "ORDERS/create"}, headers=headers)
    assert takes({"key": "k-1"}, key=b"k-1")
    assert takes({"key": {"given": False}})
    assert takes({"topic": "t"})


def test_bytes_that_are_no_text_do_not_break_a_condition() -> None:
    assert not takes({"header X": "a"}, headers=[("X", b"\xff")])
    assert takes({"header X": {"given": True}}, headers=[("X", b"\xff")])
    assert not takes({"key": "a"}, key=b"\xff")


def test_a_header_is_a_text_and_no_number() -> None:
    assert not takes({"header X": 5}, headers=[("X", b"5")])
    assert not takes({"header X": {"more than": 1}}, headers=[("X", b"5")])


@pytest.mark.parametrize(
    ("expression", "body", "holds"),
    [
        (
            "after.status == 'off' && before.status != 'off'",
            {"after": {"status": "off"}, "before": {"status": "on"}},
            True,
        ),
        (
            "after.status == 'off' && before.status != 'off'",
            {"after": {"status": "off"}, "before": {"status": "off"}},
            False,
        ),
        ("after.status == 'off' && before.status != 'off'", {"after": {"status": "off"}, "before": None}, True),
        ("lines[?gift]", {"lines": [{"gift": False}]}, False),
        ("lines[?gift]", {"lines": [{"gift": True}]}, True),
        ("n", {"n": 0}, True),
        ("n", {"n": ""}, False),
        ("n", {"n": {}}, False),
        ("length(n) > `1`", {"n": 5}, False),
        ("n < `5`", {"n": "4"}, False),
        ("contains(keys(@), 'n')", {"n": None}, True),
    ],
)
def test_find_holds_if_it_finds_something(expression: str, body: dict[str, Any], holds: bool) -> None:
    assert takes({"find": expression}, body) is holds


def test_all_conditions_must_hold() -> None:
    assert takes({"a": 1, "b": {"given": True}}, {"a": 1, "b": 2})
    assert not takes({"a": 1, "b": {"given": True}}, {"a": 1})


def test_a_pattern_takes_linear_time() -> None:
    assert not takes({"x": {"matches": "(a+)+$"}}, {"x": "a" * 50_000 + "b"})


# --- cases ------------------------------------------------------------------------------------------------------

SHOP = source(
    None,
    only_when={"live": True},
    attributes={"shop": "shop", "plan": "plan"},
    one_of=[
        {"event": "renewal", "only_when": {"kind": "paid", "reason": "cycle"}},
        {
            "event": "purchase",
            "name": "first order",
            "only_when": {"kind": "paid"},
            "fields": {"amount": "total", "currency": "currency"},
        },
        {
            "event": "purchase",
            "only_when": {"kind": "gift"},
            "fields": {"amount": "total", "currency": {"constant": "EUR"}, "customer_id": "buyer"},
        },
        {
            "event": "purchase",
            "only_when": {"kind": "bonus"},
            "fields": {"amount": "total", "currency": "currency"},
            "attributes": {"plan": {"constant": "none"}},
        },
    ],
)


def test_the_first_case_that_matches_counts() -> None:
    assert event_of(SHOP, {"live": True, "kind": "paid", "reason": "cycle"}).type == "renewal"
    assert event_of(SHOP, {"live": True, "kind": "paid"}).type == "purchase"


def test_what_no_case_takes_is_skipped_by_that_name_and_what_all_share_by_another() -> None:
    assert skipped_by(SHOP, {"live": True, "kind": "Paid"}) == "no case"
    assert skipped_by(SHOP, {"live": False, "kind": "paid"}) == "only_when"


def test_a_cases_own_fields_and_attributes_go_before_those_that_all_share() -> None:
    gift = event_of(SHOP, {"live": True, "kind": "gift", "buyer": "bob", "currency": "USD", "shop": "s", "plan": "p"})
    assert (gift.customer_id, gift.currency, gift.attributes) == ("bob", "EUR", {"shop": "s", "plan": "p"})
    bonus = event_of(SHOP, {"live": True, "kind": "bonus", "shop": "s", "plan": "p"})
    assert (bonus.customer_id, bonus.attributes) == ("ada", {"shop": "s", "plan": "none"})


def test_a_case_can_do_without_a_field_that_all_others_share() -> None:
    of = source(
        None,
        fields={"reason": "why"},
        one_of=[
            {"event": "cancellation", "only_when": {"why": "no"}, "fields": {"reason": None}},
            {"event": "cancellation"},
        ],
    )
    assert event_of(of, {"why": "no"}).reason is None
    assert event_of(of, {"why": "price"}).reason == "price"


def test_cases_have_names_of_their_own() -> None:
    assert [case.label() for case in SHOP.cases()] == ["renewal", "first order", "purchase", "purchase 2"]
    assert SHOP.types() == ("renewal", "purchase")


def test_a_refusal_in_a_case_says_where_that_case_looked() -> None:
    assert "'buyer'" in refusal_of(SHOP, {"live": True, "kind": "gift"}).detail


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"one_of": [{"event": "login"}, {"event": "renewal", "only_when": {"a": 1}}]}, "takes every record"),
        ({"one_of": [{"event": "login", "name": "no case"}]}, "become no event"),
        (
            {"one_of": [{"event": "login", "name": "a", "only_when": {"a": 1}}, {"event": "login", "name": "a"}]},
            "two cases",
        ),
        ({"one_of": [{"event": "purchase"}]}, "a purchase also needs the fields amount, currency"),
        ({"one_of": [{"event": "login"}], "event": "login"}, "cannot be combined"),
        (
            {"one_of": [{"event": "login", "max_silence": "1 day"}], "type_max_silence": {"login": "2 days"}},
            "keep one",
        ),
        ({"one_of": [{"event": "login"}], "max_silence": None}, "'max_silence' is missing"),
        ({"only_when": {"find": "a["}}, "no JMESPath"),
        ({"only_when": {"a": {"matches": "("}}}, "no pattern of RE2"),
        ({"only_when": {"a": {"from": 3, "to": 1}}}, "no number is from 3 to 1"),
        ({"only_when": {"header ": "x"}}, "no path"),
    ],
)
def test_cases_and_conditions_that_cannot_be_meant_are_refused(content: dict[str, Any], words: str) -> None:
    assert words in refused_by_the_schema(
        event=None if "one_of" in content and "event" not in content else "login",
        **{key: value for key, value in content.items() if key != "event"},
    )
