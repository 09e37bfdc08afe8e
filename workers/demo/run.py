"""`linger demo`: a broker, a store, real workers and a replayed history on one machine, and a screen to watch."""

import asyncio
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from ruamel.yaml import YAML

from workers.core.customer.stage import code_of_stage
from workers.core.rules.rule_set import RuleSet
from workers.demo.embedded import EmbeddedError, Pair, running_pair
from workers.demo.mailer import Mailer
from workers.demo.player import Player
from workers.demo.processes import Workers, WorkersFailed
from workers.demo.report import make_report, print_report
from workers.demo.rules import copy_rules
from workers.demo.screen import Picture, draw, line, stages_in_words
from workers.demo.verify import expected_actions
from workers.errors import LingerError, StartupError, Transient
from workers.histories import cdnow
from workers.histories.history import History, HistoryError
from workers.histories.simulated import simulate
from workers.kafka.topics import TopicPlan, connected_admin, create_missing
from workers.loading import load_configuration
from workers.settings import read_settings
from workers.source_files.reading import load_sources
from workers.source_files.shop import with_the_shop
from workers.state.connect import open_store
from workers.state.meta import counters_of, on_stage_field
from workers.state.replay_clock import ReplayClock

_HOME: Final = Path(__file__).resolve().parents[2]
_PARTITIONS: Final = 8
_SOURCE_PARTITIONS: Final = 4
_TAIL_SECONDS: Final = 4.0
"""Workers need about this long to finish after the last record."""
_SHORTEST_REPLAY_SECONDS: Final = 5.0
_TIMEOUT_SECONDS: Final = 90.0
_POLL_SECONDS: Final = 0.25
_STAGES_SECONDS: Final = 5.0
"""How long the demo waits for the first stages of the last customers."""
_LINE_SECONDS: Final = 5.0
_MAX_EXAMPLES: Final = 5
_PAGE: Final = "demo-report.html"


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The options of the command line.

    Attributes:
        history: `simulated` or `cdnow`.
        seconds: about how long the replay takes; None for as fast as the workers can.
        workers: how many worker processes, 1 or more.
        seed: of the simulated history.
        verify: compare the actions with those of the pure core.
        kill: half-way, end one worker by SIGKILL and start another.
        as_json: print the summary as JSON; the screen goes to standard error then.
        picture: where to write the last screen as an SVG file; None for nowhere.
        bootstrap_servers: the Kafka to use instead of the embedded broker; goes together with `redis_url`.
        redis_url: the Redis to use instead of the embedded store.
        environment: variables for the worker processes: this process's own, without settings of Linger.
    """

    history: str
    seconds: int | None
    workers: int
    seed: int
    verify: bool
    kill: bool
    as_json: bool
    picture: Path | None
    bootstrap_servers: str | None
    redis_url: str | None
    environment: Mapping[str, str]


class DemoFailed(Exception):
    """The demo cannot continue; the message says why."""


@dataclass(frozen=True, slots=True)
class _Installation:
    """Where a demo runs.

    Attributes:
        folder: for its files and logs; removed afterwards.
        prefix: of topics, keys and the consumer group; empty for an embedded broker and store.
        environment: the settings of its workers, as environment variables.
    """

    folder: Path
    prefix: str
    environment: Mapping[str, str]


def run_demo(options: DemoOptions) -> int:
    """Run the whole demo and return the exit status."""
    started = time.monotonic()
    console = Console(stderr=options.as_json)
    try:
        history = _history(options)
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="linger-demo-")))
            pair = stack.enter_context(_pair(options, folder))
            prefix = "" if options.bootstrap_servers is None else f"demo-{uuid.uuid4().hex[:6]}."
            installation = _Installation(folder, prefix, demo_settings(pair, history, folder, prefix))
            summary = asyncio.run(_replay(options, history, installation, console, started))
            report = None
            if not options.as_json:
                variables = {**options.environment, **installation.environment}
                report = make_report(variables, console.width, _kept_folder() / _PAGE)
    except (DemoFailed, HistoryError, EmbeddedError, WorkersFailed, StartupError, LingerError) as error:
        Console(stderr=True).print(f"[bold red]error:[/] {error}", highlight=False)
        return 1
    if options.as_json:
        sys.stdout.write(json.dumps(summary) + "\n")
    else:
        if report is not None:
            print_report(report, console)
        _print_summary(console, summary, options)
    return 1 if summary.get("missing") or summary.get("extra") or summary["differing"] else 0


async def _replay(
    options: DemoOptions, history: History, installation: _Installation, console: Console, started: float
) -> dict[str, Any]:
    # Kafka's clients must be created inside a running event loop.
    return await _Demo(options, history, installation, console, started).run()


def _history(options: DemoOptions) -> History:
    if options.history == "simulated":
        return simulate(seed=options.seed)
    if options.history == "cdnow":
        return cdnow.load(_kept_folder())
    raise DemoFailed(f"there is no history '{options.history}'; choose simulated or cdnow")


def _kept_folder() -> Path:
    """Return the folder for what stays when the demo is over: in a checkout, one that git ignores."""
    return _HOME / ".cache" if (_HOME / "Makefile").exists() else Path.home() / ".cache" / "linger"


@contextmanager
def _pair(options: DemoOptions, folder: Path) -> Iterator[Pair]:
    if options.bootstrap_servers is not None and options.redis_url is not None:
        yield Pair(options.bootstrap_servers, options.redis_url)
    elif options.bootstrap_servers is None and options.redis_url is None:
        with running_pair(folder) as pair:
            yield pair
    else:
        raise DemoFailed("give both --bootstrap-servers and --redis-url, or neither")


def demo_settings(pair: Pair, history: History, folder: Path, prefix: str) -> dict[str, str]:
    """Write `sources.yaml` and the rules for a replay, and return the environment variables of its workers.

    Args:
        pair: the broker and the store.
        history: what is replayed.
        folder: for `sources.yaml` and the rules.
        prefix: of topics, keys and the consumer group.
    """
    sources = folder / "sources.yaml"
    with sources.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(_demo_sources(history, prefix), file)
    return {
        **pair.variables(),
        "LINGER_KAFKA_GROUP_ID": f"{prefix}linger",
        "LINGER_REDIS_NAMESPACE": f"{prefix}linger",
        "LINGER_TOPIC_PREFIX": f"{prefix}linger",
        "LINGER_PARTITIONS": str(_PARTITIONS),
        "LINGER_TOPIC_REPLICATION_FACTOR": "1",
        "LINGER_RULES": str(copy_rules(_rules_folder(), folder / "rules")),
        "LINGER_SOURCES": str(sources),
        "LINGER_CLOCK": "replay",
        "LINGER_TICK_MS": "100",
        "LINGER_HTTP_PORT": "0",
        "LINGER_LOG_FORMAT": "json",
    }


def _rules_folder() -> Path:
    local = Path("rules")
    return local.resolve() if local.is_dir() else _HOME / "rules"


def _demo_sources(history: History, prefix: str) -> dict[str, Any]:
    """Return the sources of the topics that the history has, complete since its beginning."""
    path = Path("sources.yaml") if Path("sources.yaml").exists() else _HOME / "sources.yaml"
    shipped, problems = load_sources(path)
    if shipped is None or problems:
        raise StartupError([str(problem) for problem in problems])
    sources = with_the_shop(shipped, {record.topic for record in history.records})
    document = sources.model_dump(mode="json", by_alias=True, exclude_unset=True)
    span = timedelta(milliseconds=history.end_ms - history.start_ms)
    for source in document["sources"]:
        source["topic"] = prefix + source["topic"]
        source["complete_since"] = f"{datetime.fromtimestamp(history.start_ms / 1000, UTC):%Y-%m-%d}"
        # In a short history, the last cancellation may be long before its end.
        source["max_silence"] = f"{span.days + 1} days"
    return document


class _Demo:
    """One run of the demo on a running broker and store.

    Args:
        options: of the command line.
        history: what is replayed.
        installation: where it runs.
        console: where the screen is drawn.
        started: when the command began, by the monotonic clock.
    """

    def __init__(
        self,
        options: DemoOptions,
        history: History,
        installation: _Installation,
        console: Console,
        started: float,
    ) -> None:
        self._options = options
        self._history = history
        self._installation = installation
        self._settings = settings = read_settings(dict(installation.environment))
        self._console = console
        self._started = started
        configuration = load_configuration(settings)
        self._sources, self._rules = configuration.sources, configuration.rules
        self._store = open_store(settings)
        connection = settings.kafka_connection()
        self._connection = connection
        self._player = Player(history, connection, ReplayClock(self._store), installation.prefix)
        self._mailer = Mailer(
            connection, [settings.topic("at-risk"), settings.topic("win-back")], settings.topic("dead-letter")
        )
        self._picture = Picture(title=f"replaying '{history.name}': {len(history.records):,} records")
        self._first_action_seconds: float | None = None
        self._ready_seconds: float | None = None
        self._kills = 0
        self._progress: dict[int, _PartitionProgress] = {}
        self._counters: dict[str, int] = {}
        self._rates: list[tuple[float, int]] = []
        self._decided_at: float | None = None

    async def run(self) -> dict[str, Any]:
        """Run to the end and return the summary."""
        await self._create_topics()
        await self._mailer.start(_PARTITIONS)
        environment = {**self._options.environment, **self._installation.environment}
        live = Live(draw(self._picture), console=self._console, refresh_per_second=4, screen=False, transient=False)
        is_shown = self._console.is_terminal and not self._options.as_json
        try:
            with (
                Workers(self._options.workers, environment, self._installation.folder) as workers,
                ExitStack() as stack,
            ):
                if is_shown:
                    stack.enter_context(live)
                await self._play(workers, live if is_shown else None)
        finally:
            await self._mailer.stop()
        summary = self._summary()
        await self._store.close()
        if self._options.picture is not None:
            _write_picture(self._picture, self._options.picture)
        return summary

    async def _create_topics(self) -> None:
        # A history is older than any retention: Kafka would delete it at the next check.
        unlimited = {"retention.ms": "-1"}
        settings = self._settings
        plans = [
            TopicPlan(settings.topic(name), settings.partitions_of(name), 1, unlimited)
            for name in settings.own_topics
        ]
        plans += [TopicPlan(source.topic, _SOURCE_PARTITIONS, 1, unlimited) for source in self._sources.sources]
        async with connected_admin(self._connection) as admin:
            await create_missing(admin, plans)

    async def _play(self, workers: Workers, live: Live | None) -> None:
        await self._until_claimed(workers, live)
        seconds: float | None = None
        if self._options.seconds is not None:
            spent = time.monotonic() - self._started
            seconds = max(_SHORTEST_REPLAY_SECONDS, self._options.seconds - spent - _TAIL_SECONDS)
        playing = asyncio.create_task(self._player.play(seconds))
        last_line = 0.0
        give_up_at = None
        while not (playing.done() and self._is_finished()):
            if playing.done():
                playing.result()
                give_up_at = give_up_at or time.monotonic() + _TIMEOUT_SECONDS
                if time.monotonic() > give_up_at:
                    raise DemoFailed(
                        f"the workers did not catch up within {_TIMEOUT_SECONDS:.0f} s; see {self._logs()}"
                    )
            workers.restart_ended()
            await self._refresh()
            if self._options.kill and not self._kills and self._picture.done >= 0.5:
                self._kills += 1
                self._picture.note = f"worker {workers.kill_one()} was killed (SIGKILL); another one is starting"
            if live is not None:
                live.update(draw(self._picture))
            elif time.monotonic() - last_line > _LINE_SECONDS:
                last_line = time.monotonic()
                self._console.print(line(self._picture), highlight=False)
        self._finish()
        if live is not None:
            live.update(draw(self._picture))

    async def _until_claimed(self, workers: Workers, live: Live | None) -> None:
        while True:
            metas = await self._store.metas(range(_PARTITIONS))
            if all("owner" in meta for meta in metas.values()):
                self._ready_seconds = time.monotonic() - self._started
                return
            workers.restart_ended()
            self._picture.seconds = time.monotonic() - self._started
            self._picture.note = "starting workers: they join their consumer group"
            if live is not None:
                live.update(draw(self._picture))
            if self._picture.seconds > _TIMEOUT_SECONDS:
                raise DemoFailed(
                    f"no worker claimed the partitions within {_TIMEOUT_SECONDS:.0f} s; see {self._logs()}"
                )
            await asyncio.sleep(_POLL_SECONDS)

    async def _refresh(self) -> None:
        picture, mailer = self._picture, self._mailer
        await mailer.read()
        try:
            metas = await self._store.metas(range(_PARTITIONS))
            due = await self._store.redis.call(
                [("ZCARD", self._store.keys.partition(partition).due) for partition in range(_PARTITIONS)]
            )
            progress = (await self._store.redis.call([("HGETALL", self._store.keys.seen)]))[0]
        except Transient as error:
            picture.note = str(error)
            return
        self._counters = _sum_counters(metas)
        self._progress = _read_progress(progress)
        picture.seconds = time.monotonic() - self._started
        picture.at_ms = self._player.now_ms
        span_ms = self._history.end_ms - self._history.start_ms
        picture.done = (self._player.now_ms - self._history.start_ms) / span_ms
        picture.events, picture.customers = self._counters.get("events", 0), self._counters.get("customers", 0)
        picture.due, picture.workers = sum(due), self._options.workers
        picture.at_risk, picture.win_back = mailer.count("at-risk"), mailer.count("win-back")
        picture.retracted, picture.dead_letters = mailer.retracted(), sum(mailer.dead_letters.values())
        picture.by_rule, picture.recent = mailer.by_rule(), list(mailer.recent)
        picture.suppressed = _suppressed(self._counters)
        picture.stages = customers_by_stage(self._rules, metas.values())
        picture.behind = max(0, self._player.played - picture.events - self._skipped())
        if self._first_action_seconds is None and mailer.newest:
            self._first_action_seconds = picture.seconds
        if not self._kills:
            picture.note = ""
        self._rates = [*self._rates[-8:], (picture.seconds, picture.events)]
        (before, events_before), (now, events_now) = self._rates[0], self._rates[-1]
        picture.rate = (events_now - events_before) / (now - before) if now > before else 0.0

    def _skipped(self) -> int:
        """Return the number of played records that the mapping leaves out: failed logins."""
        return sum(b'"failed"' in record.value for record in self._history.records[: self._player.played])

    def _is_finished(self) -> bool:
        """Return whether all is decided up to the end of the history, and all decisions are published and read."""
        progress = self._progress.values()
        if len(progress) < _PARTITIONS or min(each.watermark_ms for each in progress) < self._history.end_ms:
            return False
        if any(each.unconfirmed for each in progress):
            return False
        decided = sum(count for name, count in self._counters.items() if name.startswith(("active:", "retracted:")))
        if decided > len(self._mailer.published):
            return False
        self._decided_at = self._decided_at or time.monotonic()
        return self._is_everyone_on_a_stage() or time.monotonic() > self._decided_at + _STAGES_SECONDS

    def _is_everyone_on_a_stage(self) -> bool:
        """Return whether every customer's stage was published: first ones are published at a pace."""
        stages = self._picture.stages
        return not stages or sum(stages.values()) >= self._picture.customers

    def _finish(self) -> None:
        self._picture.seconds = time.monotonic() - self._started
        self._picture.behind = 0

    def _logs(self) -> str:
        texts = [
            path.read_text(encoding="utf-8", errors="replace").splitlines()[-6:]
            for path in sorted(self._installation.folder.glob("worker-*.log"))
        ]
        return "the end of the workers' logs:\n" + "\n".join(text for lines in texts for text in lines)

    def _summary(self) -> dict[str, Any]:
        picture, replay_started = self._picture, self._player.started_at
        summary: dict[str, Any] = {
            "history": self._history.name,
            "events": picture.events,
            "customers": picture.customers,
            "at_risk": picture.at_risk,
            "win_back": picture.win_back,
            "retracted": picture.retracted,
            "actions_by_rule": {rule: count["actions"] for rule, count in picture.by_rule.items()},
            "suppressed": picture.suppressed,
            "customers_by_stage": picture.stages,
            "duplicates_dropped": self._counters.get("duplicates", 0),
            "dead_letters": picture.dead_letters,
            "seconds": round(picture.seconds, 1),
            "ready_seconds": round(self._ready_seconds or 0.0, 1),
            "first_action_seconds": None
            if self._first_action_seconds is None
            else round(self._first_action_seconds, 1),
            "events_per_second": round(
                picture.events / (self._started + picture.seconds - (replay_started or 0.0)), 1
            ),
            "workers": self._options.workers,
            "killed": self._kills,
            "differing": len(self._mailer.differing),
        }
        if self._options.verify:
            active = self._mailer.active_ids()
            expected = expected_actions(self._history, self._sources, self._rules, self._installation.prefix)
            missing, extra = expected - active, active - expected
            summary |= {
                "expected": len(expected),
                "missing": len(missing),
                "extra": len(extra),
                "examples": sorted({*missing, *extra, *self._mailer.differing})[:_MAX_EXAMPLES],
            }
        return summary


