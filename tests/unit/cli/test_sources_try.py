"""Laws of `linger sources try` and `guess` on the command line: exit statuses, output for people and for machines."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.support.paths import ROOT
from tests.unit.cli.program import Linger

STREAMS: Final = ROOT / "tests" / "data" / "streams-to-guess"
SOURCES: Final = """
sources:
  - topic: crm
    event: purchase
    only_when: {header X-Kind: paid}
    fields:
      event_id: {header: X-Id}
      customer_id: {key: true}
      occurred_at: {timestamp: true}
      amount: total
      currency: currency
    max_silence: 3 days
"""
GIVEN: Final = [
    "--header",
    "X-Kind=paid",
    "--header",
    "X-Id=e=1",
    "--key",
    "c1",
    "--timestamp",
    "2026-10-03T16:14:52Z",
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A mapping, and a pretty-printed sample."""
    (tmp_path / "sources.yaml").write_text(SOURCES)
    (tmp_path / "sample.json").write_text('{\n  "total": "64.35",\n  "currency": "usd"\n}\n')
    return str(tmp_path / "sources.yaml"), str(tmp_path / "sample.json")


def test_a_sample_is_tried_with_key_headers_and_timestamp(linger: Linger, files: tuple[str, str]) -> None:
    sources, sample = files
    answer = linger("sources", "try", "crm", sample, *GIVEN, "--sources", sources)
    assert answer.status == 0, answer
    assert "purchase" in answer.out
    assert "e=1" in answer.out
    assert "64.35 USD" in answer.out
    assert "1 record: 1 event (purchase 1)" in answer.out


def test_each_record_is_a_document_and_the_summary_is_the_last(linger: Linger, files: tuple[str, str]) -> None:
    sources, sample = files
    answer = linger("sources", "try", "crm", sample, "--file", sample, *GIVEN, "--json", "--sources", sources)
    first, second, last = (json.loads(line) for line in answer.out.splitlines())
    assert first["items"][0]["event"]["customer_id"] == "c1"
    assert first["items"][0]["event"]["occurred_at"] == "2026-10-03T16:14:52Z"
    assert second["items"][0]["became"] == "event"
    assert last["summary"]["events"] == {"purchase": 2}


def test_a_refused_record_is_exit_status_one(linger: Linger, files: tuple[str, str]) -> None:
    sources, sample = files
    answer = linger("sources", "try", "crm", sample, "--header", "X-Kind=paid", "--sources", sources)
    assert answer.status == 1
    assert "missing_field" in answer.out


def test_a_skipped_record_is_no_failure(linger: Linger, files: tuple[str, str]) -> None:
    sources, sample = files
    answer = linger("sources", "try", "crm", sample, "--sources", sources)
    assert answer.status == 0
    assert "header X-Kind: wanted paid, nothing there" in answer.out


def test_it_needs_neither_rules_nor_a_broken_or_missing_redis(linger: Linger, files: tuple[str, str]) -> None:
    sources, sample = files
    answer = linger(
        *("sources", "try", "crm", sample, *GIVEN, "--sources", sources),
        RULES="/nowhere",
        REDIS_URL="redis://127.0.0.1:1/0",
    )
    assert answer.status == 0, answer.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["other", "SAMPLE"], "has no source for the topic 'other'"),
        (["crm"], "name a file with a sample, or --last 20"),
        (["crm", "SAMPLE", "--header", "X-Kind"], "'X-Kind' is no header; write NAME=VALUE"),
        (["crm", "SAMPLE", "--timestamp", "noon"], "'noon' is no time"),
        (["crm", "--count"], "needs --last"),
        (["crm", "SAMPLE", "--last", "5", "--count"], "no file can be named beside it"),
        (["crm", "/nowhere.json"], "/nowhere.json cannot be read"),
    ],
)
def test_what_cannot_be_tried_is_said_with_what_to_write(
    linger: Linger, files: tuple[str, str], arguments: list[str], problem: str
) -> None:
    sources, sample = files
    named = [sample if argument == "SAMPLE" else argument for argument in arguments]
    answer = linger("sources", "try", *named, "--sources", sources)
    assert answer.status == 2
    assert problem in " ".join(answer.err.replace("│", " ").split())


def test_a_broken_file_is_refused_with_line_and_column(
    linger: Linger, files: tuple[str, str], tmp_path: Path
) -> None:
    (tmp_path / "broken.yaml").write_text(SOURCES.replace("event: purchase", "evnt: purchase"))
    answer = linger("sources", "try", "crm", files[1], "--sources", str(tmp_path / "broken.yaml"))
    assert answer.status == 2
    assert "broken.yaml:4:5: unknown key 'evnt'" in answer.err


def test_a_guess_goes_to_standard_output_and_what_the_samples_became_to_standard_error(linger: Linger) -> None:
    answer = linger("sources", "guess", str(STREAMS / "mixpanel_events.jsonl"))
    assert answer.status == 0, answer.err
    assert answer.out.startswith("# yaml-language-server:")
    assert "- topic: mixpanel_events" in answer.out
    assert "the mapping makes of 4 records: 3 events (purchase 1, login 1, cancellation 1); skipped 1" in answer.err
    assert "skipped: event was Page View 1" in answer.err


def test_a_guess_of_a_dump_has_the_topic_of_its_records(linger: Linger) -> None:
    answer = linger("sources", "guess", str(STREAMS / "kcat_header_typed.jsonl"))
    assert "- topic: crm.out" in answer.out
    assert "1 line marked CHECK: look at it" in answer.err


def test_a_guess_says_how_many_samples_it_could_not_map(linger: Linger) -> None:
    answer = linger("sources", "guess", str(STREAMS / "bigcommerce_order_created.json"))
    assert answer.status == 0
    assert "0 events; 1 refused (missing_field 1)" in answer.err


def test_a_guess_writes_over_no_file(linger: Linger, tmp_path: Path) -> None:
    stream, output = str(STREAMS / "magento_order.json"), tmp_path / "sources.yaml"
    assert linger("sources", "guess", stream, "--output", str(output), "--topic", "shop.orders").status == 0
    assert "topic: shop.orders" in output.read_text()
    answer = linger("sources", "guess", stream, "--output", str(output))
    assert answer.status == 2
    assert "is not written over" in answer.err


def test_a_guessed_file_can_be_tried_at_once(linger: Linger, tmp_path: Path) -> None:
    stream, output = str(STREAMS / "square_payment_updated.json"), str(tmp_path / "sources.yaml")
    assert linger("sources", "guess", stream, "--output", output).status == 0
    answer = linger("sources", "try", "square_payment_updated", stream, "--sources", output)
    assert answer.status == 0
    assert "64.35 USD" in answer.out
