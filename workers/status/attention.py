"""What of a status needs an operator, with what to do about it. Pure.

A pause is meant, so it needs no one; neither do actions that wait for their rule's pace, nor customers whose due time
lies ahead.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from schemas.experiments import EVERY_RULE, ExperimentEntry
from workers.clock import iso_text
from workers.dead_letters.disposition import write_runs
from workers.status.facts import Setting
from workers.status.shapes import Attention, Source, Status

BEHIND_SECONDS: Final = 900
"""More than this is behind: the same quarter of an hour as of the alarms in docs/alerts.yaml."""
LETTERS_SECONDS: Final = 3_600
"""Open dead letters that are not older than this need attention."""
FULL: Final = 0.8
"""More than this share of `maxmemory` needs attention."""
_PROBLEMS: Final = 3
_PAGE: Final = "docs/operating.md"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen beside a status.

    Attributes:
        file_problems: why workers would not load the files that are here.
        missing_topics: topics of Linger and sources that do not exist.
        differing: by worker its rules and sources, in words, if not all have the same.
        experiments: what is kept of each, by its key.
    """

    file_problems: Sequence[str]
    missing_topics: Sequence[str]
    differing: Mapping[str, str]
    experiments: Mapping[str, ExperimentEntry]


def attention_of(status: Status, setting: Setting, seen: Seen) -> Status:
    """Return a status with what needs attention, and its health.

    Args:
        status: without these.
        setting: of the command.
        seen: beside the status.
    """
    attention = [
        *_workers(status, setting),
        *_partitions(status, setting),
        *_sources(status),
        *_types(status),
        *_topics(seen.missing_topics, setting),
        *_queues(status, setting),
        *_dead_letters(status),
        *_differing(seen.differing),
        *_generations(status, seen.file_problems),
        *_memory(status),
        *_experiments(seen.experiments),
    ]
    health = "attention" if attention else "incomplete" if status.unknown else "well"
    return replace(status, attention=attention, health=health)


def _workers(status: Status, setting: Setting) -> Iterator[Attention]:
    if status.group is None:
        return
    if not status.group.workers:
        yield Attention(
            "workers",
            f"no worker runs in the group '{setting.group_id}'",
            "start them: linger run; the last line of the log says why one ended. If they run, "
            "LINGER_KAFKA_GROUP_ID is not theirs",
        )
        return
    unowned = [row.partition for row in status.partitions if row.worker is None]
    if unowned and status.group.state == "Stable":
        yield Attention(
            "workers",
            f"{_named(unowned)} of '{setting.activity}' without a worker",
            "see LINGER_PARTITIONS and LINGER_TOPIC_PREFIX, and the workers' log",
        )


def _partitions(status: Status, setting: Setting) -> Iterator[Attention]:
    if status.partitions and all(row.offset == -1 and row.layout is None for row in status.partitions):
        yield Attention(
            "partitions",
            f"nothing is stored under the namespace '{setting.namespace}'",
            "no worker has run with it; see LINGER_REDIS_NAMESPACE and LINGER_REDIS_URL. If state was lost: "
            f"{_PAGE}, 'Redis was emptied'",
        )
    by_problem: dict[str, list[int]] = {}
    for row in status.partitions:
        if row.problem is not None:
            by_problem.setdefault(row.problem, []).append(row.partition)
    for problem, numbers in by_problem.items():
        yield Attention("partitions", f"{_named(numbers)}: {problem}", f"{_PAGE}, 'A partition is stopped'")
    late = [row for row in status.partitions if (row.lag_seconds or 0) > BEHIND_SECONDS]
    if late:
        worst = max(late, key=lambda row: row.lag_seconds or 0)
        records = sum(row.lag or 0 for row in late)
        yield Attention(
            "partitions",
            f"{_named([row.partition for row in late])}: {records} records are not read, the first for "
            f"{duration_text(worst.lag_seconds or 0)}",
            "see whether their workers run and Redis and Kafka answer them (their log); else start more workers",
        )


def _sources(status: Status) -> Iterator[Attention]:
    # Without a worker nothing is read, which says nothing about the producers.
    is_read = status.group is None or bool(status.group.workers)
    for source in status.sources or ():
        if source.is_recreated:
            yield Attention(
                "sources",
                f"'{source.topic}' was deleted and created again: workers end, and refuse to start",
                f"stop all workers, then: linger sources forget {source.topic}; then start them",
            )
        elif source.stopped is not None:
            yield Attention(
                "sources",
                f"'{source.topic}', {_named(source.stopped.partitions)}, is not read further since "
                f"{source.stopped.since}: {source.stopped.problem}",
                f"{_PAGE}, 'A source is stopped'; then: linger sources resume {source.topic}",
            )
        elif (source.lag_seconds or 0) > BEHIND_SECONDS:
            yield _behind(source)
        if is_read and source.silent_since is not None and source.stopped is None:
            yield _silent(source, source.silent_since)


def _silent(source: Source, since: str) -> Attention:
    if source.last_record is not None and _ms(source.last_record) > _ms(since):
        return Attention(
            "sources",
            f"'{source.topic}' is silent: records come, the latest at {source.last_record}, "
            f"but none became an event since {since}",
            f"see why, `only_when` first: linger sources try {source.topic} --last 20; the rules that read it wait",
        )
    return Attention(
        "sources",
        f"'{source.topic}' is silent: nothing of it became an event since {since}",
        "find out whether its producer runs; the rules that read it wait. If it may be silent for so long, "
        "raise its max_silence",
    )


def _behind(source: Source) -> Attention:
    records = "" if source.lag is None else f", {source.lag} records wait"
    return Attention(
        "sources",
        f"'{source.topic}' is read up to {source.read_until} only{records}",
        "see whether workers run, and Kafka and a schema registry answer them (their log); else start more",
    )


