"""Of any samples, a guess is a file that the reader of `sources.yaml` accepts, and its mapping runs."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from workers.core.mapping.record import SourceRecord
from workers.source_files.packs import pack_names
from workers.source_files.reading import read_sources
from workers.source_trial.guessing.topic import guess_topic
from workers.source_trial.samples import Sample
from workers.source_trial.trial import Setup, Trial, tracer

NAMES: Final = st.sampled_from(
    [
        *("id", "type", "event", "event_id", "customer_id", "user", "email", "created_at", "time", "total", "amount"),
        *("currency", "status", "test", "livemode", "op", "before", "after", "source", "data", "payload", "items"),
        *("events", "batch", "order_id", "reason", "plan", "key", "value", "name", "paid_at", "ends_at", "consent"),
        *("a.b", 'a"b', "a b", "ü", "", "#", "a: b", "- x", "'", "\\", "\n", "[0]", "header x", "true", "1"),
    ]
)
VALUES: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        [
            *("2026-10-03T16:14:52Z", "2026-10-03 16:14:52", "10/03/2026 16:14:52", "2026-10-03", "20261003"),
            *(1791044092, 1791044092797, "1791044092797123", "64.35", 6435, "usd", "EUR", "XXX", "mara@example.com"),
            *(
                "order.paid",
                "login",
                "subscription.cancelled",
                "refund",
                "renewal",
                "paid",
                "cancelled",
                "c",
                "u",
                "r",
            ),
            *("true", "false", "live", "test", "C-1", "eyJ0eXBlIjoibG9naW4iLCJpZCI6MX0="),
        ]
    ),
)
DOCUMENTS: Final = st.recursive(
    VALUES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=8)),
    max_leaves=25,
)
HEADERS: Final = st.lists(
    st.tuples(
        st.sampled_from(["event-type", "X-Topic", "ce_specversion", "x-event-id", "a: b"]), st.binary(max_size=8)
    ),
    max_size=3,
)
SETUP: Final = Setup(datetime(2027, 1, 1, tzinfo=UTC))


def record(number: int, document: Any, headers: list[tuple[str, bytes]], key: bytes | None) -> SourceRecord:
    return SourceRecord("a.stream", 0, number, 1_791_044_092_000, key, json.dumps(document).encode(), tuple(headers))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.one_of(st.dictionaries(NAMES, DOCUMENTS, max_size=10), DOCUMENTS), HEADERS),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([None, b"c1", b"{}"]),
)
@example([([None, {}], [])], None)
@example([({}, [("x-event-id", b"")]), ([], [])], None)
def test_a_guess_of_any_documents_is_a_valid_file(
    found: list[tuple[Any, list[tuple[str, bytes]]]], key: bytes | None
) -> None:
    records = [record(number, document, headers, key) for number, (document, headers) in enumerate(found)]
    text = guess_topic(records, "a.stream", "samples", pack_names()).text
    sources, problems = read_sources("the guess", text)
    assert sources is not None, [*map(str, problems), text]
    source = sources.sources[0]
    trial = Trial.of(source, tracer(source, sources, SETUP), [Sample("s", each) for each in records])
    assert trial.outcomes.records == len(records)
