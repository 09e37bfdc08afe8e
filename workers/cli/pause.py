"""`linger pause`, `linger resume` and `linger paused`: rules that send nothing for now, and who said so."""

import asyncio
import difflib
import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from workers.audit.actor import os_user
from workers.cli.audit_commands.changing import By, changing, one_reason, who
from workers.cli.output import EXIT_PROBLEM, AsJson, complain, out, print_json
from workers.clock import iso_text
from workers.errors import StartupError, Transient
from workers.operations.pausing import Obedience, known_rules, read_pauses, until_obeyed, write_pauses
from workers.pauses.pause_list import PauseList
from workers.pauses.record import ALL_RULES, PauseRecord
from workers.printing import print_table, table_of
from workers.rule_files.rules import load_book
from workers.settings import Settings, read_settings
from workers.state.brake import BrakeState, brake_state
from workers.state.connect import clock_of, opened_store
from workers.state.settings_check import check_settings
from workers.state.store import Store

_PATIENCE_SECONDS: Final = 10.0

Rules = Annotated[list[str] | None, typer.Argument(metavar="[RULE]...", help="Ids of rules.")]
AllRules = Annotated[bool, typer.Option("--all", help="All rules together, also those that are added later.")]
Why = Annotated[str, typer.Option("--because", "--reason", metavar="TEXT", help="Why; it is kept.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("pause")(pause)
    app.command("resume")(resume)
    app.command("paused")(paused)


def pause(
    context: typer.Context,
    rules: Rules = None,
    everything: AllRules = False,
    because: Why = "",
    by: By = None,
    show: Annotated[bool, typer.Option("--list", help="Only show what is paused.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send no actions of some rules, or of any, until linger resume. Two seconds after this nothing more goes out.

    Actions are held, not dropped; they expire as ever. Retractions are sent. A pause outlives workers, reloads and a
    lost Redis. Without a rule it shows what is paused. Exit status 1 if a worker has not confirmed it.
    """
    settings = read_settings(context.obj)
    names = _names(rules, everything=everything)
    if show or not names:
        _show(settings, as_json=as_json)
        return
    reason = one_reason(because)
    if not reason:
        raise StartupError(['say why, for those who find the pause later: --because "the offer is wrong"'])
    with changing(context, settings, by, because) as trail:
        is_certain = asyncio.run(_pause(settings, names, _who(settings, by), reason, as_json=as_json))
        trail.counts["rules"] = len(names)
        if not is_certain:
            trail.problems.append("written, but not every worker has confirmed it")
    if not is_certain:
        sys.exit(EXIT_PROBLEM)


def resume(
    context: typer.Context,
    rules: Rules = None,
    everything: AllRules = False,
    because: Why = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """End a pause. What is held goes out by itself, oldest first: at the rule's pace, without one 500 an hour.

    --all ends the pause of all rules together; a rule that was paused by its name stays paused until it is named.
    Exit status 1 if there was nothing to resume, or a worker has not confirmed it.
    """
    settings = read_settings(context.obj)
    names = _names(rules, everything=everything)
    if not names:
        raise StartupError(["say what to resume: RULE, or --all; linger paused shows what is paused"])
    reason = one_reason(because)
    with changing(context, settings, by, because):
        if not asyncio.run(_resume(settings, names, _who(settings, by), reason, as_json=as_json)):
            sys.exit(EXIT_PROBLEM)


def paused(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what is paused: since when, by which user, the reason, and how far the brake of this hour is."""
    _show(read_settings(context.obj), as_json=as_json)


# -- the work ----------------------------------------------------------------------------------------------------


def _names(rules: Sequence[str] | None, *, everything: bool) -> list[str]:
    names = list(dict.fromkeys(rules or ()))
    if names and everything:
        raise StartupError(["give rules, or --all, but not both"])
    return [ALL_RULES] if everything else names


def _who(settings: Settings, by: str | None) -> str:
    return who(settings, by) or os_user()


async def _pause(settings: Settings, names: list[str], by: str, because: str, *, as_json: bool) -> bool:
    async with opened_store(settings) as store:
        if names != [ALL_RULES]:
            await _refuse_unknown(settings, store, names)
        known = await read_pauses(settings)  # the topic exists and can be read, before anything is promised
        is_certain = await _write(settings, store, names, by, because, pausing=True, as_json=as_json)
    if not as_json:
        for record in known.paused():
            if record.rule in names:
                before = f"since {iso_text(record.at_ms)} by {record.by}, because: {record.because}"
                out.print(
                    f"{_named(record.rule)}: paused already {before}. The new reason replaces it.", markup=False
                )
    return is_certain


async def _resume(settings: Settings, names: list[str], by: str, because: str, *, as_json: bool) -> bool:
    known = await read_pauses(settings)
    problems = [problem for name in names if (problem := _not_paused(known, name)) is not None]
    if problems:
        for problem in problems:
            complain(problem)
        return False
    async with opened_store(settings) as store:
        is_certain = await _write(settings, store, names, by, because, pausing=False, as_json=as_json)
    still = [record.rule for record in known.paused() if record.rule not in names]
    if still and not as_json:
        out.print("Still paused: " + ", ".join(_named(name) for name in still), markup=False)
    return is_certain


def _not_paused(known: PauseList, name: str) -> str | None:
    record = known.newest(name)
    if record is not None and record.paused:
        return None
    alone = ", ".join(record.rule for record in known.paused() if record.rule != ALL_RULES)
    if name == ALL_RULES:
        return "there is no pause of all rules" + (f"; paused by name: {alone}" if alone else "")
    if known.is_paused(name):
        return f"'{name}' is paused with all rules; end that with: linger resume --all"
    return f"'{name}' is not paused" + (f"; paused are: {alone}" if alone else "")


async def _refuse_unknown(settings: Settings, store: Store, names: Sequence[str]) -> None:
    # Broken rule files are no reason to refuse a pause: what can be read of them counts, and what workers have.
    book, _ = await asyncio.to_thread(load_book, [settings.rules])
    known = await known_rules(store, {rule.id for rule in book.rules})
    problems = []
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; there are: {', '.join(sorted(known)) or 'none'}"
            problems.append(f"there is no rule '{name}'{hint}")
    if problems:
        raise StartupError(problems)


async def _write(
    settings: Settings, store: Store, names: Sequence[str], by: str, because: str, *, pausing: bool, as_json: bool
) -> bool:
    at_ms = time.time_ns() // 1_000_000
    records = [PauseRecord(rule=name, paused=pausing, by=by, at_ms=at_ms, because=because) for name in names]
    offset = await write_pauses(settings, records)
    obedience = await until_obeyed(settings, store, offset, _PATIENCE_SECONDS)
    if as_json:
        print_json(
            {
                "paused" if pausing else "resumed": [_document(record) for record in records],
                "workers": obedience.has_workers,
                "unconfirmed_partitions": list(obedience.missing),
                "problem": obedience.problem,
            }
        )
    else:
        what = ", ".join(_named(name) for name in names)
        out.print(f"{'Paused' if pausing else 'Resumed'}: {what}.", markup=False)
        _say(obedience, pausing=pausing)
    return obedience.is_certain


def _say(obedience: Obedience, *, pausing: bool) -> None:
    effect = "sends no more actions of it" if pausing else "sends its actions again"
    if obedience.has_workers is False:
        out.print("No worker runs; it counts when one starts.")
    elif obedience.problem is not None:
        complain(f"it is written, but whether workers obey cannot be seen: {obedience.problem}")
    elif obedience.missing:
        numbers = ", ".join(map(str, obedience.missing))
        complain(
            f"it is written, but the owner of these partitions has not confirmed it: {numbers}. A worker that runs "
            "obeys within two seconds; look for one that hangs or has an older release"
        )
    else:
        out.print(f"Every worker has confirmed it and {effect}.")


# -- what is shown -----------------------------------------------------------------------------------------------


def _show(settings: Settings, *, as_json: bool) -> None:
    known, brake = asyncio.run(_read(settings))
    records = known.paused()
    if as_json:
        print_json({"paused": [_document(record) for record in records], "brake": _brake_document(brake)})
        return
    if records:
        table = table_of("rule", "since", "by", "because")
        for record in records:
            cells = _named(record.rule), iso_text(record.at_ms), record.by, record.because
            table.add_row(*map(escape, cells))
        print_table(out, table)
    else:
        out.print("Nothing is paused.")
    out.print(_brake_text(brake))


async def _read(settings: Settings) -> tuple[PauseList, BrakeState | str]:
    known = await read_pauses(settings)
    async with opened_store(settings) as store:
        try:
            await check_settings(store, settings)
            return known, await brake_state(store, (await clock_of(settings, store).read()).now_ms)
        except (StartupError, Transient) as error:
            return known, str(error)


def _named(rule_id: str) -> str:
    return "all rules" if rule_id == ALL_RULES else rule_id


def _document(record: PauseRecord) -> dict[str, Any]:
    return {
        "rule": None if record.rule == ALL_RULES else record.rule,
        "at": iso_text(record.at_ms),
        "by": record.by,
        "because": record.because,
    }


def _brake_document(brake: BrakeState | str) -> dict[str, Any] | None:
    if isinstance(brake, str):
        return None
    return {
        "passed_this_hour": brake.passed,
        "limit": brake.limit,
        "from": None if brake.limit is None else "rule files" if brake.is_written else "default",
        "holds": brake.has_braked,
    }


def _brake_text(brake: BrakeState | str) -> str:
    if isinstance(brake, str):
        return f"The brake is not known: {brake}"
    if brake.limit is None:
        return "The brake: nothing has been counted yet."
    origin = "written in the rule files" if brake.is_written else "by default: ten times the greatest hour of 28 days"
    held = "; it has held actions in this hour: linger rules held" if brake.has_braked else ""
    return f"The brake: {brake.passed} of at most {brake.limit} actions in this hour ({origin}){held}."
