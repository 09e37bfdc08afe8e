"""`linger dead-letters`: list, show, replay and discard records that could not be read."""

import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final, TypeVar

import typer

from schemas.durations import duration_ms, parse_duration
from workers.cli.audit_commands.changing import By, changing
from workers.cli.output import AsJson, out, print_json, progress_bar
from workers.dead_letters.record import Position
from workers.dead_letters.replay import ReplayResult
from workers.dead_letters.report import (
    dead_letter_document,
    discard_document,
    group_document,
    print_dead_letter,
    print_discard,
    print_groups,
    print_replay,
    replay_document,
)
from workers.dead_letters.selection import Group, Plan, Selection
from workers.dead_letters.session import Session, opened_session
from workers.errors import StartupError
from workers.operations.rights.refusals import require
from workers.settings import Settings, read_settings
from workers.state.connect import with_stored_state
from workers.state.store import Store

Result = TypeVar("Result")
Reason = Annotated[str | None, typer.Option(help="Only those with this reason, such as missing_field.")]
FromTopic = Annotated[str | None, typer.Option(help="Only those that came from this topic.")]
Since = Annotated[str | None, typer.Option(help="Only those of the last while, such as '2 days'.")]
Places = Annotated[list[str] | None, typer.Argument(metavar="PLACE", help="partition:offset, as listed.")]
# --reason chooses dead letters here.
Because = Annotated[str, typer.Option("--because", metavar="TEXT", help="Why; it is kept in the audit.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without it, only print what would be done.")]

_MAX_SHOWN: Final = 4 << 10
_MAX_REPLAYS: Final = 3


def add_to(app: typer.Typer) -> None:
    """Register the group and its commands."""
    group = typer.Typer(no_args_is_help=True, help="List, show, resend or discard records that could not be read.")
    app.add_typer(group, name="dead-letters")

    @group.command("list")
    def _list(
        context: typer.Context,
        reason: Reason = None,
        topic: FromTopic = None,
        since: Since = None,
        as_json: AsJson = False,
    ) -> None:
        """Count dead letters by reason and by the topic they came from."""
        list_dead_letters(read_settings(context.obj), _selection(reason, topic, since, None), as_json=as_json)

    @group.command("show")
    def _show(
        context: typer.Context,
        place: Annotated[str, typer.Argument(metavar="PLACE", help="partition:offset, as listed.")],
        full: Annotated[bool, typer.Option("--full", help="The whole value, no matter how long.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Show one dead letter. The only one of these commands that shows customers' data."""
        show_dead_letter(read_settings(context.obj), _position(place), full=full, as_json=as_json)

    @group.command("replay")
    def _replay(
        context: typer.Context,
        places: Places = None,
        reason: Reason = None,
        topic: FromTopic = None,
        since: Since = None,
        at_most: Annotated[
            int, typer.Option("--at-most", min=1, help="Do not send a record that was replayed this many times.")
        ] = _MAX_REPLAYS,
        again: Annotated[bool, typer.Option("--again", help="Also those replayed or discarded before.")] = False,
        yes: Yes = False,
        because: Because = "",
        by: By = None,
        as_json: AsJson = False,
    ) -> None:
        """Send dead letters again, each to the topic it came from. Without --yes nothing is sent."""
        selection = _selection(reason, topic, since, places, again=again)
        settings = read_settings(context.obj)
        with changing(context, settings, by, because, dry_run=not yes) as trail:
            result = replay_dead_letters(settings, selection, max_replays=at_most, yes=yes, as_json=as_json)
            if result is not None:
                trail.counts.update(sent=result.sent, too_large=len(result.too_large))

    @group.command("discard")
    def _discard(
        context: typer.Context,
        places: Places = None,
        reason: Reason = None,
        topic: FromTopic = None,
        since: Since = None,
        yes: Yes = False,
        because: Because = "",
        by: By = None,
        as_json: AsJson = False,
    ) -> None:
        """Note that dead letters were examined and need nothing more. Without --yes nothing is noted."""
        settings, selection = read_settings(context.obj), _selection(reason, topic, since, places)
        with changing(context, settings, by, because, dry_run=not yes) as trail:
            trail.counts["discarded"] = discard_dead_letters(settings, selection, yes=yes, as_json=as_json)


def list_dead_letters(settings: Settings, selection: Selection, *, as_json: bool) -> None:
    """Print the number of dead letters by reason and topic."""

    async def work(session: Session) -> list[Group]:
        with progress_bar("reading", session.size) as advance:
            return await session.groups(selection, advance)

    groups = _in_session(settings, work)
    if as_json:
        print_json([group_document(group) for group in groups])
    else:
        print_groups(out, groups, is_narrowed=selection != Selection())


def show_dead_letter(settings: Settings, position: Position, *, full: bool, as_json: bool) -> None:
    """Print one dead letter.

    Raises:
        LingerError: if there is none at this position.
    """
    dead_letter, recorded = _in_session(settings, lambda session: session.find(position))
    limit = sys.maxsize if full else _MAX_SHOWN
    if as_json:
        print_json(dead_letter_document(dead_letter, recorded, limit))
    else:
        print_dead_letter(out, dead_letter, recorded, limit)


def replay_dead_letters(
    settings: Settings, selection: Selection, *, max_replays: int, yes: bool, as_json: bool
) -> ReplayResult | None:
    """Send dead letters again, or print which would be sent; return what was sent."""

    async def work(session: Session) -> tuple[Plan, ReplayResult | None]:
        with progress_bar("reading", session.size) as advance:
            plan = await session.plan_replay(selection, max_replays, advance)
        if not yes:
            return plan, None
        await require(settings, None, "dead-letters replay")
        with progress_bar("sending", len(plan.positions)) as advance:
            return plan, await session.replay(plan, advance)

    plan, result = _in_session(settings, work)
    if as_json:
        print_json(replay_document(plan, result))
    else:
        print_replay(out, plan, result, settings.dead_letter_max_consecutive)
    return result


def discard_dead_letters(settings: Settings, selection: Selection, *, yes: bool, as_json: bool) -> int:
    """Record dead letters as discarded, or print which would be; return how many."""

    async def work(session: Session) -> Plan:
        with progress_bar("reading", session.size) as advance:
            plan = await session.plan_discard(selection, advance)
        if yes:
            await session.discard(plan)
        return plan

    plan = _in_session(settings, work)
    if as_json:
        print_json(discard_document(plan, dry_run=not yes))
    else:
        print_discard(out, plan, dry_run=not yes)
    return len(plan.positions)


def _in_session(settings: Settings, work: Callable[[Session], Awaitable[Result]]) -> Result:
    async def open_and_work(store: Store) -> Result:
        async with opened_session(settings, store) as session:
            return await work(session)

    return with_stored_state(settings, open_and_work)


def _selection(
    reason: str | None, topic: str | None, since: str | None, places: Sequence[str] | None, *, again: bool = False
) -> Selection:
    since_ms = None
    if since is not None:
        try:
            since_ms = time.time_ns() // 1_000_000 - duration_ms(parse_duration(since))
        except ValueError as error:
            raise StartupError([f"--since: {error}"]) from error
    return Selection(reason, topic, since_ms, frozenset(_position(place) for place in places or ()), again)


def _position(place: str) -> Position:
    partition, _, offset = place.partition(":")
    if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in (partition, offset)):
        raise StartupError([f"'{place}' is not a place; write partition:offset, such as 3:1204"])
    return int(partition), int(offset)
