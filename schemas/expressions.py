"""The two languages inside `sources.yaml`: JMESPath for `find`, and patterns (RE2) that take linear time."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Any, Final

import jmespath
import re2
from jmespath import exceptions
from jmespath.functions import Functions
from jmespath.parser import ParsedResult
from pydantic import AfterValidator, Field

_LONGEST: Final = 1000
_FUNCTIONS: Final[dict[str, dict[str, Any]]] = Functions.FUNCTION_TABLE


def compiled_search(expression: str) -> ParsedResult:
    """Compile a JMESPath expression.

    Raises:
        ValueError: with what is wrong and where, also for a function that JMESPath does not have.
    """
    try:
        parsed = jmespath.compile(expression)
    except exceptions.EmptyExpressionError:
        raise ValueError("'find' needs an expression of JMESPath, such as \"meta[?key=='x'].value | [0]\"") from None
    except exceptions.ParseError as error:
        raise ValueError(f"'{expression}' is no JMESPath: {_what_is_wrong(error)}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"'{expression}' is no JMESPath: {error or 'nested too deeply'}") from None
    for name, count in _calls(parsed.parsed):
        _check_call(expression, name, count)
    return parsed


def compiled_pattern(pattern: str) -> Any:
    """Compile a pattern of RE2; the result has `search` and `fullmatch`.

    Raises:
        ValueError: with what is wrong.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it cannot be read"
        reason = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"'{pattern}' is no pattern of RE2: {reason}") from None


def _what_is_wrong(error: exceptions.ParseError) -> str:
    if isinstance(error, exceptions.IncompleteExpressionError) or str(error.token_type) == "EOF":
        return "it ends too early"
    hint = '; write a name with other characters than letters, digits and _ in double quotes: "order-id"'
    if isinstance(error, exceptions.LexerError):
        return f"{error.message} at character {error.lex_position + 1}{hint}"
    return f"'{error.token_value}' at character {error.lex_position + 1} is not expected there{hint}"


def _calls(node: Any) -> Iterator[tuple[str, int]]:
    """Yield the name and the number of arguments of every function that an expression calls."""
    nodes = [node]
    while nodes:
        node = nodes.pop()
        if node["type"] == "function_expression":
            yield node["value"], len(node["children"])
        nodes += [child for child in node["children"] if isinstance(child, dict)]


def _check_call(expression: str, name: str, count: int) -> None:
    known = _FUNCTIONS.get(name)
    if known is None:
        close = get_close_matches(name, _FUNCTIONS, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise ValueError(f"'{expression}': JMESPath has no function '{name}'{hint}")
    signature = known["signature"]
    if count < len(signature) or (count > len(signature) and not any(part.get("variadic") for part in signature)):
        raise ValueError(f"'{expression}': the function '{name}' takes {len(signature)} arguments, found {count}")


def _is_search(expression: str) -> str:
    compiled_search(expression)
    return expression


def _is_pattern(pattern: str) -> str:
    compiled_pattern(pattern)
    return pattern


Search = Annotated[str, Field(max_length=_LONGEST), AfterValidator(_is_search)]
"""A JMESPath expression."""
Pattern = Annotated[str, Field(min_length=1, max_length=_LONGEST), AfterValidator(_is_pattern)]
"""A pattern of RE2."""
