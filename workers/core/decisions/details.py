"""Details: the sentence that says why there is no action, from the numbers of a row."""

from collections.abc import Sequence
from string import Formatter
from typing import Final

from workers.core.decisions.decided import DETAILS, Decided
from workers.core.text import Text, inside_quotes

_NOTHING: Final = 0
_SINCE: Final = 1
_UNTIL: Final = 2
_MOMENT: Final = 3
_SAID: Final = 4
_SHARE: Final = 5
_EXPERIMENT: Final = 6
_PLACES: Final = {
    None: _NOTHING,
    "since": _SINCE,
    "until": _UNTIL,
    "moment": _MOMENT,
    "said": _SAID,
    "share": _SHARE,
    "experiment": _EXPERIMENT,
}


class Details:
    """Writes details. The sentences of `DETAILS` are cut at their braces, once."""

    __slots__ = ("_sentences",)

    def __init__(self, sentences: Sequence[str] = DETAILS) -> None:
        self._sentences = [
            [(inside_quotes(words), _PLACES[name]) for words, name, _, _ in Formatter().parse(sentence)]
            for sentence in sentences
        ]

    def word(self, text: Text, row: Decided, share: bytes, experiment: bytes) -> None:
        """Write the detail of a row, as JSON has it between the quotes.

        Args:
            text: to write it into.
            row: the decision.
            share: the percentage that its rule leaves out of the experiment, in words; empty for none.
            experiment: the name of that experiment, as JSON has it between the quotes.

        Raises:
            OverflowError: if a day in it lies before 1970 or after the year 9999.
        """
        for words, place in self._sentences[row.detail]:
            text.copy(words)
            if place == _SINCE:
                text.day(row.since_ms)
            elif place == _UNTIL:
                text.day(row.until_ms)
            elif place == _MOMENT:
                text.spaced_instant(row.since_ms)
            elif place == _SAID:
                text.copy(inside_quotes(row.said or ""))
            elif place == _SHARE:
                text.copy(share)
            elif place == _EXPERIMENT:
                text.copy(experiment)
