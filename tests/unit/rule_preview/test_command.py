"""Laws of `linger rules preview`: which histories it reads, what it refuses, what it prints."""

import gzip
import json
import random
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT
from tests.unit.rule_preview.preview_site import DATA, RULES, Site, at_the_end, run
from workers.demo.verify import expected_actions
from workers.errors import StartupError
from workers.rule_preview.command import PreviewOptions, preview_command


def without_speed(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without the durations and the name of the history."""
    left = {key: value for key, value in document.items() if "second" not in key}
    left["history"] = {**document["history"], "name": ""}
    return left


def test_the_command_counts_what_the_demo_expects(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, site.events, site.rules, **at_the_end(site))
    expected = expected_actions(site.history, site.sources, site.compiled(site.rules), "")
    assert sum(entry["actions"] - entry["retracted"] for entry in document["rules"]) == len(expected)
    assert document["history"]["customers"] == site.history.customers
    assert document["history"]["events"] == len(site.lines)


def test_a_newcomer_can_try_the_simulated_history(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, "simulated", site.rules)
    assert document["history"]["customers"] == 4_000
    assert document["period"] == {"since": "2024-01-01T00:00:00Z", "until": "2025-02-04T00:00:00Z"}
    assert all(entry["customers"] > 100 for entry in document["rules"])


def test_the_order_of_the_lines_does_not_matter(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    lines = site.lines.copy()
    random.Random(1).shuffle(lines)
    shuffled = site.write("shuffled.jsonl", "".join(lines))
    expected = run(capsys, site.events, site.rules, list_customers=True)
    assert without_speed(run(capsys, shuffled, site.rules, list_customers=True)) == without_speed(expected)


def test_a_compressed_history_gives_what_the_plain_one_gives(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    compressed = site.folder / "events.jsonl.gz"
    compressed.write_bytes(gzip.compress(site.events.read_bytes()))
    expected = run(capsys, site.events, site.rules, against=[site.other])
    assert without_speed(run(capsys, compressed, site.rules, against=[site.other])) == without_speed(expected)


def test_a_folder_gives_what_one_file_gives(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    folder = site.folder / "parts"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jsonl").write_text("".join(site.lines[number::3]))
    expected = run(capsys, site.events, site.rules)
    assert without_speed(run(capsys, folder, site.rules)) == without_speed(expected)


def test_several_processes_count_what_one_counts(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {"against": [site.other], "list_customers": True}
    expected = run(capsys, site.events, site.rules, **options)
    assert without_speed(run(capsys, site.events, site.rules, jobs=2, **options)) == without_speed(expected)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"since": date(2024, 5, 1), "until": date(2024, 5, 1)}, "is empty; the history goes from"),
        ({"until": date(2020, 1, 1)}, "is empty"),
        ({"since": date(2030, 1, 1)}, "is empty"),
        ({"jobs": 0}, "at least one process"),
        ({"source": "nothing"}, "no such topic"),
    ],
)
def test_what_makes_no_sense_is_refused(site: Site, options: dict[str, Any], words: str) -> None:
    with pytest.raises(StartupError, match=words):
        preview_command(PreviewOptions(history=str(site.events), rules=[site.rules], **options))


def test_all_problems_of_both_versions_are_reported_at_once(site: Site) -> None:
    broken = site.write("broken.yaml", RULES.replace("none: purchase", "none: puchase"))
    other = site.write("other-broken.yaml", RULES.replace("template: t", "tenplate: t"))
    with pytest.raises(StartupError) as raised:
        preview_command(PreviewOptions(history=str(site.events), rules=[broken], against=[other]))
    assert any("broken.yaml" in problem and "puchase" in problem for problem in raised.value.problems)
    assert any("other-broken.yaml" in problem and "tenplate" in problem for problem in raised.value.problems)


def test_a_topic_without_settings_is_refused(site: Site) -> None:
    with pytest.raises(StartupError, match="where Kafka is"):
        preview_command(PreviewOptions(history="topic:orders", rules=[site.rules]))


def test_unreadable_lines_are_reported_and_too_many_are_refused(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    document = run(capsys, DATA / "broken.jsonl", site.rules)
    assert document["history"]["unreadable"] == {
        "negative_amount": 1,
        "naive_time": 1,
        "not_json": 1,
        "future_time": 1,
    }
    assert document["history"]["unreadable_examples"][0].startswith(f"{DATA / 'broken.jsonl'}:2: negative_amount")
    assert any("4 records cannot be read" in note for note in document["notes"])
    wrong = site.write("wrong.jsonl", "".join(f'{{"number": {number}}}\n' for number in range(10)))
    with pytest.raises(StartupError, match="10 of 10 records cannot be read"):
        preview_command(PreviewOptions(history=str(wrong), rules=[site.rules]))


def test_nothing_but_the_document_goes_to_standard_output(site: Site) -> None:
    command = (
        "from pathlib import Path; from workers.rule_preview.command import PreviewOptions, preview_command as p;"
        f"p(PreviewOptions(history={str(site.events)!r}, rules=[Path({str(site.rules)!r})], as_json=True))"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    json.loads(done.stdout)


_MEASURED = """
import resource, sys
from pathlib import Path
from workers.rule_preview.command import PreviewOptions, preview_command
preview_command(PreviewOptions(history=sys.argv[1], rules=[Path(sys.argv[2])], as_json=True))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


@pytest.mark.rest
def test_many_events_need_little_more_memory_than_few(tmp_path: Path, site: Site) -> None:
    only = site.write("only.yaml", RULES[: RULES.index("  - id: first-time")])
    few, many = a_long_history(tmp_path / "few.jsonl", 3_000), a_long_history(tmp_path / "many.jsonl", 300_000)
    peaks = []
    for history, events in ((few, 3_000), (many, 300_000)):
        command = [sys.executable, "-c", _MEASURED, str(history), str(only)]
        ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=120)
        document = json.loads(ended.stdout)
        assert document["history"]["events"] == events
        peaks.append(int(ended.stderr.split()[-1]) * (1 if sys.platform == "linux" else 1 / 1024) / 1024)
    # As objects, 297,000 events more would take more than 150 MB.
    assert peaks[1] - peaks[0] < 80, peaks


