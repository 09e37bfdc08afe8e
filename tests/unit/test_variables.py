"""Laws of variables: what an orchestrator sets is no setting, and a file with a value is read within bounds."""

import os
from pathlib import Path
from typing import Final

import pytest

from workers.settings import Settings
from workers.variables import LONGEST_VALUE, read_variables, shown, unknown_variables

SERVICE: Final = {
    "LINGER_SERVICE_HOST": "10.96.12.4",
    "LINGER_SERVICE_PORT": "8080",
    "LINGER_SERVICE_PORT_METRICS": "8080",
    "LINGER_PORT": "tcp://10.96.12.4:8080",
    "LINGER_PORT_8080_TCP": "tcp://10.96.12.4:8080",
    "LINGER_PORT_8080_TCP_ADDR": "10.96.12.4",
    "LINGER_PORT_8080_TCP_PORT": "8080",
    "LINGER_PORT_8080_TCP_PROTO": "tcp",
    "LINGER_HTTP_SERVICE_HOST": "fd00::4",
    "LINGER_HTTP_SERVICE_PORT": "80",
    "LINGER_HTTP_PORT": "tcp://[fd00::4]:80",
    "LINGER_HTTP_PORT_80_UDP": "udp://[fd00::4]:80",
    "LINGER_HTTP_PORT_80_UDP_ADDR": "fd00::4",
    "LINGER_REDIS_MASTER_SERVICE_HOST": "10.0.0.1",
    "LINGER_REDIS_MASTER_PORT": "tcp://10.0.0.1:6379",
}
LINKED: Final = {
    "LINGER_NAME": "/worker/linger",
    "LINGER_PORT": "tcp://172.17.0.2:8080",
    "LINGER_ENV_LINGER_PARTITIONS": "16",
    "LINGER_ENV_PATH": "/bin",
}
PLAIN: Final = {"http_port": "plain", "group": "plain", "word": "secret", "place": "path"}


def read(fields: dict[str, str], **variables: str) -> tuple[dict[str, str], dict[str, str]]:
    given = read_variables({f"LINGER_{name}": text for name, text in variables.items()}, fields)  # type: ignore[arg-type]
    return dict(given.texts), dict(given.problems)


@pytest.mark.parametrize("variables", [SERVICE, LINKED])
def test_what_is_set_for_a_service_of_this_name_is_no_setting_and_no_mistake(variables: dict[str, str]) -> None:
    assert unknown_variables(variables, Settings.model_fields) == []
    assert read_variables(variables, dict.fromkeys(Settings.model_fields, "plain")).texts == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "8080"),
        ("SERVICE_HOST", "not-an-address"),
        ("SERVICE_PORT", "many"),
        ("PORT_8080_TCP", "10.0.0.1"),
        ("PORT_8080_TCP_ADDR", "tcp"),
        ("NAME", "shop"),
        ("ENV_PATH", "/bin"),
        ("PORT_8080_HTTP", "tcp://10.0.0.1:8080"),
    ],
)
def test_what_only_resembles_it_is_a_mistake(name: str, text: str) -> None:
    (problem,) = unknown_variables({f"LINGER_{name}": text}, Settings.model_fields)
    assert problem.startswith(f"LINGER_{name} is no setting of Linger")
    assert text not in problem.removeprefix(f"LINGER_{name}")


def test_a_service_takes_no_setting_away_that_is_given_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("9000\n")
    given = read(PLAIN, HTTP_PORT="tcp://10.0.0.1:80", HTTP_PORT_FILE=str(tmp_path / "port"))
    assert given == ({"http_port": "9000"}, {})


def test_a_mark_of_the_encoding_is_no_part_of_a_value(tmp_path: Path) -> None:
    (tmp_path / "word").write_bytes(b"\xef\xbb\xbfhunter2\r\n")
    assert read(PLAIN, WORD_FILE=str(tmp_path / "word")) == ({"word": "hunter2"}, {})


def test_the_name_of_a_variable_cannot_steer_a_terminal() -> None:
    assert unknown_variables({"LINGER_\x1b[2J": "1"}, {}) == [
        "'LINGER_\\x1b[2J' is no setting of Linger; see `linger config show`"
    ]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    _, problems = read(PLAIN, GROUP_FILE=str(tmp_path / "pipe"))
    assert problems == {"group": f"LINGER_GROUP_FILE: cannot read '{tmp_path}/pipe': not a regular file"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"x" * (LONGEST_VALUE + 1), f"it is larger than {LONGEST_VALUE} bytes"),
        (b"\xff\xfe", "not a text file"),
    ],
)
def test_a_file_that_holds_no_value_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "value").write_bytes(content)
    texts, problems = read(PLAIN, GROUP_FILE=str(tmp_path / "value"))
    assert texts == {}
    assert problems["group"].endswith(f": {reason}")


def test_a_secret_where_the_path_of_its_file_belongs_is_not_shown() -> None:
    _, problems = read(PLAIN, WORD_FILE="hunter2")
    assert problems == {"word": "LINGER_WORD_FILE: cannot read the file that it names: No such file or directory"}


def test_a_value_longer_than_any_can_be_is_refused_without_it() -> None:
    _, problems = read(PLAIN, GROUP="x" * (LONGEST_VALUE + 1))
    assert problems == {"group": f"LINGER_GROUP is longer than {LONGEST_VALUE} characters"}


@pytest.mark.parametrize(
    "text",
    ["sasl://user:hunter2@host", "-----BEGIN PRIVATE KEY-----", "two\nlines", "x" * 60, f"/{'x' * 200}", "\x1b[31m"],
)
def test_what_may_be_a_secret_in_the_wrong_place_is_not_shown(text: str) -> None:
    assert shown(text) == f"<{len(text)} characters, not shown>"


@pytest.mark.parametrize(
    "text", ["many", "/etc/linger/with/a/long/path/of/folders/that/an/operator/has/made/ca.pem", ""]
)
def test_what_is_short_or_a_path_is_shown(text: str) -> None:
    assert shown(text) == text
