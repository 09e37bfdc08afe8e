"""Laws of the plan: the partitions that are rebuilt, and why."""

import pytest

from workers.core.meaning import MEANING
from workers.errors import StartupError
from workers.recovery.plan import Metas, Plan, make_plan
from workers.recovery.report import Options
from workers.state.consistency import Log
from workers.state.meta import MEANING as MEANING_FIELD
from workers.state.meta import PARTITIONS, REBUILDING

LOG = Log("linger.activity", "id-1", 4, 10, 20)
HEALTHY = {"offset": "15", "topic_id": "id-1", PARTITIONS: "4", MEANING_FIELD: f"{MEANING} 0"}


def plan(metas: Metas, log: Log = LOG, *, all_partitions: bool = False, rules_stored: bool = True) -> Plan:
    options = Options(all_partitions=all_partitions)
    return make_plan(metas, dict.fromkeys(metas, log), options, rules_stored=rules_stored)


def test_state_that_matches_its_log_is_left_alone_unless_all_partitions_are_requested() -> None:
    assert plan({0: HEALTHY}) == Plan({}, {}, 0, False)
    requested = plan({0: HEALTHY}, all_partitions=True)
    assert requested == Plan({0: "all partitions were requested"}, {}, 10, False)
    assert requested.wiped_partitions == [0]


def test_a_partition_without_state_is_rebuilt_if_its_log_holds_records() -> None:
    assert plan({0: {}}) == Plan({0: "no state is stored"}, {}, 10, False)
    assert plan({0: {}}, Log("linger.activity", "id-1", 4, 20, 20)).reasons == {}


def test_a_partition_in_a_state_file_begins_where_the_file_ends_even_if_nothing_of_its_log_is_left() -> None:
    made = make_plan({0: {}, 1: {}}, {0: LOG, 1: LOG}, Options(), rules_stored=True, file_offsets={0: 14})
    assert made.wiped_partitions == [0, 1]
    assert made.partitions_from_the_log == [1]
    assert (made.file_offsets, made.records) == ({0: 14}, 6 + 10)
    empty = Log("linger.activity", "id-1", 4, 20, 20)
    assert make_plan({0: {}}, {0: empty}, Options(), rules_stored=True, file_offsets={0: 20}).reasons
    # State that fits is left alone, and what an interrupted rebuild has done already counts.
    assert not make_plan({0: HEALTHY}, {0: LOG}, Options(), rules_stored=True, file_offsets={0: 14}).reasons
    begun = {**HEALTHY, REBUILDING: "rules-known:0"}
    resumed = make_plan({0: begun}, {0: LOG}, Options(), rules_stored=True, file_offsets={0: 14})
    assert (resumed.resume_offsets, resumed.file_offsets, resumed.records) == ({0: 15}, {}, 5)


def test_a_partition_whose_state_does_not_match_its_log_is_rebuilt_and_its_neighbours_are_not() -> None:
    made = plan({0: HEALTHY, 1: {**HEALTHY, "offset": "21"}, 2: {**HEALTHY, "topic_id": "id-0"}})
    assert sorted(made.reasons) == made.wiped_partitions == [1, 2]
    assert "its log holds 10 to 20" in made.reasons[1]
    assert "was deleted and created again" in made.reasons[2]


def test_what_cannot_be_rebuilt_refuses_the_whole_rebuild_with_every_problem_at_once() -> None:
    other = {**HEALTHY, PARTITIONS: "3"}
    with pytest.raises(StartupError) as refused:
        plan({0: other, 1: {}, 2: other})
    assert [problem[:11] for problem in refused.value.problems] == ["partition 0", "partition 2"]


def test_an_interrupted_rebuild_is_resumed_where_it_stopped() -> None:
    made = plan({0: {**HEALTHY, REBUILDING: "rules-known:7"}, 1: {REBUILDING: "rules-known:7"}})
    assert made.resume_offsets == {0: 15, 1: 10}
    assert (made.records, made.wiped_partitions, made.rules_lost) == (5 + 10, [], False)


def test_a_rebuild_that_a_release_with_another_meaning_began_begins_again() -> None:
    begun = {**HEALTHY, REBUILDING: "rules-known:7"}
    of_release_0_1 = {name: value for name, value in begun.items() if name != MEANING_FIELD}
    assert plan({0: begun, 1: of_release_0_1}).wiped_partitions == [1]


@pytest.mark.parametrize(
    "fields",
    [
        {**HEALTHY, REBUILDING: "wiping rules-known:7"},
        {**HEALTHY, REBUILDING: "rules-known:7", "offset": "9"},
        {**HEALTHY, REBUILDING: "rules-known:7", "topic_id": "id-0"},
    ],
)
def test_an_interrupted_rebuild_begins_again_if_its_state_cannot_be_used(fields: dict[str, str]) -> None:
    made = plan({0: fields})
    assert (made.resume_offsets, made.records, made.wiped_partitions) == ({}, 10, [0])


def test_rules_are_lost_if_none_are_stored_or_an_interrupted_rebuild_had_lost_them() -> None:
    assert plan({0: HEALTHY}, rules_stored=False).rules_lost
    assert plan({0: {REBUILDING: "rules-lost:7"}}).rules_lost
    assert plan({0: {REBUILDING: "wiping rules-lost:7"}}).rules_lost
    assert not plan({0: {REBUILDING: "wiping rules-known:7"}}).rules_lost
