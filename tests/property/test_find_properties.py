"""What `find` finds is what the library of JMESPath says, for every expression and every document."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Unusable
from schemas.expressions import compiled_search
from workers.core.mapping.find import compile_search

EXPRESSIONS = (
    "a",
    "a.b.c",
    '"a b"."c.d"',
    "@",
    "a[0].b",
    "a[-1]",
    "a[1:3]",
    "a[::-1]",
    "[0]",
    "[]",
    "[][].a",
    "a[].b[]",
    "a[*].b",
    "a.*",
    "*.b | [0]",
    "a[?b]",
    "a[?b=='x'].c | [0]",
    "a[?b==`1`]",
    "a[?b!=`true`].b",
    "a[?b > `1` && c <= `3`]",
    "a[?b < c]",
    "a[?contains(b, 'x')].b",
    "a[?!b].c",
    "!a",
    "!(a == `0`)",
    "a || b || `7`",
    "a && b",
    "a == b",
    "a != 'x'",
    "a < `5`",
    "[a, b.c]",
    "{x: a, y: b}",
    "a.{x: b}",
    "length(a)",
    "join('-', a)",
    "to_string(a)",
    "to_number(a)",
    "not_null(a, b)",
    "sort(a)",
    "max_by(a, &b)",
    "sort_by(a, &b)[0]",
    "map(&b, a)",
    "keys(@)",
    "values(a) | [0]",
    "starts_with(a, 'x')",
    "sum(a)",
    "avg(a)",
    "a.b || a[0].b | [0]",
    '`{"x": 1}`.x',
    "type(a) == 'object'",
    "reverse(a)",
    "a[?b=='x'] | [?c].c",
)

scalars = st.sampled_from([None, True, False, 0, 1, 1.0, 2, -3.5, "", "x", "1", "ax"])
names = st.sampled_from(["a", "b", "c", "a b", "c.d"])
documents = st.dictionaries(
    names,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
        max_leaves=10,
    ),
    max_size=4,
)


@pytest.mark.parametrize("expression", EXPRESSIONS)
@given(documents)
def test_an_expression_finds_what_the_library_finds(expression: str, document: dict[str, Any]) -> None:
    try:
        expected = compiled_search(expression).search(document)
    except (ValueError, TypeError, AttributeError, ArithmeticError):
        expected = Unusable("find_failed")
    found = compile_search(expression)(document)
    assert repr(found) == repr(expected)
