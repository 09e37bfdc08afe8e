"""A lint about values that read like `is: unknown` and `is: given`, and are compared as texts.

Pure: this module must never know files and clocks.
"""

from collections.abc import Iterator
from typing import Final

from schemas.conditions import condition_kind
from workers.rule_files.hints.likeness import form_of
from workers.rule_files.model_errors import as_yaml
from workers.rule_files.problems import Problem, Replacement
from workers.rule_files.references import conditions_in, definitions_in, elementary_in, entries_of, text_of
from workers.rule_files.yaml_nodes import Document, ScalarNode
from workers.rule_lint.definition import Lint, warning
from workers.rule_lint.located_rules import LocatedRules

_MEANT: Final = {
    **dict.fromkeys(
        (
            *("", "missing", "empty", "blank", "absent", "unset", "undefined", "none", "null", "nothing", "n/a"),
            *("not given", "not known", "not set", "not there", "not filled"),
        ),
        "unknown",
    ),
    **dict.fromkeys(
        (
            *("known", "present", "set", "filled", "exists", "anything", "not missing", "not empty", "not blank"),
            *("not null", "not unknown", "not none"),
        ),
        "given",
    ),
}
"""What people write when they ask whether a value is known: by the form of the text, the word for it."""
_OPPOSITE: Final = {"unknown": "given", "given": "unknown"}


def words_for_unknown(book: LocatedRules) -> Iterator[Problem]:
    """Yield values of `latest` that are compared as texts, and probably ask whether a value is known."""
    for document in book.documents:
        named = [definition.condition for definition in definitions_in(document)]
        for condition in (*conditions_in(document), *named):
            for part in elementary_in(condition):
                if condition_kind(dict(entries_of(part))) != "latest":
                    continue
                for key in ("is", "is not"):
                    if (written := text_of(part, key)) is not None and form_of(written.text) in _MEANT:
                        yield _problem(document, key, entries_of(part)[key][0], written)


def _problem(document: Document, key: str, key_node: ScalarNode, written: ScalarNode) -> Problem:
    word = _MEANT[form_of(written.text)]
    message = f"'{written.text}' is a text here, which an event must have"
    listed = f" If events have this text, write [{as_yaml(written.text)}]"
    if key == "is":
        hint, replacement = f"did you mean 'is: {word}'?{listed}", Replacement(*written.at, written.text, word)
        return Problem(
            document.file, *written.at, "text-for-unknown", message, hint, "warning", replacement=replacement
        )
    hint = f"did you mean 'is: {_OPPOSITE[word]}'?{listed}"
    return Problem(document.file, *key_node.at, "text-for-unknown", message, hint, "warning")


TEXT_FOR_UNKNOWN: Final = Lint(
    "text-for-unknown",
    words_for_unknown,
    warning(
        "A text where `unknown` was probably meant",
        "Whether an attribute is known is asked with `is: unknown` or `is: given`. Every other text is compared with "
        "what events have: `is: missing` is true only if an event says `missing`. If events have this text, write it "
        "in a list: `is: [missing]`.",
        "status: shadow\nwhen: {latest: cancellation.reason, is: missing}\n",
        "status: shadow\nwhen: {latest: cancellation.reason, is: unknown}\n",
    ),
)

LINTS: Final = (TEXT_FOR_UNKNOWN,)
