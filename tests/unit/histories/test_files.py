"""Histories in files: how they are read, and how faulty ones are rejected."""

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from schemas.attribute_types import AttributeType
from schemas.sources import Source, SourcesFile
from tests.support.paths import ROOT
from workers.core.events.attribute_types import typed
from workers.core.events.decoding import DecodedEvent
from workers.errors import StartupError
from workers.histories.by_customer import EventsByCustomer
from workers.histories.files import Gathering, files_of, read_file
from workers.source_files.reading import load_sources

DATA = ROOT / "tests" / "data" / "histories"
LATEST = datetime(2026, 1, 1, tzinfo=UTC)


def read(path: Path, source: str | None = None) -> tuple[list[DecodedEvent], Gathering]:
    """Read a file and return its events in the order of customers and time."""
    sources = the_sources()
    with EventsByCustomer() as store:
        gathering = Gathering(store, LATEST)
        declared = next((candidate for candidate in sources.sources if candidate.topic == source), None)
        assert (declared is None) == (source is None)
        read_file(path, gathering, frozenset(sources.event_types), declared)
        customers = sorted(customer for part in store.parts() for customer in part.customers())
        events = [event for _, of_one in customers for event in of_one]
        return [event for event in events if isinstance(event, DecodedEvent)], gathering


def the_sources() -> SourcesFile:
    sources, problems = load_sources(DATA / "sources.yaml")
    assert sources is not None, problems
    return sources


