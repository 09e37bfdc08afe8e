"""A law of `linger customer show`: everything that is stored is shown."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import fields
from typing import Any, Final

import msgspec
import orjson
import pytest

from schemas.actions import Reason
from tests.support.builders import day, rule, rules
from workers.core.objects.customer import codec
from workers.core.objects.customer.activity import KNOWN, UNKNOWN, Activity, Candidate, Episode
from workers.core.objects.customer.series import Series, pack
from workers.explain.stored_activity import read_activity, stored_activity

RULES: Final = rules(
    rule("quiet"),
    rule("rich", when={"sum": "purchase.amount", "at least": 10, "within": "30 days", "where": {"currency": "EUR"}}),
)
FILTERED: Final = next(spec.key for spec in RULES.specs() if "?" in spec.key)
GONE: Final = "#" + codec.code_of("gone").hex()
REASON: Final = Reason("no purchase for 30 days", 31, "at least 30", "30 days", "a purchase")


def everything() -> Activity:
    """An activity in which every field that can be stored has a value."""
    return Activity(
        first_ms=day(1),
        at_ms=day(90),
        fired_ms=day(91),
        due_ms=day(95),
        seen=bytes(range(12)),
        series={
            "purchase": Series(day(1), day(90), 3, 60_000, 2, 17_000, pack([19_000, 19_002], [1, 2], [100, 200])),
            FILTERED: Series(day(2), day(80), 2, 50_000, 2, 0, pack([19_001], [1], [500])),
            "login?0abc": Series(day(3), day(70), 4, 0, 3, 0, b"", [7, 4_000_000_000], [19_003, 19_004]),
        },
        episodes={"quiet": episode(), GONE: Episode(start_ms=day(5), acted_ms=day(6))},
        latest={"profile.first_name": "Greta"},
        generation=4,
        flips={"group": day(96)},
        candidates=[candidate()],
        acted=[day(50), day(60)],
        attributes={"profile.email": ("gdpr@example.org", day(40)), "profile.consent": (False, day(41))},
        pairs={"a>b": [day(30), day(31)], "c>d": [day(32), 0], "e>f": [day(33), UNKNOWN]},
        floors={"purchase": day(20), KNOWN: day(19)},
    )


def episode() -> Episode:
    return Episode(
        start_ms=day(10),
        holding=True,
        acted_ms=day(11),
        before_ms=day(9),
        open_until_ms=day(20),
        pending_ms=day(12),
        true_since_ms=day(8),
        held=[day(2), day(3)],
        stood=[day(4), day(5)],
    )


def candidate() -> Candidate:
    return Candidate(
        "quiet", day(10), day(12), "at-risk", "v1", {"name": "Greta"}, (REASON,), "customer_returned", (REASON,)
    )


def shown(activity: Activity) -> str:
    """What is printed for machines, of what the store would return."""
    raw = codec.encode(deepcopy(activity))
    document = stored_activity(read_activity(raw, RULES), RULES)
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode()


def another(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + (86_400_000 if value > 1_000_000 else 1)  # a moment, or a number or day
        case str():
            return {"at-risk": "win-back", "customer_returned": "late_event"}.get(value, value + "-other")
        case bytes():
            return bytes(byte ^ 255 for byte in value)
        case Reason():
            return msgspec.structs.replace(value, condition="another condition")
        case list():
            return [another(value[0]), *value[1:]]
        case tuple():
            return (another(value[0]), *value[1:])
        case dict():
            name, first = next(iter(value.items()))
            return {**value, name: another(first)}
        case Series():
            return Series(value.first_ms, value.last_ms, value.total + 1)
        case Episode():
            return Episode(start_ms=value.start_ms + 86_400_000)
        case Candidate():
            return msgspec.structs.replace(value, version="another")
    raise AssertionError(f"what is {value!r}?")


def changed() -> Iterator[tuple[str, Callable[[Activity], None]]]:
    """Every field of what is stored, with a function that changes nothing else."""

    def setting(of: Callable[[Activity], Any], name: str) -> Callable[[Activity], None]:
        def change(activity: Activity) -> None:
            owner = of(activity)
            setattr(owner, name, another(getattr(owner, name)))

        return change

    for item in fields(Activity):
        yield f"Activity.{item.name}", setting(lambda activity: activity, item.name)
    for item in fields(Episode):
        yield f"Episode.{item.name}", setting(lambda activity: activity.episodes["quiet"], item.name)
    for name in Candidate.__struct_fields__:
        yield f"Candidate.{name}", setting(lambda activity: activity.candidates[0], name)
    for name in Series.__slots__:
        if not name.startswith("_"):
            yield f"Series.{name}", setting(lambda activity: activity.series["login?0abc"], name)
    for place, name in enumerate(("days", "counts", "sums")):

        def change(activity: Activity, place: int = place) -> None:
            columns = [[19_000, 19_002], [1, 2], [100, 200]]
            columns[place] = [columns[place][0], columns[place][1] + 1]
            activity.series["purchase"]._packed = pack(*columns)

        yield f"Series.{name}", change


CHANGES: Final = dict(changed())


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_that_is_stored_appears_in_what_is_shown(name: str) -> None:
    before, after = everything(), everything()
    CHANGES[name](after)
    assert codec.encode(deepcopy(after)) != codec.encode(deepcopy(before)), "the change is not stored"
    assert shown(after) != shown(before), f"{name} is stored and not shown"


def test_every_value_in_the_example_is_another_than_its_default() -> None:
    for whole, default in ((everything(), Activity()), (episode(), Episode())):
        for item in fields(whole):
            assert getattr(whole, item.name) != getattr(default, item.name), item.name


def test_personal_values_are_shown_as_they_are() -> None:
    document = stored_activity(read_activity(codec.encode(everything()), RULES), RULES)
    assert document["attributes"] == {
        "profile.email": {"value": "gdpr@example.org", "at": "2024-02-10T00:00:00Z"},
        "profile.consent": {"value": False, "at": "2024-02-11T00:00:00Z"},
    }
    assert document["template_values"] == {"profile.first_name": "Greta"}
    assert [series["series"] for series in document["filtered_events"]] == ["login?0abc", FILTERED]
    assert [series["needed"] for series in document["filtered_events"]] == [False, True]
    assert document["filtered_events"][0]["distinct_values"] == [
        {"hash": "00000007", "last_seen": "2022-01-11"},
        {"hash": "ee6b2800", "last_seen": "2022-01-12"},
    ]
    assert document["pairs"]["c>d"]["then"] is None
    assert document["pairs"]["e>f"]["then"] == "unknown"
    assert [(known["rule"], known["exists"]) for known in document["episodes"]] == [(GONE, False), ("quiet", True)]
    (waiting,) = document["waiting_actions"]
    assert waiting["variables"] == {"name": "Greta"}
    assert waiting["why"][0]["observed"] == 31
    assert document["event_ids"] == ["000102030405", "060708090a0b"]


@pytest.mark.parametrize(
    "activity",
    [
        Activity(first_ms=3 * 10**14, at_ms=3 * 10**14),
        Activity(first_ms=-(10**14), at_ms=day(1)),
        Activity(first_ms=day(1), at_ms=day(1), series={"login": Series(day(1), day(1), packed=b"\xff")}),
        Activity(first_ms=day(1), at_ms=day(1), series={"login": Series(day(1), day(1), gone_day=1 << 40)}),
        Activity(first_ms=day(1), at_ms=day(1), candidates=[msgspec.structs.replace(candidate(), why=b"\x01")]),
    ],
    ids=["after the year 9999", "before the year 1", "no days", "a day that is none", "no reasons"],
)
def test_what_cannot_be_shown_is_unreadable_and_no_traceback(activity: Activity) -> None:
    with pytest.raises(codec.UnknownLayout, match="stored activity cannot be read"):
        read_activity(codec.encode(activity), RULES)
