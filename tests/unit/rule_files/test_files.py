"""Laws of files on disk: what a path means, and that everything in a folder is read or is a problem, and soon."""

import os
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.rule_files.rule_texts import file_of, rule
from workers.rule_files.files import MAX_FILE_BYTES, find_rule_files, find_tests, fingerprint, read_text, read_texts

GOOD = "rules: []\n"


def capitals(folder: Path) -> None:
    (folder / "other.YAML").write_text(GOOD)


def sub_folder(folder: Path) -> None:
    (folder / "nl").mkdir()
    (folder / "nl" / "quiet.yaml").write_text(GOOD)


def dangling_link(folder: Path) -> None:
    (folder / "spring.yaml").symlink_to(folder / "nowhere.yaml")


def circle_of_links(folder: Path) -> None:
    (folder / "spring.yaml").symlink_to(folder / "spring.yaml")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe.yaml")


def folder_with_the_name_of_a_file(folder: Path) -> None:
    (folder / "more.yaml").mkdir()


def link_to_a_device(folder: Path) -> None:
    (folder / "zero.yml").symlink_to("/dev/zero")


def name_that_is_not_utf_8(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xe9.yaml")).write_text(GOOD)


def large_file(folder: Path) -> None:
    with (folder / "large.yaml").open("wb") as file:
        file.truncate(1 << 40)


ODD: list[tuple[Callable[[Path], None], str]] = [
    (capitals, "other.YAML:1:1: its name ends in .YAML, and only .yaml and .yml are read (call it other.yaml)"),
    (sub_folder, "nl:1:1: this folder has *.yaml files, and folders inside the folder of the rules are not read"),
    (dangling_link, "spring.yaml:1:1: it is a link to something that is not there"),
    (circle_of_links, "spring.yaml:1:1: it cannot be read: Too many levels of symbolic links"),
    (pipe, "pipe.yaml:1:1: it is a pipe, not a file"),
    (folder_with_the_name_of_a_file, "more.yaml:1:1: it is a folder, not a file"),
    (link_to_a_device, "zero.yml:1:1: it is a device, not a file"),
    (name_that_is_not_utf_8, "\\xe9.yaml:1:1: its name is not UTF-8 (give it another name)"),
    (large_file, "large.yaml:1:1: is larger than 256 KiB"),
]


@pytest.mark.parametrize(("make", "said"), ODD, ids=[make.__name__ for make, _ in ODD])
def test_what_looks_like_a_rule_file_and_is_none_is_said_and_the_others_are_read(
    make: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(file_of(rule()))
    before = fingerprint(tmp_path)
    make(tmp_path)
    texts, (problem,), _ = read_texts([tmp_path])
    assert list(texts) == [str(tmp_path / "a.yaml")]
    assert str(problem).startswith(f"{tmp_path}/{said}")
    assert str(problem).isprintable()
    str(problem).encode()
    assert fingerprint(tmp_path) != before


@pytest.mark.parametrize("name", [".hidden.yaml", "notes.txt", "a.yaml~", "a.yaml.bak", "quiet_test.yaml", "..data"])
def test_what_does_not_look_like_a_rule_file_is_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / name).write_text("no rules: [")
    (tmp_path / "empty").mkdir()
    (tmp_path / "..2026_11_30").mkdir()
    (tmp_path / "..2026_11_30" / "a.yaml").write_text(GOOD)
    assert find_rule_files([tmp_path]) == ([tmp_path / "a.yaml"], [])


def test_a_pipe_as_the_path_itself_is_a_problem_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rules")
    assert str(read_texts([tmp_path / "rules"])[1][0]).endswith("cannot be read: it is a pipe, not a file")


def test_a_socket_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("rules.yaml")
        _, (problem,), _ = read_texts([Path()])
    assert "it is a socket, not a file" in problem.message


def test_a_name_with_a_null_byte_is_a_problem() -> None:
    assert read_texts([Path("a\0.yaml")])[1][0].code == "cannot-read"


@pytest.mark.parametrize("broken", ["scandir", "stat", "open"])
def test_whatever_error_the_machine_reports_is_a_problem(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    real = getattr(os, broken)

    def fails(path: object, *arguments: object, **options: object) -> object:
        if str(path) == str(tmp_path if broken == "scandir" else tmp_path / "a.yaml"):
            raise OSError(5, "Input/output error")
        return real(path, *arguments, **options)

    before = fingerprint(tmp_path)
    monkeypatch.setattr(os, broken, fails)
    texts, problems, _ = read_texts([tmp_path])
    assert texts == {}
    assert "Input/output error" in str(problems[0])
    assert fingerprint(tmp_path) != before
    assert find_tests(tmp_path) == []


def test_no_file_stays_open_for_any_path(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.yaml").write_text(GOOD)
    before = len(os.listdir("/proc/self/fd"))
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "a.yaml", tmp_path / "missing"):
        read_text(path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_grows_while_it_is_read_is_not_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    file.write_bytes(b"#" * (64 << 20))
    tracemalloc.start()
    try:
        assert read_text(file)[1][0].code == "too-large"
        fingerprint(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_FILE_BYTES
    finally:
        tracemalloc.stop()
