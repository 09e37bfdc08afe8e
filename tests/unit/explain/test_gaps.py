"""Laws of gaps: every reason why something cannot be known is one without which it would be."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import DAY, day, event, rule, rules, watched
from tests.support.explained import known, leaf, only, since, state_text, why
from workers.core.coverage import Coverage
from workers.explain.why_report import Gap

FEW = {"count": "purchase", "at most": 1, "within": "30 days"}


def test_a_customer_known_for_too_short_a_time_is_a_reason() -> None:
    ruleset = rules(rule(when=FEW))
    observed = since(ruleset, 0)
    report = why(ruleset, known(ruleset, event("login", 50), observed=observed), 60, observed=observed)
    assert (only(report).verdict, only(report).gaps) == ("not observable", (Gap("customer", None, day(50)),))
    assert only(report).gaps == leaf(report).gaps
    assert only(report).gaps[0].text == "the customer is known only since 2024-02-20 00:00 UTC"
    assert only(report).change is not None
    assert only(report).change.at_ms == day(79)  # type: ignore[union-attr]


def test_of_a_customer_who_is_new_nothing_is_missing() -> None:
    """Where the history is complete, or was watched long before the customer came, nothing happened before."""
    ruleset = rules(rule(when=FEW))
    for observed in (watched(ruleset), since(ruleset, -200)):
        report = why(ruleset, known(ruleset, event("login", 50), observed=observed), 60, observed=observed)
        assert (only(report).verdict, only(report).gaps) == ("true", ())


def test_a_type_watched_for_too_short_a_time_is_a_reason() -> None:
    ruleset = rules(rule(when=FEW))
    observed = Coverage({"purchase": day(40), "login": day(0), "cancellation": day(0)})
    report = why(ruleset, known(ruleset, event("login", 5), observed=observed), 60, observed=observed)
    assert (only(report).verdict, only(report).gaps) == ("not observable", (Gap("watched", "purchase", day(40)),))
    assert only(report).gaps[0].text == "'purchase' is watched only since 2024-02-10 00:00 UTC"


def test_where_both_are_too_short_both_are_said_and_the_one_that_lasts_first() -> None:
    ruleset = rules(rule(when=FEW))
    observed = since(ruleset, 40)
    report = why(ruleset, known(ruleset, event("login", 50), observed=observed), 60, observed=observed)
    assert only(report).gaps == (Gap("customer", None, day(50)), Gap("watched", "purchase", day(40)))


def test_a_lifetime_that_is_not_whole_is_a_matter_of_watching() -> None:
    ruleset = rules(rule(when={"count": "purchase", "at most": 1}))
    observed = since(ruleset, 0)
    report = why(ruleset, known(ruleset, event("purchase", 50), observed=observed), 60, observed=observed)
    assert only(report).gaps == (Gap("watched", "purchase", day(0)),)
    assert only(report).change is None


def test_a_series_that_no_worker_watches_yet_is_said_so() -> None:
    ruleset = rules(rule(when={"count": "purchase", "at most": 1, "where": {"amount": {"at least": 50}}}))
    observed = Coverage(
        {"purchase": day(0), "login": day(0), "cancellation": day(0)}, complete=frozenset({"purchase"})
    )
    report = why(ruleset, known(ruleset, event("purchase", 1), observed=observed), 60, observed=observed)
    assert only(report).gaps == (Gap("unwatched", "purchase"),)
    assert "no worker has made a step with the rule here" in only(report).gaps[0].text


@given(
    st.floats(min_value=0, max_value=100),
    st.floats(min_value=0, max_value=100),
    st.integers(1, 60),
    st.floats(min_value=100, max_value=140),
)
def test_reasons_are_those_that_reach_into_the_window(
    since_day: float, first_day: float, days: int, at_day: float
) -> None:
    ruleset = rules(rule(when={"count": "purchase", "at most": 1, "within": f"{days} days"}))
    observed = since(ruleset, since_day)
    report = why(ruleset, known(ruleset, event("login", first_day), observed=observed), at_day, observed=observed)
    window_ms = (day(at_day) // DAY - days + 1) * DAY
    expected = set()
    if day(first_day) > window_ms:
        expected.add(Gap("customer", None, day(first_day)))
    if day(since_day) > window_ms:
        expected.add(Gap("watched", "purchase", day(since_day)))
    assert set(only(report).gaps) == expected
    assert only(report).verdict == ("not observable" if expected else "true")


def test_a_source_that_is_not_seen_far_enough_is_a_reason() -> None:
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}))
    observed = watched(ruleset, purchase=8)
    stored = known(ruleset, event("purchase", 1), observed=observed)
    trouble = {"purchase": "its source shop.orders is silent since 2024-01-08 00:00 UTC"}
    before = why(ruleset, stored, 9.9, observed=observed, source_problems=trouble)
    assert (only(before).verdict, only(before).gaps) == ("false", ())
    report = why(ruleset, stored, 12, observed=observed, source_problems=trouble)
    gap = Gap("unseen", "purchase", day(8), trouble["purchase"])
    assert (only(report).verdict, only(report).gaps, leaf(report).gaps) == ("not observable", (gap,), (gap,))
    assert report.waits == (gap,)
    assert gap.text == (
        "'purchase' has been seen only until 2024-01-09 00:00 UTC "
        "(its source shop.orders is silent since 2024-01-08 00:00 UTC)"
    )
    assert state_text(report, "waiting") == "was due to be decided again on 2024-01-11 00:00 UTC, and waits"


def test_only_the_condition_that_an_unseen_event_could_break_is_unknown() -> None:
    ruleset = rules(rule(when={"all": [{"none": "purchase", "for": "9 days"}, {"status": "active"}]}))
    observed = watched(ruleset, cancellation=8)
    report = why(ruleset, known(ruleset, event("purchase", 1), observed=observed), 12, observed=observed)
    assert only(report).verdict == "not observable"
    assert [part.verdict for part in only(report).condition.leaves()] == ["true", "not observable"]
    assert [gap.type for gap in only(report).gaps] == ["cancellation"]


def test_a_future_moment_is_explained_as_if_everything_were_seen_by_then() -> None:
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}))
    observed = watched(ruleset, purchase=3)
    stored = known(ruleset, event("purchase", 1), observed=observed)
    report = why(ruleset, stored, 12, now_day=3.1, observed=observed)
    assert report.is_ahead
    assert only(report).verdict == "true"
    assert state_text(report, "expected") == (
        "asks for 't' as of 2024-01-11 00:00 UTC, if nothing happens until then"
    )
    assert not why(ruleset, stored, 3.1, now_day=3.1, observed=observed).is_ahead
