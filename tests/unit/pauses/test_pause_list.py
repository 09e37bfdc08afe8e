"""Laws of the pause list: the newest record of a key counts, and a list that is out of date is not acted on."""

from workers.pauses.pause_list import FRESH_SECONDS, PauseList
from workers.pauses.record import ALL_RULES, PauseRecord, decode_pause, encode_pause


def record(rule: str, *, paused: bool = True, at_ms: int = 0) -> PauseRecord:
    return PauseRecord(rule=rule, paused=paused, by="ann@shop", at_ms=at_ms, because="wrong offer")


def test_the_newest_record_of_a_rule_counts() -> None:
    pauses = PauseList()
    for paused in (True, False, True, False):
        pauses.add(record("quiet", paused=paused))
        assert pauses.is_paused("quiet") is paused
    assert not pauses.is_paused("gone")
    newest = pauses.newest("quiet")
    assert newest is not None
    assert newest.by == "ann@shop"  # who resumed stays known


def test_a_rule_stays_paused_by_its_name_when_the_pause_of_all_rules_ends() -> None:
    pauses = PauseList()
    pauses.add(record("quiet"))
    pauses.add(record(ALL_RULES))
    assert [one.rule for one in pauses.paused()] == [ALL_RULES, "quiet"]
    assert pauses.is_paused("gone")
    pauses.add(record(ALL_RULES, paused=False))
    assert pauses.is_paused("quiet")
    assert not pauses.is_paused("gone")


def test_a_tombstone_ends_a_pause() -> None:
    pauses = PauseList()
    pauses.add(record("quiet"))
    pauses.remove("quiet")
    pauses.remove("never known")
    assert not pauses.is_paused("quiet")


def test_a_list_is_fresh_for_a_second_after_its_end_was_asked_for() -> None:
    now = [100.0]
    pauses = PauseList(lambda: now[0])
    assert (pauses.is_fresh(), pauses.stale_seconds) == (False, None)
    pauses.confirm(7, 99.5)
    stale = pauses.stale_seconds
    assert (pauses.offset, pauses.is_fresh(), stale) == (7, True, 0.5)
    now[0] = 99.5 + FRESH_SECONDS
    assert pauses.is_fresh()
    now[0] += 0.01
    assert not pauses.is_fresh()


def test_a_record_is_read_as_it_was_written_and_what_is_none_is_no_pause() -> None:
    assert decode_pause(encode_pause(record("quiet", at_ms=5))) == record("quiet", at_ms=5)
    assert decode_pause(b"{}") is None
    assert decode_pause(b"\xff") is None
    assert decode_pause(encode_pause(record("quiet", at_ms=99_999_999_999_999_999))) is None  # no moment to show
