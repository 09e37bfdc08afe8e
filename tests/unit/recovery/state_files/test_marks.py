"""Laws of marks in state files: each is written and read alike, and none that is there is weakened by a file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import StartupError
from workers.kafka.records import OutboxRecord
from workers.recovery.state_files.lines import (
    MarkLine,
    PartitionHead,
    SharedHash,
    SharedHead,
    decode_line,
    encode_line,
)
from workers.recovery.state_files.marks import PresentMarks, key_of_files, mark_line, mark_of_line
from workers.recovery.state_files.reading import StateFiles, read_files
from workers.recovery.state_files.writing import SHARED_NAME, PartWriter, StateFolder, partition_name
from workers.sealed_lines import DamagedFile
from workers.state.marks.key import MarkKey
from workers.state.marks.mark import Mark, decode_mark
from workers.state.marks.merging import merged

TOPIC_ID = "id-1"
KEY = MarkKey(b"k" * 32)
OTHER = MarkKey(b"o" * 32)
MOMENTS = st.sampled_from([0, 5, 9])
OFFSETS = st.sampled_from([-1, 3, 7])
MARKS = st.builds(Mark, st.sampled_from([TOPIC_ID, "id-0"]), MOMENTS, OFFSETS, MOMENTS, OFFSETS, MOMENTS, OFFSETS)


def head(marks_key: str = "") -> PartitionHead:
    return PartitionHead(
        format=2,
        release="0.3",
        written_at="2026-11-30T00:00:00Z",
        namespace="linger",
        topic="linger.activity",
        topic_id=TOPIC_ID,
        partition=0,
        partitions=4,
        offset=41,
        generation=1,
        rules="abc",
        marks_key=marks_key,
    )


def files(folder: Path, marks_key: str = "", shared: dict[str, str] | None = None) -> StateFiles:
    """Files of partition 0, and of the shared hash of the key if `shared` is given."""
    made = StateFolder(folder)
    made.make()
    with made.open(partition_name(0)) as file:
        PartWriter(file, head(marks_key)).end()
    made.finish(partition_name(0))
    if shared is not None:
        with made.open(SHARED_NAME) as file:
            writer = PartWriter(file, SharedHead(format=2, release="0.3", written_at="", namespace="linger"))
            writer.add(SharedHash(name="marks-key", fields=dict(shared)))
            writer.end()
        made.finish(SHARED_NAME)
    return read_files(folder)


@given(MARKS)
def test_a_mark_survives_its_line(mark: Mark) -> None:
    line = decode_line(encode_line(mark_line(KEY.ref("ada"), mark)))
    assert isinstance(line, MarkLine)
    assert mark_of_line(line) == (KEY.ref("ada"), mark)


@pytest.mark.parametrize("ref", ["", "xyz", "A" * 32, "0" * 31, "0" * 33])
def test_a_line_without_a_whole_ref_is_damaged(ref: str) -> None:
    with pytest.raises(DamagedFile):
        decode_line(b'{"line": "mark", "ref": "%s"}' % ref.encode())


@given(MARKS, MARKS)
def test_of_two_marks_what_was_changed_at_the_later_offset_counts(one: Mark, other: Mark) -> None:
    both = merged(one, other, TOPIC_ID)
    assert both == merged(other, one, TOPIC_ID)
    assert merged(both, one, TOPIC_ID) == both
    known = [one.of_topic(TOPIC_ID), other.of_topic(TOPIC_ID)]
    assert both.suppressed_ms == max(known, key=lambda mark: (mark.suppressed_at, mark.suppressed_ms)).suppressed_ms
    assert both.opted_out_ms == max(known, key=lambda mark: (mark.opted_out_at, mark.opted_out_ms)).opted_out_ms
    assert both.erased_ms == max(known, key=lambda mark: (mark.erased_at, mark.erased_ms)).erased_ms
    assert both.topic_id == TOPIC_ID


def test_a_suppression_that_was_ended_is_not_brought_back_by_an_older_copy() -> None:
    older = Mark(TOPIC_ID, suppressed_ms=9, suppressed_at=50)
    resumed = Mark(TOPIC_ID, suppressed_at=60)
    assert merged(older, resumed, TOPIC_ID).suppressed_ms == 0
    assert merged(older, Mark("id-0", suppressed_at=60), TOPIC_ID).suppressed_ms == 9


def test_an_older_mark_of_a_file_takes_back_nothing() -> None:
    ref, now = KEY.ref("ada"), Mark(TOPIC_ID, suppressed_ms=9, suppressed_at=50)
    present = PresentMarks(head(), {ref: now}, KEY)
    for of_file in (Mark(TOPIC_ID, suppressed_ms=5, suppressed_at=2), Mark(TOPIC_ID, opted_out_ms=5, opted_out_at=2)):
        stored = decode_mark(present.joined(mark_line(ref, of_file))[1])
        assert (stored.suppressed_ms, stored.suppressed_at) == (9, 50)
        assert stored.opted_out_ms == of_file.opted_out_ms


@pytest.mark.parametrize(
    ("mark", "is_erased"),
    [
        (Mark(TOPIC_ID, erased_ms=9, erased_at=41), True),
        (Mark(TOPIC_ID, erased_ms=9, erased_at=60), True),
        (Mark(TOPIC_ID, erased_ms=9, erased_at=40), False),  # the file was written after it
        (Mark("id-0", erased_ms=9, erased_at=60), False),  # of the topic before
        (Mark(TOPIC_ID, suppressed_ms=9, suppressed_at=60), False),
    ],
)
def test_who_was_erased_since_the_file_was_written_is_left_out(mark: Mark, is_erased: bool) -> None:
    present = PresentMarks(head(), {KEY.ref("ada"): mark}, KEY)
    assert present.is_erased("ada") is is_erased
    assert not present.is_erased("bob")
    action = OutboxRecord("linger.at-risk", b"ada", b'{"status": "active"}', ())
    retraction = OutboxRecord("linger.at-risk", b"ada", b'{"status": "retracted"}', ())
    letter = OutboxRecord("linger.dead-letter", b"ada", b"\xff", ())
    assert [present.is_of_erased(one) for one in (action, retraction, letter)] == [is_erased, False, is_erased]
    assert not present.is_of_erased(OutboxRecord("linger.at-risk", b"bob", action.value, ()))


def test_marks_are_loaded_only_under_the_key_under_which_they_stand(tmp_path: Path) -> None:
    of_shared = {"check": KEY.check(), "key": (b"k" * 32).hex()}
    whole = files(tmp_path / "whole", KEY.check(), of_shared)
    part = files(tmp_path / "part", KEY.check())
    for stored, made, configured in [
        ({}, whole, None),  # Redis has lost its key: the files have it
        (of_shared, part, None),
        ({"check": KEY.check()}, part, b"k" * 32),
        ({}, part, b"k" * 32),
    ]:
        key = key_of_files(stored, made, configured)
        assert key is not None
        assert key.check() == KEY.check()
    here = {"check": OTHER.check(), "key": (b"o" * 32).hex()}
    for stored, made, configured in [
        (here, whole, None),
        ({}, part, None),
        ({}, part, b"o" * 32),
        ({}, whole, b"o" * 32),
    ]:
        with pytest.raises(StartupError, match="LINGER_MARKS_KEY"):
            key_of_files(stored, made, configured)


def test_files_without_a_key_are_loaded_wherever_there_is_one(tmp_path: Path) -> None:
    assert key_of_files({}, files(tmp_path / "none"), None) is None
    here = {"check": OTHER.check(), "key": (b"o" * 32).hex()}
    key = key_of_files(here, files(tmp_path / "again"), None)
    assert key is not None
    assert key.check() == OTHER.check()


def test_the_mark_that_is_stored_is_readable() -> None:
    ref = KEY.ref("ada")
    _, raw = PresentMarks(head(), {}, KEY).joined(mark_line(ref, Mark(TOPIC_ID, erased_ms=9, erased_at=3)))
    assert decode_mark(raw) == Mark(TOPIC_ID, erased_ms=9, erased_at=3)
