"""Progress bars of the preview: one after another on a terminal, and nothing elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

SHOW_EVERY_EVENTS: Final = 2_000
"""A bar moves after this many events."""


class Advance:
    """Advances a bar; without a bar it does nothing."""

    def __init__(self, bar: Bar | None) -> None:
        self._bar = bar

    def __call__(self, done: int) -> None:
        """Show how much is done."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done)

    def beyond(self, before: int) -> Callable[[int], None]:
        """Return a function that moves the same bar, for the work that follows what is done before."""
        return lambda done: self(before + done)


class Progress:
    """Shows one bar after another on a terminal; elsewhere it shows nothing."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Bar | None = None

    @contextmanager
    def of(self, description: str, total: int | None) -> Iterator[Advance]:
        """Show a bar for the duration of a `with` block."""
        if not self._console.is_terminal:
            yield Advance(None)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Bar(*columns, console=self._console, transient=True) as bar:
            bar.add_task(description, total=total)
            self._bar = bar
            yield Advance(bar)
        self._bar = None

    def expect(self, total: int) -> None:
        """Set the total of the current bar, once it is known."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], total=total)
