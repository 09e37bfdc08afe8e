"""What the benchmarks report, and what they take for done, without running any."""

import io
from typing import Final
from xml.etree import ElementTree

from rich.console import Console

from benchmarks.contenders import Contender
from benchmarks.contest import Cpu, Measured, Wanted
from benchmarks.report import Entry, picture, summary, table
from benchmarks.workload import Decided, Workload

WORKLOAD: Final = Workload(2_000, 100)


def contender(name: str) -> Contender:
    return Contender(name, f"<{name}> & co", "memory", "nothing lost", lambda _: ("true",))


def measured(seconds: float) -> Measured:
    return Measured(
        events=1_000,
        customers=100,
        actions=10,
        again=0,
        seconds=seconds,
        cpu=Cpu(1.0, 0.5, 0.5),
        redis_bytes=5_000,
        state_bytes=0,
        topic_bytes=0,
    )


def entries() -> list[Entry]:
    fast = [measured(1.0), measured(4.0), measured(2.0)]
    slow = [measured(2.0), measured(16.0), measured(6.0)]
    absent = Entry(contender("absent"), trouble="missing", reason="there is no java")
    return [Entry(contender("linger"), fast), Entry(contender("other"), slow), absent]


def test_ratios_are_those_of_rounds() -> None:
    document = summary(entries(), WORKLOAD, 4, 3)
    # Rounds: 2, 4 and 3 times as fast. The medians of all runs alone would give 500 / 167.
    assert document["ratios"] == {"linger": 1.0, "other": 3.0}
    assert document["contenders"]["linger"]["events_per_second"] == 500
    assert document["contenders"]["linger"]["events_per_second_of_runs"] == [1000, 250, 500]
    assert document["contenders"]["linger"]["redis_bytes_per_customer"] == 50


def test_cpu_time_is_shown_by_owner_and_for_a_million_events() -> None:
    document = summary(entries(), WORKLOAD, 4, 3)
    linger = document["contenders"]["linger"]
    assert linger["cpu_seconds_per_million_events"] == 2_000
    assert linger["cpu_seconds_per_million_events_of"] == {"contender": 1_000, "redis": 500, "kafka": 500}
    assert document["cpu_ratios"] == {"linger": 1.0, "other": 1.0}


def test_a_contender_without_figures_is_shown_with_the_reason() -> None:
    document = summary(entries(), WORKLOAD, 4, 3)
    assert document["contenders"]["absent"]["trouble"] == "missing"
    assert document["contenders"]["absent"]["reason"] == "there is no java"
    assert "absent" not in document["ratios"]
    console = Console(file=io.StringIO(), width=200)
    console.print(table(document))
    assert isinstance(console.file, io.StringIO)
    assert "missing" in console.file.getvalue()


def test_without_linger_there_are_no_ratios() -> None:
    document = summary(entries()[1:], WORKLOAD, 4, 3)
    assert document["ratios"] == document["cpu_ratios"] == {}


def test_the_picture_is_well_formed_and_has_every_contender_with_figures() -> None:
    root = ElementTree.fromstring(picture(summary(entries(), WORKLOAD, 4, 3)))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("linger") == texts.count("other") == 2
    assert "absent" not in texts


def test_a_picture_without_contenders_is_well_formed() -> None:
    ElementTree.fromstring(picture(summary([], WORKLOAD, 4, 3)))


ALONE: Final = Decided("active", "quiet", "c", 1, 1)
ACTION: Final = Decided("active", "quiet", "c", 5, 5)
BACK: Final = Decided("retracted", "quiet", "c", 5, 9)


def test_an_action_that_is_taken_back_may_be_left_out_and_its_retraction_may_not() -> None:
    wanted = Wanted([ALONE, ACTION, BACK])
    assert wanted.lacking(()) == {ALONE, BACK}
    assert wanted.lacking({ALONE, ACTION}) == {BACK}
    assert wanted.lacking({ALONE, BACK}) == set()


def test_an_action_that_nothing_takes_back_has_to_be_there() -> None:
    assert Wanted([ALONE, ACTION]).lacking({ALONE}) == {ACTION}
