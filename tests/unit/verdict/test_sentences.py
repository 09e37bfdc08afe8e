"""Laws of verdicts in words."""

import pytest

from workers.verdict.counts import Arm, Counts, Design, Interval
from workers.verdict.judging import State, Verdict, verdict
from workers.verdict.sentences import between, figures, points, sentence

DESIGN = Design(0.5, 10_000)


@pytest.mark.parametrize(
    ("state", "interval", "days", "said"),
    [
        (State.UNHEALTHY, None, None, "the arms do not have the sizes that the hold-out gives them, so no figure "
         "here can be believed"),
        (State.NO_DATA, None, None, "no customer's 30 days are over yet"),
        (State.NO_DATA, None, 90, "no customer's 30 days are over yet; about 90 days until it can be said"),
        (State.HELPS, (0.006, 0.054), None, "it helps: between 0.6 and 5.4 points more do it than without"),
        (State.HARMS, (-0.054, -0.006), None, "it harms: between 0.6 and 5.4 points fewer do it than without"),
        (State.NO_DIFFERENCE, (-0.01, 0.02), None, "no difference of 3 points or more"),
        (State.RUNNING, (-0.1, 0.1), 1, "about 1 day left"),
        (State.RUNNING, (-0.1, 0.1), None, "about 4,000 customers left"),
        (State.NOT_DECIDED, (-0.012, 0.02), None, "not decided: between 1.2 points fewer and 2 more do it than "
         "without"),
    ],
)  # fmt: skip
def test_each_state_has_a_sentence(
    state: State, interval: tuple[float, float] | None, days: int | None, said: str
) -> None:
    seen = None if interval is None else Interval(interval[0], 0, interval[1])
    assert sentence(Verdict(state, seen, 4_000, days), DESIGN) == said


def test_ends_of_an_interval_are_said_without_signs() -> None:
    assert between(Interval(-0.073, -0.03, 0.008)) == "between 7.3 points fewer and 0.8 more"
    assert points(-0.01) == "1 point"


def test_the_figures_of_both_arms_are_told() -> None:
    counts = Counts(Arm(5000, 850), Arm(5000, 1000))
    shown = figures(counts, verdict(counts, DESIGN))
    assert shown == (
        "850 of 5,000 treated (17.0%) and 1,000 of 5,000 held out (20.0%): between 0.6 and 5.4 points fewer"
    )
