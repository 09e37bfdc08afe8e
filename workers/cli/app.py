"""The command line: the only reader of the environment, and the only one that prints."""

import asyncio
import gc
import json
import os
import signal
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workers.cli import dead_letters, doctor, held, rebuild, sources
from workers.cli.rules import rules_app
from workers.cli.why import print_why
from workers.errors import LingerError, StartupError
from workers.explain.customer import Knowledge, look_up, render
from workers.kafka.topics import TopicPlan, TopicsError, connected_admin, create_missing
from workers.loading import load_configuration
from workers.observability import http_server, logs
from workers.runtime.preflight import require_access
from workers.runtime.worker import Worker
from workers.settings import OWN_TOPICS, Settings, read_settings
from workers.state.connect import with_store
from workers.state.store import Store

EXIT_PROBLEM: Final = 1
EXIT_SETUP: Final = 2
EXIT_FORCED: Final = 70
_COLLECT_AFTER: Final = (200_000, 20, 100)
"""New objects before a young collection, and how many of those before an older one: Python's own are 700, 10, 10."""
_SWITCH_SECONDS: Final = 0.0005

app = typer.Typer(
    name="linger",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Linger notices that a customer is about to leave, or has left, and says so in time for somebody to act.\n\n"
    "New here? Try: linger demo",
)
customer_app = typer.Typer(no_args_is_help=True, help="Look at single customers.")
topics_app = typer.Typer(no_args_is_help=True, help="Linger's own Kafka topics.")
config_app = typer.Typer(no_args_is_help=True, help="Settings.")
app.add_typer(rules_app, name="rules")
app.add_typer(customer_app, name="customer")
app.add_typer(topics_app, name="topics")
app.add_typer(config_app, name="config")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

out = Console(highlight=False, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)


def main() -> None:
    """Run the command line; errors that Linger raises on purpose end it with their message, not a traceback."""
    try:
        app(obj=_settings)
    except StartupError as error:
        for problem in error.problems:
            _complain(problem)
        sys.exit(EXIT_SETUP)
    except TopicsError as error:
        # A right, a setting or a topic: somebody has to change it before another try can do any better.
        for problem in error.problems:
            _complain(problem)
        sys.exit(EXIT_SETUP)
    except LingerError as error:
        _complain(str(error))
        sys.exit(EXIT_PROBLEM)


def _complain(problem: str) -> None:
    err.print(Text.assemble(("error:", "bold red"), " ", problem), soft_wrap=True)


def _settings() -> Settings:
    return read_settings(os.environ)


held.add_to(rules_app, _settings)
dead_letters.add_to(app, _settings)
rebuild.add_to(app, _settings)
sources.add_to(app, _settings)
doctor.add_to(app, _settings)


def _print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")


# -- working ---------------------------------------------------------------------------------------------------


@app.command()
def run() -> None:
    """Run one worker, until SIGTERM or Ctrl-C. Settings come from LINGER_… variables."""
    settings = _settings()
    logs.configure_logging(settings.log_level, settings.log_format)
    logs.set_log_key(None if settings.log_key is None else settings.log_key.get_secret_value())
    http_server.set_token(None if settings.http_token is None else settings.http_token.get_secret_value())
    sources, rules = load_configuration(settings)
    asyncio.run(require_access(settings, sources))
    _spare_the_collector()
    _share_the_interpreter()
    asyncio.run(_run_until_told(Worker(settings, sources, rules), settings.shutdown_grace_ms / 1000))


def _spare_the_collector() -> None:
    """Let the garbage collector leave alone what stays, and come seldom: a batch makes many objects and no cycles.

    As it comes, a tenth of a worker's time goes into looking at the same rules and modules again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def _share_the_interpreter() -> None:
    """Let the thread that fetches have its turn soon: it has little to do, and the other one waits for it.

    As it comes, it waits up to 5 ms while a batch is decided, several times for each fetch.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)


