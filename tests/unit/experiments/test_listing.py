"""Laws of what `linger experiments` shows."""

import json

from schemas.durations import DAY_MS
from schemas.experiments import EVERY_RULE, SuccessEntry
from tests.unit.experiments.test_verdicts import HARM, NOW, figures
from workers.experiments.listing import NOTHING_TO_COMPARE, experiments_document, success_in_words


def test_an_experiment_has_its_figures_and_its_verdict() -> None:
    (one,) = experiments_document([HARM], NOW, ended=False)
    assert json.loads(json.dumps(one)) == one
    assert (one["name"], one["rules"], one["success"]) == ("gone-quiet", ["gone-quiet"], "purchase within 30 days")
    assert (one["state"], one["days_left"], one["customers_left"]) == ("harms", None, None)
    assert one["verdict"] == "it harms: between 0.6 and 5.4 points fewer do it than without"
    assert one["arms"][1] == {
        "arm": "held out",
        "assigned": 5000,
        "running": 0,
        "finished": 5000,
        "won": 1000,
        "rate": 0.2,
        "amount": None,
        "later": 0,
    }
    assert round(one["interval"]["low"], 3) == -0.054


def test_successes_of_arms_that_do_not_fit_are_not_shown() -> None:
    (one,) = experiments_document([figures((5000, 850), (4000, 1000))], NOW, ended=False)
    assert (one["state"], one["interval"]) == ("unhealthy", None)
    assert [(arm["finished"], arm["won"], arm["rate"]) for arm in one["arms"]] == [
        (5000, None, None),
        (4000, None, None),
    ]


def test_those_that_have_ended_come_last_and_only_if_asked_for() -> None:
    ended, every = figures((1, 0), (1, 0), closed_at=150 * DAY_MS, name="a"), figures((1, 0), (1, 0), name=EVERY_RULE)
    assert [one["name"] for one in experiments_document([ended, HARM, every], NOW, ended=False)] == [
        None,
        "gone-quiet",
    ]
    (*_, last) = experiments_document([ended, HARM, every], NOW, ended=True)
    assert (last["name"], last["ended_at"]) == ("a", "1970-05-31T00:00:00Z")


def test_without_held_out_customers_there_is_nothing_to_compare() -> None:
    (one,) = experiments_document([figures((10, 1), (0, 0), hold_out=0.0)], NOW, ended=False)
    assert (one["state"], one["verdict"]) == (None, NOTHING_TO_COMPARE)


def test_a_success_with_a_filter_says_so() -> None:
    success = SuccessEntry(event="purchase", within_ms=14 * DAY_MS, where="amount: at least 20")
    assert success_in_words(success) == "purchase (amount: at least 20) within 14 days"