def written(tmp_path: Path, name: str, text: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def event(number: int, **changes: object) -> str:
    content = {
        "event_id": f"e{number}",
        "type": "login",
        "customer_id": "ada",
        "occurred_at": "2024-01-05T10:00:00Z",
        **changes,
    }
    return json.dumps({name: value for name, value in content.items() if value is not None})


# -- the same history, written in other ways --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["shop.csv", "spreadsheet.csv"])
def test_a_table_says_what_json_lines_say_once_its_texts_count_as_their_types(name: str) -> None:
    types: tuple[tuple[str, AttributeType], ...] = (("gift", "true/false"), ("score", "number"))
    expected, _ = read(DATA / "shop.jsonl")
    events, gathering = read(DATA / name)
    assert [typed(event, types, []) for event in events] == expected
    assert not gathering.unreadable


@pytest.mark.parametrize("name", ["shop.jsonl", "shop.csv"])
@pytest.mark.parametrize("suffix", [".gz", ""])
def test_a_compressed_file_says_what_the_plain_one_says_under_any_name(
    tmp_path: Path, name: str, suffix: str
) -> None:
    compressed = written(tmp_path, f"{name}{suffix}", gzip.compress((DATA / name).read_bytes()))
    assert read(compressed)[0] == read(DATA / name)[0]


def test_history_in_a_table_or_in_lines_is_history(tmp_path: Path) -> None:
    table = written(
        tmp_path,
        "t.csv",
        "customer_id,type,occurred_at,history_until\nada,login,2024-01-02,2024-04-10\nada,login,2024-05-02,\n",
    )
    lines = written(tmp_path, "t.jsonl", event(1, history_until="2024-04-10T00:00:00Z") + "\n" + event(2))
    for path in (table, lines):
        assert [one.history_ms for one in read(path)[0]] == [1_712_707_200_000, 0]


@pytest.mark.parametrize("name", ["shop.jsonl", "shop.csv"])
def test_the_kind_of_a_file_without_a_known_name_is_seen_by_its_beginning(tmp_path: Path, name: str) -> None:
    assert read(written(tmp_path, "export", (DATA / name).read_bytes()))[0] == read(DATA / name)[0]


@pytest.mark.parametrize("name", ["orders.jsonl", "orders-kcat.jsonl", "orders.csv"])
def test_a_dump_of_a_source_goes_through_its_mapping(name: str) -> None:
    purchases = [event for event in read(DATA / "shop.jsonl")[0] if event.type == "purchase"]
    events, gathering = read(DATA / name, "shop.orders")
    assert [(event.event_id, event.customer_id, event.at_ms, event.attributes["amount"]) for event in events] == [
        (event.event_id, event.customer_id, event.at_ms, event.attributes["amount"]) for event in purchases
    ]
    assert gathering.skipped == {"orders-kcat.jsonl": 2}.get(name, 1)
    assert not gathering.unreadable


@pytest.mark.parametrize("topic", ["shop.orders", None])
def test_tombstones_of_a_dump_are_skipped_and_are_not_unreadable(tmp_path: Path, topic: str | None) -> None:
    name = "shop.jsonl" if topic is None else "orders.jsonl"
    before, gathering = read(DATA / name, topic) if topic else read(DATA / name)
    dump = written(tmp_path, "dump.jsonl", (DATA / name).read_bytes().rstrip(b"\n") + b"\nnull\nnull\n")
    events, after = read(dump, topic) if topic else read(dump)
    assert events == before
    assert after.skipped == gathering.skipped + 2
    assert not after.unreadable


def test_the_beginning_and_the_end_are_those_of_the_earliest_and_the_latest_event() -> None:
    for name in ("shop.jsonl", "shop.csv"):
        events, gathering = read(DATA / name)
        assert gathering.first_ms == min(event.at_ms for event in events)
        assert gathering.last_ms == max(event.at_ms for event in events)
        assert gathering.events == len(events)


def test_a_folder_stands_for_all_histories_in_it() -> None:
    assert [path.name for path in files_of(str(DATA))] == sorted(
        path.name for path in DATA.iterdir() if path.suffix in (".jsonl", ".csv")
    )


# -- tables ----------------------------------------------------------------------------------------------------


def test_values_in_a_table_are_texts_as_they_are_in_any_other_source_of_texts(tmp_path: Path) -> None:
    table = written(
        tmp_path,
        "t.csv",
        "type,customer_id,occurred_at,score,price,vip,zip,code:text,note\n"
        "login,ada,2024-01-05T10:00:00Z,9,-1.50,True,01234,42,\n",
    )
    [event], _ = read(table)
    assert event.attributes == {"score": "9", "price": "-1.50", "vip": "True", "zip": "01234", "code": "42"}


def test_a_column_named_like_a_field_of_another_type_is_an_attribute_of_this_type(tmp_path: Path) -> None:
    table = written(
        tmp_path,
        "t.csv",
        "type,customer_id,occurred_at,amount,currency,reason\n"
        "nps,ada,2024-01-05T10:00:00Z,50.00,EUR,late\n"
        "purchase,ada,2024-01-05T10:00:00Z,50.00,EUR,birthday\n"
        "cancellation,ada,2024-01-05T10:00:00Z,3,,late\n",
    )
    answer, purchase, cancellation = (event.attributes for event in read(table)[0])
    assert answer == {"amount": "50.00", "currency": "EUR", "reason": "late"}
    assert purchase == {"amount": Decimal("50.00"), "currency": "EUR", "reason": "birthday"}
    assert cancellation == {"amount": "3", "reason": "late"}


def test_rows_without_an_id_are_events_of_their_own(tmp_path: Path) -> None:
    row = "login,ada,2024-01-05T10:00:00Z\n"
    events, _ = read(written(tmp_path, "t.csv", f"type,customer_id,occurred_at\n{row}{row}"))
    assert len({event.event_id for event in events}) == 2


def test_times_without_a_zone_are_taken_for_utc_and_counted(tmp_path: Path) -> None:
    rows = ["2024-01-05", "2024-01-05 10:00", "2024-01-05T10:00:00+02:00", "2024-01-05T10:00:00Z"]
    table = "type,customer_id,occurred_at\n" + "".join(f"login,ada,{at}\n" for at in rows)
    events, gathering = read(written(tmp_path, "t.csv", table))
    midnight = int(datetime(2024, 1, 5, tzinfo=UTC).timestamp() * 1000)
    assert [event.at_ms - midnight for event in events] == [hours * 3_600_000 for hours in (0, 8, 10, 10)]
    assert gathering.without_zone == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_usual_delimiter_will_do(tmp_path: Path, delimiter: str) -> None:
    table = "type,customer_id,occurred_at\nlogin,ada,2024-01-05\n".replace(",", delimiter)
    assert len(read(written(tmp_path, "t.csv", table))[0]) == 1


def test_rows_that_cannot_be_read_are_counted_and_the_others_kept(tmp_path: Path) -> None:
    table = (
        b"type,customer_id,occurred_at,amount,currency\n"
        b"login,ada,2024-01-05,,\n"
        b"login,ada,yesterday,,\n"
        b"login,\xff,2024-01-05,,\n"
        b"login,ada,2024-01-05,,,,,\n"
        b'login,"ada",2024-01-06\n'
        b"\n"
        b"purchase,ada,2024-01-07,12,EUR\n"
        b"login,ada,1704448800,,\n"
        b"login,ada,2024-01-08,,\n"
        b"login,ada,2024-01-09,,\n"
    )
    events, gathering = read(written(tmp_path, "t.csv", table))
    assert len(events) == 5
    assert gathering.unreadable == {"impossible_time": 2, "bad_text": 1, "not_a_row": 1}
    assert [example.rpartition("t.csv:")[2].partition(":")[0] for example in gathering.examples] == list("3459")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("customer,when", "customer_id, type, occurred_at missing, found customer, when"),
        ("type,customer_id,occurred_at,type", "two columns are called type"),
        ("", "found nothing"),
    ],
)
def test_a_header_that_will_not_do_is_refused_with_what_is_wrong(tmp_path: Path, header: str, words: str) -> None:
    with pytest.raises(StartupError, match=words):
        read(written(tmp_path, "t.csv", f"{header}\na,b\n"))


