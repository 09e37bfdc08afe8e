"""Laws of the codes of `linger rules check`: each has an explanation, and the explanation is true."""

import ast
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.support.paths import ROOT
from workers.rule_lint.check import check_texts
from workers.rule_lint.codes import EXPLANATIONS, explanation_of, main, page
from workers.rule_lint.lint import LINTS

NOW: Final = datetime(2024, 6, 1, tzinfo=UTC)
WHOLE: Final = ("rules:", "define:", "stages:", "for every rule:", "value:", "#")
USUAL: Final = {
    "id": "a-rule",
    "title": "A rule",
    "when": "{none: purchase, for: 45 days}",
    "action": "at-risk",
    "template": "we-miss-you",
    "expires after": "14 days",
}


def codes_in_source() -> set[str]:
    """Return every code that is written where a problem is created."""
    codes = set()
    for path in sorted((ROOT / "workers").rglob("*.py")):
        if "cli" in path.parts:
            continue  # its `warn` is another: it takes a text
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name not in ("Problem", "ProblemText", "_note", "_value_problem", "_unknown", "warn"):
                continue
            constants = [part.value for part in node.args if isinstance(part, ast.Constant)]
            codes.update([text for text in constants if isinstance(text, str)][:1])
    return codes - {"warning"}  # that is a severity


def test_every_code_is_explained() -> None:
    codes = codes_in_source()
    assert {"unknown-key", "smart-quotes", "contradiction", "live-without-example", "built-in-type"} <= codes
    assert codes <= set(EXPLANATIONS)
    assert set(LINTS) == {code for code, explanation in EXPLANATIONS.items() if explanation.is_warning}


def test_no_code_is_explained_that_there_is_not() -> None:
    tabled = {"wrong-type", "wrong-value", "too-large"}  # some of these are in tables, not in calls
    assert set(EXPLANATIONS) - codes_in_source() <= tabled


def as_file(lines: str) -> str:
    """Complete some lines of a rule; return a whole file unchanged."""
    if lines.startswith(WHOLE):
        return lines
    keys = {line.partition(":")[0] for line in lines.splitlines()}
    usual = [f"{key}: {value}" for key, value in USUAL.items() if key not in keys]
    indented = [line if line[:1] in ("<", ">", "=", "-") else f"    {line}" for line in lines.splitlines()]
    return "rules:\n  - " + "\n    ".join(usual) + "\n" + "\n".join(indented) + "\n"


def codes_of(lines: str) -> set[str]:
    report = check_texts({"a.yaml": as_file(lines)}, None, NOW)
    return {problem.code for problem in (*report.mistakes, *report.warnings)}


SHOWN: Final = sorted(code for code, explanation in EXPLANATIONS.items() if explanation.wrong)


@pytest.mark.parametrize("code", SHOWN)
def test_what_is_called_wrong_gives_the_code(code: str) -> None:
    assert code in codes_of(EXPLANATIONS[code].wrong)


@pytest.mark.parametrize("code", SHOWN)
def test_what_is_called_right_gives_no_mistake_and_not_the_code(code: str) -> None:
    report = check_texts({"a.yaml": as_file(EXPLANATIONS[code].right)}, None, NOW)
    assert [str(problem) for problem in report.mistakes] == []
    assert code not in {problem.code for problem in report.warnings}


def test_most_codes_come_with_an_example() -> None:
    assert set(EXPLANATIONS) - set(SHOWN) == {
        *("cannot-read", "file-left-out", "no-files", "too-large", "not-utf-8"),
        *(
            "unknown-attribute",
            "repeated-definition",
            "repeated-for-every-rule",
            "repeated-ladder",
            "repeated-value",
            "repeated-book",
        ),
        "value-of-personal",
        *("repeated-topic", "built-in-type", "unknown-pack", "unknown-case"),
        *("short-history", "beyond-memory", "unfed-type", "unseen-value", "personal-value"),
    }


@pytest.mark.parametrize("code", sorted(EXPLANATIONS))
def test_an_explanation_fits_a_terminal(code: str) -> None:
    lines = explanation_of(code).splitlines()
    assert lines[0].startswith(f"{code} (")
    assert all(len(line) <= 120 for line in lines)


def test_the_page_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["--check"]) == 0
    assert all(f"\n### {code}\n" in page() for code in EXPLANATIONS)


def test_a_stale_page_is_reported_and_rewritten(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["--check"]) == 1
    assert "python -m workers.rule_lint.codes" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0
