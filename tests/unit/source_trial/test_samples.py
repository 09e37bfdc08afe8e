"""Laws of samples: a file of records is read in any layout, and each value stays as it is written."""

import gzip
import json
from pathlib import Path

import pytest

from workers.errors import StartupError
from workers.source_trial.samples import Given, samples_in_file, samples_in_text

GIVEN = Given("shop.orders", b"c1", [("X-Kind", b"paid")], 1_791_044_092_797)
PRETTY = '{\n  "id": 1,\n  "total": 64.350\n}\n'


def values(content: str, name: str = "sample.json", given: Given = GIVEN) -> list[bytes | None]:
    return [sample.record.value for sample in samples_in_text(name, content.encode(), given)]


def test_a_document_over_many_lines_is_one_record() -> None:
    (sample,) = samples_in_text("sample.json", PRETTY.encode(), GIVEN)
    assert json.loads(sample.record.value or b"") == {"id": 1, "total": 64.35}
    assert sample.place == "sample.json:1"
    assert sample.record.key == b"c1"
    assert sample.record.headers == (("X-Kind", b"paid"),)
    assert sample.record.timestamp_ms == 1_791_044_092_797


def test_digits_stay_as_they_are_written() -> None:
    assert values('[{"total": 64.350}, {"total": 1e400}]') == [b'{"total": 64.350}', b'{"total": 1e400}']


def test_documents_follow_one_another_in_any_layout() -> None:
    samples = samples_in_text("s.json", (PRETTY + '{"id": 2}\n{"id": 3} {"id": 4}\n\n' + PRETTY).encode(), GIVEN)
    assert [json.loads(sample.record.value or b"")["id"] for sample in samples] == [1, 2, 3, 4, 1]
    assert [sample.place for sample in samples] == ["s.json:1", "s.json:5", "s.json:6", "s.json:6", "s.json:8"]


def test_a_list_is_its_records_unless_the_mapping_takes_lists_apart() -> None:
    text = '[\n  {"id": 1},\n  {"id": 2}\n]\n'
    assert values(text) == [b'{"id": 1}', b'{"id": 2}']
    assert values(text, given=GIVEN._replace(lists_are_records=True)) == [text.strip().encode()]
    assert values("[]") == []


def test_a_broken_line_is_a_record_and_those_after_it_are_read() -> None:
    assert values('{"id": 1}\n{"id": \n{"id": 3}\n', "s.jsonl") == [b'{"id": 1}', b'{"id":', b'{"id": 3}']


def test_a_broken_document_over_many_lines_is_one_record() -> None:
    assert values('{\n  "id": 1,\n  "total": \n}\n{"id": 2}') == [b'{\n  "id": 1,\n  "total": \n}', b'{"id": 2}']


def test_what_kcat_printed_has_its_own_topic_key_headers_and_time() -> None:
    line = {
        **{"topic": "crm.out", "partition": 3, "offset": 41, "ts": 1791044092797, "key": "C-1"},
        **{"headers": ["event-type", "paid"], "payload": '{"id": 1}'},
    }
    (sample,) = samples_in_text("dump.jsonl", json.dumps(line).encode(), GIVEN)
    record = sample.record
    assert (record.topic, record.partition, record.offset, record.timestamp_ms) == ("crm.out", 3, 41, 1791044092797)
    assert (record.key, record.value, list(record.headers)) == (b"C-1", b'{"id": 1}', [("event-type", b"paid")])


def test_null_is_a_tombstone() -> None:
    assert values('null\n{"id": 1}\n') == [None, b'{"id": 1}']


def test_bytes_that_are_no_text_are_one_value() -> None:
    content = b"\x00\x00\x00\x00\x07\xff\xfe"
    (sample,) = samples_in_text("s.bin", content, GIVEN)
    assert sample.record.value == content


def test_lines_of_snowplow_are_a_record_each() -> None:
    line = "\t".join(str(number) for number in range(131))
    assert values(f"{line}\n{line}\n", "enriched.tsv") == [line.encode(), line.encode()]


def test_rows_of_a_table_are_objects_under_the_names_of_its_columns() -> None:
    assert values("id;total\n1;64,35\n", "s.csv") == [b'{"id":"1","total":"64,35"}']


def test_a_mark_of_byte_order_is_left_out() -> None:
    assert values('\ufeff{"id": 1}') == [b'{"id": 1}']


def test_a_gzipped_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl.gz").write_bytes(gzip.compress(b'{"id": 1}\n'))
    (sample,) = samples_in_file(tmp_path / "s.jsonl.gz", GIVEN)
    assert sample.record.value == b'{"id": 1}'


@pytest.mark.parametrize(("content", "problem"), [(b" \n", "is empty"), (b"\x1f\x8bno", "cannot be read")])
def test_a_file_without_a_record_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "s.json").write_bytes(content)
    with pytest.raises(StartupError, match=problem):
        samples_in_file(tmp_path / "s.json", GIVEN)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="No such file"):
        samples_in_file(tmp_path / "nothing.json", GIVEN)
