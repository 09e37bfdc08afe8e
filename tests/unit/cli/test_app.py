"""Laws of the command line: every command explains itself, exit statuses mean something, nothing secret is shown."""

import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from rich.console import Console

from tests.support.paths import ROOT
from workers.cli import app, output
from workers.demo.embedded import HOST, free_ports
from workers.explain.customer import Knowledge, render

SECRET: Final = "s3cret"
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
      - name: somebody goes quiet
        given: [{at: start, event: purchase}]
        expect: [{at: 45 days, action: at-risk}]
      - name: somebody comes back in time
        given: [{at: start, event: purchase, every: 40 days, times: 3}]
        watch for: 100 days
        expect: nothing
"""
BAD: Final = GOOD.replace("at-risk", "at-riks", 1).replace("45 days", "45", 1)


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    status: int
    out: str
    err: str


Linger = Callable[..., Answer]


@pytest.fixture
def linger(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Linger:
    """Run a command of the installed program, with these LINGER_… variables and no others."""

    def run(*arguments: str, **variables: str) -> Answer:
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr(sys, "argv", ["linger", *arguments])
        monkeypatch.setattr("os.environ", {f"LINGER_{name}": text for name, text in variables.items()})
        for console in (output.out, output.err):
            monkeypatch.setattr(console, "width", 200)
        capsys.readouterr()
        status: Any = 0
        try:
            app.main()
        except SystemExit as ended:
            status = ended.code or 0
        captured = capsys.readouterr()
        return Answer(int(status), captured.out, captured.err)

    return run


def every_command(command: Any, *words: str) -> Iterator[tuple[list[str], Any]]:
    """Every command and group below one, with the words that lead to it."""
    yield [*words], command
    for name, part in getattr(command, "commands", {}).items():
        yield from every_command(part, *words, name)


COMMANDS: Final = list(every_command(typer.main.get_command(app.app)))
GROUPS: Final = [words for words, command in COMMANDS if hasattr(command, "commands")]


# --- help ---------------------------------------------------------------------------------------------------------


def test_there_are_these_commands() -> None:
    assert {" ".join(words) for words, _ in COMMANDS} >= {
        "run",
        "demo",
        "rules check",
        "rules explain",
        "rules test",
        "rules preview",
        "rules held",
        "rules release",
        "rules discard",
        "rules promote",
        "why",
        "customer show",
        "topics create",
        "config show",
        "healthcheck",
    }


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) or "linger" for words, _ in COMMANDS])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_explains_itself(linger: Linger, words: list[str], command: Any, flag: str) -> None:
    answer = linger(*words, flag)
    assert answer.status == 0
    assert answer.err == ""
    first = " ".join((command.help or "").split()[:4])
    assert first
    assert first in " ".join(answer.out.split())


@pytest.mark.parametrize("words", GROUPS, ids=[" ".join(words) or "linger" for words in GROUPS])
def test_a_group_without_a_command_lists_its_commands(linger: Linger, words: list[str]) -> None:
    answer = linger(*words)
    assert answer.status == 2
    assert "Commands" in answer.out + answer.err


@pytest.mark.parametrize("words", [["rnu"], ["rules", "chekc"], ["config", "show", "--jsno"], ["rules", "check"]])
def test_a_command_that_is_none_ends_with_2_and_no_traceback(linger: Linger, words: list[str]) -> None:
    answer = linger(*words)
    assert answer.status == 2
    assert "Traceback" not in answer.err
    assert "Usage:" in answer.err


# --- linger config show -------------------------------------------------------------------------------------------


def test_config_shows_every_setting_and_masks_what_is_secret(linger: Linger) -> None:
    given = {
        "REDIS_PASSWORD": SECRET,
        "LOG_KEY": SECRET,
        "REDIS_URL": f"redis://u:{SECRET}@host/0",
        "PARTITIONS": "16",
    }
    for answer in (linger("config", "show", **given), linger("config", "show", "--json", **given)):
        assert answer.status == 0
        assert SECRET not in answer.out + answer.err
        assert "********" in answer.out
        assert "LINGER_KAFKA_BOOTSTRAP_SERVERS" in answer.out
    assert json.loads(linger("config", "show", "--json", **given).out)["LINGER_PARTITIONS"] == "16"


def test_config_names_an_unknown_variable_and_what_was_probably_meant(linger: Linger) -> None:
    answer = linger("config", "show", REDIS_PASWORD=SECRET)
    assert answer.status == output.EXIT_SETUP == 2
    assert "did you mean LINGER_REDIS_PASSWORD?" in answer.err
    assert SECRET not in answer.err + answer.out
    assert "Traceback" not in answer.err


def test_every_mistake_is_a_line_of_its_own_on_standard_error(linger: Linger) -> None:
    answer = linger("config", "show", PARTITIONS="0", TICK_MS="0", XYZZY="1")
    assert [line[:6] for line in answer.err.splitlines()] == ["error:"] * 3
    assert answer.out == ""


@pytest.mark.parametrize("path", ["/no/such [place]", "/no/[/]", "/no/[red]x"])
def test_a_message_is_shown_as_it_is_whatever_is_in_it(linger: Linger, path: str) -> None:
    assert f"cannot read '{path}'" in linger("config", "show", REDIS_PASSWORD_FILE=path).err


def test_a_message_with_a_backslash_before_a_bracket_is_shown_as_it_is(linger: Linger) -> None:
    assert r"cannot read '/no/\[/x]'" in linger("config", "show", REDIS_PASSWORD_FILE=r"/no/\[/x]").err


def test_a_message_with_a_word_between_colons_is_shown_as_it_is(linger: Linger) -> None:
    assert "cannot read '/no/:x:'" in linger("config", "show", REDIS_PASSWORD_FILE="/no/:x:").err


# --- linger rules check -------------------------------------------------------------------------------------------


def test_good_rules_end_with_0_and_a_count(linger: Linger, tmp_path: Path) -> None:
    (tmp_path / "quiet.yaml").write_text(GOOD)
    answer = linger("rules", "check", str(tmp_path))
    assert answer == Answer(0, "1 rule, no mistakes\n", "")
    (tmp_path / "other.yaml").write_text(GOOD.replace("quiet", "other").replace("purchase", "login"))
    assert linger("rules", "check", str(tmp_path)).out == "2 rules, no mistakes\n"


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
def test_machines_are_told_the_same_as_json(linger: Linger, tmp_path: Path, flags: list[str]) -> None:
    file = tmp_path / "quiet.yaml"
    file.write_text(GOOD)
    good = linger("rules", "check", *flags, str(file))
    assert (good.status, json.loads(good.out)) == (0, {"rules": ["quiet"], "problems": []})
    file.write_text(BAD)
    bad = linger("rules", "check", *flags, str(file))
    found = json.loads(bad.out)
    assert bad.status == 1
    assert found["rules"] == []
    assert [(one["file"], one["line"], one["column"], one["severity"]) for one in found["problems"]] == [
        (str(file), 5, 33, "error"),
        (str(file), 6, 13, "error"),
    ]
    assert all(
        set(one) == {"file", "line", "column", "severity", "code", "message", "hint"} for one in found["problems"]
    )


def test_github_is_told_by_annotations_and_nothing_else(linger: Linger, tmp_path: Path) -> None:
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


def test_a_live_rule_that_nobody_has_tried_is_a_mistake(linger: Linger, tmp_path: Path) -> None:
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
    assert "say where it is with --sources" in without.err


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
    assert {Path(one["file"]).name for one in json.loads(answer.out)["problems"]} == {"sources.yml"}


def test_rules_that_are_no_unicode_are_a_problem_and_no_traceback(linger: Linger, tmp_path: Path) -> None:
    (tmp_path / "quiet.yaml").write_bytes(b"rules:\n  - id: \xff\n")
    answer = linger("rules", "check", str(tmp_path))
    assert answer.status == 1
    assert "quiet.yaml" in answer.out


# --- linger rules explain, test, preview --------------------------------------------------------------------------


def test_rules_are_explained_in_sentences(linger: Linger, tmp_path: Path) -> None:
    file = tmp_path / "quiet.yaml"
    file.write_text(GOOD)
    answer = linger("rules", "explain", str(file))
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith("quiet (live)\n  When ")
    assert [one["id"] for one in json.loads(linger("rules", "explain", "--json", str(file)).out)] == ["quiet"]


def test_broken_rules_are_not_explained_but_told(linger: Linger, tmp_path: Path) -> None:
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
    assert "somebody goes quiet" in bad.out
    assert linger("rules", "test", "-k", "comes back", str(file)).status == 0


def test_rules_are_previewed_over_a_history(linger: Linger, tmp_path: Path) -> None:
    file, history = tmp_path / "quiet.yaml", tmp_path / "events.jsonl"
    file.write_text(GOOD)
    event = {"type": "purchase", "event_id": "1", "customer_id": "ada", "amount": 5, "currency": "EUR"}
    late = {**event, "event_id": "2", "customer_id": "bob", "occurred_at": "2024-04-01T00:00:00Z"}
    events = [{**event, "occurred_at": "2024-01-01T00:00:00Z"}, late]
    history.write_text("".join(json.dumps(one) + "\n" for one in events))
    answer = linger("rules", "preview", str(file), "--history", str(history), "--json")
    assert answer.status == 0
    assert "quiet" in answer.out


# --- linger healthcheck -------------------------------------------------------------------------------------------


@contextmanager
def answering(status: int, body: str) -> Iterator[int]:
    """A worker that answers every question with a status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/livez" else 404)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_a_worker_that_makes_progress_is_healthy(linger: Linger) -> None:
    with answering(200, '{"progress": "ok"}\n') as port:
        assert linger("healthcheck", HTTP_PORT=str(port)) == Answer(0, '{"progress": "ok"}\n', "")
        assert linger("healthcheck", HTTP_PORT=str(port), HTTP_HOST="0.0.0.0").status == 0
        assert linger("healthcheck", "--url", f"http://{HOST}:{port}/livez").status == 0


