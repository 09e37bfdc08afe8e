"""Laws of the simulated shop's sources."""

from datetime import UTC, datetime

from schemas.events import Event
from schemas.sources import SourcesFile
from tests.support.paths import ROOT
from workers.core.mapping.mapper import compile_source
from workers.core.mapping.record import SourceRecord
from workers.histories.simulated import simulate
from workers.source_files.reading import load_sources
from workers.source_files.shop import further_sources, with_the_shop

SHOP = simulate(customers=400)
LATEST = datetime(2030, 1, 1, tzinfo=UTC)


def shipped() -> SourcesFile:
    sources, problems = load_sources(ROOT / "sources.yaml")
    assert sources is not None, problems
    return sources


def test_every_record_of_the_shop_is_an_event_of_a_declared_type_unless_a_login_failed() -> None:
    sources = with_the_shop(shipped(), {record.topic for record in SHOP.records})
    mappers = {source.topic: compile_source(source, sources.event_types) for source in sources.sources}
    events = [
        mappers[record.topic](SourceRecord(record.topic, 0, 0, record.at_ms, record.key, record.value, ()), LATEST)
        for record in SHOP.records
        if b'"failed"' not in record.value
    ]
    assert all(isinstance(event, Event) for event in events)
    assert {event.type for event in events if event is not None} == {
        *("purchase", "login", "cancellation", "nps", "complaint", "loyalty", "referral", "reactivation"),
        "renewal_failed",
    }


def test_every_type_of_the_shop_is_declared_in_the_shipped_sources() -> None:
    declared = set(shipped().event_types)
    assert {source.event for source in further_sources(())} <= declared


def test_a_source_of_the_operator_goes_before_that_of_the_shop() -> None:
    own = shipped()
    mine = further_sources(())[0].model_copy(update={"event": "idea"})
    with_mine = own.model_copy(update={"sources": [*own.sources, mine]})
    sources = with_the_shop(with_mine, {"shop.orders", mine.topic})
    assert [(source.topic, source.event) for source in sources.sources] == [
        ("shop.orders", "purchase"),
        (mine.topic, "idea"),
    ]


def test_what_an_operator_does_not_declare_is_not_read() -> None:
    assert [source.topic for source in further_sources((), ["nps"])] == ["shop.nps"]
    assert further_sources(["shop.nps"], ["nps"]) == []
