"""Laws of state files: what is cut or changed is noticed; every key of Redis is in them, or it is said why not."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.keys import every_key
from workers.catalogue import SHARED_KEYS
from workers.core.meaning import MEANING
from workers.customer_facts.facts import CustomerFacts
from workers.errors import LingerError, StartupError
from workers.kafka.records import OutboxRecord, PlacedRecord
from workers.recovery.state_files.found import FoundKeys
from workers.recovery.state_files.importing import foreign
from workers.recovery.state_files.lines import (
    CustomerLine,
    HeldLine,
    PartitionHead,
    RecordLine,
    SharedHead,
    decode_line,
    encode_line,
    raw_bytes,
    raw_text,
    record_fields,
    record_of,
)
from workers.recovery.state_files.meta_lines import head_of, meta_of
from workers.recovery.state_files.reading import read_files
from workers.recovery.state_files.writing import SHARED_NAME, PartWriter, StateFolder, partition_name
from workers.sealed_lines import DamagedFile
from workers.state.consistency import Log
from workers.state.keys import hash_tag

LOG = Log("linger.activity", "id-1", 4, 0, 90)
META = {
    "owner": "w",
    "format": "3 w",
    "version": "812",
    "offset": "41",
    "topic_id": "id-1",
    "partitions": "4",
    "generation": "3",
    "rules": "abc",
    "swept": "3",
    "meaning": f"{MEANING} 0",
    "meant": '{"login": 5}',
    "layout": "",
    "rebuilding": "",
    "hw:shop.orders:0": "17",
    "hw:shop.orders:0+": "4100002",
    "since:purchase?1f": "1700000000000",
    "n:active:quiet": "7",
    "held:pause:quiet": "1",
}


def head(partition: int = 0, fields: dict[str, str] | None = None) -> PartitionHead:
    return head_of(
        partition,
        META if fields is None else fields,
        LOG,
        namespace="linger",
        release="0.3",
        written_at="2026-11-30T00:00:00Z",
        rule_versions={"quiet": "v"},
        published={"linger.at-risk": 3},
    )


def facts() -> CustomerFacts:
    return CustomerFacts(known_since="2026-01-01T00:00:00.000Z", latest_event="2026-01-02T00:00:00.000Z")


def written(folder: Path, partitions: int = 2) -> StateFolder:
    """A folder with an export of some partitions with three customers each."""
    files = StateFolder(folder)
    files.make()
    for number in range(partitions):
        with files.open(partition_name(number)) as file:
            writer = PartWriter(file, head(number))
            for customer in ("ada", "bob", "cyd"):
                writer.add(CustomerLine(customer=customer, facts=facts()))
            writer.end()
        files.finish(partition_name(number))
    with files.open(SHARED_NAME) as file:
        PartWriter(file, SharedHead(format=1, release="0.3", written_at="", namespace="linger")).end()
    files.finish(SHARED_NAME)
    return files


# --- what is written is what is read ------------------------------------------------------------------------------


def test_a_folder_and_all_its_files_in_one_are_read_alike_and_are_private(tmp_path: Path) -> None:
    folder = written(tmp_path / "backup").path
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    one = tmp_path / "all.jsonl"
    one.write_bytes(b"".join(path.read_bytes() for path in sorted(folder.iterdir())))
    for path in (folder, one):
        files = read_files(path)
        assert sorted(files.partitions) == [0, 1]
        assert files.shared is not None
        for number, part in files.partitions.items():
            assert files.heads[number] == head(number)
            assert [line.customer for line in part.lines() if isinstance(line, CustomerLine)] == ["ada", "bob", "cyd"]


def test_an_unfinished_file_has_no_name_that_is_read(tmp_path: Path) -> None:
    files = written(tmp_path / "backup")
    files.open(partition_name(3)).close()
    assert sorted(read_files(files.path).partitions) == [0, 1]
    files.drop_unfinished()
    assert len(list(files.path.iterdir())) == 3


def test_meta_comes_back_as_it_was_but_for_who_owns_it() -> None:
    fields = {name: str(value) for name, value in meta_of(head()).items()}
    own = ("owner", "format", "version", "offset", "layout", "rebuilding")
    assert fields == {name: value for name, value in META.items() if name not in own}
    assert head().offset == 41


@pytest.mark.parametrize("name", ["owner", "version", "offset", "rebuilding", "layout", "generation", "hw:a:0"])
def test_a_first_line_cannot_bring_in_what_is_no_state(name: str) -> None:
    one = head()
    one.fields[name] = "1"
    one.high_waters["a:0"] = 5
    with pytest.raises(DamagedFile, match=name):
        meta_of(one)


@pytest.mark.parametrize(("name", "value"), [("meant", "{"), ("swept", "x")])
def test_a_first_line_cannot_bring_in_what_no_worker_could_read(name: str, value: str) -> None:
    one = head()
    one.fields[name] = value
    with pytest.raises(DamagedFile):
        meta_of(one)


@given(st.none() | st.binary(max_size=20), st.none() | st.binary(max_size=20), st.text(max_size=5))
def test_a_record_survives_whatever_its_bytes_are(key: bytes | None, value: bytes | None, name: str) -> None:
    record = OutboxRecord("t", key, value, ((name, value), (name, key)))
    assert raw_bytes(raw_text(value)) == value
    assert record_of(RecordLine(**record_fields(record))) == record
    held = HeldLine(rule="r", because="pace", action_id="a", decided=1, **record_fields(record))
    assert record_of(held) == record


def test_a_record_with_a_partition_of_its_own_keeps_it() -> None:
    record = PlacedRecord("linger.marks", b"00", b"\xff", (), 7)
    line = decode_line(encode_line(RecordLine(**record_fields(record))))
    assert isinstance(line, RecordLine)
    assert record_of(line) == record


# --- what is damaged or foreign -----------------------------------------------------------------------------------


def test_a_file_that_is_cut_anywhere_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path / "backup").path / partition_name(0)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(StartupError, match=r"cut|empty"):
            read_files(path)


def test_a_byte_that_is_another_one_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    path = written(tmp_path / "backup").path / partition_name(0)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(StartupError):
            read_files(path)


def test_files_of_two_exports_are_not_mixed(tmp_path: Path) -> None:
    folder = written(tmp_path / "backup").path
    (folder / "again.jsonl").write_bytes((folder / partition_name(1)).read_bytes())
    with pytest.raises(StartupError, match="partition 1 is there twice"):
        read_files(folder)


@pytest.mark.parametrize(
    "text", ["", "\n", "hello\n", "[]\n", '{"line": "partition"}\n', '{"format": 1}\n', "\xff\n"]
)
def test_what_is_no_state_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(StartupError):
        read_files(path)


def test_a_file_of_a_later_format_is_refused_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"line": "partition", "format": 4, "something": "new"}\n')
    with pytest.raises(StartupError, match="its format is 4, this release reads 3 and below"):
        read_files(path)


@pytest.mark.parametrize("path", ["gone", "."])
def test_no_file_and_a_folder_without_one_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(StartupError, match=r"no such file|no state file"):
        read_files(tmp_path / path)


def test_a_part_of_another_installation_is_refused_with_what_differs() -> None:
    assert foreign(head(), LOG) == []
    cases = {
        "there is no such partition here": (head(), None),
        "LINGER_TOPIC_PREFIX": (head(), Log("other.activity", "id-1", 4, 0, 90)),
        "was deleted and created again": (head(), Log("linger.activity", "id-2", 4, 0, 90)),
        "had 4 partitions, now there are 8": (head(), Log("linger.activity", "id-1", 8, 0, 90)),
        "use a newer file": (head(), Log("linger.activity", "id-1", 4, 42, 90)),
        "has lost its end": (head(), Log("linger.activity", "id-1", 4, 0, 40)),
        "use the later release": (head(fields={**META, "meaning": f"{MEANING + 1} 0"}), LOG),
    }
    for words, (part, log) in cases.items():
        (problem,) = foreign(part, log)
        assert words in problem


# --- every key of Redis -------------------------------------------------------------------------------------------


def test_every_key_of_redis_is_found_and_one_that_is_not_known_is_refused() -> None:
    found = FoundKeys([7])
    try:
        for key in every_key(7):
            found.note("linger", key)
        assert list(found.partitions[7].customer_ids()) == ["a:b"]
        assert found.partitions[7].waiting == {"login"}
        assert found.partitions[7].held == {("quiet", "pace"), ("quiet", "pause"), ("quiet", "brake")}
        in_files = {kind for kind, key in SHARED_KEYS.items() if key.in_file == "hash"}
        assert found.hashes == in_files - {"dead-letters"} | {"dead-letters:0:3"}
        assert found.pace == {("quiet", 5)}
        for key in ("linger:new", f"linger:{{{hash_tag(7)}}}:new", f"linger:{{{hash_tag(7)}}}:new:x"):
            with pytest.raises(LingerError, match="of the kind 'new'"):
                found.note("linger", key)
    finally:
        found.close()
