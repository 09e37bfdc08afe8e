"""Makes one status of the facts. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from workers.clock import iso_text
from workers.core.source_changes import content_hash
from workers.core.source_set import SourceSet
from workers.core.watermarks import Progress, sent_to, silent_sources, silent_types, watermarks_by_type
from workers.state.consistency import Log, check_consistency, end_of_log, partitions_made_with
from workers.state.meta import (
    GENERATION,
    SWEPT,
    counters_of,
    last_actions,
    layout_of,
    topic_id_of,
)
from workers.state.rule_sets.activation import active_rules
from workers.state.source_sets.stored import HASH, as_stored, topics_in
from workers.state.stopped_sources import Stop
from workers.status.attention import Seen, attention_of
from workers.status.facts import Facts, NewestLetters, TopicLog, Unread, known
from workers.status.shapes import (
    FORMAT,
    Brake,
    DeadLetterGroup,
    DeadLetters,
    EventType,
    Generations,
    Group,
    Partition,
    Pause,
    Rule,
    Source,
    SourceStop,
    Status,
    Unknown,
    Worker,
)

_ACTIVE: Final = "active:"


def status_of(facts: Facts) -> Status:
    """Return what the facts say, each part as far as it could be read."""
    redis, kafka = facts.redis, facts.kafka
    now_ms = known(redis.now_ms) or facts.wall_ms
    brake = known(redis.brake)
    servers, held = known(redis.servers), known(redis.held)
    status = Status(
        format=FORMAT,
        at=iso_text(now_ms),
        health="well",
        attention=[],
        unknown=list(_unknown(facts)),
        group=_group(facts),
        partitions=_partitions(facts),
        sources=_sources(facts, now_ms),
        types=_types(facts, now_ms),
        held=None if held is None else list(held),
        dead_letters=_dead_letters(kafka.dead_letters),
        generations=_generations(facts),
        pauses=_pauses(facts),
        brake=None if brake is None else Brake(brake.passed, brake.limit, brake.has_braked),
        rules=_rules(facts),
        redis=None if servers is None else list(servers),
    )
    seen = Seen(
        facts.files.problems, known(kafka.missing) or (), known(redis.differing) or {}, known(redis.experiments) or {}
    )
    return attention_of(status, facts.setting, seen)


def source_set_of(facts: Facts) -> SourceSet | None:
    """Return the sources that workers read, without the topics of patterns if Redis does not say them."""
    file, agreed = known(facts.files.sources), known(facts.redis.agreed)
    if file is None:
        return None
    if agreed is None:
        return SourceSet(file)
    if agreed.source_sets.get(HASH) == content_hash(file):
        return as_stored(file, agreed.source_sets)
    return SourceSet(file, topics=topics_in(agreed.source_sets))


def _unknown(facts: Facts) -> Iterator[Unknown]:
    redis, kafka = facts.redis, facts.kafka
    asked: dict[str, object] = {
        "clock": redis.now_ms,
        "meta": redis.metas,
        "queues": redis.queues,
        "held": redis.held,
        "waiting": redis.waiting,
        "progress": redis.progress,
        "decided": redis.seen,
        "generations": redis.agreed,
        "stopped_sources": redis.stops,
        "brake": redis.brake,
        "memory": redis.servers,
        "workers_files": redis.differing,
        "experiments": redis.experiments,
        "group": kafka.group,
        "activity_log": kafka.activity,
        "first_unread": kafka.first_unread_ms,
        "source_logs": kafka.sources,
        "dead_letters": kafka.dead_letters,
        "pauses": kafka.pauses,
        "topics": kafka.missing,
        "sources_file": facts.files.sources,
        "rule_files": facts.files.rules_hash,
    }
    for topic, log in (known(kafka.sources) or {}).items():
        asked[f"source_log {topic}"] = log
    letters = known(kafka.dead_letters)
    if letters is not None and letters.problem is not None:
        asked["dispositions"] = Unread(letters.problem)
    for what, fact in asked.items():
        if isinstance(fact, Unread) and fact.reason:
            yield Unknown(what, fact.reason)


# -- workers and partitions ------------------------------------------------------------------------------------


def _group(facts: Facts) -> Group | None:
    group = known(facts.kafka.group)
    if group is None:
        return None
    activity = facts.setting.activity
    workers = [
        Worker(
            name=member.member_id,
            client_id=member.client_id,
            host=member.host,
            format=member.wire_format,
            partitions=sorted(place.partition for place in member.partitions if place.topic == activity),
            source_partitions=sum(place.topic != activity for place in member.partitions),
        )
        for member in group.members
    ]
    return Group(facts.setting.group_id, group.state, workers)


def _partitions(facts: Facts) -> list[Partition]:
    setting, redis, kafka = facts.setting, facts.redis, facts.kafka
    group = known(kafka.group)
    owners = {
        place.partition: member.member_id
        for member in (() if group is None else group.members)
        for place in member.partitions
        if place.topic == setting.activity
    }
    metas, queues, seen = known(redis.metas), known(redis.queues), known(redis.seen) or {}
    first_ms = known(kafka.first_unread_ms) or {}
    ends = _activity_ends(facts)
    rows = []
    for number in range(setting.partitions):
        fields = None if metas is None else metas[number]
        waiting = None if queues is None else queues[number]
        end, offset = ends.get(number), None if fields is None else int(fields.get("offset", -1))
        lag = None if end is None or offset is None else _lag(facts, number, offset, end)
        decided_ms = seen.get(number)
        rows.append(
            Partition(
                partition=number,
                worker=owners.get(number),
                offset=offset,
                end=end,
                lag=lag,
                lag_seconds=_lag_seconds(lag, first_ms.get(number), facts.wall_ms),
                decided_until=iso_text(decided_ms) if decided_ms else None,
                due_ahead=None if waiting is None else max(0, waiting.due - waiting.overdue),
                overdue=None if waiting is None else waiting.overdue,
                oldest_due=iso_text(waiting.oldest_due_ms) if waiting is not None and waiting.oldest_due_ms else None,
                outbox=None if waiting is None else waiting.outbox,
                held=None if waiting is None else waiting.held,
                generation=None if fields is None else int(fields.get(GENERATION) or 0),
                swept=None if fields is None else int(fields.get(SWEPT) or 0),
                layout=layout_of(fields) if fields else None,
                problem=_mismatch(facts, number, fields, end),
            )
        )
    return rows


def _activity_ends(facts: Facts) -> dict[int, int]:
    log, progress = known(facts.kafka.activity), known(facts.redis.progress) or {}
    is_lower_bound = not facts.setting.ends_are_exact
    return {
        number: end_of_log(bounds.end, sent_to(number, progress.values()), is_lower_bound=is_lower_bound)
        for number, bounds in ({} if log is None else log.bounds).items()
    }


def _lag(facts: Facts, number: int, offset: int, end: int) -> int:
    log = known(facts.kafka.activity)
    earliest = 0 if log is None else log.bounds[number].earliest
    return max(0, end - max(offset, earliest))


def _lag_seconds(lag: int | None, first_ms: int | None, wall_ms: int) -> int | None:
    if lag == 0:
        return 0
    return None if lag is None or first_ms is None else max(0, wall_ms - first_ms) // 1000


def _mismatch(facts: Facts, number: int, fields: Mapping[str, str] | None, end: int | None) -> str | None:
    log, setting = known(facts.kafka.activity), facts.setting
    if not fields:
        return None
    made_with = partitions_made_with(fields)
    if made_with not in (None, setting.partitions):
        return (
            f"its state was made with {made_with} partitions, LINGER_PARTITIONS is {setting.partitions}. "
            f"Set LINGER_PARTITIONS={made_with}"
        )
    if log is None or end is None:
        return None
    bounds = log.bounds[number]
    stored = Log(log.topic, log.topic_id, len(log.bounds), bounds.earliest, end)
    mismatch = check_consistency(fields, int(fields.get("offset", -1)), topic_id_of(fields), stored)
    return None if mismatch is None else str(mismatch)


# -- sources and types -----------------------------------------------------------------------------------------


def _sources(facts: Facts, now_ms: int) -> list[Source] | None:
    progress, stops, logs = known(facts.redis.progress), known(facts.redis.stops), known(facts.kafka.sources)
    sources = source_set_of(facts)
    if progress is None and (logs is None or sources is None):
        return None
    topics = topics_of(facts)
    silent = {} if sources is None or progress is None else silent_sources(sources.read, progress, now_ms)
    agreed = known(facts.redis.agreed)
    read_ids = {} if agreed is None else agreed.source_ids
    rows = []
    for topic in topics:
        log = None if logs is None else logs.get(topic, Unread(""))
        reports = {place[1]: report for place, report in (progress or {}).items() if place[0] == topic}
        ends = None if not isinstance(log, TopicLog) else log
        until_ms = min((report.watermark_ms for report in reports.values()), default=0)
        last_ms = max((report.last_event_ms() for report in reports.values()), default=0)
        record_ms = max((report.last_record_ms for report in reports.values()), default=0)
        rows.append(
            Source(
                topic=topic,
                partitions=max((report.partitions for report in reports.values()), default=0)
                if ends is None
                else len(ends.bounds),
                lag=None if ends is None or progress is None else _source_lag(ends, reports),
                read_until=iso_text(until_ms) if until_ms else None,
                lag_seconds=max(0, now_ms - until_ms) // 1000 if until_ms else None,
                last_event=iso_text(last_ms) if last_ms else None,
                last_record=iso_text(record_ms) if record_ms else None,
                silent_since=iso_text(silent[topic]) if topic in silent else None,
                stopped=None if stops is None else _stop({p.partition: s for p, s in stops.of_topic(topic).items()}),
                is_recreated=ends is not None and ends.topic_id not in (None, read_ids.get(topic, ends.topic_id)),
            )
        )
    return rows


def topics_of(facts: Facts) -> list[str]:
    """Return the topics that intake reads, from the sources or, if these cannot be read, from what was reported."""
    sources, progress = source_set_of(facts), known(facts.redis.progress) or {}
    names = [topic for topic, _ in progress] if sources is None else [source.topic for source in sources.read.sources]
    return sorted({*names} - {facts.setting.activity})


def _source_lag(log: TopicLog, reports: Mapping[int, Progress]) -> int:
    offsets = {number: report.offset for number, report in reports.items()}
    return sum(
        max(0, bounds.end - max(bounds.earliest, offsets.get(number, 0))) for number, bounds in log.bounds.items()
    )


def _stop(stops: Mapping[int, Stop]) -> SourceStop | None:
    if not stops:
        return None
    numbers = sorted(stops)
    first = stops[numbers[0]]
    return SourceStop(numbers, first.cause, first.problem, iso_text(first.since_ms))


def _types(facts: Facts, now_ms: int) -> list[EventType] | None:
    progress, waiting = known(facts.redis.progress), known(facts.redis.waiting)
    sources = source_set_of(facts)
    if (progress is None or sources is None) and waiting is None:
        return None
    watermarks: Mapping[str, int] = {}
    silent: Mapping[str, int] = {}
    if sources is not None and progress is not None:
        watermarks = watermarks_by_type(sources.counted, progress)
        silent = silent_types(sources.read, progress, now_ms)
    rows = []
    waited_for = {name for name, count in (waiting or {}).items() if count or not watermarks}
    for name in sorted({*watermarks, *waited_for}):
        until_ms = min(now_ms, watermarks.get(name, 0))
        rows.append(
            EventType(
                type=name,
                watermark=iso_text(until_ms) if until_ms else None,
                behind_seconds=(now_ms - until_ms) // 1000 if until_ms else None,
                silent_since=iso_text(silent[name]) if name in silent else None,
                waiting=None if waiting is None else waiting.get(name, 0),
            )
        )
    return rows


# -- the rest --------------------------------------------------------------------------------------------------


def _dead_letters(newest: NewestLetters | Unread) -> DeadLetters | None:
    if isinstance(newest, Unread):
        return None
    letters: Counter[tuple[str, str]] = Counter()
    still_open: Counter[tuple[str, str]] = Counter()
    latest_ms: dict[tuple[str, str], int] = {}
    for letter in newest.letters:
        group = letter.reason, letter.topic
        letters[group] += 1
        still_open[group] += bool(letter.is_open)
        latest_ms[group] = max(letter.at_ms, latest_ms.get(group, 0))
    groups = [
        DeadLetterGroup(
            reason=reason,
            topic=topic,
            letters=count,
            open=None if newest.problem else still_open[reason, topic],
            newest=iso_text(latest_ms[reason, topic]),
        )
        for (reason, topic), count in sorted(letters.items(), key=lambda item: (-item[1], item[0]))
    ]
    return DeadLetters(newest.stored, len(newest.letters), groups)


def _generations(facts: Facts) -> Generations | None:
    agreed, metas, files = known(facts.redis.agreed), known(facts.redis.metas), facts.files
    if agreed is None:
        return None
    newest = int(agreed.rules.get("generation", 0))
    sources, rules_hash = known(files.sources), known(files.rules_hash)
    stored = None if metas is None else {number: fields for number, fields in sorted(metas.items()) if fields}
    return Generations(
        rules=newest,
        rules_hash=agreed.rules.get("hash"),
        behind=None if stored is None else [n for n, f in stored.items() if int(f.get(GENERATION) or 0) < newest],
        unswept=None if stored is None else [n for n, f in stored.items() if int(f.get(SWEPT) or 0) < newest],
        sources=int(agreed.source_sets.get("generation", 0)),
        sources_hash=agreed.source_sets.get(HASH),
        rules_here=None if rules_hash is None else rules_hash == agreed.rules.get("hash"),
        sources_here=None if sources is None else content_hash(sources) == agreed.source_sets.get(HASH),
    )


def _pauses(facts: Facts) -> list[Pause] | None:
    pauses = known(facts.kafka.pauses)
    if pauses is None:
        return None
    return [Pause(record.rule, record.by, iso_text(record.at_ms), record.because) for record in pauses.paused()]


def _rules(facts: Facts) -> list[Rule] | None:
    agreed, metas, pauses = known(facts.redis.agreed), known(facts.redis.metas), known(facts.kafka.pauses)
    if agreed is None or metas is None:
        return None
    actions: Counter[str] = Counter()
    last_ms: dict[str, int] = {}
    for fields in metas.values():
        for name, count in counters_of(fields).items():
            if name.startswith(_ACTIVE):
                actions[name.removeprefix(_ACTIVE)] += count
        for rule_id, at_ms in last_actions(fields).items():
            last_ms[rule_id] = max(at_ms, last_ms.get(rule_id, 0))
    active = set(active_rules(agreed.rules))
    return [
        Rule(
            rule=rule_id,
            active=rule_id in active,
            last_action=iso_text(last_ms[rule_id]) if rule_id in last_ms else None,
            actions=actions[rule_id],
            paused=None if pauses is None else pauses.is_paused(rule_id),
        )
        for rule_id in sorted({*active, *actions, *last_ms})
    ]
