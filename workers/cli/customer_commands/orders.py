"""`linger customer erase`, `suppress` and `resume`: orders about customers, written, waited for and reported."""

import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

import typer

from schemas.orders import ERASE, RESUME, SUPPRESS, OrderType
from workers.audit.actor import os_user
from workers.audit.trail import Trail
from workers.cli.audit_commands.changing import By, changing, one_reason, who
from workers.cli.customer_commands.given_ids import STANDARD_INPUT, CustomerId, IdFile, given_ids
from workers.cli.output import EXIT_PROBLEM, AsJson, err, out, print_json, progress_bar
from workers.customer_orders.carrying_out import Outcome, until_carried_out
from workers.customer_orders.ids import by_partition
from workers.customer_orders.kept_in_kafka import opened_search
from workers.customer_orders.open_actions import not_taken_back
from workers.customer_orders.orders import Instruction, required_reason
from workers.customer_orders.readiness import require_ready
from workers.customer_orders.remains import Remains, remains_of
from workers.customer_orders.report import Report, document_of, not_done, render, stored_text
from workers.customer_orders.stored import stored_of
from workers.customer_orders.verifying import refused
from workers.customer_orders.writing import Placed, write_orders
from workers.dead_letters.record import origin_of
from workers.errors import StartupError
from workers.loading import with_declared_actions
from workers.operations.rights.refusals import require
from workers.settings import Settings, read_settings
from workers.source_files.reading import load_sources
from workers.state.connect import clock_of, with_store
from workers.state.store import Store

Why = Annotated[str, typer.Option("--reason", "--because", metavar="TEXT", help="Why; required, and kept.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show what is stored, and what would be done; write nothing.")
]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Only write the orders: neither wait for workers, nor list what stays.")
]

_UNCONFIRMED: Final = "erasing cannot be undone: confirm it with --yes; --dry-run shows what is stored"


def add_to(group: typer.Typer) -> None:
    """Register the commands in the group `customer`."""
    group.command("erase")(erase)
    group.command("suppress")(suppress)
    group.command("resume")(resume)