# -- what cannot be read ---------------------------------------------------------------------------------------


def test_unreadable_lines_are_counted_by_reason_and_the_first_are_shown_with_their_place() -> None:
    events, gathering = read(DATA / "broken.jsonl")
    assert [event.event_id for event in events] == ["e4", "e1", "e6", "e7", "e8"]
    assert gathering.unreadable == {"negative_amount": 1, "naive_time": 1, "not_json": 1, "future_time": 1}
    assert gathering.examples[0].startswith(f"{DATA / 'broken.jsonl'}:2: negative_amount: 'amount'")
    assert gathering.examples[-1].startswith(f"{DATA / 'broken.jsonl'}:7: future_time")
    gathering.check()


def test_more_unreadable_records_than_readable_ones_are_refused(tmp_path: Path) -> None:
    good, bad = event(1) + "\n", "no\n"
    read(written(tmp_path, "half.jsonl", (good + bad) * 10))[1].check()
    _, gathering = read(written(tmp_path, "more.jsonl", (good + bad) * 10 + bad))
    with pytest.raises(StartupError, match=r"11 of 21 records cannot be read \(not_json 11\)"):
        gathering.check()


def test_a_file_that_begins_with_nothing_readable_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = written(tmp_path, "wrong.jsonl", '{"customer": 1}\n' * 1_500 + event(1))
    with pytest.raises(StartupError, match="1,000 of 1,000 records at its beginning cannot be read"):
        read(path)


def test_a_history_without_events_is_refused(tmp_path: Path) -> None:
    for name, text in (("e.jsonl", "\n"), ("e.csv", "type,customer_id,occurred_at\n")):
        with pytest.raises(StartupError, match="no events"):
            read(written(tmp_path, name, text))[1].check()


def test_one_json_list_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="one event per line"):
        read(written(tmp_path, "list.json", f"\n[{event(1)}]"))


def test_a_compressed_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    raw = gzip.compress("".join(event(number) + "\n" for number in range(5_000)).encode())
    with pytest.raises(StartupError, match=r"cut\.jsonl\.gz cannot be read to its end"):
        read(written(tmp_path, "cut.jsonl.gz", raw[:-1000]))


def test_a_history_that_is_not_there_is_refused_with_what_there_can_be(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="simulated"):
        files_of(str(tmp_path / "nowhere.jsonl"))
    with pytest.raises(StartupError, match=r"no \.jsonl"):
        files_of(str(tmp_path))


def test_a_dump_of_records_that_hold_several_items_gives_each_of_them(tmp_path: Path) -> None:
    def item(number: int, **changes: object) -> dict[str, object]:
        return {"id": f"e{number}", "customer": "ada", "at": f"2024-01-0{number}T00:00:00Z", **changes}

    batches = [[item(1), item(2, at="yesterday"), item(3, kind="other")], [item(4)]]
    fields = {"event_id": "id", "customer_id": "customer", "occurred_at": "at"}
    source = Source.model_validate(
        {
            "topic": "shop.batches",
            "unwrap": "each",
            "event": "login",
            "only_when": {"kind": {"given": False}},
            "fields": fields,
            "max_silence": "1 day",
        }
    )
    path = written(tmp_path, "batches.jsonl", "".join(json.dumps(batch) + "\n" for batch in batches))
    with EventsByCustomer() as store:
        gathering = Gathering(store, LATEST)
        read_file(path, gathering, (), source)
        [(_, events)] = [customer for part in store.parts() for customer in part.customers()]
        assert [event.event_id for event in events] == ["e1", "e4"]
    assert (gathering.events, gathering.skipped, dict(gathering.unreadable)) == (2, 1, {"impossible_time": 1})
