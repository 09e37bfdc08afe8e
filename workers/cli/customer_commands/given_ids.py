"""The customers that a command is for: one id, or a file of ids."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from workers.customer_orders.ids import MOST_BYTES, ids_in, one_id
from workers.errors import StartupError
from workers.printing import given_text

STANDARD_INPUT: Final = "-"

CustomerId = Annotated[
    str | None,
    typer.Argument(parser=given_text, metavar="[CUSTOMER_ID]", help="The customer's id.", show_default=False),
]
IdFile = Annotated[
    str | None,
    typer.Option("--file", metavar="FILE|-", help="A file of ids, one a line; - reads them from standard input."),
]


def given_ids(customer_id: str | None, file: str | None) -> list[str]:
    """Return the ids of a command, each once.

    Args:
        customer_id: of one customer.
        file: a file of ids, `-` for standard input.

    Raises:
        StartupError: if both are given or none, or an id cannot be one.
    """
    if (customer_id is None) == (file is None):
        raise StartupError(["give one customer's id, or a file of them: --file FILE"])
    if customer_id is not None:
        return one_id(customer_id)
    return read_ids(str(file))


def read_ids(file: str) -> list[str]:
    """Return the ids in a file, each once; `-` is standard input.

    Raises:
        StartupError: if it cannot be read, or an id cannot be one.
    """
    if file == STANDARD_INPUT:
        return ids_in(sys.stdin.buffer.read(MOST_BYTES + 1), "standard input")
    try:
        with Path(file).open("rb") as opened:
            raw = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise StartupError([f"{file}: {error.strerror or error}"]) from error
    return ids_in(raw, file)
