"""A law of `linger customer show`: everything that is stored is shown."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.actions import Reason
from schemas.ladders import Ladder
from tests.support.builders import TYPES, day, rule, rules
from tests.support.examples import examples
from workers.core.customer.names import code_of
from workers.core.customer.stage import code_of_stage
from workers.core.customer.stored import UnknownLayout
from workers.core.decisions.decide import decider_of
from workers.customer_facts.facts import (
    CandidateFacts,
    CustomerFacts,
    EntryFacts,
    EpisodeFacts,
    EvidenceFacts,
    LatestFacts,
    PairFacts,
    SeriesFacts,
    StageFacts,
)
from workers.customer_facts.facts_of import take_facts
from workers.customer_facts.texts import moment_text
from workers.explain.stored_activity import StoredActivity, read_activity

GENERATION: Final = 4
RULES: Final = rules(
    rule("quiet", when={"all": [{"none": "purchase", "for": "45 days"}, {"latest": "profile.plan", "is": "gold"}]}),
    rule("rich", when={"sum": "purchase.amount", "at least": 10, "within": "30 days", "where": {"currency": "EUR"}}),
    types=(*TYPES, "profile"),
    ladder=Ladder.model_validate(
        {
            "name": "simple",
            "status": "live",
            "steps": [{"stage": "regular", "when": {"count": "purchase", "at least": 3}}],
            "otherwise": "newcomer",
        }
    ),
).as_activated(GENERATION, {})
FILTERED: Final = next(spec.key for spec in RULES.specs() if "?" in spec.key)
GONE: Final = f"#{code_of('gone'):010x}"
REASON: Final = Reason("no purchase for 30 days", 31, "at least 30", "30 days", "a purchase")
LOGINS: Final = "login?0abc"
REGULAR, NEWCOMER = (f"#{code_of_stage(name):06x}" for name in ("regular", "newcomer"))


def at(number: float) -> str:
    written = moment_text(day(number))
    assert isinstance(written, str)
    return written


def everything() -> CustomerFacts:
    """Facts in which everything that can be stored has a value."""
    return CustomerFacts(
        known_since=at(1),
        latest_event=at(90),
        timer_decided=at(91),
        due=at(95),
        generation=GENERATION,
        event_ids=["000102030405", "060708090a0b"],
        series={
            "purchase": SeriesFacts(
                type="purchase",
                first=at(1),
                last=at(90),
                total=3,
                sum="6",
                active_days=2,
                incomplete_until="2016-07-18",
                days=[("2022-01-08", 1), ("2022-01-10", 2)],
                sums=["0.01", "0.02"],
            ),
            FILTERED: SeriesFacts(
                type="purchase",
                first=at(2),
                last=at(80),
                total=2,
                sum="5",
                active_days=2,
                days=[("2022-01-09", 1)],
                sums=["0.05"],
            ),
            LOGINS: SeriesFacts(
                type="login",
                first=at(3),
                last=at(70),
                total=4,
                active_days=3,
                distinct_values=[("00000007", "2022-01-11"), ("ee6b2800", "2022-01-12")],
                latest_values=[("desk", ["2022-01-11"]), ("phone", ["2022-01-04", "2022-01-12"])],
            ),
        },
        episodes={"quiet": episode(), GONE: EpisodeFacts(began=at(5), acted=at(6))},
        candidates=[in_words(), as_numbers()],
        counted_actions=[at(50), at(60)],
        template_values={"profile.first_name": "Greta"},
        attributes={
            "profile.email": LatestFacts("gdpr@example.org", at(40)),
            "profile.consent": LatestFacts(False, at(41)),
        },
        pairs={
            "a>b": PairFacts(first=at(30), then=at(31)),
            "c>d": PairFacts(first=at(32)),
            "e>f": PairFacts(first=at(33), then="unknown"),
        },
        history_until={"purchase": at(20), "": at(19)},
        stage=StageFacts(
            stage=REGULAR,
            since=at(60),
            came_from=NEWCOMER,
            direction="up",
            by_time=False,
            published=REGULAR,
            published_since=at(60),
        ),
        ladder_changes=at(97),
        next_changes={"quiet": at(96)},
    )


def episode() -> EpisodeFacts:
    return EpisodeFacts(
        began=at(10),
        holds=True,
        acted=at(11),
        acted_before=at(9),
        retractable_until=at(20),
        undecided_at=at(12),
        condition_holds_since=at(8),
        earlier_episodes=[at(2), at(3)],
        earlier_actions=[at(4), at(5)],
    )


def in_words() -> CandidateFacts:
    """An action that waits in words, of a rule that is gone."""
    return CandidateFacts(
        rule="soft",
        version="v1",
        began=at(10),
        doubted_until=at(13),
        withdrawn=at(12),
        retracted_because="customer_returned",
        variables={"name": "Greta"},
        action="at-risk",
        why=[REASON],
        why_back=[REASON],
    )


def as_numbers() -> CandidateFacts:
    """An action that waits as the numbers that its reasons are worded from, and the value of an attribute."""
    found = EvidenceFacts(numbers=[day(5), day(50), 0, 1], values={"1": "gold"})
    found_back = EvidenceFacts(numbers=[day(12), day(57), 0, 1], values={"1": "silver"})
    return CandidateFacts(
        rule="quiet",
        version=RULES.by_id["quiet"].version,
        began=at(10),
        withdrawn=at(12),
        retracted_because="late_event",
        variables={"name": "Ada"},
        found=found,
        found_back=found_back,
    )


def stored(facts: CustomerFacts, layout: int = 4) -> bytes:
    """What is stored of a customer with these facts."""
    decider = decider_of(RULES)
    take_facts(decider.names, facts)
    return decider.stored.write(layout)


def shown(facts: CustomerFacts) -> str:
    """What is printed for machines, of what the store would return."""
    return orjson.dumps(read_activity(stored(facts), RULES), option=orjson.OPT_SORT_KEYS).decode()


PARTS: Final[dict[type[msgspec.Struct], Callable[[CustomerFacts], Any]]] = {
    CustomerFacts: lambda facts: facts,
    SeriesFacts: lambda facts: facts.series["purchase"],
    EpisodeFacts: lambda facts: facts.episodes["quiet"],
    LatestFacts: lambda facts: facts.attributes["profile.email"],
    PairFacts: lambda facts: facts.pairs["a>b"],
    StageFacts: lambda facts: facts.stage,
    CandidateFacts: lambda facts: facts.candidates[0],
    EvidenceFacts: lambda facts: facts.candidates[1].found,
}
"""Each kind of facts, and where one of it is in the example."""

ANOTHER: Final[dict[type[msgspec.Struct], dict[str, Any]]] = {
    CustomerFacts: {
        "known_since": at(0),
        "latest_event": at(93),
        "timer_decided": at(92),
        "due": at(97),
        "generation": GENERATION - 1,
        "event_ids": ["ff0102030405"],
        "series": {},
        "episodes": {"quiet": episode()},
        "candidates": [in_words()],
        "counted_actions": [at(51), at(60)],
        "template_values": {"profile.first_name": "Ada"},
        "attributes": {},
        "pairs": {},
        "history_until": {"purchase": at(20)},
        "stage": StageFacts(published_since=at(60)),
        "experiments": {"0123456789ab": EntryFacts(entered=at(60), arm="treated")},
        "ladder_changes": at(98),
        "next_changes": {"rich": at(96)},
    },
    SeriesFacts: {
        "first": at(2),
        "last": at(89),
        "total": 4,
        "sum": "7",
        "active_days": 3,
        "incomplete_until": None,
        "days": [("2022-01-08", 1), ("2022-01-10", 3)],
        "sums": ["0.01", "0.03"],
    },
    EpisodeFacts: {
        "began": at(10.5),
        "holds": False,
        "acted": at(11.5),
        "acted_before": None,
        "retractable_until": at(21),
        "undecided_at": at(13),
        "condition_holds_since": at(8.5),
        "asked": 3,
        "is_silent": True,
        "earlier_episodes": [at(2), at(3.5)],
        "earlier_actions": [],
    },
    LatestFacts: {"value": "another@example.org", "at": at(42)},
    PairFacts: {"first": at(29), "then": None},
    StageFacts: {
        "stage": NEWCOMER,
        "since": at(61),
        "came_from": REGULAR,
        "direction": "down",
        "by_time": True,
        "published": NEWCOMER,
        "published_since": at(62),
    },
    CandidateFacts: {
        "rule": "hard",
        "version": "v2",
        "began": at(11),
        "doubted_until": None,
        "withdrawn": at(12.5),
        "retracted_because": "late_event",
        "variables": {"name": "Ada"},
        "known": {"stage": "quiet"},
        "successes": {"0123456789ab": "3"},
        "action": "win-back",
        "why": [msgspec.structs.replace(REASON, observed=32)],
        "why_back": [],
    },
    EvidenceFacts: {"numbers": [day(6), day(50), 0, 1], "values": {"1": "bronze"}},
}
"""Another value of each fact."""


def retype(facts: CustomerFacts) -> None:
    facts.series["logout?0abc"] = msgspec.structs.replace(facts.series.pop(LOGINS), type="logout")


def see_no_value(facts: CustomerFacts) -> None:
    facts.series[LOGINS].distinct_values = []


def see_other_values(facts: CustomerFacts) -> None:
    facts.series[LOGINS].latest_values = [("desk", ["2022-01-11"])]


def find_something_else(facts: CustomerFacts) -> None:
    facts.candidates[1].found = facts.candidates[1].found_back


def find_something_else_back(facts: CustomerFacts) -> None:
    facts.candidates[1].found_back = facts.candidates[1].found


def name_changes_as_before(facts: CustomerFacts) -> None:
    facts.next_changes, facts.next_changes_before = None, {"group": at(96)}


ELSEWHERE: Final[dict[str, Callable[[CustomerFacts], None]]] = {
    "SeriesFacts.type": retype,
    "SeriesFacts.distinct_values": see_no_value,
    "SeriesFacts.latest_values": see_other_values,
    "CandidateFacts.found": find_something_else,
    "CandidateFacts.found_back": find_something_else_back,
    "CustomerFacts.next_changes_before": name_changes_as_before,
}
"""Facts that only some customers, series or actions have, and what changes them."""


def changes() -> dict[str, Callable[[CustomerFacts], None]]:
    """By name of a fact, what changes it and nothing else."""

    def setting(kind: type[msgspec.Struct], name: str, value: Any) -> Callable[[CustomerFacts], None]:
        return lambda facts: setattr(PARTS[kind](facts), name, value)

    found = {
        f"{kind.__name__}.{name}": setting(kind, name, value)
        for kind, several in ANOTHER.items()
        for name, value in several.items()
    }
    return found | ELSEWHERE


CHANGES: Final = changes()


def test_every_fact_has_a_change() -> None:
    assert CHANGES.keys() == {f"{kind.__name__}.{name}" for kind in PARTS for name in kind.__struct_fields__}


@pytest.mark.parametrize("name", CHANGES)
def test_every_fact_that_is_stored_appears_in_what_is_shown(name: str) -> None:
    before, after = everything(), everything()
    CHANGES[name](after)
    assert after != before
    assert stored(after) != stored(before), "the change is not stored"
    assert shown(after) != shown(before), f"{name} is stored and not shown"


def document(layout: int = 4) -> StoredActivity:
    return read_activity(stored(everything(), layout), RULES)


@pytest.mark.parametrize("layout", [3, 4])
def test_personal_values_are_shown_as_they_are(layout: int) -> None:
    known = document(layout)
    assert known["attributes"] == {
        "profile.email": {"value": "gdpr@example.org", "at": "2024-02-10T00:00:00Z"},
        "profile.consent": {"value": False, "at": "2024-02-11T00:00:00Z"},
    }
    assert known["template_values"] == {"profile.first_name": "Greta"}
    assert [series["series"] for series in known["filtered_events"]] == [LOGINS, FILTERED]
    assert [series["needed"] for series in known["filtered_events"]] == [False, True]
    assert known["filtered_events"][0]["distinct_values"] == [
        {"hash": "00000007", "last_seen": "2022-01-11"},
        {"hash": "ee6b2800", "last_seen": "2022-01-12"},
    ]
    assert known["pairs"]["c>d"]["then"] is None
    assert known["pairs"]["e>f"]["then"] == "unknown"
    assert [(episode["rule"], episode["exists"]) for episode in known["episodes"]] == [(GONE, False), ("quiet", True)]
    assert known["event_ids"] == ["000102030405", "060708090a0b"]


@pytest.mark.parametrize("layout", [3, 4])
def test_an_action_that_waits_is_shown_in_words_whether_it_waits_in_words_or_as_numbers(layout: int) -> None:
    worded, numbers = document(layout)["waiting_actions"]
    assert worded["variables"] == {"name": "Greta"}
    assert worded["why"][0]["observed"] == 31
    assert (numbers["rule"], numbers["action"], numbers["variables"]) == ("quiet", "at-risk", {"name": "Ada"})
    assert [(why["condition"], why["observed"]) for why in numbers["why"]] == [
        ("no purchase for 45 days", "last on 2024-01-06 00:00 UTC"),
        ("the latest profile plan is gold", "gold"),
    ]
    assert [why["observed"] for why in numbers["why_retracted"]] == ["last on 2024-01-13 00:00 UTC", "silver"]


def test_an_action_that_waits_is_shown_even_if_no_one_knows_its_rule() -> None:
    candidate = msgspec.structs.replace(as_numbers(), rule=None, version="f" * 12)
    (shown,) = read_activity(unshowable(candidates=[candidate]), RULES)["waiting_actions"]
    assert (shown["rule"], shown["action"], shown["rule_version"]) == ("unknown", "unknown", "f" * 12)
    assert shown["why"] == []


def test_next_changes_are_named_by_the_first_rule_or_as_an_earlier_release_named_them() -> None:
    assert document(4)["nothing_changes_before"] == {"quiet": "2024-04-06T00:00:00Z"}
    former = everything()
    former.next_changes, former.next_changes_before = None, {"group": at(97)}
    assert read_activity(stored(former, 3), RULES)["nothing_changes_before"] == {"group": "2024-04-07T00:00:00Z"}


def unshowable(**content: Any) -> bytes:
    return stored(CustomerFacts(**{"known_since": at(1), "latest_event": at(1), **content}))


@given(st.lists(st.integers(-(1 << 62) + 1, (1 << 62) - 1), max_size=5))
@examples(100)
def test_whatever_numbers_an_action_waits_as_it_is_shown_or_refused(numbers: list[int]) -> None:
    candidate = msgspec.structs.replace(as_numbers(), found=EvidenceFacts(numbers=numbers))
    raw = unshowable(candidates=[candidate])
    with suppress(UnknownLayout):
        assert read_activity(raw, RULES)["waiting_actions"]


@pytest.mark.parametrize(
    "raw",
    [
        unshowable(known_since=3 * 10**14),
        unshowable(known_since=-(10**14)),
        unshowable(
            series={
                "login": SeriesFacts(
                    type="login", first=at(1), last=at(1), total=1, active_days=1, incomplete_until=1 << 28
                )
            }
        ),
        stored(everything())[:-3],
        stored(everything(), 3)[:-3],
        b"\x04\xff",
    ],
    ids=["after the year 9999", "before the year 1", "a day that is none", "cut off", "cut off in layout 3", "junk"],
)
def test_what_cannot_be_shown_is_unreadable_and_no_traceback(raw: bytes) -> None:
    with pytest.raises(UnknownLayout, match="stored activity cannot be read"):
        read_activity(raw, RULES)