async def _run_until_told(worker: Worker, grace_seconds: float) -> None:
    stop = asyncio.Event()

    def limit() -> None:
        # Some library may hang on a dead broker: then the process ends all the same, and nothing is lost by it.
        watchdog = threading.Timer(grace_seconds, os._exit, (EXIT_FORCED,))
        watchdog.daemon = True
        watchdog.start()

    def tell() -> None:
        limit()
        stop.set()

    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[list[str]]] = set()

    def reload() -> None:
        task = asyncio.create_task(worker.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        await worker.run(stop)
    except BaseException:
        limit()  # what is left of the loop may hang as well
        raise


@app.command()
def demo(
    history: Annotated[
        str, typer.Option(help="simulated: a made-up shop; cdnow: real purchases of 1997 and 1998 (downloaded).")
    ] = "simulated",
    seconds: Annotated[int, typer.Option(min=10, max=3600, help="About how long the replay takes.")] = 60,
    once: Annotated[bool, typer.Option("--once", help="Replay as fast as the workers can, then stop.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=8, help="Worker processes.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the simulated history.")] = 1,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare with the pure core in one thread; exit status 1 if they differ.")
    ] = False,
    kill: Annotated[
        bool, typer.Option("--kill", help="Half-way, end one worker by SIGKILL and start another.")
    ] = False,
    as_json: AsJson = False,
    picture: Annotated[Path | None, typer.Option(help="Write the last screen as an SVG file.")] = None,
    bootstrap_servers: Annotated[
        str | None, typer.Option(help="Use this Kafka instead of the embedded broker (needs --redis-url).")
    ] = None,
    redis_url: Annotated[str | None, typer.Option(help="Use this Redis instead of the embedded store.")] = None,
) -> None:
    """See Linger at work: replay a purchase history through real workers on this machine."""
    from workers.demo.run import DemoOptions, run_demo

    options = DemoOptions(
        history=history,
        seconds=None if once else seconds,
        workers=workers,
        seed=seed,
        verify=verify,
        kill=kill,
        as_json=as_json,
        picture=picture,
        bootstrap_servers=bootstrap_servers,
        redis_url=redis_url,
        environment={name: value for name, value in os.environ.items() if not name.startswith("LINGER_")},
    )
    sys.exit(run_demo(options))


# -- looking ---------------------------------------------------------------------------------------------------


@customer_app.command("show")
def customer_show(
    customer_id: Annotated[str, typer.Argument(help="The customer's id.")], as_json: AsJson = False
) -> None:
    """Show what Linger knows of one customer, and when it will look again."""
    settings = _settings()
    _, rules = load_configuration(settings)

    async def ask(store: Store) -> Knowledge | None:
        return await look_up(store, settings.partitions, customer_id, rules)

    known = with_store(settings, ask)
    if known is None:
        if as_json:
            _print_json(None)
        else:
            err.print(Text(f"Linger has seen no event of customer '{customer_id}' yet."))
        sys.exit(EXIT_PROBLEM)
    if as_json:
        _print_json(known)
    else:
        render(known, out)


@app.command()
def why(
    customer_id: Annotated[str, typer.Argument(help="The customer's id.")],
    rule: Annotated[str | None, typer.Argument(help="A rule's id; left out, every rule.")] = None,
    at: Annotated[
        str | None, typer.Option(help="As of this moment, such as 2026-12-01 or 2026-12-01T10:00+01:00; now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say why rules hold for a customer, do not, or cannot be known; and what would change that, and when."""
    if not print_why(_settings(), customer_id, rule, at, as_json, out):
        if as_json:
            _print_json(None)
        else:
            err.print(Text(f"Linger has seen no event of customer '{customer_id}' yet."))
        sys.exit(EXIT_PROBLEM)


@topics_app.command("create")
def topics_create(as_json: AsJson = False) -> None:
    """Create the topics of Linger's own that are missing; existing ones are never changed."""
    settings = _settings()
    plans = [
        TopicPlan(
            settings.topic(name),
            settings.partitions,
            settings.topic_replication_factor,
            {"max.message.bytes": str(10 << 20)} if name == "dead-letter" else {},
        )
        for name in OWN_TOPICS
    ]

    async def create() -> list[Any]:
        try:
            async with connected_admin(settings.kafka_connection()) as admin:
                return list(await create_missing(admin, plans))
        except (KafkaError, OSError) as error:
            raise StartupError([f"no Kafka broker answers at {settings.kafka_bootstrap_servers}: {error}"]) from error

    results = asyncio.run(create())
    if as_json:
        _print_json([{"topic": one.name, "outcome": str(one.outcome), "partitions": one.found} for one in results])
    else:
        table = Table("topic", "partitions", "outcome")
        for one in results:
            table.add_row(one.name, str(one.found), str(one.outcome).replace("_", " "))
        out.print(table)
    if any(one.found != one.wanted for one in results):
        _complain(
            f"a topic has other partitions than LINGER_PARTITIONS={settings.partitions}; they cannot be changed later"
        )
        sys.exit(EXIT_PROBLEM)


@config_app.command("show")
def config_show(as_json: AsJson = False) -> None:
    """Show every setting with its value; secrets are masked."""
    shown = _settings().shown()
    if as_json:
        _print_json(shown)
        return
    table = Table("variable", "value", "meaning")
    for name, value in shown.items():
        field = Settings.model_fields[name.removeprefix("LINGER_").lower()]
        set_here = name in os.environ or f"{name}_FILE" in os.environ
        table.add_row(name, Text(value or "-", style="bold" if set_here else ""), Text(field.description or ""))
    out.print(table)


@app.command()
def healthcheck(
    url: Annotated[str | None, typer.Option(help="Default: /livez of the worker with these settings.")] = None,
) -> None:
    """Ask a running worker whether it makes progress. Exit status 0 if it does; for containers."""
    settings = _settings()
    address = url or f"http://{settings.http_host}:{settings.http_port}/livez"
    if address.startswith("http://0.0.0.0"):
        address = address.replace("0.0.0.0", "127.0.0.1", 1)  # noqa: S104 - where it listens, not where we ask
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - the operator's own address
            out.print(Text(answer.read().decode().strip()))
    except urllib.error.HTTPError as error:
        _complain(f"{address} answers {error.code}: {error.read().decode().strip()}")
        sys.exit(EXIT_PROBLEM)
    except (OSError, ValueError) as error:
        _complain(f"{address} does not answer: {error}")
        sys.exit(EXIT_PROBLEM)
