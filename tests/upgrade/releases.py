"""The releases whose stored state is kept: who made it, for what customers, and where it lies.

Each folder of `tests/data/` named here stays. All have the same files; the README of each says what is special.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.paths import DATA
from tests.upgrade import later_shop, rule_changes, shop
from tests.upgrade.rule_changes import Phase
from tests.upgrade.shop import Event


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """What one release has stored.

    Attributes:
        release: in words, with its commit.
        folder: its files.
        history: what all customers did before the upgrade, in the order in which it is sent.
        further_events: what they did after it.
        phases: given the last rules and a folder to write to, the rules that were loaded before, and until which day.
        topics: names of the source topics, without the prefix.
        paused: rules that an operator had paused at the upgrade, and on which day.
        broken_topic: a topic whose records cannot be read, so that its source is stopped; none if empty.
    """

    release: str
    folder: Path
    history: Callable[[], list[Event]]
    further_events: Callable[[], list[Event]]
    phases: Callable[[Path, Path], Iterable[Phase]]
    topics: tuple[str, ...] = tuple(shop.TOPICS.values())
    paused: Mapping[str, float] = field(default_factory=dict)
    broken_topic: str = ""


RELEASE_0_1: Final = StoredRelease(
    "0.1.0, commit d086270",
    DATA / "upgrade",
    shop.history,
    shop.further_events,
    rule_changes.of_release_0_1,
)
BEFORE_NUMBERS: Final = StoredRelease(
    "before the core of numbers, commit ea9a324",
    DATA / "upgrade-objects",
    later_shop.history,
    later_shop.further_events,
    rule_changes.of_objects,
    (*shop.TOPICS.values(), later_shop.BASKETS),
    {"paused-by-hand": 300.0},
    later_shop.BROKEN,
)
RELEASES: Final = {"0.1.0": RELEASE_0_1, "ea9a324": BEFORE_NUMBERS}
"""By the name that `python -m tests.upgrade make` takes."""
