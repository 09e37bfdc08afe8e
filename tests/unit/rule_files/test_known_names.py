"""Laws of the names that sources give: event types and their attributes."""

from tests.unit.rule_files.rule_texts import source
from workers.rule_files.known_names import event_attributes, known_names
from workers.source_files.reading import read_sources


def test_sources_determine_which_attributes_events_have() -> None:
    text = (
        "event_types: {nps: {}, profile: {}}\nsources:\n"
        + source()
        + source("shop.members").replace("max_silence", "attributes: {tier: t}\n    max_silence")
        + "  - {topic: all, format: canonical, events: [profile], max_silence: 1 day}\n"
    )
    sources, problems = read_sources("sources.yaml", text)
    assert problems == []
    assert sources is not None
    assert event_attributes(sources) == {"login": {"tier"}}
    assert known_names(sources).attributes == {"login": {"tier"}}


def test_a_field_that_linger_has_can_be_named_before_a_source_fills_it() -> None:
    text = "sources:\n" + source(event="cancellation")
    sources, _ = read_sources("sources.yaml", text)
    assert known_names(sources).attributes == {"cancellation": {"what", "reason", "effective_at"}}