def _sum_counters(metas: Mapping[int, Mapping[str, str]]) -> dict[str, int]:
    counters: dict[str, int] = {}
    for meta in metas.values():
        for name, count in counters_of(meta).items():
            counters[name] = counters.get(name, 0) + count
    return counters


def customers_by_stage(rules: RuleSet, metas: Iterable[Mapping[str, str]]) -> dict[str, int]:
    """Return how many customers stand on each stage of the live ladder, from the top; empty without one.

    Args:
        rules: with the ladder.
        metas: the `meta` of every partition.
    """
    counts = list(metas)
    return {
        name: sum(int(meta.get(on_stage_field(code_of_stage(name)), 0)) for meta in counts)
        for name in (() if rules.ladder is None else rules.ladder.stages)
    }


def _suppressed(counters: Mapping[str, int]) -> dict[str, int]:
    reasons: dict[str, int] = {}
    for name, count in counters.items():
        kind, colon, _ = name.partition(":")
        if colon and kind not in ("active", "retracted"):
            reasons[kind] = reasons.get(kind, 0) + count
    return reasons


@dataclass(frozen=True, slots=True)
class _PartitionProgress:
    """What the owner of a partition reports.

    Attributes:
        watermark_ms: up to when it is decided, UTC epoch milliseconds.
        unconfirmed: number of records that Kafka has not confirmed.
    """

    watermark_ms: int
    unconfirmed: int


