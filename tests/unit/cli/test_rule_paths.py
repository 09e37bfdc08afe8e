"""What a path of rules means: the same for `check`, `explain`, `test`, `preview` and a worker."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.unit.cli.program import Linger
from workers.errors import StartupError
from workers.loading import load_configuration
from workers.rule_files.files import fingerprint
from workers.settings import Settings

HISTORY: Final = '{"event_id":"1","customer_id":"ann","type":"login","occurred_at":"2024-01-02T00:00:00Z"}\n'
NAMES: Final = "define:\n  gone quiet: {none: purchase, for: 45 days}\n"
USES: Final = "{meets: gone quiet}"
SOURCES: Final = """\
sources:
  - {topic: shop.logins, format: canonical, events: [login, purchase], max_silence: 7 days}
"""


def rules(rule_id: str, when: str = USES, more: str = "") -> str:
    return (
        f"rules:\n  - id: {rule_id}\n    title: A rule\n    when: {when}\n    action: at-risk\n"
        f"    template: we-miss-you\n    expires after: 14 days\n    status: draft\n{more}"
    )


Reader = Callable[[Linger, Path, Path], tuple[bool, str]]
"""Reads paths of rules: whether it accepts them, and what it says."""


def check(linger: Linger, folder: Path, path: Path) -> tuple[bool, str]:
    done = linger("rules", "check", str(path), "--sources", str(folder / "sources"))
    return done.status == 0, done.out + done.err


def explain(linger: Linger, folder: Path, path: Path) -> tuple[bool, str]:
    done = linger("rules", "explain", str(path), "--sources", str(folder / "sources"))
    return done.status == 0, done.out + done.err


def run_tests(linger: Linger, folder: Path, path: Path) -> tuple[bool, str]:
    done = linger("rules", "test", str(path), "--sources", str(folder / "sources"))
    return done.status == 0, done.out + done.err


def preview(linger: Linger, folder: Path, path: Path) -> tuple[bool, str]:
    history = folder / "history.jsonl"
    history.write_text(HISTORY)
    sources = ("--sources", str(folder / "sources"))
    done = linger("rules", "preview", str(path), "--history", str(history), *sources)
    return done.status == 0, done.out + done.err


def worker(linger: Linger, folder: Path, path: Path) -> tuple[bool, str]:
    try:
        load_configuration(Settings(rules=path, sources=folder / "sources"))
    except StartupError as error:
        return False, "\n".join(error.problems)
    return True, ""


READERS: Final = pytest.mark.parametrize("read", [check, explain, run_tests, preview, worker])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sources").write_text(SOURCES)
    (tmp_path / "quiet.yaml").write_text(rules("quiet"))
    (tmp_path / "names.yaml").write_text(NAMES)
    return tmp_path


@READERS
def test_files_beside_a_file_lend_it_names(linger: Linger, folder: Path, read: Reader) -> None:
    (folder / "quiet.yaml").write_text(rules("quiet", more="    instead of: [other]\n"))
    (folder / "other.yaml").write_text(rules("other"))
    assert read(linger, folder, folder / "quiet.yaml")[0]
    (folder / "names.yaml").unlink()
    accepted, said = read(linger, folder, folder / "quiet.yaml")
    assert (accepted, "quiet.yaml:4:19: nothing is called 'gone quiet'" in said) == (False, True)


@READERS
def test_another_version_beside_a_file_is_no_second_rule(linger: Linger, folder: Path, read: Reader) -> None:
    (folder / "quiet-old.yaml").write_text(NAMES.replace("45 days", "30 days") + rules("quiet"))
    assert read(linger, folder, folder / "quiet.yaml")[0]
    assert "id 'quiet' is taken" in read(linger, folder, folder)[1]
    (folder / "names.yaml").unlink()
    assert read(linger, folder, folder / "quiet.yaml")[0]


def test_a_name_comes_from_another_version_only_if_no_other_file_has_it(linger: Linger, folder: Path) -> None:
    (folder / "another.yaml").write_text(NAMES.replace("45 days", "30 days") + rules("quiet"))
    settings = Settings(rules=folder / "quiet.yaml", sources=folder / "sources")
    assert "days=45" in str(load_configuration(settings).book.define)
    (folder / "names.yaml").unlink()
    assert "days=30" in str(load_configuration(settings).book.define)


@READERS
def test_a_name_that_a_file_defines_is_its_own(linger: Linger, folder: Path, read: Reader) -> None:
    (folder / "quiet.yaml").write_text("define:\n  gone quiet: {none: login, for: 9 days}\n" + rules("quiet"))
    accepted, _ = read(linger, folder, folder / "quiet.yaml")
    assert accepted
    if read is explain:
        (entry,) = json.loads(linger("rules", "explain", str(folder / "quiet.yaml"), "--json").out)
        assert "log" in entry["sentence"]


@READERS
def test_a_name_that_two_files_beside_define_differently_is_a_mistake(
    linger: Linger, folder: Path, read: Reader
) -> None:
    (folder / "other.yaml").write_text(NAMES)
    assert read(linger, folder, folder / "quiet.yaml")[0]
    (folder / "other.yaml").write_text(NAMES.replace("45", "30"))
    assert "'gone quiet' is defined already" in read(linger, folder, folder / "quiet.yaml")[1]


@READERS
def test_a_broken_file_beside_is_no_problem_of_a_file(linger: Linger, folder: Path, read: Reader) -> None:
    (folder / "other.yaml").write_text("rules: [broken\n")
    (folder / "another.yaml").write_bytes(b"\xff")
    (folder / "third.yaml").write_text(rules("third", "{none: puchase, for: 3 days}"))
    assert read(linger, folder, folder / "quiet.yaml")[0]
    assert not read(linger, folder, folder)[0]


@READERS
def test_what_is_lent_is_checked_where_it_stands(linger: Linger, folder: Path, read: Reader) -> None:
    (folder / "names.yaml").write_text(NAMES.replace("purchase", "puchase"))
    accepted, said = read(linger, folder, folder / "quiet.yaml")
    assert (accepted, "names.yaml:2:22: there is no event type 'puchase'" in said) == (False, True)


@READERS
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nl/more.yaml", "folders inside the folder of the rules are not read"),
        ("X.YAML", "only .yaml and .yml are read"),
    ],
)
def test_everything_in_a_folder_is_read_or_a_problem(
    linger: Linger, folder: Path, read: Reader, name: str, said: str
) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(rules("more"))
    assert said in read(linger, folder, folder)[1]
    assert read(linger, folder, folder / "quiet.yaml")[0]


@READERS
def test_a_missing_path_is_a_mistake(linger: Linger, folder: Path, read: Reader) -> None:
    assert "cannot be read" in read(linger, folder, folder / "missing")[1]


@pytest.mark.parametrize("read", [check, explain, preview, worker])
def test_a_file_of_tests_alone_is_no_rule_set(linger: Linger, folder: Path, read: Reader) -> None:
    (folder / "quiet_test.yaml").write_text("tests: []\n")
    accepted, said = read(linger, folder, folder / "quiet_test.yaml")
    assert (accepted, "'linger rules test' runs it" in said) == (False, True)
    assert read(linger, folder, folder)[0]


def test_settings_for_every_rule_are_lent_by_a_file_without_rules(linger: Linger, folder: Path) -> None:
    limits = "for every rule:\n  limits: [{at most: 1 action, within: 9 days}]\n"
    (folder / "other.yaml").write_text(limits + rules("other"))
    settings = Settings(rules=folder / "quiet.yaml", sources=folder / "sources")
    assert load_configuration(settings).book.for_every_rule.limits == []
    (folder / "names.yaml").write_text(NAMES + limits)
    assert load_configuration(settings).book.for_every_rule.limits


def test_a_change_of_a_file_that_lends_is_noticed(folder: Path) -> None:
    path = folder / "quiet.yaml"
    before = fingerprint(path, folder / "sources")
    (folder / "names.yaml").write_text(NAMES.replace("45", "46"))
    between = fingerprint(path, folder / "sources")
    (folder / "sources").write_text(f"{SOURCES} ")
    assert len({before, between, fingerprint(path, folder / "sources")}) == 3
