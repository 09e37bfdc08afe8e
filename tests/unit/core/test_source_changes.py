"""Laws of what differs between two generations of sources, and of the topics that patterns read."""

from typing import Any

import pytest

from schemas.sources import SourcesFile
from workers.core.source_changes import Mapped, SourceChanges, changes_between, content_hash, mapped
from workers.core.source_set import PatternTopic, SourceSet, matches
from workers.core.watermarks import NO_WATERMARK_MS, Progress, silent_sources, watched_since, watermarks_by_type

COMMON = {"event_id": "id", "customer_id": "who", "occurred_at": "at"}
MONEY = {"amount": "total", "currency": "currency"}
DAY_MS = 86_400_000


def source(topic: str = "orders", **other: Any) -> dict[str, Any]:
    content: dict[str, Any] = {"topic": topic, "event": "purchase", "max_silence": "3 days", **other}
    if content["event"] is None:
        del content["event"]
    content.setdefault("fields", {**COMMON, **MONEY})
    if topic.startswith("^"):
        content["topics"] = {"pattern": content.pop("topic")}
    return content


def file(*sources: dict[str, Any], **other: Any) -> SourcesFile:
    return SourcesFile.model_validate({"event_types": {"visit": {}, "refund": {}}, "sources": [*sources], **other})


def changes(before: SourcesFile, after: SourcesFile, *was_read: str) -> SourceChanges:
    return changes_between(mapped(before), mapped(after), frozenset(was_read))


