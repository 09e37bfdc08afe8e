"""The report of what is live: reads the book, takes a scan, and puts both together."""

from pathlib import Path

from schemas.book import BOOK
from workers.book.book import Book
from workers.book.live import read_book
from workers.book.topic import BookTopic
from workers.cli.state_commands.scan import counting, scanned
from workers.experiments.reading import read_figures
from workers.loading import load_configuration
from workers.report.compared import compared, ended
from workers.report.document import Report
from workers.report.figures.rules import Ended, Judged
from workers.report.live import LiveQuestion, live_report
from workers.settings import Settings
from workers.state.connect import clock_of, with_stored_state
from workers.state.store import Store


def report_of_live(settings: Settings, month: str | None, scan: Path | None, per_second: int) -> Report:
    """Return the report of a month of what is live.

    Args:
        settings: of the worker.
        month: as `2026-03`; None for the latest that is over.
        scan: what `linger scan` has kept; None to take one.
        per_second: keys of Redis that are read in a second, at most.
    """
    configuration = load_configuration(settings)

    async def read(store: Store) -> tuple[Book, list[Judged], list[Ended]]:
        # The clock first: nothing that is read later may be newer.
        now_ms = (await clock_of(settings, store).read()).now_ms
        experiments = await read_figures(store, configuration.sources, settings.partitions, now_ms)
        topic = BookTopic(settings.kafka_connection(), settings.topic(BOOK))
        judged = compared(experiments.values(), now_ms)
        return await read_book(store, topic, settings.partitions), judged, ended(experiments.values(), now_ms)

    with scanned(settings, configuration, scan, per_second) as path, counting("counted") as advance:
        book, judged, over = with_stored_state(settings, read)
        question = LiveQuestion(path, configuration.book, configuration.rules, book, judged, month, over)
        return live_report(question, advance)
