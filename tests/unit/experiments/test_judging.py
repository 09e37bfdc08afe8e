"""Laws about the rules that are paused because they harm."""

from typing import Any

from msgspec import structs

from schemas.experiments import EVERY_RULE
from tests.unit.experiments.test_verdicts import HARM, NOW, figures
from workers.experiments.judging import BY, to_pause
from workers.experiments.verdicts import Judged, judged
from workers.pauses.pause_list import PauseList
from workers.pauses.record import PauseRecord

HARMED = 1_000


def harming(**more: Any) -> Judged:
    one = judged(figures((5000, 850), (5000, 1000), **{"harmed_at": HARMED, **more}), NOW)
    assert one is not None
    return one


def list_of(*records: PauseRecord) -> PauseList:
    pauses = PauseList()
    for record in records:
        pauses.add(record)
    return pauses


def record(at_ms: int, *, paused: bool) -> PauseRecord:
    return PauseRecord(rule="gone-quiet", paused=paused, by="ann", at_ms=at_ms)


def test_a_rule_that_harms_is_paused_with_the_figures_as_the_reason() -> None:
    assert to_pause([harming()], list_of(), 1_005) == [
        PauseRecord(
            rule="gone-quiet",
            paused=True,
            by=BY,
            at_ms=1_005,
            because="it harms: 850 of 5,000 treated (17.0%) and 1,000 of 5,000 held out (20.0%): between 0.6 and 5.4 "
            "points fewer",
        )
    ]


def test_what_was_done_with_a_rule_since_it_harms_is_left_as_it_is() -> None:
    for since in (record(HARMED, paused=True), record(HARMED + 5, paused=False)):
        assert to_pause([harming()], list_of(since), 2_000) == []
    for before in (record(HARMED - 1, paused=False), record(HARMED - 1, paused=True)):
        assert len(to_pause([harming()], list_of(before), 2_000)) == 1


def test_a_pause_is_never_older_than_the_harm_so_it_is_written_once() -> None:
    (pause,) = to_pause([harming()], list_of(), HARMED - 500)
    assert pause.at_ms == HARMED
    assert to_pause([harming()], list_of(pause), HARMED - 400) == []


def test_every_rule_of_an_experiment_is_paused_but_not_everything_for_all_rules_together() -> None:
    both = to_pause([harming(rules=("one", "two"))], list_of(), 2_000)
    assert [pause.rule for pause in both] == ["one", "two"]
    assert to_pause([harming(name=EVERY_RULE)], list_of(), 2_000) == []


def test_without_a_kept_harm_nothing_is_paused() -> None:
    one = judged(HARM, NOW)
    assert one is not None
    assert to_pause([one], list_of(), 2_000) == []
    assert structs.asdict(HARM.entry)["harmed_at"] is None
