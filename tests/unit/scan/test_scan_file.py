"""Laws of the file of a scan: what is written is read again, and no part of it is taken for the whole."""

import os
import stat
from pathlib import Path
from threading import Thread

import pytest

from workers.core.coverage import Coverage
from workers.errors import StartupError
from workers.scan.lines import FORMAT, PartitionLine, ScanHead, StoredCustomer
from workers.scan.scan_file import ScanWriter, opened, refuse_other, unfinished

HEAD = ScanHead(
    format=FORMAT,
    release="1",
    namespace="linger",
    at=1_700_000_000_000,
    partitions=2,
    rules={"generation": "3", "hash": "ab"},
    rule_contents={},
)
ADA = StoredCustomer(id="ada\n\x00é", stored=bytes(range(256)))
BOB = StoredCustomer(id="bob", stored=b"\x04", suppressed=True, opted_out_ms=7)


def partition(number: int) -> PartitionLine:
    return PartitionLine(
        partition=number,
        at=HEAD.at,
        offset=9,
        layout=4,
        generation=3,
        rules="ab",
        since={"purchase": 5},
        until={"purchase": 6},
        complete=["purchase"],
        meant={},
    )


def write(path: Path, head: ScanHead = HEAD) -> None:
    with unfinished(path) as file:
        writer = ScanWriter(file, head)
        writer.begin(partition(0))
        writer.add(ADA)
        writer.begin(partition(1))
        writer.add(BOB)
        writer.end(1_500)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "scan"
    write(path)
    with opened(path) as scan:
        assert scan.head == HEAD
        assert [(line.partition, customer) for line, customer in scan.customers()] == [(0, ADA), (1, BOB)]
        assert scan.end is not None
        assert (scan.end.customers, scan.end.took_ms) == (2, 1_500)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_parts_hold_every_customer_and_say_how_many_there_will_be(tmp_path: Path) -> None:
    path, seen = tmp_path / "scan", list[tuple[int, int]]()
    with unfinished(path) as file:
        writer = ScanWriter(file, HEAD)
        writer.begin(partition(0))
        for number in range(2_500):
            writer.add(StoredCustomer(id=f"c{number}", stored=b"\x04"))
        writer.end(1_500)
    with opened(path) as scan:
        parts = list(scan.parts(lambda done, of: seen.append((done, of))))
    assert [customer.id for part in parts for _, customer in part] == [f"c{number}" for number in range(2_500)]
    assert seen == [(1_000, 2_500), (2_000, 2_500), (2_500, 2_500)]


def test_how_many_there_will_be_is_not_known_of_what_cannot_be_read_twice_or_was_cut(tmp_path: Path) -> None:
    path, pipe, cut = tmp_path / "scan", tmp_path / "pipe", tmp_path / "cut"
    write(path)
    os.mkfifo(pipe)
    Thread(target=lambda: pipe.write_bytes(path.read_bytes()), daemon=True).start()
    with opened(pipe) as scan:
        assert (scan.expected, len(list(scan.customers()))) == (0, 2)
    cut.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with opened(cut) as scan:
        assert scan.expected == 0


def test_the_coverage_of_a_partition_is_as_if_everything_had_been_seen() -> None:
    assert partition(0).as_if_seen() == Coverage({"purchase": 5}, {}, frozenset({"purchase"}))


def test_a_file_that_was_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path, cut = tmp_path / "scan", tmp_path / "cut"
    write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    for number in range(len(lines)):
        for rest in (b"", lines[number][:-1]):
            cut.write_bytes(b"".join(lines[:number]) + rest)
            with pytest.raises(StartupError, match=str(cut)), opened(cut) as scan:
                list(scan.customers())


def test_a_file_in_which_anything_was_changed_is_refused(tmp_path: Path) -> None:
    path, changed = tmp_path / "scan", tmp_path / "changed"
    write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    for text in (
        b"".join(lines).replace(b'"bob"', b'"bab"'),
        b"".join([*lines[:2], *lines[3:]]),
        b"".join([*lines[:1], *lines[2:3], *lines[1:2], *lines[3:]]),
        b"".join([*lines[:1], *lines]),
    ):
        changed.write_bytes(text)
        with pytest.raises(StartupError, match=str(changed)), opened(changed) as scan:
            list(scan.customers())


@pytest.mark.parametrize("text", ["", "rules:\n", '{"line":"partition","format":1}\n', '{"line":"scan"}\n'])
def test_what_is_no_scan_is_refused_and_never_written_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(StartupError, match=r"rules\.yaml"), opened(path):
        pass
    with pytest.raises(StartupError, match="name another file"):
        refuse_other(path)


def test_a_scan_of_a_later_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scan"
    path.write_text('{"line":"scan","format":99,"new":1}\n')
    with pytest.raises(StartupError, match="a later release"), opened(path):
        pass


def test_an_older_scan_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "scan"
    write(path)
    refuse_other(path)
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), unfinished(path) as file:
        file.write(b"%d" % (1 // 0))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_no_folder_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="there is no folder"):
        refuse_other(tmp_path / "no" / "scan")
