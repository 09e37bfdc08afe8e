"""Only when: which records are no tests, have succeeded and are in a state that counts; and values worth keeping."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from workers.source_trial.guessing.guess import condition_key, yaml_text
from workers.source_trial.guessing.kinds import kind_of
from workers.source_trial.guessing.leaves import Leaf, searched_path, searched_value
from workers.source_trial.guessing.vocabulary import words_of

__all__ = ["Condition", "all_of", "attributes_in", "scalar", "state_of", "success_of", "tests_of", "unwanted_in"]

_TEST_WORDS: Final = frozenset({"test", "istest", "sandbox", "testmode", "dummy"})
_LIVE_WORDS: Final = frozenset({"live", "livemode"})
_MODES: Final = (("mode",), ("environment",), ("env",))
_LIVE: Final = frozenset({"live", "production", "prod"})
_TESTS: Final = frozenset({"test", "sandbox", "staging", "dev", "development"})
_YES: Final = frozenset({"true", "1", "yes", "y", "success", "succeeded", "ok", "successful", "passed", "allow"})
_NO: Final = frozenset({"false", "0", "no", "n"})
_SUCCEEDED: Final = frozenset({"success", "succeeded", "failure", "failed"})
_SUCCESS: Final = (("success",), ("succeeded",), ("result",), ("outcome",), ("is", "success"), ("successful",))
_STATE: Final = (("status",), ("state",), ("stage", "name"), ("payment", "status"), ("order", "status"),
                 ("payment", "state"), ("order", "state"), ("financial", "status"))  # fmt: skip
_PAID: Final = frozenset(
    {
        *("paid", "completed", "complete", "succeeded", "captured", "settled", "processing", "approved", "fulfilled"),
        *("confirmed", "closed won", "success", "accepted", "shipped"),
    }
)
_CONSENT: Final = frozenset({"consent", "newsletter", "optin", "marketing", "subscribed", "mailing"})
_KEPT: Final = frozenset({"country", "plan", "channel", "coupon", "platform", "locale"})
_MOST_KEPT: Final = 4
_DEEPEST_KEPT: Final = 4
_LONGEST_KEPT: Final = 60


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of `only_when`.

    Attributes:
        key: as YAML.
        value: as YAML.
        why: what was seen.
        is_sure: it needs no look.
        is_off: it is written as a comment, because the samples would not pass.
    """

    key: str
    value: str
    why: str
    is_sure: bool = True
    is_off: bool = False


