"""Laws of what a worker gives back to a Redis that has lost what it knew of rule sets."""

from workers.state.rule_sets.activation import GENERATION, HASH, LADDER_FIELD, MEANING_FIELD, RULE, SET
from workers.state.rule_sets.restoring import restored

KNOWN = {
    GENERATION: "3",
    HASH: "new",
    SET + "old": "2",
    SET + "new": "3",
    MEANING_FIELD: "4 0 0",
    RULE + "quiet": "aaa 2 500",
    LADDER_FIELD: "bbb 1 0",
}
NOW_MS = 9_000


def again(**fields: str) -> dict[str, str]:
    """Return what a worker writes that starts over an empty Redis with the same rules."""
    return {
        **{GENERATION: "1", HASH: "new", SET + "new": "1", MEANING_FIELD: "4 0 0"},
        **{RULE + "quiet": "aaa 1 0", LADDER_FIELD: "bbb 1 0"},
        **fields,
    }


def test_a_flushed_redis_gets_all_of_it_back() -> None:
    assert restored(KNOWN, {}, NOW_MS) == KNOWN


def test_the_same_ladder_counts_since_the_moment_that_a_worker_knows() -> None:
    known = {**KNOWN, LADDER_FIELD: "bbb 2 500"}
    given_back = restored(known, again(), NOW_MS)
    assert given_back is not None
    assert given_back[LADDER_FIELD] == "bbb 1 500"


def test_another_ladder_that_was_loaded_since_the_loss_counts_from_now_on() -> None:
    given_back = restored(KNOWN, again(**{HASH: "newer", SET + "newer": "1", LADDER_FIELD: "ccc 1 0"}), NOW_MS)
    assert given_back is not None
    assert given_back[GENERATION] == "4"
    assert given_back[LADDER_FIELD] == f"ccc 4 {NOW_MS}"
