"""`linger dead-letters`: look at what could not be read, send it again, or put it aside."""

import base64
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from schemas.durations import duration_ms, parse_duration
from workers.dead_letters.disposition import DispositionLog, Dispositions, Place
from workers.dead_letters.reader import Advance, DeadLetterBox, Replayed, opened_box, replay
from workers.dead_letters.selection import (
    DeadLetter,
    Disposition,
    Group,
    Plan,
    Selection,
    group_letters,
    plan_discard,
    plan_replay,
)
from workers.errors import LingerError, StartupError
from workers.settings import Settings, read_settings
from workers.state.connect import with_store
from workers.state.store import Store

Result = TypeVar("Result")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Reason = Annotated[str | None, typer.Option(help="Only those with this reason, such as missing_field.")]
FromTopic = Annotated[str | None, typer.Option(help="Only those that came from this topic.")]
Since = Annotated[str | None, typer.Option(help="Only those of the last while, such as '2 days'.")]
Places = Annotated[list[str] | None, typer.Argument(metavar="PLACE", help="partition:offset, as listed.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without it only says what would be done.")]

out: Final = Console(highlight=False, emoji=False)
err: Final = Console(stderr=True, highlight=False, emoji=False)

_SHOWN_BYTES: Final = 4 << 10
_CUT_SHOWN: Final = 20
_AT_MOST: Final = 3
_BAR_FROM: Final = 2_000


