"""Laws of how long topics must keep their records, and of what keeps less."""

from datetime import timedelta
from typing import Any

import pytest

from schemas.rules import RuleBook, RuleFile
from workers.operations.own_topics import configs_of
from workers.operations.retention import ACTION_MARGIN, LEAST_ACTIVITY, Need, needs_of, shortages_of
from workers.settings import Settings

SETTINGS = Settings()
ACTIVITY = "linger.activity"
BOUGHT = {"count": "purchase", "at least": 1, "within": "30 days"}


def book(*whens: Any, expires: str = "14 days", define: dict[str, Any] | None = None, **others: Any) -> RuleBook:
    rules = [
        {
            "id": f"rule-{number}",
            "title": "A rule",
            "when": when,
            "action": "at-risk",
            "template": "t",
            "expires after": expires,
            **others,
        }
        for number, when in enumerate(whens)
    ]
    file = RuleFile.model_validate({"rules": rules, **({"define": define} if define else {})})
    return RuleBook(tuple(file.rules), file.define)


def activity(*whens: Any, **others: Any) -> Need:
    return needs_of(book(*whens, **others), SETTINGS)[ACTIVITY]


def test_the_activity_topic_keeps_400_days_even_if_no_rule_looks_back_so_far() -> None:
    assert needs_of(RuleBook(), SETTINGS)[ACTIVITY].kept == LEAST_ACTIVITY == timedelta(days=400)
    assert activity(BOUGHT).kept == LEAST_ACTIVITY


@pytest.mark.parametrize(
    ("when", "days"),
    [
        ({"count": "purchase", "at least": 1, "within": "500 days"}, 500),
        ({"none": "purchase", "for": "600 days"}, 600),
        ({"known for": "700 days"}, 700),
        ({"last": "purchase", "between": "30 days and 650 days ago"}, 650),
        ({"change": "login", "down by": "50%", "within": "300 days", "from at least": 6}, 600),
        ({"overdue": "purchase", "by": "2.5 times", "usual gap": "200 days", "at least": "30 days"}, 500),
        ({"after": "cart", "without": "purchase", "for": "450 days"}, 450),
        ({"date": "profile.ends", "passed for": "410 days"}, 410),
        ({"date": "profile.ends", "in the next": "500 days"}, 400),
        ({"all": [BOUGHT, {"any": [{"not": {"none": "login", "for": "401 days"}}]}]}, 401),
    ],
)
def test_the_activity_topic_keeps_the_longest_time_that_any_condition_looks_back(when: Any, days: int) -> None:
    need = activity(BOUGHT, when)
    assert need.kept == timedelta(days=days)
    assert need.because == (
        "400 days at least; no rule looks back further" if days == 400 else f"rule 'rule-1' looks back {days} days"
    )


def test_a_condition_that_a_rule_only_names_counts_as_if_it_were_written_there() -> None:
    define = {"regular": {"meets": "old regular"}, "old regular": {**BOUGHT, "within": "720 days"}}
    assert activity({"not": {"meets": "regular"}}, define=define).kept == timedelta(days=720)
    assert activity({"meets": "regular"}, define={"regular": {"meets": "regular"}}).kept == LEAST_ACTIVITY


def test_a_rule_that_must_stay_true_for_a_while_looks_back_so_much_further() -> None:
    assert activity({**BOUGHT, "within": "390 days"}, **{"for": "30 days"}).kept == timedelta(days=420)


def test_what_leaves_customers_out_and_how_long_a_rule_stays_silent_is_needed_too() -> None:
    assert activity(BOUGHT, unless={"none": "login", "for": "430 days"}).kept == timedelta(days=430)
    need = activity(BOUGHT, **{"again after": "3000 days"})
    assert (need.kept.days, need.because) == (3000, "rule 'rule-0' does not act again for 3000 days")
    assert activity(BOUGHT, **{"again after": "never"}).kept == LEAST_ACTIVITY