def _read_progress(raw: Any) -> dict[int, _PartitionProgress]:
    """Return the reports of all partitions."""
    pairs = raw.items() if isinstance(raw, dict) else zip(*[iter(raw)] * 2, strict=True)
    fields = {int(partition): value.split() for partition, value in pairs}
    return {partition: _PartitionProgress(int(values[0]), int(values[2])) for partition, values in fields.items()}


def _write_picture(picture: Picture, path: Path) -> None:
    with tempfile.TemporaryFile("w") as nowhere:
        console = Console(record=True, width=110, file=nowhere, force_terminal=True)
        console.print(draw(picture))
        console.save_svg(str(path), title="linger demo")


def _print_summary(console: Console, summary: dict[str, Any], options: DemoOptions) -> None:
    console.print(
        f"\n{summary['events']:,} events of {summary['customers']:,} customers in {summary['seconds']:.0f} s: "
        f"[yellow]{summary['at_risk']:,} at-risk[/] and [red]{summary['win_back']:,} win-back[/] actions, "
        f"{summary['retracted']:,} retracted because of later events.",
        highlight=False,
    )
    if summary["customers_by_stage"]:
        console.print(f"Where customers stand: {stages_in_words(summary['customers_by_stage'])}.", highlight=False)
    if "missing" in summary:
        verdict = "[green]the same[/]" if not summary["missing"] and not summary["extra"] else "[red]NOT the same[/]"
        console.print(
            f"Compared with the pure core in one thread: {verdict} "
            f"({summary['expected']:,} actions left, {summary['missing']} missing, {summary['extra']} extra).",
            highlight=False,
        )
    elif options.history == "simulated":
        console.print("Next: linger demo --history cdnow --verify   (real purchases, checked against the pure core)")
    console.print("The rules are in rules/*.yaml: change a number and run it again.", highlight=False)
