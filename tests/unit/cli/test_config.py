"""Laws of `linger config show`: every setting is shown, nothing secret is, and every mistake is a line."""

import json
from typing import Final

import pytest

from tests.unit.cli.program import Linger
from workers.cli import output

SECRET: Final = "s3cret"


def test_config_shows_every_setting_and_masks_what_is_secret(linger: Linger) -> None:
    given = {
        "REDIS_PASSWORD": SECRET,
        "LOG_KEY": SECRET,
        "ID_KEY": SECRET,
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
def test_a_message_is_shown_as_it_is_with_any_content(linger: Linger, path: str) -> None:
    assert f"cannot read '{path}'" in linger("config", "show", KAFKA_GROUP_ID_FILE=path).err


def test_a_message_with_a_backslash_before_a_bracket_is_shown_as_it_is(linger: Linger) -> None:
    assert r"cannot read '/no/\[/x]'" in linger("config", "show", KAFKA_GROUP_ID_FILE=r"/no/\[/x]").err


def test_a_message_with_a_word_between_colons_is_shown_as_it_is(linger: Linger) -> None:
    assert "cannot read '/no/:x:'" in linger("config", "show", KAFKA_GROUP_ID_FILE="/no/:x:").err