def scalar(value: Any) -> str:
    """Return a plain value as YAML writes it inside braces."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return yaml_text(value, in_flow=True) if isinstance(value, str) else "null" if value is None else str(value)


def tests_of(leaves: Sequence[Leaf]) -> list[Condition]:
    """Return the conditions that leave test records out."""
    found = []
    for leaf in leaves:
        if leaf.find is not None or leaf.in_list or not leaf.values or "before" in leaf.parents:
            continue
        if unwanted_in(leaf) is not None:
            found.append(leaf)
    # The same flag may stand in the envelope and in what is inside.
    outermost = {leaf.name: leaf for leaf in sorted(found, key=lambda leaf: -leaf.depth)}
    return [_without(leaf, unwanted_in(leaf) or []) for leaf in found if outermost[leaf.name] is leaf]


def unwanted_in(leaf: Leaf) -> list[Any] | None:
    """Return the values that say that a record is a test; None if a leaf does not say so."""
    words, values = {*leaf.words, "".join(leaf.words)}, list(leaf.values.values())
    means_test = bool(words & _TEST_WORDS)
    if not values:
        return None
    if (means_test or words & _LIVE_WORDS) and all(str(value).lower() in _YES | _NO for value in values):
        return [_like(values[0], is_yes=means_test)]
    if leaf.words in _MODES and all(str(value).lower() in _LIVE | _TESTS for value in values):
        return ["TEST", "SANDBOX"] if str(values[0]).isupper() else ["test", "sandbox"]
    return None


def _like(value: Any, *, is_yes: bool) -> Any:
    """Return yes or no in the form that a value has: a boolean, a number or a text."""
    if isinstance(value, bool):
        return is_yes
    if isinstance(value, int):
        return int(is_yes)
    pairs = {"0": "1", "1": "0", "true": "false", "false": "true", "yes": "no", "no": "yes", "y": "n", "n": "y"}
    text = str(value)
    if (text.lower() in _YES) == is_yes:
        return text
    other = pairs[text.lower()]
    return other.upper() if text.isupper() else other.capitalize() if text[:1].isupper() else other


def _without(leaf: Leaf, unwanted: Sequence[Any]) -> Condition:
    tests = sum(value in unwanted and not isinstance(value, bool) ^ isinstance(unwanted[0], bool)
                for value in leaf.values.values())  # fmt: skip
    all_are = tests == len(leaf.values)
    why = "all samples are tests: use it for real records" if all_are else f"{tests} of {len(leaf.values)} are tests"
    if not leaf.is_everywhere:
        # `other than` does not match a record that has nothing there.
        path = searched_path(leaf.steps)
        tested = " && ".join(f"{path} != {searched_value(value)}" for value in unwanted)
        return Condition("find", yaml_text(tested, in_flow=True), why, is_sure=not all_are, is_off=all_are)
    written = ", ".join(scalar(value) for value in unwanted)
    value = f"{{other than: {written}}}" if len(unwanted) == 1 else f"{{other than: [{written}]}}"
    return Condition(condition_key(leaf.place), value, why, is_sure=not all_are, is_off=all_are)


def all_of(conditions: Sequence[Condition]) -> list[Condition]:
    """Return conditions with at most one `find`: several are joined into one expression."""
    searches = [condition for condition in conditions if condition.key == "find" and not condition.is_off]
    if len(searches) < 2:
        return list(conditions)
    expression = " && ".join(f"({_unquoted(condition.value)})" for condition in searches)
    why = "; ".join(condition.why for condition in searches)
    whole = Condition("find", yaml_text(expression, in_flow=True), why, all(one.is_sure for one in searches))
    return [*(condition for condition in conditions if condition not in searches), whole]


def _unquoted(value: str) -> str:
    return value[1:-1].replace("''", "'") if value[:1] == "'" else value


def success_of(leaves: Sequence[Leaf]) -> Condition | None:
    """Return the condition that something has succeeded; None if no value says so."""
    for leaf in sorted(leaves, key=lambda leaf: leaf.depth):
        if leaf.find is not None or leaf.in_list or not leaf.values:
            continue
        outright = all(str(value).lower() in _SUCCEEDED for value in leaf.values.values())
        if leaf.words not in _SUCCESS and not outright:
            continue
        good = sorted({value for value in leaf.values.values() if str(value).lower() in _YES}, key=str)
        if not good:
            continue
        so = sum(value in good for value in leaf.values.values())
        value = scalar(good[0]) if len(good) == 1 else "[" + ", ".join(map(scalar, good)) + "]"
        return Condition(condition_key(leaf.place), value, f"so in {so} of {leaf.documents}")
    return None


def state_of(leaves: Sequence[Leaf], wanted: str) -> tuple[Condition, Leaf, list[str]] | None:
    """Return the condition on a state in which something counts, where it is and which states; None if none says so.

    Args:
        leaves: the values of the samples.
        wanted: `purchase`: in a state of having been paid; `cancellation`: cancelled.
    """
    for leaf in sorted(leaves, key=_rank_of_state):
        if leaf.find is not None or leaf.in_list or not leaf.values or "before" in leaf.parents:
            continue
        if leaf.words not in _STATE or not all(isinstance(value, str) for value in leaf.values.values()):
            continue
        counts = leaf.counts()
        if wanted == "purchase":
            good = [value for value in counts if _state(value) in _PAID]
        else:
            ended = [value for value in counts if kind_of(f"subscription {value}") == "cancellation"]
            good = [value for value in ended if _state(value) not in _PAID]
        if good:
            listed = ", ".join(f"{value} {count}" for value, count in counts.most_common(5))
            value = scalar(good[0]) if len(good) == 1 else "[" + ", ".join(map(scalar, good)) + "]"
            why = f"seen: {listed}; list every state that counts, and only one of each purchase's life"
            if wanted != "purchase":
                why = f"seen: {listed}"
            return Condition(condition_key(leaf.place), value, why, is_sure=False), leaf, good
    return None


def _state(value: str) -> str:
    return " ".join(words_of(value))


def _rank_of_state(leaf: Leaf) -> tuple[int, int]:
    return _STATE.index(leaf.words) if leaf.words in _STATE else len(_STATE), leaf.depth


def attributes_in(leaves: Sequence[Leaf], used: Sequence[str]) -> dict[str, tuple[Leaf, str]]:
    """Return values that rules may ask for, by the name that is given to them: consent first, and a few others."""
    found: dict[str, tuple[Leaf, str]] = {}
    kept = 0
    for leaf in leaves:
        if not leaf.values or leaf.in_list or leaf.place in used or leaf.find is not None:
            continue
        if "before" in leaf.parents or "source" in leaf.parents:
            continue
        words = {*leaf.words, "".join(leaf.words)}
        values = list(leaf.values.values())
        asks = bool(words & _CONSENT) or {"opt", "in"} <= words or {"accepts", "marketing"} <= words
        is_plain = all(isinstance(value, bool | str | int) and len(str(value)) <= _LONGEST_KEPT for value in values)
        name = "_".join(word for word in leaf.words if word not in ("is", "has")) or leaf.name
        if asks and is_plain and not words & {"id", "date", "at", "time", "no"}:
            found.setdefault(name, (leaf, "whether one may write to the customer? rules can ask for it"))
        elif is_plain and _is_worth_keeping(leaf) and kept < _MOST_KEPT and name not in found:
            kept += 1
            found[name] = (leaf, leaf.seen())
    return found


def _is_worth_keeping(leaf: Leaf) -> bool:
    named = bool({*leaf.words[-1:]} & _KEPT)
    return named and leaf.depth <= _DEEPEST_KEPT and all(isinstance(value, str) for value in leaf.values.values())