def add_to(app: typer.Typer) -> None:
    """Register the group and its commands."""
    group = typer.Typer(no_args_is_help=True, help="What could not be read: look, send again, put aside.")
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
        list_letters(read_settings(context.obj), _choice(reason, topic, since, None), as_json=as_json)

    @group.command("show")
    def _show(
        context: typer.Context,
        place: Annotated[str, typer.Argument(metavar="PLACE", help="partition:offset, as listed.")],
        full: Annotated[bool, typer.Option("--full", help="The whole value, however long.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Show one dead letter. The only one of these commands that shows customers' data."""
        show_letter(read_settings(context.obj), _place(place), full=full, as_json=as_json)

    @group.command("replay")
    def _replay(
        context: typer.Context,
        places: Places = None,
        reason: Reason = None,
        topic: FromTopic = None,
        since: Since = None,
        at_most: Annotated[
            int, typer.Option("--at-most", min=1, help="Do not send a record that was replayed so often.")
        ] = _AT_MOST,
        again: Annotated[bool, typer.Option("--again", help="Also those replayed or discarded before.")] = False,
        yes: Yes = False,
        as_json: AsJson = False,
    ) -> None:
        """Send dead letters again, each to the topic it came from. Without --yes nothing is sent."""
        replay_letters(
            read_settings(context.obj),
            _choice(reason, topic, since, places, again=again),
            at_most=at_most,
            yes=yes,
            as_json=as_json,
        )

    @group.command("discard")
    def _discard(
        context: typer.Context,
        places: Places = None,
        reason: Reason = None,
        topic: FromTopic = None,
        since: Since = None,
        yes: Yes = False,
        as_json: AsJson = False,
    ) -> None:
        """Note that dead letters were looked at and need nothing more. Without --yes nothing is noted."""
        discard_letters(read_settings(context.obj), _choice(reason, topic, since, places), yes=yes, as_json=as_json)


# -- the commands ----------------------------------------------------------------------------------------------


def list_letters(settings: Settings, choice: Selection, *, as_json: bool) -> None:
    """Print how many dead letters there are, by reason and topic."""

    async def ask(desk: _Desk) -> list[Group]:
        with desk.bar("reading", desk.box.size) as advance:
            return await group_letters(desk.box.letters(advance), choice, desk.notes)

    groups = _at_the_desk(settings, ask)
    if as_json:
        _print_json([_group_document(group) for group in groups])
    elif not groups:
        out.print("There is no such dead letter." if choice != Selection() else "There is no dead letter.")
    else:
        _print_groups(groups)


def show_letter(settings: Settings, place: Place, *, full: bool, as_json: bool) -> None:
    """Print one dead letter.

    Raises:
        LingerError: if there is none at this place.
    """

    async def ask(desk: _Desk) -> tuple[DeadLetter, str | None]:
        desk.require([place])
        async for letter in desk.box.some([place], lambda _: None):
            return letter, desk.notes.of(place)
        raise LingerError(f"there is no dead letter at {_text(place)}")

    letter, noted = _at_the_desk(settings, ask)
    limit = sys.maxsize if full else _SHOWN_BYTES
    if as_json:
        _print_json(_letter_document(letter, noted, limit))
    else:
        _print_letter(letter, noted, limit)


def replay_letters(settings: Settings, choice: Selection, *, at_most: int, yes: bool, as_json: bool) -> None:
    """Send letters again, or say which would be sent."""

    async def ask(desk: _Desk) -> tuple[Plan, Replayed | None]:
        desk.require(choice.places)
        with desk.bar("reading", desk.box.size) as advance:
            plan = await plan_replay(
                desk.box.letters(advance), choice, desk.notes, desk.box.partitions_of, at_most=at_most
            )
        _require_found(plan, choice)
        if not yes:
            return plan, None
        with desk.bar("sending", len(plan.taken)) as advance:
            done = await replay(settings, desk.box, plan, desk.notebook, advance)
        await desk.notebook.forget_below(desk.box.starts)
        return plan, done

    plan, done = _at_the_desk(settings, ask)
    if as_json:
        sent = 0 if done is None else done.sent
        too_large = [] if done is None else [_text(place) for place in done.too_large]
        _print_json({**_plan_document(plan, "send"), "sent": sent, "too_large": too_large, "dry_run": not yes})
        return
    _print_plan(plan, "to be sent" if done is None else "sent")
    _print_cut(plan)
    if done is not None:
        _print_replayed(plan, done)
    elif plan.taken:
        out.print(f"Nothing was sent: add --yes to send {_letters(len(plan.taken))}.")
        if len(plan.taken) > settings.dead_letter_max_consecutive:
            out.print(
                f"Workers end after {settings.dead_letter_max_consecutive} unreadable records in a row. "
                f"Try one first: linger dead-letters replay {_text(plan.taken[0])} --yes"
            )


def discard_letters(settings: Settings, choice: Selection, *, yes: bool, as_json: bool) -> None:
    """Note letters as done with, or say which would be."""

    async def ask(desk: _Desk) -> Plan:
        desk.require(choice.places)
        with desk.bar("reading", desk.box.size) as advance:
            plan = await plan_discard(desk.box.letters(advance), choice, desk.notes)
        _require_found(plan, choice)
        if yes:
            await desk.notebook.note("discarded", plan.taken)
            await desk.notebook.forget_below(desk.box.starts)
        return plan

    plan = _at_the_desk(settings, ask)
    if as_json:
        document = _plan_document(plan, "discard")
        _print_json({**document, "discarded": len(plan.taken) if yes else 0, "dry_run": not yes})
        return
    _print_plan(plan, "discarded" if yes else "to be discarded")
    if plan.taken and not yes:
        out.print(f"Nothing was noted: add --yes to discard {_letters(len(plan.taken))}.")


# -- what they share -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where one command works.

    Attributes:
        box: the dead letters.
        notebook: what was done about them.
        notes: what the notebook held when the command began.
    """

    box: DeadLetterBox
    notebook: DispositionLog
    notes: Dispositions

    def require(self, places: Sequence[Place] | frozenset[Place]) -> None:
        """Raise `StartupError` for every place that cannot be read."""
        bounds = self.box.bounds
        problems = []
        for place in sorted(places):
            partition, offset = place
            if partition not in bounds:
                problems.append(f"there is no dead letter at {_text(place)}: the topic has {len(bounds)} partitions")
            elif offset < bounds[partition].earliest:
                problems.append(f"Kafka has deleted the dead letter at {_text(place)} (retention of the topic)")
        if problems:
            raise StartupError(problems)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Advance]:
        """Show a bar on a terminal if there is enough to do."""
        if not err.is_terminal or total < _BAR_FROM:
            yield lambda _: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
        with Progress(*columns, console=err, transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.advance(task, done)


def _at_the_desk(settings: Settings, ask: Callable[[_Desk], Awaitable[Result]]) -> Result:
    async def conversation(store: Store) -> Result:
        async with opened_box(settings) as box:
            notebook = DispositionLog(store, settings.redis_namespace, box.topic_id)
            return await ask(_Desk(box, notebook, await notebook.read()))

    return with_store(settings, conversation)


def _choice(
    reason: str | None, topic: str | None, since: str | None, places: Sequence[str] | None, *, again: bool = False
) -> Selection:
    since_ms = None
    if since is not None:
        try:
            since_ms = time.time_ns() // 1_000_000 - duration_ms(parse_duration(since))
        except ValueError as error:
            raise StartupError([f"--since: {error}"]) from error
    return Selection(reason, topic, since_ms, frozenset(_place(place) for place in places or ()), again)


def _place(text: str) -> Place:
    partition, _, offset = text.partition(":")
    if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in (partition, offset)):
        raise StartupError([f"'{text}' is no place; write partition:offset, such as 3:1204"])
    return int(partition), int(offset)


def _require_found(plan: Plan, choice: Selection) -> None:
    missing = sorted(choice.places - plan.found)
    if missing:
        other = choice.reason or choice.topic or choice.since_ms
        hint = ", or it is not among those that the options leave" if other else ""
        raise StartupError([f"there is no dead letter at {_text(place)}{hint}" for place in missing])


# -- for machines ----------------------------------------------------------------------------------------------


def _print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")


def _group_document(group: Group) -> dict[str, Any]:
    return {
        "reason": group.reason,
        "topic": group.topic,
        "count": group.count,
        "replayed": group.replayed,
        "discarded": group.discarded,
        "oldest": _moment(group.oldest_ms),
        "newest": _moment(group.newest_ms),
        "example": _text(group.example),
    }


def _plan_document(plan: Plan, verb: str) -> dict[str, Any]:
    rows = [
        {
            verb: fate is Disposition.TAKEN,
            "why_not": None if fate is Disposition.TAKEN else fate.name.lower(),
            "reason": reason,
            "topic": topic,
            "count": count,
            "example": _text(plan.examples[fate, reason, topic]),
        }
        for (fate, reason, topic), count in _rows(plan)
    ]
    cut = [
        {"place": _text(place), "topic": topic, "partition": partition, "offset": offset}
        for place, (topic, partition, offset) in plan.cut
    ]
    return {"groups": rows, "cut": cut}


def _letter_document(letter: DeadLetter, noted: str | None, limit: int) -> dict[str, Any]:
    topic, partition, offset = letter.source or (None, None, None)
    return {
        "place": _text(letter.place),
        "at": _moment(letter.at_ms),
        "reason": letter.reason,
        "detail": letter.detail,
        "source": {"topic": topic, "partition": partition, "offset": offset},
        "cut_from_bytes": letter.cut_from,
        "replays": letter.replays,
        "noted": noted,
        "key": _bytes_document(letter.key, limit),
        "value": _bytes_document(letter.value, limit),
        "headers": [{"name": name, **(_bytes_document(value, limit) or {})} for name, value in letter.headers],
    }


def _bytes_document(raw: bytes | None, limit: int) -> dict[str, Any] | None:
    """Return bytes as text or, if they are none, in base64; with their whole length."""
    if raw is None:
        return None
    shown = raw[:limit]
    try:
        content = {"text": shown.decode(errors="strict" if len(raw) <= limit else "ignore")}
        raw.decode()
    except UnicodeDecodeError:
        content = {"base64": base64.b64encode(shown).decode()}
    return {**content, "bytes": len(raw), "shown_bytes": len(shown)}


# -- for people ------------------------------------------------------------------------------------------------


def _print_groups(groups: Sequence[Group]) -> None:
    table = Table("reason", "from topic", "letters", "replayed", "discarded", "oldest", "newest", "example")
    for group in groups:
        table.add_row(
            Text(_plain(group.reason)),
            Text(group.topic or "-"),
            str(group.count),
            str(group.replayed),
            str(group.discarded),
            _moment(group.oldest_ms),
            _moment(group.newest_ms),
            _text(group.example),
        )
    out.print(table)
    is_open = sum(group.count - group.replayed - group.discarded for group in groups)
    out.print(
        f"Nothing was done yet about {_letters(is_open)}." if is_open else "Something was done about all of them."
    )
    out.print("linger dead-letters show PLACE    linger dead-letters replay    linger dead-letters discard")


def _print_plan(plan: Plan, word: str) -> None:
    rows = list(_rows(plan))
    if not rows:
        out.print("There is no such dead letter.")
        return
    table = Table("reason", "from topic", "letters", "", "example")
    for (fate, reason, topic), count in rows:
        said = word if fate is Disposition.TAKEN else f"not: {fate}"
        example = _text(plan.examples[fate, reason, topic])
        table.add_row(Text(_plain(reason)), Text(topic or "-"), str(count), said, example)
    out.print(table)
    if not plan.taken:
        out.print(f"There is nothing {'to be ' if not word.startswith('to be') else ''}{word}.")


def _print_cut(plan: Plan) -> None:
    for place, (topic, partition, offset) in plan.cut[:_CUT_SHOWN]:
        out.print(f"{_text(place)} was cut; all of it is in topic {topic}, partition {partition}, offset {offset}.")
    if len(plan.cut) > _CUT_SHOWN:
        out.print(f"… and {len(plan.cut) - _CUT_SHOWN} more; --json lists all.")


def _print_replayed(plan: Plan, done: Replayed) -> None:
    out.print(f"Sent {_letters(done.sent)}.")
    if done.too_large:
        places = ", ".join(_text(place) for place in done.too_large[:_CUT_SHOWN])
        out.print(f"Larger than their topic allows (max.message.bytes), not sent: {places}.")
    gone = len(plan.taken) - done.sent - len(done.too_large)
    if gone:
        out.print(f"Deleted by Kafka before they could be sent: {gone}.")


def _print_letter(letter: DeadLetter, noted: str | None, limit: int) -> None:
    topic, partition, offset = letter.source or ("-", "-", "-")
    rows = [
        ("place", f"{_text(letter.place)}, {_moment(letter.at_ms)}" + (f", {noted}" if noted else "")),
        ("reason", letter.reason),
        ("detail", letter.detail),
        ("from", f"topic {topic}, partition {partition}, offset {offset}"),
        ("replays", str(letter.replays)),
        ("key", _readable(letter.key, limit)),
        *((f"header {name}", _readable(value, limit)) for name, value in letter.headers),
    ]
    if letter.cut_from is not None:
        rows.append(("cut", f"the value had {letter.cut_from} bytes; the source still holds all of it"))
    for name, text in rows:
        out.print(Text.assemble((f"{_plain(name)}: ", "bold"), _plain(text)), soft_wrap=True)
    out.print(Text("value:", "bold"))
    out.print(Text(_pretty(letter.value, limit)), soft_wrap=True)


def _pretty(raw: bytes | None, limit: int) -> str:
    """Return a value for people: JSON over several lines, anything else as it is."""
    try:
        text = json.dumps(json.loads(raw or b""), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return _readable(raw, limit)
    return _bounded(_plain(text), limit)


def _readable(raw: bytes | None, limit: int) -> str:
    if raw is None:
        return "(none)"
    try:
        return _bounded(_plain(raw.decode()), limit)
    except UnicodeDecodeError:
        return _bounded(repr(raw), limit)


def _bounded(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n… {len(text) - limit} characters more; --full shows all"


def _plain(text: str) -> str:
    """Return a text that cannot steer a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


def _rows(plan: Plan) -> Iterator[tuple[tuple[Disposition, str, str], int]]:
    order = list(Disposition)
    yield from sorted(plan.tally.items(), key=lambda row: (order.index(row[0][0]), -row[1], row[0]))


def _letters(number: int) -> str:
    return f"{number} dead letter" + ("" if number == 1 else "s")


def _text(place: Place) -> str:
    return f"{place[0]}:{place[1]}"


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