def test_what_a_message_a_stage_or_a_value_counts_is_needed_too() -> None:
    carries = activity(BOUGHT, variables={"spent": {"sum": "purchase.amount", "within": "510 days"}})
    assert carries == Need(timedelta(days=510), "the variable 'spent' of rule 'rule-0' looks back 510 days")
    steps = [{"stage": "regular", "when": {"count": "purchase", "at least": 3, "within": "520 days"}}]
    ladder = {"name": "simple", "status": "live", "steps": steps, "otherwise": "newcomer"}
    value = {"revenue": ["purchase.amount"], "within": "530 days"}
    file = RuleFile.model_validate({"stages": ladder, "value": value})
    standing = RuleBook(ladders=(file.stages,) if file.stages else ())
    assert needs_of(standing, SETTINGS)[ACTIVITY] == Need(
        timedelta(days=520), "the stage 'regular' looks back 520 days"
    )
    worth = needs_of(RuleBook(value=file.value), SETTINGS)[ACTIVITY]
    assert worth == Need(timedelta(days=530), "the value of a customer counts 530 days")


def test_a_rule_that_asks_again_needs_the_time_until_it_has_asked_for_the_last_time() -> None:
    need = activity({"none": "purchase", "for": "300 days"}, **{"again every": "100 days", "at most": "3 actions"})
    assert need == Need(timedelta(days=500), "rule 'rule-0' asks again for 200 days")


def test_action_topics_and_decisions_keep_the_longest_expiry_and_a_margin() -> None:
    needs = needs_of(book(BOUGHT, expires="60 days"), SETTINGS)
    for name in ("linger.at-risk", "linger.win-back", "linger.decisions"):
        assert needs[name].kept == timedelta(days=60) + ACTION_MARGIN
        assert "rule 'rule-0' expire after 60 days" in needs[name].because
    assert "linger.dead-letter" not in needs
    assert needs_of(RuleBook(), SETTINGS)["linger.at-risk"].kept == ACTION_MARGIN


@pytest.mark.parametrize(
    ("config", "remedies"),
    [
        ({}, []),
        ({"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}, []),
        ({"retention.ms": "86400000"}, []),
        ({"retention.ms": "86399999"}, ["retention.ms=86400000"]),
        ({"retention.ms": "0"}, ["retention.ms=86400000"]),
        ({"cleanup.policy": "compact", "retention.ms": "-1"}, ["cleanup.policy=delete"]),
        ({"cleanup.policy": "compact,delete"}, ["cleanup.policy=delete"]),
        ({"retention.bytes": "1073741824"}, ["retention.bytes=-1"]),
    ],
)
def test_every_setting_that_loses_records_too_early_is_named_with_its_remedy(
    config: dict[str, str], remedies: list[str]
) -> None:
    shortages = shortages_of(ACTIVITY, Need(timedelta(days=1), "of a rule"), config)
    assert [shortage.remedy for shortage in shortages] == remedies
    assert all(shortage.because and shortage.found and shortage.needed for shortage in shortages)


@pytest.mark.parametrize(("copies", "least"), [(1, "1"), (2, "1"), (3, "2"), (5, "2"), (None, None)])
def test_two_copies_must_confirm_only_where_the_loss_of_one_broker_still_leaves_two(
    copies: int | None, least: str | None
) -> None:
    need = Need(timedelta(days=400), "of a rule")
    configs = configs_of(ACTIVITY, SETTINGS, need, copies)
    assert configs.pop("min.insync.replicas", None) == least
    assert configs == {"cleanup.policy": "delete", "retention.ms": "34560000000", "retention.bytes": "-1"}


def test_dead_letters_are_kept_by_the_cluster_s_default_and_may_be_large() -> None:
    assert configs_of("linger.dead-letter", SETTINGS, None, 3) == {"max.message.bytes": str(10 << 20)}
