"""A stopwatch for the stages of one thread: CPU time, each moment counted for the innermost stage alone.

What is asynchronous is timed in slices, each from one resumption to the next wait: what others do meanwhile on the
same event loop is not counted.
"""

import time
from collections.abc import Awaitable, Callable, Generator
from threading import get_ident
from typing import Any, TypedDict


class Spent(TypedDict):
    """What a stage has taken so far.

    Attributes:
        cpu_seconds: of this thread, without the stages inside.
        wall_seconds: from call to return, of asynchronous calls only; waiting and the stages inside are in it.
        calls: how often it was entered.
    """

    cpu_seconds: float
    wall_seconds: float
    calls: int


class Stopwatch:
    """Times the stages of the thread that makes it; what other threads call is left alone."""

    def __init__(self) -> None:
        self._thread = get_ident()
        self._stack: list[str] = []
        self._since = 0
        self._cpu: dict[str, int] = {}
        self._wall: dict[str, int] = {}
        self._calls: dict[str, int] = {}

    def spent(self) -> dict[str, Spent]:
        """Return what each stage has taken so far."""
        return {
            stage: {
                "cpu_seconds": self._cpu[stage] / 1e9,
                "wall_seconds": self._wall[stage] / 1e9,
                "calls": self._calls[stage],
            }
            for stage in self._cpu
        }

    def add(self, *stages: str) -> None:
        """Make stages known, so that they are reported also if nothing ever enters them."""
        for stage in stages:
            self._cpu.setdefault(stage, 0)
            self._wall.setdefault(stage, 0)
            self._calls.setdefault(stage, 0)

    def timed(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same, and is timed."""
        self.add(stage)

        def timed(*arguments: Any, **named: Any) -> Any:
            if get_ident() != self._thread:
                return call(*arguments, **named)
            self._calls[stage] += 1
            self._enter(stage)
            try:
                return call(*arguments, **named)
            finally:
                self._leave()

        return timed

    def timed_async(self, choose: Callable[..., str], call: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        """Return a coroutine function that does the same, and is timed.

        Args:
            choose: the stage, by the arguments of a call; one of those that were added.
            call: a coroutine function.
        """

        async def timed(*arguments: Any, **named: Any) -> Any:
            if get_ident() != self._thread:
                return await call(*arguments, **named)
            stage, began = choose(*arguments, **named), time.perf_counter_ns()
            self._calls[stage] += 1
            try:
                return await _Slices(self, stage, call(*arguments, **named))
            finally:
                self._wall[stage] += time.perf_counter_ns() - began

        return timed

    def _enter(self, stage: str) -> None:
        now = time.thread_time_ns()
        if self._stack:
            self._cpu[self._stack[-1]] += now - self._since
        self._stack.append(stage)
        self._since = now

    def _leave(self) -> None:
        now = time.thread_time_ns()
        self._cpu[self._stack.pop()] += now - self._since
        self._since = now


class _Slices:
    """Awaits something, and times each slice of it."""

    def __init__(self, watch: Stopwatch, stage: str, awaited: Awaitable[Any]) -> None:
        self._watch = watch
        self._stage = stage
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._awaited.__await__()
        resume: Callable[[], Any] = lambda: next(inner)  # noqa: E731
        while True:
            self._watch._enter(self._stage)
            try:
                waited_for = resume()
            except StopIteration as done:
                return done.value
            finally:
                self._watch._leave()
            try:
                yield waited_for
            except GeneratorExit:
                inner.close()
                raise
            except BaseException as error:
                thrown = error
                resume = lambda: inner.throw(thrown)  # noqa: E731, B023
            else:
                resume = lambda: next(inner)  # noqa: E731
