"""`find`: JMESPath expressions, compiled once into functions.

The library parses, and says what each function gives. Its interpreter looks at the kind of each node again for each
record; here every node becomes a function once, which costs a fraction. Both give the same (a law of the tests). An
expression with something else than the usual is left to the interpreter. One thing differs from the library: numbers
are added as they are written, so 0.1 and 0.2 are 0.3.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.visitor import Options, TreeInterpreter

from schemas.events import Unusable
from schemas.expressions import compiled_search

Search = Callable[[Any], Any]
"""What an expression finds in a document; None for nothing."""

FAILED: Final = "find_failed"
"""Why a value is not there if its expression fails, as a reason of refusals."""

_ERRORS: Final = (
    JMESPathError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def _sum(_: Functions, numbers: list[Any]) -> Any:
    """Add numbers as they are written: the amounts of an order's lines add up to the order's."""
    if all(number.__class__ is int for number in numbers):
        return sum(numbers)
    return float(sum(Decimal(repr(number)) for number in numbers))


def _average(functions: Functions, numbers: list[Any]) -> Any:
    return _sum(functions, numbers) / len(numbers) if numbers else None


def _functions() -> Functions:
    """Return the functions of JMESPath, two of them our own. The table of the library is left as it is."""
    functions = Functions()
    table = {**Functions.FUNCTION_TABLE}
    for name, function in (("sum", _sum), ("avg", _average)):
        table[name] = {**table[name], "function": function}
    functions.FUNCTION_TABLE = table
    return functions


_FUNCTIONS: Final = _functions()
_INTERPRETER: Final = TreeInterpreter(Options(custom_functions=_FUNCTIONS))
_CALL: Final = _FUNCTIONS.call_function
_IDENTITIES: Final = ("identity", "current")


def compile_search(expression: str) -> Search:
    """Compile a JMESPath expression that the schema has accepted.

    Returns:
        A function that never raises; it returns `Unusable` if the expression cannot be evaluated for a document.
    """
    parsed: Any = compiled_search(expression).parsed
    try:
        search = _compiled(parsed)
    except _UncommonError:
        search = _interpreted(parsed)

    def found(document: Any) -> Any:
        try:
            return search(document)
        except _ERRORS:
            return Unusable(FAILED)

    return found


def holds(value: Any) -> bool:
    """Return whether a found value counts as true: anything but false, null, and an empty text, list or object."""
    return not _is_false(value)


def _is_false(value: Any) -> bool:
    kind = value.__class__
    if kind is str or kind is list or kind is dict:
        return not value
    return value is None or value is False or kind is Unusable


class _UncommonError(Exception):
    """A node that is left to the interpreter of the library."""


def _interpreted(node: Any) -> Search:
    return lambda value: _INTERPRETER.visit(node, value)


def _compiled(node: dict[str, Any]) -> Search:
    build = _BUILDERS.get(node["type"])
    if build is None:
        raise _UncommonError
    return build(node)


def _children(node: dict[str, Any]) -> list[Search]:
    return [_compiled(child) for child in node["children"]]


def _field(node: dict[str, Any]) -> Search:
    name = node["value"]
    return lambda value: value.get(name) if value.__class__ is dict else None


def _index(node: dict[str, Any]) -> Search:
    number = node["value"]

    def at(value: Any) -> Any:
        if value.__class__ is not list or not -len(value) <= number < len(value):
            return None
        return value[number]

    return at


def _chain(node: dict[str, Any]) -> Search:
    """Each part looks into what the part before has found; nothing is found in nothing, but functions may see it."""
    parts = [part for child in node["children"] if child["type"] not in _IDENTITIES for part in [_compiled(child)]]
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda value: second(first(value))

    def chained(value: Any) -> Any:
        for part in parts:
            value = part(value)
        return value

    return chained if parts else _same


def _same(value: Any) -> Any:
    return value


def _identity(_: dict[str, Any]) -> Search:
    return _same


def _literal(node: dict[str, Any]) -> Search:
    constant = node["value"]
    return lambda _: constant


def _comparator(node: dict[str, Any]) -> Search:
    left, right = node["children"]
    # A text equals nothing but itself; other values have their odd cases, such as 1 and true.
    if node["value"] == "eq" and right["type"] == "literal" and right["value"].__class__ is str:
        find, text = _compiled(left), right["value"]

        def is_text(value: Any) -> bool:
            found = find(value)
            return found.__class__ is str and found == text

        return is_text
    find, other = _children(node)
    if node["value"] in ("eq", "ne"):
        compare = TreeInterpreter.COMPARATOR_FUNC[node["value"]]
        return lambda value: compare(find(value), other(value))
    order = TreeInterpreter.COMPARATOR_FUNC[node["value"]]

    def ordered(value: Any) -> Any:
        one, two = find(value), other(value)
        return order(one, two) if _is_comparable(one) and _is_comparable(two) else None

    return ordered


def _is_comparable(value: Any) -> bool:
    return isinstance(value, int | float | str) and value.__class__ is not bool


def _filter(node: dict[str, Any]) -> Search:
    base, inner, condition = _children(node)

    def filtered(value: Any) -> Any:
        elements = base(value)
        if elements.__class__ is not list:
            return None
        found = [inner(element) for element in elements if not _is_false(condition(element))]
        return [element for element in found if element is not None]

    return filtered


def _projection(node: dict[str, Any]) -> Search:
    base, inner = _children(node)

    def projected(value: Any) -> Any:
        elements = base(value)
        if elements.__class__ is not list:
            return None
        return [found for element in elements if (found := inner(element)) is not None]

    return projected


def _values(node: dict[str, Any]) -> Search:
    base, inner = _children(node)

    def projected(value: Any) -> Any:
        elements = base(value)
        if elements.__class__ is not dict:
            return None
        return [found for element in elements.values() if (found := inner(element)) is not None]

    return projected


def _flatten(node: dict[str, Any]) -> Search:
    (base,) = _children(node)

    def flattened(value: Any) -> Any:
        elements = base(value)
        if elements.__class__ is not list:
            return None
        merged: list[Any] = []
        for element in elements:
            if element.__class__ is list:
                merged += element
            else:
                merged.append(element)
        return merged

    return flattened


def _or(node: dict[str, Any]) -> Search:
    left, right = _children(node)

    def either(value: Any) -> Any:
        found = left(value)
        return right(value) if _is_false(found) else found

    return either


def _and(node: dict[str, Any]) -> Search:
    left, right = _children(node)

    def both(value: Any) -> Any:
        found = left(value)
        return found if _is_false(found) else right(value)

    return both


def _not(node: dict[str, Any]) -> Search:
    (inner,) = _children(node)

    def negated(value: Any) -> bool:
        found = inner(value)
        return not (found or (found == 0 and found is not False and found.__class__ in (int, float)))

    return negated


def _function(node: dict[str, Any]) -> Search:
    name, arguments = node["value"], _children(node)
    return lambda value: _CALL(name, [argument(value) for argument in arguments])


def _list(node: dict[str, Any]) -> Search:
    parts = _children(node)
    return lambda value: None if value is None else [part(value) for part in parts]


_BUILDERS: Final[dict[str, Callable[[dict[str, Any]], Search]]] = {
    "and_expression": _and,
    "comparator": _comparator,
    "current": _identity,
    "field": _field,
    "filter_projection": _filter,
    "flatten": _flatten,
    "function_expression": _function,
    "identity": _identity,
    "index": _index,
    "index_expression": _chain,
    "literal": _literal,
    "multi_select_list": _list,
    "not_expression": _not,
    "or_expression": _or,
    "pipe": _chain,
    "projection": _projection,
    "subexpression": _chain,
    "value_projection": _values,
}
