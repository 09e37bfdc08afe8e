"""Laws of reports: for people, as JSON, and in the format of JUnit."""

import json
from pathlib import Path
from xml.etree import ElementTree

from schemas.rules import RuleBook
from tests.support.builders import rule
from tests.unit.rule_tests.example_rules import ACTS, QUIET, TYPES, command, example
from workers.rule_files.known_names import KnownNames
from workers.rule_tests.files import report_on
from workers.rule_tests.reports import RuleTestReport, as_document, as_junit, render_report
from workers.rule_tests.runner import run_examples


def test_for_machines_there_is_json(folder: Path) -> None:
    status, shown = command(folder, as_json=True)
    document = json.loads(shown)
    assert (status, document["passed"], document["problems"]) == (1, False, [])
    failed = document["results"][1]
    assert (failed["name"], failed["line"], failed["rules"]) == ("buys nothing", 13, ["quiet"])
    assert [(difference["kind"], difference["at"], difference["action"]) for difference in failed["differences"]] == [
        ("missing", "44 days", "at-risk"),
        ("unexpected", "45 days", "at-risk"),
    ]
    assert failed["differences"][0]["conditions"][0]["truth"] == "not observable"
    assert failed["instead"] == "expect:\n  - at: 45 days\n    action: at-risk\n"
    assert document["live_without_proof"] == [{"rule": "quiet", "acts": True, "stays_silent": False}]


def test_build_servers_get_what_they_understand(folder: Path) -> None:
    status, _ = command(folder, junit=folder / "report.xml")
    suite = ElementTree.parse(folder / "report.xml").getroot()
    assert status == 1
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "3", "0")
    messages = [failure.get("message") or "" for failure in suite.iter("failure")]
    assert messages[0] == "at 44 days, action at-risk is expected and does not happen"
    assert messages[1].startswith("cannot be run: there can be no such purchase")


def test_a_broken_file_is_an_error_for_build_servers(folder: Path) -> None:
    (folder / "quiet.yaml").write_text("rules: <&>")
    report = report_on([folder], KnownNames(TYPES))
    suite = ElementTree.fromstring(as_junit(report))
    assert suite.get("errors") == str(len(report.problems)) != "0"
    assert as_document(report)["results"] == []


def test_machines_get_nothing_that_they_cannot_read() -> None:
    expect = [{**ACTS[0], "variables": {"name": float("inf"), "number": 10**39, "plain": 1}}]
    one = rule("quiet", when=QUIET, examples=[{**example(expect), "name": "red \x1b[31m & <alert>"}])
    report = RuleTestReport(tuple(run_examples(RuleBook((one,)), TYPES)))
    case = ElementTree.fromstring(as_junit(report)).find("testcase")
    assert case is not None
    assert case.get("name") == "red ·[31m & <alert>"
    variables = json.loads(json.dumps(as_document(report), allow_nan=False))["results"][0]["differences"][1][
        "variables"
    ]
    assert variables == {"name": "inf", "number": str(10**39), "plain": 1}


def test_the_summary_counts_by_rule_and_file(folder: Path) -> None:
    shown = [line.text for line in render_report(report_on([folder], KnownNames(TYPES)))]
    assert shown[-3].split() == ["✗", "quiet", "1", "passed,", "2", "failed"]
    assert shown[-2].split()[2:] == ["1", "passed,", "1", "failed"]
