"""Laws of `linger run`: it does not start with wrong settings, and tunes the interpreter for its threads."""

import json
import socket
import sys
from pathlib import Path

import pytest

from tests.unit.cli.program import Linger
from workers.cli import run


def test_settings_that_are_wrong_keep_a_worker_from_starting(linger: Linger, tmp_path: Path) -> None:
    answer = linger(
        "run", LOG_FORMAT="text", HTTP_PORT="0", RULES=str(tmp_path), SOURCES=str(tmp_path / "nothing.yaml")
    )
    assert answer.status == 2
    assert "nothing.yaml" in answer.err
    assert "there are no *.yaml files in this folder" in answer.err


def test_a_port_that_is_taken_is_one_line_beside_every_other_mistake(linger: Linger) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answer = linger(
            "run", LOG_FORMAT="text", HTTP_PORT=str(port), PARTITIONS="many", KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT"
        )
    assert answer.status == 2
    assert [line.split(" ")[1] for line in answer.err.splitlines()] == [
        "LINGER_PARTITIONS:",
        "KAFKA_SECURITY_PROTOCOL",
        "LINGER_HTTP_PORT:",
    ]
    assert f"port {port} at 127.0.0.1 is taken" in answer.err


def test_a_host_of_another_machine_is_one_line(linger: Linger) -> None:
    answer = linger("run", LOG_FORMAT="text", HTTP_HOST="203.0.113.7", HTTP_PORT="0")
    assert answer.status == 2
    assert answer.err.startswith("error: LINGER_HTTP_HOST: '203.0.113.7' is no address of this machine")
    assert answer.err.count("\n") == 1


def test_files_of_tls_are_checked_before_anything_is_asked(linger: Linger) -> None:
    answer = linger("run", LOG_FORMAT="text", HTTP_PORT="0", REDIS_URL="rediss://h", REDIS_SSL_CA_CERTS="/no.pem")
    assert answer.status == 2
    assert answer.err == "error: LINGER_REDIS_SSL_CA_CERTS: cannot read '/no.pem': No such file or directory\n"


def test_the_log_is_json_before_any_setting_is_read(linger: Linger, tmp_path: Path) -> None:
    answer = linger("run", HTTP_PORT="x", PARTITIONS="many", RULES=str(tmp_path), LOG_FORMAT="yaml")
    lines = [json.loads(line) for line in answer.err.splitlines()]
    assert (answer.status, answer.out) == (2, "")
    assert {(line["event"], line["level"], line["status"]) for line in lines} == {("worker_ended", "critical", 2)}
    assert {line["problem"].split(":")[0] for line in lines} == {
        f"LINGER_{name}" for name in ("PARTITIONS", "HTTP_PORT", "LOG_FORMAT")
    }
    assert all(line.keys() >= {"version", "instance", "timestamp"} for line in lines)


@pytest.mark.parametrize("style", [{}, {"LOG_FORMAT": "json"}])
def test_a_usage_that_is_wrong_and_a_module_that_cannot_be_imported_are_lines_of_the_log(
    linger: Linger, monkeypatch: pytest.MonkeyPatch, style: dict[str, str]
) -> None:
    usage = linger("run", "--bogus", **style)
    (line,) = [json.loads(line) for line in usage.err.splitlines()]
    assert (usage.status, line["event"], line["problem"]) == (2, "worker_ended", "No such option: --bogus")
    monkeypatch.setitem(sys.modules, "workers.cli.app", None)
    broken = linger("run", **style)
    (line,) = [json.loads(line) for line in broken.err.splitlines()]
    assert (broken.status, line["event"]) == (1, "worker_ended")
    assert "workers.cli.app" in line["error"]
    assert line["exception"].startswith("Traceback")


def test_the_thread_that_fetches_has_its_turn_within_a_millisecond() -> None:
    """Python lets it wait for 5 ms each time, and each of its fetches several times."""
    before = sys.getswitchinterval()
    try:
        run._tune_thread_switching()
        assert sys.getswitchinterval() < 0.001
    finally:
        sys.setswitchinterval(before)
