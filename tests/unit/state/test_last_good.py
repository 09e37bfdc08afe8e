"""Laws of the files that are kept in Redis for workers whose own are broken: the newest always, and few others."""

from workers.state.rule_sets.last_good import KEPT, kept


def test_the_newest_sets_and_a_few_others_of_each_kind_are_kept() -> None:
    fields = {f"rules:{number}": f"{number} packed" for number in range(20)}
    fields |= {f"sources:{number}": f"{number} packed" for number in range(3)}
    left = kept(fields, {"rules:19", "sources:2"})
    assert set(left) == {*(f"rules:{number}" for number in range(19 - KEPT, 20)), *(f"sources:{n}" for n in range(3))}
    assert all(fields[name] == text for name, text in left.items())


def test_sets_that_never_became_the_newest_do_not_displace_it() -> None:
    refused = {f"rules:refused-{number}": "8 packed" for number in range(9)}
    left = kept({**refused, "rules:newest": "7 packed"}, {"rules:newest"})
    assert "rules:newest" in left
    assert len(left) == 1 + KEPT


def test_what_is_damaged_goes_first_and_is_no_error() -> None:
    fields = {"rules:damaged": "\ufffd", **{f"rules:{number}": f"{number} packed" for number in range(KEPT + 1)}}
    assert "rules:damaged" not in kept(fields, {f"rules:{KEPT}"})
