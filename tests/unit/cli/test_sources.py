"""Laws of `linger sources check` and `test`: what is printed of a file, in which form, with which exit status."""

import json
from pathlib import Path
from typing import Final

from tests.unit.cli.program import Linger

GOOD: Final = """\
sources:
  - topic: stripe.events
    pack: stripe
  - topic: shop.logins
    event: login
    fields: {event_id: id, customer_id: who, occurred_at: at}
    max_silence: 1 day
"""
SAMPLES: Final = """\
topic: shop.logins
samples:
  - name: a login
    given: {value: {id: 1, who: c-1, at: "2026-10-03T09:14:52Z"}}
    expect: {type: login, event_id: 1, customer_id: c-1, occurred_at: 2026-10-03T09:14:52Z}
"""


def folder(tmp_path: Path, sources: str = GOOD, samples: str | None = SAMPLES) -> Path:
    (tmp_path / "sources.yaml").write_text(sources)
    if samples is not None:
        (tmp_path / "logins_test.yaml").write_text(samples)
    return tmp_path / "sources.yaml"


# --- check ----------------------------------------------------------------------------------------------------


def test_good_sources_end_with_0_and_a_table_of_what_they_read(linger: Linger, tmp_path: Path) -> None:
    answer = linger("sources", "check", str(folder(tmp_path)))
    assert (answer.status, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0] == "stripe.events: json; pack stripe; silent after 3 days"
    assert any(line.split() == ["test", "mode", "skipped"] for line in lines)
    assert any(line.split() == ["purchase", "purchase", "silent", "after", "30", "days"] for line in lines)
    assert "shop.logins: json; silent after 1 day" in lines
    assert lines[-1].startswith("2 sources, no mistakes; they bring ")


def test_the_file_of_the_settings_is_checked_if_none_is_named(linger: Linger, tmp_path: Path) -> None:
    answer = linger("sources", "check", SOURCES=str(folder(tmp_path)))
    assert answer.status == 0


def test_every_mistake_is_shown_at_its_place_and_ends_with_1(linger: Linger, tmp_path: Path) -> None:
    bad = GOOD.replace("pack: stripe", "pack: strip").replace("occurred_at", "occured_at")
    answer = linger("sources", "check", str(folder(tmp_path, bad)))
    assert answer.status == 1
    assert "sources.yaml:3:11: there is no pack 'strip' [unknown-pack]" in answer.out
    assert "^ did you mean 'stripe'?" in answer.out
    assert "did you mean 'occurred_at'?" in answer.out
    assert answer.out.endswith("2 mistakes\n")


def test_a_key_for_hashed_ids_is_asked_for(linger: Linger, tmp_path: Path) -> None:
    path = folder(tmp_path, GOOD.replace("customer_id: who", "customer_id: {path: who, hashed: true}"))
    answer = linger("sources", "check", str(path))
    assert answer.status == 1
    assert "LINGER_ID_KEY" in answer.out
    assert linger("sources", "check", str(path), ID_KEY="k" * 40).status == 0


def test_machines_get_cases_and_problems(linger: Linger, tmp_path: Path) -> None:
    document = json.loads(linger("sources", "check", str(folder(tmp_path)), "--json").out)
    assert document["problems"] == []
    assert [source["topic"] for source in document["sources"]] == ["stripe.events", "shop.logins"]
    first, *_ = document["sources"][0]["cases"]
    assert first == {"name": "test mode", "event": None, "skip": True, "refuse": None, "max_silence_seconds": None}
    broken = linger("sources", "check", str(folder(tmp_path, "sources: []")), "--json")
    assert broken.status == 1
    assert json.loads(broken.out)["problems"]


# --- test -----------------------------------------------------------------------------------------------------


def test_samples_that_pass_end_with_0(linger: Linger, tmp_path: Path) -> None:
    answer = linger("sources", "test", str(folder(tmp_path)))
    assert answer.status == 0
    assert answer.out.endswith("1 run, 1 passed, 0 failed\n")


def test_a_sample_that_fails_shows_what_was_expected_and_found_and_ends_with_1(
    linger: Linger, tmp_path: Path
) -> None:
    path = folder(tmp_path, samples=SAMPLES.replace("customer_id: c-1", "customer_id: c-2"))
    answer = linger("sources", "test", str(path))
    assert answer.status == 1
    assert "customer_id  expected 'c-2', found 'c-1'" in answer.out
    document = json.loads(linger("sources", "test", str(tmp_path), "--json").out)
    assert document["results"][0]["differences"] == [{"field": "customer_id", "expected": "'c-2'", "found": "'c-1'"}]


def test_no_samples_are_no_success(linger: Linger, tmp_path: Path) -> None:
    answer = linger("sources", "test", str(folder(tmp_path, samples=None)))
    assert answer.status == 1
    assert "nothing to run" in answer.out
    assert "samples:" in answer.out


def test_a_broken_file_of_samples_is_a_mistake_with_its_place(linger: Linger, tmp_path: Path) -> None:
    answer = linger("sources", "test", str(folder(tmp_path, samples=SAMPLES.replace("given:", "givn:"))))
    assert answer.status == 1
    assert "did you mean 'given'?" in answer.out


def test_the_packs_that_come_with_linger_pass(linger: Linger) -> None:
    answer = linger("sources", "test", "--packs")
    assert answer.status == 0
    assert ", 0 failed" in answer.out


def test_tests_of_rules_and_samples_of_sources_can_share_a_folder(linger: Linger, tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "rules_test.yaml").write_text("tests:\n  - {name: nothing, given: [], expect: nothing}\n")
    assert linger("sources", "test", str(tmp_path)).status == 0
    assert "logins_test.yaml" not in linger("rules", "test", str(tmp_path)).out
