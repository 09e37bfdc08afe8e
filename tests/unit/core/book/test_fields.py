"""Laws of the fields of the book."""

import pytest

from workers.core.book import fields
from workers.core.book.fields import as_other, field, is_amount, is_doing, is_lasting, label, parts_of


def test_a_field_is_a_name_and_its_labels() -> None:
    assert field(fields.NEW) == "new"
    assert field(fields.MOVE, "member", "lapsed") == "move:member:lapsed"
    assert parts_of("move:member:lapsed") == ("move", "member", "lapsed")


@pytest.mark.parametrize(("name", "labels"), [("profit", ()), (fields.NEW, ("x",)), (fields.REVENUE, ())])
def test_there_is_no_field_beyond_the_grammar(name: str, labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=name):
        field(name, *labels)


def test_a_label_is_short_and_splits_nothing() -> None:
    assert label("a:b|c\nd\x00") == "a_b_c_d_"
    assert label("x" * 100) == "x" * 40
    assert label("") == fields.NO_LABEL


@pytest.mark.parametrize("text", ["price", "too expensive", "Disliked the last box", "a:b", "v2.1", 5, "4.5", "P30D"])
def test_short_names_are_labels(text: object) -> None:
    assert fields.said_label(text) == label(text)


@pytest.mark.parametrize(
    "text",
    [
        "too dear, said Ada",
        "it was not for me",
        "ada@example.org",
        "order 4711815",
        "x" * 41,
        "Late again!",
        "Mrs. Ada",
    ],
)
def test_what_could_name_a_person_is_no_label(text: str) -> None:
    assert fields.said_label(text) == fields.OTHER
    assert parts_of(field(fields.REASON, "too: expensive")) == ("reason", "too_ expensive")


def test_doings_moves_and_what_came_after_closing_stay_in_a_rebuild() -> None:
    lasting = {name for name in (*fields.FACTS, *fields.DOINGS) if is_lasting(name)}
    assert lasting == {*fields.DOINGS, fields.MOVE, fields.AFTER_CLOSING}
    assert {name for name in (*fields.FACTS, *fields.DOINGS) if is_doing(name)} == set(fields.DOINGS)


def test_what_is_money_is_known() -> None:
    assert is_amount("revenue:EUR")
    assert not is_amount("events:purchase")


def test_of_a_day_the_most_frequent_values_stay_and_the_rest_is_other() -> None:
    day = {field(fields.REASON, f"r{number:03}"): 1 + number for number in range(53)}
    day[field(fields.REASON_VALUE, "r000", "EUR")] = 500
    day[field(fields.REASON_VALUE, "r052", "EUR")] = 70
    day["new"] = 3
    kept = fields.with_most_frequent(day)
    assert kept["reason:other"] == 1 + 2 + 3
    assert kept["reason_value:other:EUR"] == 500
    assert kept["reason_value:r052:EUR"] == 70
    assert kept["reason:r003"] == 4
    assert kept["new"] == 3
    assert sum(kept.values()) == sum(day.values())


def test_all_other_values_have_one_field() -> None:
    assert as_other("reason_value:late again:EUR") == "reason_value:other:EUR"
