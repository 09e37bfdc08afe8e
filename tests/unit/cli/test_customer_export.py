"""Laws of `linger customer export`: it says where it writes before it asks anything, and overwrites nothing."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.program import Answer, Linger
from tests.unit.customer_export.persons import exported, found_in, kafka_record
from workers.audit import trail
from workers.audit.record import Intent, Outcome
from workers.cli.customer_commands import export
from workers.customer_export.document import Export
from workers.settings import Settings


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> list[Intent | Outcome]:
    """The records of the audit; each is accepted."""
    records: list[Intent | Outcome] = []

    async def take(settings: Settings, record: Intent | Outcome) -> None:
        records.append(record)

    monkeypatch.setattr(trail, "append", take)
    return records


def export_of(
    linger: Linger, monkeypatch: pytest.MonkeyPatch, document: Export | None, *words: str, customer_id: str = "ada"
) -> Answer:
    """Export a person, with this as all that is held."""

    def gathered(settings: Settings, asked_for: str) -> Export | None:
        assert asked_for == customer_id
        return document

    monkeypatch.setattr(export, "_gathered", gathered)
    return linger("customer", "export", customer_id, *words, LOG_KEY="k")


def test_it_must_be_said_where_to_write(linger: Linger, audit: list[Any]) -> None:
    answer = linger("customer", "export", "ada")
    assert (answer.status, answer.out) == (2, "")
    assert "--json FILE, --json - or --html FILE" in answer.err
    assert audit == []


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_no_file_is_overwritten_and_no_folder_is_made(
    linger: Linger, audit: list[Any], tmp_path: Path, option: str
) -> None:
    there = tmp_path / "there"
    there.write_text("before")
    for path, complaint in ((there, "exists"), (tmp_path / "no" / "x", "there is no folder")):
        answer = linger("customer", "export", "ada", option, str(path))
        assert answer.status == 2
        assert complaint in answer.err
    assert there.read_text() == "before"
    assert audit == []


def test_files_are_for_their_owner_and_what_they_hold_is_counted(
    linger: Linger, audit: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    document = exported("ada", found_in("activity", kafka_record("activity", {"v": "\u202e"})))
    files = tmp_path / "ada.json", tmp_path / "ada.html"
    words = ("--json", str(files[0]), "--html", str(files[1]))
    answer = export_of(linger, monkeypatch, document, *words)
    assert answer.status == 0
    assert "records of Linger's topics: 1\n" in answer.err
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert json.loads(files[0].read_text()) == document
    assert "\u202e" not in files[0].read_text() + files[1].read_text()
    intent, outcome = audit
    assert "ada" not in str(intent.arguments)
    assert (outcome.outcome, outcome.counts) == ("ok", {"records": 1})


def test_of_a_stranger_no_file_is_written(
    linger: Linger, audit: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "x.html"
    answer = export_of(linger, monkeypatch, None, "--html", str(path), customer_id="a[/b]\x1b[2J")
    assert (answer.status, answer.out) == (1, "")
    assert answer.err == "Linger holds nothing of customer 'a[/b]\\x1b[2J'.\n"
    assert not path.exists()
    for_machines = export_of(linger, monkeypatch, None, "--json", "-")
    assert (for_machines.status, json.loads(for_machines.out)) == (1, None)


def test_what_is_not_complete_or_perhaps_of_another_person_is_said(
    linger: Linger, audit: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = found_in("dead-letter", kafka_record("dead-letter", b"ada"), matched_by="content")
    answer = export_of(linger, monkeypatch, exported("ada", letter, problems=["it is damaged"]), "--json", "-")
    assert answer.status == 1
    assert json.loads(answer.out)["is_complete"] is False
    assert "may be another person's" in answer.err
    assert "the export is not complete: it is damaged" in answer.err
    assert (audit[1].outcome, audit[1].error) == ("failed", "it is damaged")