@pytest.mark.parametrize(
    "other",
    [
        {"max_silence": "4 days"},
        {"type_max_silence": {"purchase": "2 days"}},
        {"attributes": {"shop": "shop"}},
        {"history_before": "2024-05-01"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_leaves_the_events_as_they_are_begins_no_type_anew(other: dict[str, Any]) -> None:
    assert changes(file(source()), file(source(**other))) == SourceChanges()
    assert content_hash(file(source())) != content_hash(file(source(**other)))


@pytest.mark.parametrize(
    "other",
    [
        {"only_when": {"status": "paid"}},
        {"unwrap": "cloudevents"},
        {"fields": {**COMMON, **MONEY, "customer_id": "buyer"}},
        {"fields": {**COMMON, **MONEY, "amount": {"path": "total", "unit": "minor"}}},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_mapping_that_reads_other_events_begins_its_type_anew_unless_its_history_is_complete(
    other: dict[str, Any],
) -> None:
    found = changes(file(source()), file(source(**other)))
    assert (found.changed, found.again) == (("orders",), ("purchase",))
    complete = changes(file(source()), file(source(**other, complete_since="2024-01-01")))
    assert (complete.changed, complete.again) == (("orders",), ())


def cases(*names: str, **only_when: Any) -> dict[str, Any]:
    one_of = [{"event": name, "only_when": only_when.get(name, {"kind": name})} for name in names]
    return source("events", event=None, fields=COMMON, one_of=one_of)


def test_a_case_at_the_end_begins_only_its_own_type_anew() -> None:
    found = changes(file(cases("login", "visit")), file(cases("login", "visit", "refund")))
    assert (found.changed, found.again) == (("events",), ("refund",))


def test_a_case_decides_what_those_after_it_read() -> None:
    before, after = file(cases("login", "visit", "refund")), file(cases("login", "visit", "refund", visit={"x": 1}))
    assert changes(before, after).again == ("refund", "visit")


VISIT = {"event": "visit", "fields": {"amount": None, "currency": None}}


@pytest.mark.parametrize("outcome", [{"skip": "test orders"}, {"refuse": "test_order"}], ids=["skip", "refuse"])
def test_a_case_that_skips_or_refuses_decides_what_those_after_it_read_and_is_no_type(
    outcome: dict[str, str],
) -> None:
    def of(*cases: dict[str, Any]) -> SourcesFile:
        return file(source(event=None, one_of=[*cases, {"event": "purchase", "only_when": {"paid": True}}, VISIT]))

    tests = {**outcome, "only_when": {"test": True}}
    assert set(mapped(of(tests))["orders"].types) == {"purchase", "visit"}
    assert changes(of(tests), of(tests)) == SourceChanges()
    assert changes(of(), of(tests)).again == ("purchase", "visit")


def test_a_source_that_comes_begins_its_type_with_its_first_record_and_one_that_was_read_before_now() -> None:
    before, after = file(source()), file(source(), source("web"))
    assert changes(before, after) == SourceChanges(added=("web",), from_first=("purchase",))
    assert changes(before, after, "web") == SourceChanges(added=("web",), again=("purchase",))
    complete = file(source(), source("web", complete_since="2024-01-01"))
    assert changes(before, complete) == SourceChanges(added=("web",))


def test_a_source_that_goes_begins_its_type_anew_unless_all_that_is_left_is_complete() -> None:
    before = file(source(), source("web"))
    assert changes(before, file(source())) == SourceChanges(removed=("web",), again=("purchase",))
    complete = file(source(complete_since="2024-01-01"))
    assert changes(before, complete) == SourceChanges(removed=("web",))
    other = file(source("visits", event="visit", fields=COMMON, complete_since="2024-01-01"))
    assert changes(file(source()), other).again == ("purchase",)  # nothing reads it any more


def test_layout_and_order_of_keys_are_no_other_file() -> None:
    backwards = dict(reversed(source(only_when={"a": 1, "b": 2}).items()))
    assert content_hash(file(source(only_when={"b": 2, "a": 1}))) == content_hash(file(backwards))


# -- topics of patterns ----------------------------------------------------------------------------------------------

SHOPS, DUTCH = "^shop[.].*$", "^.*[.]nl$"


def test_a_topic_belongs_to_the_source_that_names_it_and_to_no_pattern_if_two_match() -> None:
    found = matches(file(source("shop.de"), source(SHOPS), source(DUTCH)), ["shop.de", "shop.nl", "shop.fr", "web"])
    assert found.topics == {"shop.fr": f"/{SHOPS}/"}
    assert list(found.problems()) == ["shop.nl"]
    assert "name it in a source of its own" in found.problems()["shop.nl"]


def set_of(*sources: dict[str, Any], **topics: PatternTopic) -> SourceSet:
    named = {name.replace("_", "."): topic for name, topic in topics.items()}
    return SourceSet(file(*sources), 1, topics=named)


def progress(**watermarks_ms: int) -> dict[tuple[str, int], Progress]:
    return {
        (name.replace("_", "."), 0): Progress(until_ms, until_ms, 5 * DAY_MS, 1, event_ms={"purchase": until_ms})
        for name, until_ms in watermarks_ms.items()
    }


def test_a_topic_that_appears_is_read_as_history_and_counts_only_once_its_past_has_been_read() -> None:
    now_ms = 100 * DAY_MS
    first = PatternTopic(f"/{SHOPS}/")
    new = PatternTopic(f"/{SHOPS}/", now_ms, counts=False)
    sources = set_of(source(SHOPS), shop_de=first, shop_nl=new)
    assert [source.topic for source in sources.read.sources] == ["shop.de", "shop.nl"]
    joined = sources.read.sources[1].history_before
    assert joined is not None
    assert joined.timestamp() * 1000 == now_ms
    assert sources.read.sources[0].history_before is None
    seen = progress(shop_de=now_ms)
    assert watermarks_by_type(sources.counted, seen) == {"purchase": now_ms}
    assert watched_since(sources.from_beginning, seen) == {"purchase": 5 * DAY_MS}
    read = sources.with_topics({"shop.de": first, "shop.nl": PatternTopic(f"/{SHOPS}/", now_ms)})
    assert watermarks_by_type(read.counted, seen) == {"purchase": NO_WATERMARK_MS}  # from now on it is waited for


def test_a_type_that_only_patterns_without_topics_give_has_been_seen_up_to_nothing() -> None:
    sources = set_of(source("visits", event="visit", fields=COMMON), source(SHOPS))
    seen = watermarks_by_type(sources.counted, progress(visits=DAY_MS))
    assert seen == {"visit": DAY_MS, "purchase": NO_WATERMARK_MS}
    assert sources.read.sources[0].topic == "visits"
    assert len(sources.read.sources) == 1
    both = set_of(source("orders"), source(SHOPS))
    assert watermarks_by_type(both.counted, progress(orders=DAY_MS)) == {"purchase": DAY_MS}


def test_the_topics_of_a_pattern_are_silent_together_or_not_at_all() -> None:
    now_ms, first = 100 * DAY_MS, PatternTopic(f"/{SHOPS}/")
    sources = set_of(source(SHOPS), shop_de=first, shop_nl=first)
    seen = progress(shop_de=now_ms, shop_nl=now_ms)
    seen["shop.nl", 0].event_ms = {"purchase": DAY_MS}
    assert silent_sources(sources.counted, seen, now_ms) == {}
    assert watermarks_by_type(sources.counted, seen) == {"purchase": now_ms}
    assert list(silent_sources(sources.counted, seen, now_ms + 4 * DAY_MS)) == ["shop.de", "shop.nl"]


def test_a_source_that_came_later_is_known_by_its_pattern_or_topic() -> None:
    later = {"web": Mapped({"purchase": "x"}, later=True), f"/{SHOPS}/": Mapped({"purchase": "x"}, later=True)}
    topics = {"shop.de": PatternTopic(f"/{SHOPS}/")}
    sources = SourceSet(file(source(), source("web"), source(SHOPS)), 2, mapped=later, topics=topics)
    assert [source.topic for source in sources.later.sources] == ["web", "shop.de"]
