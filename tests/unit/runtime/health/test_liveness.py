"""Laws of liveness: progress, not being up."""

from workers.runtime.health.liveness import Liveness


def watched() -> Liveness:
    return Liveness(60.0, 0.0, 0.0)


def test_a_worker_that_gets_on_is_alive() -> None:
    liveness = watched()
    for now in range(0, 1_000, 10):
        liveness.tick(now)
        liveness.note(now, state=now, waits=True)
    assert liveness.problem(1_000) is None
    assert not liveness.is_hopeless(1_000)


def test_a_worker_with_nothing_to_do_is_alive() -> None:
    liveness = watched()
    for now in range(0, 1_000, 10):
        liveness.tick(now)
        liveness.note(now, state="the same", waits=False)
    assert liveness.problem(1_000) is None


def test_standing_still_while_records_wait_is_a_problem_and_at_last_the_end() -> None:
    liveness = watched()
    states = []
    for now in range(0, 200, 10):
        liveness.tick(now)
        liveness.note(now, state="the same", waits=True)
        states.append((liveness.problem(now) is not None, liveness.is_hopeless(now)))
    assert states.index((True, False)) == 7
    assert states.index((True, True)) == 13


def test_a_tick_that_never_returns_is_a_problem_and_at_last_the_end() -> None:
    liveness = watched()
    assert liveness.problem(60) is None
    assert "no tick for 61 s" in str(liveness.problem(61))
    assert not liveness.is_hopeless(120)
    assert liveness.is_hopeless(121)


def test_what_is_outside_is_no_standstill() -> None:
    liveness = watched()
    liveness.note(0, state="the same", waits=True)
    liveness.tick(500)
    liveness.note(500, state="the same", waits=False)  # Redis is away
    assert liveness.problem(500) is None
