"""The program, run in this process."""

import sys
import threading
from typing import Any

import pytest

from tests.support.paths import ROOT
from tests.unit.cli.program import Answer, Linger
from workers.__main__ import main
from workers.cli import output


@pytest.fixture
def linger(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Linger:
    """Run a command of the installed program, with these LINGER_… variables and no others."""

    def run(*arguments: str, **variables: str) -> Answer:
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr(sys, "argv", ["linger", *arguments])
        monkeypatch.setattr("workers.__main__.expect_nothing_begun", lambda: None)  # those of pytest stay
        monkeypatch.setattr("os.environ", {f"LINGER_{name}": text for name, text in variables.items()})
        for console in (output.out, output.err):
            monkeypatch.setattr(console, "width", 200)
        capsys.readouterr()
        status: Any = 0
        try:
            with monkeypatch.context() as ours:  # a worker turns these into its log for good
                for name in ("stdout", "stderr", "excepthook", "unraisablehook"):
                    ours.setattr(sys, name, getattr(sys, name))
                ours.setattr(threading, "excepthook", threading.excepthook)
                main()
        except SystemExit as ended:
            status = ended.code or 0
        captured = capsys.readouterr()
        return Answer(int(status), captured.out, captured.err)

    return run
