"""Laws of the error that ends a worker."""

import asyncio

import pytest

from workers.runtime.failure import Failure


def test_the_first_error_counts() -> None:
    async def law() -> None:
        failure, first = Failure(), ValueError("first")
        failure.note(first)
        failure.note(ValueError("second"))
        await failure.occurred()
        assert failure.error is first

    asyncio.run(law())


def test_guarded_work_returns_its_result_or_never_returns() -> None:
    async def broken() -> None:
        raise ValueError("broken")

    async def law() -> None:
        failure = Failure()
        assert await failure.guard(asyncio.sleep(0, "done")) == "done"
        guarded = asyncio.create_task(failure.guard(broken()))
        await failure.occurred()
        await asyncio.sleep(0)
        assert not guarded.done()
        assert isinstance(failure.error, ValueError)
        guarded.cancel()

    asyncio.run(law())


def test_cancelling_guarded_work_ends_no_worker() -> None:
    async def law() -> None:
        failure = Failure()
        guarded = asyncio.create_task(failure.guard(asyncio.Event().wait()))
        await asyncio.sleep(0)
        guarded.cancel()
        with pytest.raises(asyncio.CancelledError):
            await guarded
        assert failure.error is None

    asyncio.run(law())
