"""Lines that a library logs again and again while its server is away: each is written once a minute."""

import logging
from typing import Final

LIBRARIES: Final = ("faust", "mode", "aiokafka", "asyncio", "workers.kafka.faust_batches")
"""Names of loggers that are not Linger's own; those below them belong to them."""
QUIET_SECONDS: Final = 60.0
"""The same line is not written again within this time."""
_LINES: Final = 256
"""Number of different lines that are remembered; the oldest is forgotten first."""


class Repeats(logging.Filter):
    """Lets a line of a library pass if it was not written within `QUIET_SECONDS`.

    For a handler: the filter of a logger does not see what the loggers below it log. Lines with an exception always
    pass.
    """

    def __init__(self) -> None:
        super().__init__()
        self._written: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is written; its own time is the clock."""
        if record.exc_info or not record.name.startswith(LIBRARIES):
            return True
        line = (record.name, record.getMessage())
        written = self._written.get(line)
        if written is not None and 0 <= record.created - written < QUIET_SECONDS:
            return False
        self._written.pop(line, None)
        self._written[line] = record.created
        if len(self._written) > _LINES:
            del self._written[next(iter(self._written))]
        return True
