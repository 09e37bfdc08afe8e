"""Laws of the expressions inside `sources.yaml`: what can never hold is refused, not read."""

import pytest

from schemas.expressions import compiled_search


@pytest.mark.parametrize("expression", ["!a.b", "x && !a.b.c", "a[?!b.c]", "!a[0].b == `true`"])
def test_an_exclamation_mark_before_a_path_is_refused_since_it_would_hold_for_no_record(expression: str) -> None:
    with pytest.raises(ValueError, match=r"write '!\(a\.b\)'"):
        compiled_search(expression)


@pytest.mark.parametrize("expression", ["!(a.b)", "!a", "!contains(a, b)", "a[?!b].c", "!(a || b.c)"])
def test_one_before_a_name_a_call_or_brackets_is_what_it_looks_like(expression: str) -> None:
    assert compiled_search(expression).search({"a": [{"b": 1}]}) in (True, False, [], None)