def a_long_history(path: Path, events: int) -> Path:
    """Write events by time, about thirty for each customer."""
    step = 300 * 86_400 // events
    start = datetime(2024, 1, 1, tzinfo=UTC)
    with path.open("w") as file:
        for number in range(events):
            at = (start + timedelta(seconds=number * step)).isoformat()
            customer = number * 7919 % max(1, events // 30)
            file.write(
                f'{{"event_id":"event-{number}","type":"purchase","customer_id":"customer-{customer}",'
                f'"occurred_at":"{at}","amount":"12.50","currency":"EUR","attributes":{{"channel":"web"}}}}\n'
            )
    return path


TYPED_RULES = """
for every rule:
  consent: {from: profile.consent}
rules:
  - id: detractor
    title: A detractor
    status: shadow
    when: {latest: nps.score, at most: 6}
    action: at-risk
    template: sorry
    expires after: 3 days
  - id: spends-little
    title: Tops up little by now
    status: shadow
    when: {all: [{sum: nps.paid, less than: 10, within: 30 days}, {count: nps, at least: 1, within: 30 days}]}
    action: at-risk
    template: sorry
    expires after: 3 days
"""
TYPED_SOURCES = """
event_types: {nps: {}, profile: {}}
sources:
  - {topic: shop.events, format: canonical, events: [nps, profile], max_silence: 7 days}
"""
TYPED_ROWS = [
    ("nps", "ada", "score", "4"),
    ("nps", "bob", "score", "9"),
    ("nps", "cyd", "score", "6.0"),
    ("nps", "dan", "score", "many"),
    ("nps", "eve", "paid", "50.00"),
    ("profile", "ada", "consent", "yes"),
    ("profile", "cyd", "consent", "0"),
    ("profile", "eve", "consent", "true"),
    ("profile", "bob", "consent", "perhaps"),
]


def test_texts_numbers_and_tables_are_decided_alike(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """The same values as texts in JSON, as JSON writes them, and in a table, decide the same."""
    names = ["score", "paid", "consent"]
    table = ["event_id,type,customer_id,occurred_at," + ",".join(names)]
    texts, plain = [], []
    ordered = sorted(TYPED_ROWS, key=lambda row: row[0], reverse=True)  # answers come first
    for number, (kind, customer, name, value) in enumerate(ordered):
        at = f"2024-01-{2 + (kind == 'nps'):02}T00:00:00Z"
        event = {"event_id": str(number), "type": kind, "customer_id": customer, "occurred_at": at}
        texts.append({**event, "attributes": {name: value}})
        written = {"true": True, "many": "many", "yes": "yes", "perhaps": "perhaps"}.get(value)
        plain.append({**event, "attributes": {name: json.loads(value) if written is None else written}})
        table.append(",".join([*event.values(), *(value if name == one else "" for one in names)]))
    rules = site.write("typed.yaml", TYPED_RULES)
    sources = site.write("typed-sources.yaml", TYPED_SOURCES)
    histories = {
        "texts.jsonl": "\n".join(map(json.dumps, texts)),
        "plain.jsonl": "\n".join(map(json.dumps, plain)),
        "table.csv": "\n".join(table),
    }
    documents = [
        run(capsys, site.write(name, text + "\n"), rules, sources=sources, list_customers=True)
        for name, text in histories.items()
    ]
    rows = [{entry["id"]: entry for entry in one["rules"]} for one in documents]
    assert rows[0] == rows[1] == rows[2]
    assert rows[0]["detractor"]["customer_ids"] == ["ada"]
    assert rows[0]["detractor"]["suppressed"] == {"opted_out": 1}
    assert "eve" not in rows[0]["spends-little"]["customer_ids"]
    for document in documents:
        odd = {"attribute": "nps.score", "reason": "not_a_number", "events": 1}
        assert document["history"]["values_left_out"] == [odd]
        assert any("left out of their events: nps.score not_a_number 1" in note for note in document["notes"])


def test_optional_values_that_are_cut_or_left_out_are_named(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    event = {"event_id": "1", "type": "cancellation", "customer_id": "ada", "occurred_at": "2024-01-03T00:00:00Z"}
    text = json.dumps({**event, "reason": "x" * 2_000, "effective_at": "", "attributes": {"a": []}})
    document = run(capsys, site.write("cut.jsonl", text + "\n"), site.rules)
    assert document["history"]["events"] == 1
    assert document["history"]["values_left_out"] == [
        {"attribute": "cancellation.a", "reason": "not_flat", "events": 1},
        {"attribute": "cancellation.effective_at", "reason": "empty", "events": 1},
        {"attribute": "cancellation.reason", "reason": "too_long", "events": 1},
    ]