def test_a_worker_that_says_what_is_wrong_is_not_healthy(linger: Linger) -> None:
    with answering(503, '{"progress": "no tick for 61 s"}') as port:
        answer = linger("healthcheck", HTTP_PORT=str(port))
    assert answer.status == 1
    assert "answers 503" in answer.err
    assert "no tick for 61 s" in answer.err


def test_a_worker_that_is_not_there_is_not_healthy(linger: Linger) -> None:
    (port,) = free_ports(1)
    answer = linger("healthcheck", HTTP_PORT=str(port))
    assert answer.status == 1
    assert f"http://{HOST}:{port}/livez does not answer" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://[::1"])
def test_an_address_that_is_none_is_not_healthy(linger: Linger, url: str) -> None:
    answer = linger("healthcheck", "--url", url)
    assert answer.status == 1
    assert "does not answer" in answer.err


# --- linger customer show -----------------------------------------------------------------------------------------


def shown(customer_id: str) -> str:
    known = Knowledge(
        customer_id=customer_id,
        partition=3,
        known_since="2024-01-01T00:00:00Z",
        latest_event="2024-01-02T00:00:00Z",
        looked_again_at=None,
        bytes=200,
        events=[],
        rules=[],
    )
    screen = io.StringIO()
    render(known, Console(file=screen, width=200))
    return screen.getvalue()