def erase(
    context: typer.Context,
    customer_id: CustomerId = None,
    file: IdFile = None,
    because: Why = "",
    by: By = None,
    may_return: Annotated[
        bool, typer.Option("--may-return", help="The customer may be written to again after coming back.")
    ] = False,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Forget customers: delete what is stored, take back open actions, and never write to them again.

    It asks on a terminal. Then it lists what stays in Kafka until retention ends. Exit status 1 if no worker has
    carried it out yet: the order is written all the same, and is not lost. Likewise if an open action is not taken
    back, which is listed then.
    """
    settings = with_declared_actions(read_settings(context.obj))
    can_ask = file != STANDARD_INPUT and sys.stdin.isatty() and sys.stderr.isatty()
    if not (yes or dry_run or can_ask):
        raise StartupError([_UNCONFIRMED])
    instruction = _instruction(ERASE, settings, by, because, may_return=may_return)
    request = _Request(settings, instruction, given_ids(customer_id, file), dry_run, yes, not no_wait)
    _give(context, request, by, as_json=as_json)


def suppress(
    context: typer.Context,
    customer_id: CustomerId = None,
    file: IdFile = None,
    because: Why = "",
    by: By = None,
    dry_run: DryRun = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Never write to customers again, whichever rule holds; it outlives an erasure, a rebuild and a lost Redis.

    Exit status 1 if no worker has carried it out yet: the order is written all the same, and is not lost.
    """
    settings = read_settings(context.obj)
    instruction = _instruction(SUPPRESS, settings, by, because)
    request = _Request(settings, instruction, given_ids(customer_id, file), dry_run, True, not no_wait)
    _give(context, request, by, as_json=as_json)


def resume(
    context: typer.Context,
    customer_id: CustomerId = None,
    file: IdFile = None,
    because: Why = "",
    by: By = None,
    dry_run: DryRun = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """End the suppression of customers. It is no consent: a customer who has opted out stays opted out.

    Exit status 1 if no worker has carried it out yet: the order is written all the same, and is not lost.
    """
    settings = read_settings(context.obj)
    instruction = _instruction(RESUME, settings, by, because)
    request = _Request(settings, instruction, given_ids(customer_id, file), dry_run, True, not no_wait)
    _give(context, request, by, as_json=as_json)


# -- the work --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Request:
    """What is to be done, and how.

    Attributes:
        settings: of the command.
        instruction: what is ordered.
        customer_ids: for these customers, each once.
        is_dry_run: nothing is written.
        is_confirmed: there is nothing to ask.
        waits: whether to wait for workers.
    """

    settings: Settings
    instruction: Instruction
    customer_ids: Sequence[str]
    is_dry_run: bool
    is_confirmed: bool
    waits: bool

    @property
    def command(self) -> str:
        """Its words."""
        return f"customer {self.instruction.verb}"


def _instruction(
    order_type: OrderType, settings: Settings, by: str | None, because: str, *, may_return: bool = False
) -> Instruction:
    return Instruction(order_type, required_reason(one_reason(because)), who(settings, by) or os_user(), may_return)


def _give(context: typer.Context, request: _Request, by: str | None, *, as_json: bool) -> None:
    settings, reason = request.settings, request.instruction.reason
    with changing(context, settings, by, reason, dry_run=request.is_dry_run) as trail:
        report = with_store(settings, lambda store: _work(store, request, trail))
        if report.outcome is not None and not report.outcome.is_done:
            trail.problems.append(not_done(report.outcome))
        if report.not_taken_back:
            trail.problems.append(not_taken_back(len(report.not_taken_back)))
    if as_json:
        print_json(document_of(report, settings))
    else:
        render(report, settings, out)
    if (report.outcome is not None and not report.outcome.is_done) or report.not_taken_back:
        sys.exit(EXIT_PROBLEM)


async def _work(store: Store, request: _Request, trail: Trail) -> Report:
    settings, ids = request.settings, request.customer_ids
    await require(settings, None, request.command)
    await require_ready(store, settings, by_partition(ids, settings.partitions))
    report = Report(request.instruction, len(ids), request.is_dry_run, sources=_source_topics(settings))
    if request.is_dry_run or not request.is_confirmed:
        report = replace(report, stored=await stored_of(store, settings.partitions, ids))
    if request.is_dry_run:
        return replace(report, remains=await _remains(request, await _now_ms(store, request)))
    if report.stored is not None:
        err.print(stored_text(report.stored, len(ids)))
        _confirm(ids)
    trail.counts.update(customers=len(ids), orders=0)
    at_ms = await _now_ms(store, request)
    placed = await _write(request, at_ms, trail)
    report = replace(report, written=len(ids))
    if not request.waits:
        return report
    outcome = await _wait(store, request, placed)
    if not outcome.is_waiting:
        outcome = replace(outcome, refused=await refused(settings, store, request.instruction, ids, at_ms))
    return replace(report, outcome=outcome, remains=await _remains(request, at_ms))


async def _now_ms(store: Store, request: _Request) -> int:
    return (await clock_of(request.settings, store).read()).now_ms


def _confirm(customer_ids: Sequence[str]) -> None:
    whom = f"customer '{customer_ids[0]}'" if len(customer_ids) == 1 else f"{len(customer_ids):,} customers"
    typer.confirm(f"Erase {whom}? This cannot be undone", abort=True, err=True)


async def _write(request: _Request, at_ms: int, trail: Trail) -> Placed:
    orders = [request.instruction.order(customer_id, uuid.uuid4().hex, at_ms) for customer_id in request.customer_ids]
    with progress_bar("writing orders", len(orders)) as advance:

        def confirmed(number: int) -> None:
            trail.counts["orders"] += number
            advance(number)

        return await write_orders(request.settings, orders, confirmed)


async def _wait(store: Store, request: _Request, placed: Placed) -> Outcome:
    with progress_bar("waiting for workers, by partition", len(placed), least=1) as advance:
        return await until_carried_out(request.settings, store, placed, request.customer_ids, advance)


async def _remains(request: _Request, at_ms: int) -> Remains | None:
    if request.instruction.type != ERASE:
        return None
    async with opened_search(request.settings, request.customer_ids) as search:
        with progress_bar("reading what stays in Kafka", search.size) as advance:
            return await remains_of(search, search.read(advance, origin_of), at_ms)


def _source_topics(settings: Settings) -> list[str] | None:
    """Return the operator's own topics; None if `sources.yaml` cannot be read: an erasure need not wait for that."""
    sources, _ = load_sources(settings.sources)
    if sources is None:
        return None
    named = (
        source.topic if source.pattern is None else f"topics like {source.pattern}" for source in sources.sources
    )
    return list(dict.fromkeys(named))
