"""Repairs: a hint applied to a text, and hints that do not lead to the next mistake.

A hint may say what to write in place of what. `repaired` does that to a text. `kept` does it to all such hints,
checks again, and takes back each suggestion that leads to another mistake at the same place. Pure.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from workers.rule_files.positions import Lines
from workers.rule_files.problems import Problem, Replacement

_MOST_CHARACTERS: Final = 1_000_000
"""Characters that are read again, in all, to try suggestions one by one. What is left untried is not suggested."""

_COLON: Final = 2
"""Characters between a key and its value."""

Check = Callable[[Mapping[str, str]], Sequence[Problem]]
"""Returns the problems of some texts, given by file name."""


def repaired(text: str, replacement: Replacement) -> str | None:
    """Return a text in which a replacement is made; None if the text does not have there what is to be replaced."""
    start = Lines(text).index(replacement.line, replacement.column)
    if start is None:
        return None
    end = _end_of(text, start, replacement.old)
    if end is None:
        return None
    before, after = text[:start], text[end:]
    if not replacement.below:
        return before + replacement.new + after
    entries = [f"{key}: {value}" for key, value in replacement.below]
    if _is_in_brackets(before):
        return before + ", ".join([replacement.new, *entries]) + after
    line = before[before.rfind("\n") + 1 :]
    indentation = " " * len(re.match(r"[ -]*", line)[0])  # type: ignore[index]  # the pattern matches any line
    rest, line_end, below = after.partition("\n")
    added = "".join(f"\n{indentation}{entry}" for entry in entries)
    return f"{before}{replacement.new}{rest}{added}{line_end}{below}"


def _end_of(text: str, start: int, old: str) -> int | None:
    """Return where the replaced part ends: behind its text, or its closing quote or bracket, if it is there."""
    quoted = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL).match(text, start)
    if quoted is not None:
        return quoted.end()
    if text.startswith(old, start) and old:
        return start + len(old)
    if text[start : start + 1] in ("[", "{"):
        return _closing(text, start)
    return None


def _closing(text: str, start: int) -> int | None:
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] in "[{") - (text[at] in "]}")
        if depth == 0:
            return at + 1
    return None


def _is_in_brackets(before: str) -> bool:
    plain = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|(?:^|\s)#[^\n]*", "", before)
    return sum((character in "[{") - (character in "]}") for character in plain) > 0


def kept(problems: Sequence[Problem], texts: Mapping[str, str], check: Check) -> list[Problem]:
    """Return the problems; a suggestion that leads to another mistake at the same place gives way to a plain hint.

    Args:
        problems: what is wrong with the texts.
        texts: by file name.
        check: what finds the problems of texts.
    """
    problems = [_that_can_be_made(problem, texts.get(problem.file, "")) for problem in problems]
    suggested = [problem for problem in problems if problem.replacement is not None]
    if not suggested or _are_all_good(suggested, problems, texts, check):
        return list(problems)
    tries = max(1, _MOST_CHARACTERS // max(1, sum(map(len, texts.values()))))
    good = {id(problem) for problem in suggested[:tries] if _is_good(problem, problems, texts, check)}
    return [
        problem
        if problem.replacement is None or id(problem) in good
        else replace(problem, hint=problem.otherwise, replacement=None)
        for problem in problems
    ]


def _that_can_be_made(problem: Problem, text: str) -> Problem:
    """Return a problem without its replacement if a text has there something else, such as a text of two lines."""
    if problem.replacement is None or repaired(text, problem.replacement) is not None:
        return problem
    return replace(problem, replacement=None)


def _are_all_good(
    suggested: Iterable[Problem], problems: Iterable[Problem], texts: Mapping[str, str], check: Check
) -> bool:
    """Return whether no other mistake appears once all suggestions are followed: the usual case, in one more pass."""
    changed = dict(texts)
    # From the end of each file, so that the positions before stay what they are.
    for problem in sorted(suggested, key=lambda each: (each.line, each.column), reverse=True):
        assert problem.replacement is not None  # the caller chose them
        text = repaired(changed.get(problem.file, ""), problem.replacement)
        if text is None:  # two of them overlap
            return False
        changed[problem.file] = text
    others = Counter((each.code, each.message) for each in problems if each.replacement is None)
    return not Counter((each.code, each.message) for each in check(changed)) - others


def _is_good(problem: Problem, problems: Iterable[Problem], texts: Mapping[str, str], check: Check) -> bool:
    """Return whether there is no mistake where a suggestion was followed, and no new one right behind it."""
    replacement = problem.replacement
    assert replacement is not None  # the caller chose them
    text = repaired(texts.get(problem.file, ""), replacement)
    assert text is not None  # what cannot be made is no suggestion
    known = {(each.code, each.message) for each in problems}
    for each in check({**texts, problem.file: text}):
        if (each.file, each.line) != (problem.file, replacement.line):
            continue
        behind = each.column - replacement.column
        is_new = (each.code, each.message) not in known
        if behind == 0 or (0 < behind <= len(replacement.new) + _COLON and is_new):
            return False
    return True
