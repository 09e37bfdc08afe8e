"""Laws of `linger run`: it does not start with wrong settings, and tunes the interpreter for its threads."""

import sys
from pathlib import Path

from tests.unit.cli.program import Linger
from workers.cli import run


def test_settings_that_are_wrong_keep_a_worker_from_starting(linger: Linger, tmp_path: Path) -> None:
    answer = linger("run", RULES=str(tmp_path), SOURCES=str(tmp_path / "nothing.yaml"))
    assert answer.status == 2
    assert "nothing.yaml" in answer.err
    assert "there are no *.yaml files in this folder" in answer.err


def test_the_thread_that_fetches_has_its_turn_within_a_millisecond() -> None:
    """Python lets it wait for 5 ms each time, and each of its fetches several times."""
    before = sys.getswitchinterval()
    try:
        run._tune_thread_switching()
        assert sys.getswitchinterval() < 0.001
    finally:
        sys.setswitchinterval(before)
