"""Laws of a claim: certain only shortly after the store has confirmed it."""

import asyncio

from workers.errors import Transient
from workers.outbox.claim import CERTAIN_SECONDS, StoredClaim


class Asked:
    """A store and a clock, as the test says it; how often the store was asked is counted."""

    def __init__(self) -> None:
        self.now = 100.0
        self.owner = "this worker"
        self.takes = 0.0
        self.fails = False
        self.times = 0

    async def meta(self) -> dict[str, str]:
        self.times += 1
        self.now += self.takes
        if self.fails:
            raise Transient("Redis does not answer")
        return {"owner": self.owner}

    def claim(self) -> StoredClaim:
        return StoredClaim(self.meta, "this worker", lambda: self.now)


def test_a_claim_is_certain_for_a_moment_after_the_store_has_confirmed_it() -> None:
    asked = Asked()
    claim = asked.claim()
    assert not claim.is_certain()
    assert asyncio.run(claim.confirm())
    asked.now += CERTAIN_SECONDS
    assert claim.is_certain()
    assert asyncio.run(claim.confirm())
    assert asked.times == 1
    asked.now += 0.1
    assert not claim.is_certain()
    assert asyncio.run(claim.confirm())
    assert asked.times == 2


def test_the_claim_of_another_worker_is_never_confirmed() -> None:
    asked = Asked()
    asked.owner = "another one"
    claim = asked.claim()
    assert not asyncio.run(claim.confirm())
    assert not claim.is_certain()


def test_a_store_that_does_not_answer_confirms_nothing() -> None:
    asked = Asked()
    asked.fails = True
    assert not asyncio.run(asked.claim().confirm())


def test_an_answer_that_came_while_the_worker_slept_is_too_old() -> None:
    asked = Asked()
    asked.takes = CERTAIN_SECONDS + 0.1
    claim = asked.claim()
    assert not asyncio.run(claim.confirm())
    assert not claim.is_certain()
