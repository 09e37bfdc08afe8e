"""Output of the commands about customers' rights: tables and sentences for people, documents for machines.

It gets values and reads nothing from Kafka or Redis.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from schemas.orders import ERASE
from workers.clock import iso_text
from workers.customer_orders.carrying_out import Outcome
from workers.customer_orders.kept_in_kafka import ACTIVITY, NAMED, By
from workers.customer_orders.marks import MarkedId, MarkedRef
from workers.customer_orders.naming import HOW, MOST_NAMES
from workers.customer_orders.open_actions import OpenAction, advice, open_action_document
from workers.customer_orders.orders import Instruction
from workers.customer_orders.remains import Remains, TopicRemains, searched
from workers.customer_orders.removal import Removal
from workers.customer_orders.stored import Stored
from workers.printing import print_table, table_of
from workers.settings import AUDIT, MARKS, Settings
from workers.state.marks.mark import Mark

_WAYS: Final[Mapping[By, str]] = {"key": "by key", "content": "by content", "refused": "refused there"}
_SHOWN: Final = 12
YOURS: Final = "yours: Linger only reads it"


@dataclass(frozen=True, slots=True)
class Report:
    """What a command has done, or would do.

    Attributes:
        instruction: what was ordered.
        customers: how many customers it is for.
        is_dry_run: whether nothing was written.
        stored: what was stored of them before; None if it was not asked.
        written: how many orders Kafka has confirmed.
        outcome: how far workers are; None if it did not wait.
        remains: what stays in Kafka; None if it was not listed.
        sources: the operator's own topics; None if `sources.yaml` cannot be read.
    """

    instruction: Instruction
    customers: int
    is_dry_run: bool
    stored: Stored | None = None
    written: int = 0
    outcome: Outcome | None = None
    remains: Remains | None = None
    sources: Sequence[str] | None = None

    @property
    def not_taken_back(self) -> Sequence[OpenAction]:
        """The actions that are open although the order is carried out."""
        is_done = self.outcome is not None and self.outcome.is_done
        return self.remains.open_actions if is_done and self.remains is not None else ()


# -- for machines ----------------------------------------------------------------------------------------------------


def document_of(report: Report, settings: Settings) -> dict[str, Any]:
    """Return the document of `--json`; moments are ISO 8601 in UTC."""
    outcome, stored = report.outcome, report.stored
    return {
        "order": report.instruction.verb,
        "dry_run": report.is_dry_run,
        "customers": report.customers,
        "may_return": report.instruction.may_return,
        "stored": None
        if stored is None
        else {"known": stored.known, "bytes": stored.bytes, "held": stored.held, "unsent": stored.unsent},
        "written": report.written,
        "carried_out": None if outcome is None else outcome.is_done,
        "workers": None if outcome is None else outcome.has_workers,
        "unread_partitions": [] if outcome is None else list(outcome.unread),
        "refused": None if outcome is None else outcome.refused,
        "unsent_partitions": [] if outcome is None else list(outcome.unsent),
        "not_taken_back": [open_action_document(action, settings) for action in report.not_taken_back],
        "stays": None if report.remains is None else _remains_document(report.remains, report.sources, settings),
    }


def _remains_document(remains: Remains, sources: Sequence[str] | None, settings: Settings) -> dict[str, Any]:
    return {
        "topics": [
            {
                "topic": settings.topic(topic.name),
                "searched": searched(topic.name, seeks_contents=remains.seeks_contents),
                "records": topic.records,
                "found": dict(topic.by),
                "first": _moment(topic.first_ms),
                "last": _moment(topic.last_ms),
                **_removal_document(topic.removal),
            }
            for topic in remains.topics
        ],
        "missing": [settings.topic(name) for name in remains.missing],
        "contents": HOW if remains.seeks_contents else None,
        "yours": None if sources is None else list(sources),
    }


def _removal_document(removal: Removal | None) -> dict[str, Any]:
    if removal is None:
        return {"removed_from": None, "removed_by": None, "is_never_removed": False, "because": None}
    return {
        "removed_from": _moment(removal.begins_ms),
        "removed_by": _moment(removal.ends_ms),
        "is_never_removed": removal.is_never,
        "because": removal.because,
    }


def ref_document(marked: MarkedRef) -> dict[str, Any]:
    """Return one mark of `linger customer marks --json`."""
    return {"partition": marked.partition, "ref": marked.ref.hex(), **_mark_document(marked.mark)}


def id_document(marked: MarkedId) -> dict[str, Any]:
    """Return one customer of `linger customer marks --file FILE --json`."""
    return {"customer_id": marked.customer_id, **_mark_document(marked.mark)}


def _mark_document(mark: Mark) -> dict[str, Any]:
    return {
        "suppressed_since": _moment(mark.suppressed_ms or None),
        "opted_out_since": _moment(mark.opted_out_ms or None),
        "erased_at": _moment(mark.erased_ms or None),
    }


def _moment(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso_text(at_ms)


# -- for people ------------------------------------------------------------------------------------------------------


def render(report: Report, settings: Settings, console: Console) -> None:
    """Print a report."""
    if report.is_dry_run:
        if report.stored is not None:
            console.print(stored_text(report.stored, report.customers))
        console.print(f"linger customer {report.instruction.verb} would write {_orders(report.customers)}. Then:")
        for sentence in report.instruction.effects():
            console.print(f"- {sentence}")
        console.print("Nothing was written.")
    else:
        console.print(f"{_orders(report.written)} to {report.instruction.verb} written.")
        console.print(_outcome_text(report))
        if report.not_taken_back:
            console.print(Text(advice(report.not_taken_back, settings)), soft_wrap=True)
    if report.remains is not None:
        _render_remains(report, report.remains, settings, console)


def stored_text(stored: Stored, customers: int) -> str:
    """Return what Redis holds of some customers, as a sentence."""
    whose = "the customer" if customers == 1 else f"{stored.known:,} of {customers:,} customers"
    if not (stored.known or stored.held or stored.unsent):
        whose = "the customer" if customers == 1 else f"any of the {customers:,} customers"
        return f"Redis holds nothing of {whose}."
    return (
        f"Redis holds of {whose}: {stored.bytes:,} bytes of state, {stored.held:,} held actions, "
        f"{stored.unsent:,} records that wait for Kafka."
    )


def _outcome_text(report: Report) -> str:
    outcome = report.outcome
    if outcome is None:
        later = " See what stays: the same command with --dry-run." if report.instruction.type == ERASE else ""
        return f"It was not waited for: a worker carries it out.{later}"
    if outcome.is_done:
        done = "Carried out, and everything that follows from it is in Kafka."
        unseen = " That marks say so was not seen: LINGER_MARKS_KEY is not the one of the workers, or not set here."
        return done if outcome.refused is not None else done + unseen
    return not_done(outcome)


def not_done(outcome: Outcome) -> str:
    """Return why orders are not carried out, and what to do."""
    if not outcome.is_waiting:
        return (
            f"Workers have passed the orders, but did not carry out {outcome.refused:,} of them. Is the clock of "
            "this machine right? The reason is in: linger dead-letters list"
        )
    if outcome.has_workers is False:
        return "No worker runs. The orders stay in the activity topic: they are carried out when one starts."
    parts = []
    if outcome.unread:
        parts.append(f"the workers of partitions {_listed(outcome.unread)} have not come to the order")
    if outcome.unsent:
        parts.append(f"in partitions {_listed(outcome.unsent)} records of the customers still wait for Kafka")
    return f"Not carried out yet: {'; '.join(parts)}. The orders are written, and are not lost. See: linger status"


def _render_remains(report: Report, remains: Remains, settings: Settings, console: Console) -> None:
    is_done = report.outcome is not None and report.outcome.is_done
    now = "" if is_done else " now"
    console.print(f"\nWhat Kafka holds{now}, until retention has removed it:")
    table = table_of("topic", "records", "first", "last", "removed")
    for topic in remains.topics:
        table.add_row(
            Text(settings.topic(topic.name)),
            _count(topic),
            _day(topic.first_ms),
            _day(topic.last_ms),
            _removed(topic.removal),
        )
    for source in report.sources or ():
        table.add_row(Text(source), "", "", "", YOURS)
    print_table(console, table)
    for note in _notes(report, remains, settings):
        console.print(Text(f"- {note}"), soft_wrap=True)


def _notes(report: Report, remains: Remains, settings: Settings) -> list[str]:
    notes = []
    if any(topic.removal is not None and topic.removal.ends_ms for topic in remains.topics):
        notes.append(
            "Kafka deletes whole segments: from the first date on it may delete the last record; by the second it "
            "has, unless records behind it have timestamps in the future."
        )
    undated: dict[str, list[str]] = {}
    for topic in remains.topics:
        if topic.removal is not None and topic.removal.ends_ms is None:
            undated.setdefault(topic.removal.because, []).append(settings.topic(topic.name))
    notes += [f"{', '.join(topics)}: {because}." for because, topics in undated.items()]
    named = " and ".join(settings.topic(name) for name in NAMED)
    if remains.seeks_contents:
        notes.append(f"Records are found by their key; in {named} also by {HOW}.")
    else:
        notes.append(f"Records are found by their key: with more than {MOST_NAMES} ids, contents are not searched.")
    if any(topic.by.get("refused") for topic in remains.topics):
        notes.append(
            f"{settings.topic(ACTIVITY)}, refused there: records under another key or in another partition, which "
            "became dead letters."
        )
    if remains.missing:
        names = ", ".join(settings.topic(name) for name in remains.missing)
        notes.append(f"There is no topic {names}: nothing is there.")
    notes.append(
        f"{settings.topic(MARKS)} keeps a keyed hash of the id without limit, {settings.topic(AUDIT)} the hash of "
        "logs; neither keeps the id."
    )
    if report.sources is None:
        notes.append("sources.yaml cannot be read: look at your source topics yourself, Linger only reads them.")
    return notes


def _count(topic: TopicRemains) -> str:
    if set(topic.by) <= {"key"}:
        return f"{topic.records:,}"
    if len(topic.by) == 1:
        return f"{topic.records:,} ({_WAYS[next(iter(topic.by))]})"
    ways = ", ".join(f"{number:,} {_WAYS[by]}" for by, number in topic.by.items())
    return f"{topic.records:,} ({ways})"


def _removed(removal: Removal | None) -> str:
    if removal is None:
        return ""
    if removal.is_never:
        return "never"
    if removal.begins_ms is None or removal.ends_ms is None:
        return "not known"
    return f"{_day(removal.begins_ms)} to {_day(removal.ends_ms)}"


def _day(at_ms: int | None) -> str:
    return "" if at_ms is None else iso_text(at_ms)[:10]


def render_marks(marks: Sequence[MarkedRef], console: Console) -> None:
    """Print all marks."""
    if not marks:
        console.print("No customer is suppressed, opted out or erased.")
        return
    table = table_of("partition", "ref", "suppressed since", "opted out since", "erased at")
    for marked in marks:
        table.add_row(str(marked.partition), marked.ref.hex(), *_cells(marked.mark))
    print_table(console, table)
    console.print("The ref is a keyed hash of the customer's id: linger customer marks --file FILE asks for ids.")


def render_marked(marked: Sequence[MarkedId], asked: int, console: Console) -> None:
    """Print which of some customers are marked."""
    if marked:
        table = table_of("customer", "suppressed since", "opted out since", "erased at")
        for customer in marked:
            table.add_row(Text(customer.customer_id), *_cells(customer.mark))
        print_table(console, table)
    console.print(f"{len(marked):,} of {asked:,} customers are suppressed, opted out or erased.")


def _cells(mark: Mark) -> list[str]:
    return [value or "" for value in _mark_document(mark).values()]


def _orders(number: int) -> str:
    return "1 order" if number == 1 else f"{number:,} orders"


def _listed(partitions: Sequence[int]) -> str:
    shown = ", ".join(map(str, partitions[:_SHOWN]))
    return shown if len(partitions) <= _SHOWN else f"{shown}, …"