def _types(status: Status) -> Iterator[Attention]:
    for row in status.types or ():
        if row.silent_since is not None:
            yield Attention(
                "types",
                f"the event type '{row.type}' is silent since {row.silent_since}",
                "find out whether it is still sent, and read as this type: linger sources try TOPIC --last 20",
            )


def _topics(missing: Sequence[str], setting: Setting) -> Iterator[Attention]:
    for name in missing:
        remedy = "check `topic` in sources.yaml, or create it; the rules that read it wait"
        if name.startswith(f"{setting.prefix}."):
            remedy = "what goes there waits: linger topics create"
        yield Attention("topics", f"topic '{name}' does not exist", remedy)


def _queues(status: Status, setting: Setting) -> Iterator[Attention]:
    since_ms = _ms(status.at) - BEHIND_SECONDS * 1000
    late = [row for row in status.partitions if row.oldest_due and _ms(row.oldest_due) < since_ms]
    if late:
        oldest_ms = min(_ms(row.oldest_due) for row in late if row.oldest_due)
        overdue = sum(row.overdue or 0 for row in late)
        yield Attention(
            "due",
            f"{overdue} customers are overdue, the first since {iso_text(oldest_ms)}",
            "they are decided once every type is read that far: see what is behind, silent or stopped",
        )
    full = [row.partition for row in status.partitions if (row.outbox or 0) > setting.outbox_limit // 2]
    if full:
        yield Attention(
            "outbox",
            f"{_named(full)}: more than half of LINGER_OUTBOX_LIMIT ({setting.outbox_limit}) waits for Kafka",
            "see whether Kafka accepts records in Linger's topics: linger doctor",
        )
    braked = sum(row.held for row in status.held or () if row.because == "brake")
    if braked:
        yield Attention(
            "held",
            f"the brake holds {braked} actions",
            "linger rules held; then linger rules release or discard, and set `brake` if so many are meant",
        )


def _dead_letters(status: Status) -> Iterator[Attention]:
    since_ms = _ms(status.at) - LETTERS_SECONDS * 1000
    letters = status.dead_letters
    if letters is None:
        return
    # Offsets are counted, so letters that were deleted may make this too careful, and never too sure.
    part = f" (of the newest {letters.looked_at})" if letters.stored > letters.looked_at else ""
    for group in letters.groups:
        if group.open and _ms(group.newest) > since_ms:
            yield Attention(
                "dead_letters",
                f"{group.open} open dead letters{part} of '{group.topic or '-'}' because of {group.reason}, "
                f"the newest at {group.newest}",
                f"linger dead-letters list; then fix the producer or sources.yaml ({_PAGE}, 'Dead letters')",
            )


def _generations(status: Status, file_problems: Sequence[str]) -> Iterator[Attention]:
    if file_problems:
        more = len(file_problems) - _PROBLEMS
        shown = "; ".join(file_problems[:_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
        yield Attention(
            "generations",
            f"workers cannot load the files that are here, so older ones stay in force: {shown}",
            "linger rules check names every problem",
        )
    if status.generations is None:
        return
    generations = status.generations
    loads = "if they were just changed, workers load them within seconds; else see their log and their files"
    if generations.rules_here is False and generations.rules and not file_problems:
        problem = f"rules are in force (set {generations.rules}) that are not those of the files here"
        yield Attention("generations", problem, f"{loads}. To go back to these: linger rules promote")
    if generations.sources_here is False and generations.sources and not file_problems:
        problem = f"a sources.yaml is in force (generation {generations.sources}) that is not the file here"
        yield Attention("generations", problem, f"{loads}. To go back to this one: linger sources promote")


def _differing(versions: Mapping[str, str]) -> Iterator[Attention]:
    if versions:
        listed = "; ".join(f"'{name}' has {version}" for name, version in versions.items())
        yield Attention(
            "generations",
            f"workers decide by different files: {listed}",
            "if they were just changed, this passes within seconds; else give every worker the same files",
        )


def _experiments(experiments: Mapping[str, ExperimentEntry]) -> Iterator[Attention]:
    for entry in experiments.values():
        if entry.unhealthy_since is not None and entry.closed_at is None:
            name = "all rules together" if entry.name == EVERY_RULE else f"'{entry.name}'"
            yield Attention(
                "experiments",
                f"since {iso_text(entry.unhealthy_since)} the arms of the experiment {name} do not have the sizes "
                "that its hold-out gives them",
                "customers are lost or added in one arm only, so its figures are hidden: linger experiments, and "
                "docs/does-it-help.md, 'Groups that do not fit'",
            )


def _memory(status: Status) -> Iterator[Attention]:
    for server in status.redis or ():
        if server.max_bytes and server.used_bytes > FULL * server.max_bytes:
            yield Attention(
                "memory",
                f"Redis at {server.server} uses {server.used_bytes >> 20} of {server.max_bytes >> 20} MiB",
                "when it is full, nothing can be written and all workers wait: redis-cli CONFIG SET maxmemory SIZE, "
                "and in redis.conf",
            )
        if server.policy not in ("", "noeviction"):
            yield Attention(
                "memory",
                f"Redis at {server.server} may evict customers: maxmemory-policy is {server.policy}",
                "redis-cli CONFIG SET maxmemory-policy noeviction, and in redis.conf",
            )


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _named(numbers: Sequence[int]) -> str:
    return f"partition{'s' * (len(numbers) > 1)} {write_runs(numbers)}"


def duration_text(seconds: int) -> str:
    """Write a number of seconds for people: its two largest units, such as `2 h 5 min`."""
    parts: list[str] = []
    for name, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        if count or parts:
            parts.append(f"{count} {name}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part) or "0 s"
