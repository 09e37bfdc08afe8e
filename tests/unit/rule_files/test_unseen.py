"""Laws of what rules name and a history does not have: the place, what comes near, and how often."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.builders import event
from workers.histories.seen_values import SeenValues
from workers.rule_files.values.unseen import Unseen, is_one_edit, nearest, unseen_in, wanted_values
from workers.rule_files.yaml_nodes import parse_yaml

HEAD = """\
{define}rules:
  - id: a-rule
    title: A rule
    when: {when}
    action: at-risk
    template: a
    expires after: 14 days
"""
REASONS = ["too expensive"] * 26 + ["price"] * 30 + ["moving"] * 28 + ["too  Expensive"] * 2


def unseen(when: str, events: Mapping[str, list[dict[str, Any]]], define: str = "", more: str = "") -> list[Unseen]:
    documents = [parse_yaml("a.yaml", HEAD.format(when=when, define=define) + more)]
    seen = SeenValues(wanted_values(documents))
    for event_type, all_attributes in events.items():
        for attributes in all_attributes:
            seen.add(event(event_type, 0, **attributes))
    return unseen_in(documents, seen)


def cancellations(*reasons: Any) -> dict[str, list[dict[str, Any]]]:
    return {"cancellation": [{"reason": reason} for reason in reasons]}


def test_a_value_that_no_event_has_is_named_with_those_that_come_near_and_how_often() -> None:
    (found,) = unseen("{latest: cancellation.reason, is: Too Expensive}", cancellations(*REASONS))
    assert found.message == (
        "no event has cancellation.reason 'Too Expensive'; it has: 'too expensive' (26), 'too  Expensive' (2), "
        "'price' (30), 'moving' (28)"
    )
    assert (found.what, found.name, found.value) == ("value", "cancellation.reason", "Too Expensive")
    assert found.near[0] == ("too expensive", 26)
    assert (found.file, found.at.line, found.rules) == ("a.yaml", 4, ("a-rule",))


@pytest.mark.parametrize(
    "when",
    [
        "{latest: cancellation.reason, is: [price, prise]}",
        "{latest: cancellation.reason, is not: prise}",
        "{count: cancellation, at least: 1, where: {reason: prise}}",
        "{count: cancellation, at least: 1, where: {reason: {other than: [price, prise]}}}",
        "{after: {event: cancellation, where: {reason: prise}}, without: login, for: 1 day}",
        "{any: [{not: {none: cancellation, for: 9 days, where: {reason: prise}}}, {count: login, at least: 1}]}",
    ],
)
def test_each_value_is_compared_wherever_it_stands(when: str) -> None:
    (found,) = unseen(when, {**cancellations(*REASONS), "login": [{}]})
    assert (found.value, found.near[0]) == ("prise", ("price", 30))


def test_a_value_that_an_event_has_is_not_named() -> None:
    when = "{latest: cancellation.reason, is: [price, moving, too expensive]}"
    assert unseen(when, cancellations(*REASONS)) == []


def test_the_text_of_a_number_comes_near_to_the_number() -> None:
    scores = {"nps": [{"score": "9"}] * 7 + [{"score": "10"}] * 20}
    (found,) = unseen("{latest: nps.score, is: 9}", scores)
    assert found.message == "no event has nps.score 9; it has: '9' (7), '10' (20)"


def test_an_attribute_whose_bounds_need_numbers_and_that_has_texts_is_named() -> None:
    scores = {"nps": [{"score": "9"}] * 7}
    for when in ("{latest: nps.score, at most: 6}", "{sum: nps.score, at least: 6}"):
        (found,) = unseen(when, scores)
        assert (found.what, found.message) == ("bounds", "no event has a number in nps.score; it has: '9' (7)")


@pytest.mark.parametrize(
    ("bounds", "is_named"),
    [
        ("at least: 11", True),
        ("at least: 10", False),
        ("more than: 10", True),
        ("at most: 1.5", True),
        ("at most: 2", False),
        ("less than: 2", True),
        ("exactly: 11", True),
        ("exactly: 5", False),
        ("between: 11 and 20", True),
        ("between: 0 and 1", True),
        ("between: 1 and 2", False),
    ],
)
def test_bounds_that_no_number_of_the_history_reaches_are_named_with_its_numbers(bounds: str, is_named: bool) -> None:
    found = unseen(f"{{latest: nps.score, {bounds}}}", {"nps": [{"score": 2}, {"score": 10}]})
    assert [each.message for each in found] == (
        [f"no nps.score is {bounds.replace(':', '')}; they go from 2 to 10"] if is_named else []
    )


def test_an_attribute_that_no_event_has_is_named_once_with_those_that_there_are() -> None:
    (found,) = unseen("{latest: loyalty.teir, is: gold}", {"loyalty": [{"tier": "gold", "points": 3}]})
    assert found.message == "no loyalty has the attribute 'teir'; did you mean 'tier'?"
    (found,) = unseen("{date: loyalty.until, passed for: 3 days}", {"loyalty": [{"tier": "gold", "points": 3}]})
    assert found.message == "no loyalty has the attribute 'until'; it has: points, tier"


def test_an_event_type_that_never_occurs_is_named_and_nothing_else_of_it() -> None:
    (found,) = unseen("{latest: loyalty.tier, is: gold}", cancellations("price"))
    assert (found.what, found.message) == ("type", "no event is of the type 'loyalty'")


def test_a_named_condition_belongs_to_the_rules_that_meet_it_through_others_too() -> None:
    define = (
        "define:\n  dear: {latest: cancellation.reason, is: prise}\n  gone: {all: [{meets: dear}]}\n"
        "  idle: {latest: cancellation.reason, is: movin}\n"
    )
    dear, idle = unseen("{meets: gone}", cancellations(*REASONS), define)
    assert (dear.at.line, dear.rules) == (2, ("a-rule",))
    assert (idle.at.line, idle.rules) == (4, ())


def test_a_variable_that_no_event_fills_is_named() -> None:
    more = "    variables: {why: cancellation.what}\n"
    (found,) = unseen("{status: cancelled}", cancellations("price"), more=more)
    assert (found.what, found.at.line) == ("attribute", 8)


def test_of_many_values_the_nearest_are_named_first_and_the_most_frequent_after_them() -> None:
    counted = [("a", 90), ("b", 80), ("c", 70), ("d", 60), ("e", 50), ("golt", 2), ("GOLD ", 1)]
    assert [value for value, _ in nearest("gold", counted)] == ["GOLD ", "golt", "a", "b", "c"]


@pytest.mark.parametrize("other", ["pric", "prices", "prife", "rpice", "Price"])
def test_one_edit_is_one_character(other: str) -> None:
    assert is_one_edit("price", other)
    assert is_one_edit(other, "price")


@pytest.mark.parametrize("other", ["prick s", "pr", "ecirp", "moving"])
def test_more_than_one_edit_is_none(other: str) -> None:
    assert not is_one_edit("price", other)
    assert not is_one_edit(other, "price")


def test_an_attribute_whose_values_cannot_be_read_as_its_type_is_named_with_those_values() -> None:
    documents = [parse_yaml("a.yaml", HEAD.format(when="{latest: nps.score, at most: 6}", define=""))]
    seen = SeenValues(wanted_values(documents), {"nps.score": "number"})
    for score in ("4/10", "4/10", "four"):
        seen.add(event("nps", 0, score=score))
    (found,) = unseen_in(documents, seen)
    assert found.message == "no nps has a number as 'score'; it has: '4/10' (2), 'four' (1)"


def test_an_attribute_that_is_a_list_or_an_object_is_not_answered_with_the_name_of_what_was_left_out() -> None:
    (found,) = unseen("{latest: nps.score, at most: 6}", {"nps": [{"(unreadable)": "score"}]})
    assert found.message == "no nps has the attribute 'score'; it has only lists and objects, which are left out"


def test_another_spelling_of_a_value_that_events_have_is_not_named() -> None:
    documents = [parse_yaml("a.yaml", HEAD.format(when='{latest: nps.vip, is: [true, "yes", 1]}', define=""))]
    seen = SeenValues(wanted_values(documents), {"nps.vip": "true/false"})
    seen.add(event("nps", 0, vip="on"))
    assert unseen_in(documents, seen) == []