def test_a_customer_is_shown_by_id() -> None:
    assert "Customer ada (partition 3, 200 bytes)" in shown("ada")


@pytest.mark.parametrize("customer_id", ["a[/b]", "[red]x", "[/]", ":x:"])
def test_a_customer_is_shown_by_any_id(customer_id: str) -> None:
    assert f"Customer {customer_id} (partition" in shown(customer_id)


def test_a_store_that_is_not_there_is_said_so(linger: Linger) -> None:
    (port,) = free_ports(1)
    answer = linger("customer", "show", "ada", REDIS_URL=f"redis://{HOST}:{port}/0", REDIS_TIMEOUT_MS="300")
    assert answer.status == 1
    assert "Redis does not answer" in answer.err
    assert "Traceback" not in answer.err


def test_settings_that_are_wrong_keep_a_worker_from_starting(linger: Linger, tmp_path: Path) -> None:
    answer = linger("run", RULES=str(tmp_path), SOURCES=str(tmp_path / "nothing.yaml"))
    assert answer.status == 2
    assert "nothing.yaml" in answer.err
    assert "there are no *.yaml files in this folder" in answer.err


def test_the_thread_that_fetches_has_its_turn_within_a_millisecond() -> None:
    """Python lets it wait for 5 ms each time, and each of its fetches several times."""
    before = sys.getswitchinterval()
    try:
        app._share_the_interpreter()
        assert sys.getswitchinterval() < 0.001
    finally:
        sys.setswitchinterval(before)
