"""Laws of `linger rules`: what is printed about rule files, in which form, and with which exit status."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.unit.cli.program import Answer, Linger
from workers.cli import output

GOOD: Final = """\
rules:
  - id: quiet
    title: Gone quiet
    status: live
    when: {none: purchase, for: 45 days}
    action: at-risk
    template: we-miss-you
    expires after: 14 days
    examples:
      - name: a customer goes quiet
        given: [{at: start, event: purchase}]
        expect: [{at: 45 days, action: at-risk}]
      - name: a customer comes back in time
        given: [{at: start, event: purchase, every: 40 days, times: 3}]
        watch for: 100 days
        expect: nothing
"""
BAD: Final = GOOD.replace("at-risk", "at-riks", 1).replace("45 days", "45", 1)

LADDER: Final = """\
stages:
  name: simple
  status: live
  steps: [{stage: quiet, when: {all: [{known for: 60 days}, {none: purchase, for: 60 days}]}}]
  otherwise: active
"""


# --- check ----------------------------------------------------------------------------------------------------


def test_good_rules_end_with_0_and_a_count(linger: Linger, tmp_path: Path) -> None:
    (tmp_path / "quiet.yaml").write_text(GOOD)
    answer = linger("rules", "check", str(tmp_path))
    assert answer == Answer(0, "1 rule, no mistakes\n", "")
    (tmp_path / "other.yaml").write_text(GOOD.replace("quiet", "other").replace("purchase", "login"))
    assert linger("rules", "check", str(tmp_path)).out == "2 rules, no mistakes\n"
    (tmp_path / "stages.yaml").write_text(LADDER)
    assert linger("rules", "check", str(tmp_path)).out == "2 rules, 1 ladder, no mistakes\n"
    assert linger("rules", "check", "--json", str(tmp_path / "stages.yaml")).out.count('"simple"') == 1
    explained = linger("rules", "explain", str(tmp_path)).out
    assert explained.index("other (live)") < explained.index("ladder simple (live), from the top:\n  1. quiet: when")
    assert json.loads(linger("rules", "explain", "--json", str(tmp_path)).out)[-1]["ladder"] == "simple"


def test_the_rules_that_come_with_linger_are_good(linger: Linger) -> None:
    answer = linger("rules", "check", "rules", "--sources", "sources.yaml", "--lint-fatal")
    assert (answer.status, answer.err) == (0, "")


def test_bad_rules_end_with_1_and_every_mistake_with_its_place(linger: Linger, tmp_path: Path) -> None:
    file = tmp_path / "quiet.yaml"
    file.write_text(BAD)
    answer = linger("rules", "check", str(file))
    assert answer.status == output.EXIT_PROBLEM == 1
    assert f"{file}:5:33:" in answer.out
    assert f"{file}:6:13:" in answer.out
    assert "^" in answer.out
    assert "2 mistakes" in answer.out.splitlines()[-1]
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("flags", [["--json"], ["--format", "json"]])
def test_machines_get_the_same_as_json(linger: Linger, tmp_path: Path, flags: list[str]) -> None:
    file = tmp_path / "quiet.yaml"
    file.write_text(GOOD)
    good = linger("rules", "check", *flags, str(file))
    assert (good.status, json.loads(good.out)) == (0, {"rules": ["quiet"], "ladders": [], "problems": []})
    file.write_text(BAD)
    bad = linger("rules", "check", *flags, str(file))
    document = json.loads(bad.out)
    assert bad.status == 1
    assert document["rules"] == []
    assert [
        (problem["file"], problem["line"], problem["column"], problem["severity"]) for problem in document["problems"]
    ] == [
        (str(file), 5, 33, "error"),
        (str(file), 6, 13, "error"),
    ]
    assert all(
        set(problem) == {"file", "line", "column", "severity", "code", "message", "hint", "replacement"}
        for problem in document["problems"]
    )


def test_github_gets_annotations_and_nothing_else(linger: Linger, tmp_path: Path) -> None:
    file = tmp_path / "quiet.yaml"
    file.write_text(GOOD)
    assert linger("rules", "check", "--format", "github", str(file)) == Answer(0, "", "")
    file.write_text(BAD)
    bad = linger("rules", "check", "--format", "github", str(file))
    assert bad.status == 1
    assert [line.partition(",")[0] for line in bad.out.splitlines()] == [f"::error file={file}"] * 2


ODD: Final = GOOD.replace("expires after: 14 days", "expires after: 40 days")


def test_warnings_end_with_0_or_if_that_is_asked_for_with_3(linger: Linger, tmp_path: Path) -> None:
    file = tmp_path / "quiet.yaml"
    file.write_text(ODD)
    answer = linger("rules", "check", str(file))
    assert answer.status == 0
    assert f"{file}:8:20: warning: " in answer.out
    assert answer.out.splitlines()[-1].startswith("1 rule, no mistakes, 1 warning")
    assert linger("rules", "check", "--lint-fatal", str(file)).status == 3
    file.write_text(ODD.replace("at-risk\n    template", "at-riks\n    template"))
    assert linger("rules", "check", "--lint-fatal", str(file)).status == 1


def test_warnings_can_be_chosen(linger: Linger, tmp_path: Path) -> None:
    file = tmp_path / "quiet.yaml"
    file.write_text(ODD)
    assert linger("rules", "check", "--lint", "none", "--lint-fatal", str(file)).status == 0
    assert linger("rules", "check", "--lint", "outranked", "--lint-fatal", str(file)).status == 0
    assert linger("rules", "check", "--lint", "outranked, short-pause", "--lint-fatal", str(file)).status == 3
    wrong = linger("rules", "check", "--lint", "outrankt", str(file))
    assert wrong.status == 2
    assert "outrankt" in wrong.err


def test_a_code_is_explained_without_any_file(linger: Linger) -> None:
    answer = linger("rules", "check", "--explain", "contradiction")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith("contradiction (warning): ")
    wrong = linger("rules", "check", "--explain", "contradicton")
    assert wrong.status == 2
    assert "contradiction" in wrong.err


def test_a_live_rule_without_an_example_is_a_mistake(linger: Linger, tmp_path: Path) -> None:
    file = tmp_path / "quiet.yaml"
    file.write_text(GOOD.partition("    examples:")[0])
    answer = linger("rules", "check", "--lint", "none", str(file))
    assert answer.status == 1
    assert f"{file}:4:13: " in answer.out
    assert "live-without-example" in answer.out


def test_an_event_type_of_ones_own_needs_the_file_that_declares_it(linger: Linger, tmp_path: Path) -> None:
    (tmp_path / "quiet.yaml").write_text(GOOD.replace("purchase", "seance"))
    (tmp_path / "sources.yml").write_text(
        "event_types: {seance: {}}\nsources: [{topic: a, format: canonical, events: [seance], max_silence: 3 days}]\n"
    )
    rules, declared = str(tmp_path / "quiet.yaml"), str(tmp_path / "sources.yml")
    without = linger("rules", "check", rules)
    assert without.status == 1
    assert "there is no event type 'seance'" in without.out
    assert "--sources" not in without.err  # those of the repository are used
    assert linger("rules", "check", rules, "--sources", declared).status == 0


def test_the_usual_sources_are_those_beside_one(
    linger: Linger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quiet.yaml").write_text(GOOD.replace("purchase", "complaint"))
    assert linger("rules", "check", str(tmp_path / "quiet.yaml")).status == 0
    monkeypatch.setattr(Path, "is_file", lambda path: path != Path("sources.yaml"))
    without = linger("rules", "check", str(tmp_path / "quiet.yaml"))
    assert "there is no event type 'complaint'" in without.out
    assert "name that file with --sources" in without.err


@pytest.mark.parametrize("missing", ["rules", "sources"])
def test_a_file_that_is_not_there_is_a_problem_with_its_name(linger: Linger, tmp_path: Path, missing: str) -> None:
    (tmp_path / "quiet.yaml").write_text(GOOD)
    rules = tmp_path / ("nothing.yaml" if missing == "rules" else "quiet.yaml")
    more = ["--sources", str(tmp_path / "nothing.yaml")] if missing == "sources" else []
    for flag in ([], ["--json"]):
        answer = linger("rules", "check", str(rules), *more, *flag)
        assert answer.status == 1
        assert "nothing.yaml" in answer.out


def test_broken_sources_hide_no_mistake_of_the_rules(linger: Linger, tmp_path: Path) -> None:
    (tmp_path / "quiet.yaml").write_text(BAD.replace("purchase", "seance"))
    (tmp_path / "sources.yml").write_text("sources: []\n")
    answer = linger("rules", "check", str(tmp_path / "quiet.yaml"), "--sources", str(tmp_path / "sources.yml"))
    assert answer.status == 1
    assert "sources.yml:1:10: " in answer.out
    assert "quiet.yaml:6:13: " in answer.out
    assert "there is no event type" not in answer.out


def test_of_broken_sources_no_example_is_said_to_fail(linger: Linger, tmp_path: Path) -> None:
    (tmp_path / "quiet.yaml").write_text(GOOD.replace("purchase", "seance"))
    (tmp_path / "sources.yml").write_text("event_types: {seance: {}}\nsources: []\n")
    flags = ["--sources", str(tmp_path / "sources.yml"), "--json"]
    answer = linger("rules", "check", str(tmp_path / "quiet.yaml"), *flags)
    assert answer.status == 1
    assert {Path(problem["file"]).name for problem in json.loads(answer.out)["problems"]} == {"sources.yml"}


def test_rules_that_are_no_unicode_are_a_problem_and_no_traceback(linger: Linger, tmp_path: Path) -> None:
    (tmp_path / "quiet.yaml").write_bytes(b"rules:\n  - id: \xff\n")
    answer = linger("rules", "check", str(tmp_path))
    assert answer.status == 1
    assert "quiet.yaml" in answer.out


# --- explain, test, preview --------------------------------------------------------------------------------


def test_rules_are_explained_in_sentences(linger: Linger, tmp_path: Path) -> None:
    file = tmp_path / "quiet.yaml"
    file.write_text(GOOD)
    answer = linger("rules", "explain", str(file))
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith("quiet (live)\n  When ")
    assert [one["id"] for one in json.loads(linger("rules", "explain", "--json", str(file)).out)] == ["quiet"]


def test_broken_rules_are_not_explained_but_reported(linger: Linger, tmp_path: Path) -> None:
    (tmp_path / "quiet.yaml").write_text(BAD)
    answer = linger("rules", "explain", str(tmp_path))
    assert (answer.status, answer.out) == (2, "")
    assert "quiet.yaml:6:13: " in answer.err


def test_examples_that_come_true_end_with_0_and_others_with_1(linger: Linger, tmp_path: Path) -> None:
    file = tmp_path / "quiet.yaml"
    file.write_text(GOOD)
    good = linger("rules", "test", str(file))
    assert (good.status, good.err) == (0, "")
    file.write_text(GOOD.replace("{at: 45 days, a", "{at: 46 days, a"))
    bad = linger("rules", "test", str(file))
    assert bad.status == 1
    assert "a customer goes quiet" in bad.out
    assert linger("rules", "test", "-k", "comes back", str(file)).status == 0


def test_rules_are_previewed_over_a_history(linger: Linger, tmp_path: Path) -> None:
    file, history = tmp_path / "quiet.yaml", tmp_path / "events.jsonl"
    file.write_text(GOOD)
    event = {"type": "purchase", "event_id": "1", "customer_id": "ada", "amount": 5, "currency": "EUR"}
    late = {**event, "event_id": "2", "customer_id": "bob", "occurred_at": "2024-04-01T00:00:00Z"}
    events = [{**event, "occurred_at": "2024-01-01T00:00:00Z"}, late]
    history.write_text("".join(json.dumps(next_event) + "\n" for next_event in events))
    answer = linger("rules", "preview", str(file), "--history", str(history), "--json")
    assert answer.status == 0
    assert "quiet" in answer.out


def test_rules_are_checked_against_a_history(linger: Linger, tmp_path: Path) -> None:
    file, history = tmp_path / "quiet.yaml", tmp_path / "events.csv"
    file.write_text(GOOD.replace("{none: purchase", "{none: purchase, where: {currency: EUR}"))
    history.write_text(
        "event_id,customer_id,type,occurred_at,amount,currency\n"
        "1,ada,purchase,2024-01-01T00:00:00Z,5,USD\n"
        "2,bob,purchase,2024-02-01T00:00:00Z,5,USD\n"
    )
    answer = linger("rules", "check", str(file), "--history", str(history), "--lint", "unseen-value")
    assert (answer.status, answer.err) == (0, "")
    assert "no event has purchase.currency 'EUR'; it has: 'USD' (2) [unseen-value]" in answer.out
    assert f"compared with 2 events of {history}\n" in answer.out
    document = json.loads(linger("rules", "check", str(file), "--history", str(history), "--json").out)
    assert document["history"] == {"name": str(history), "events": 2}
    assert [problem["code"] for problem in document["problems"]] == ["unseen-value"]


def test_a_history_that_cannot_be_read_is_said_in_one_sentence(linger: Linger, tmp_path: Path) -> None:
    file = tmp_path / "quiet.yaml"
    file.write_text(GOOD)
    answer = linger("rules", "check", str(file), "--history", str(tmp_path / "nothing.csv"))
    assert answer.status == 2
    assert "nothing.csv" in answer.err
    assert "Traceback" not in answer.err
