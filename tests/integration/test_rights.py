"""The matrix of roles and commands, over a Kafka and a Redis that deny what docs/acl does not allow.

One installation is made by a worker with the rights of its role. Then every command is run under every role: it works
where the table says so, and elsewhere it is refused in one line that says what is lacking, and changes nothing.
"""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer
from redis import Redis

from tests.conftest import need
from tests.integration.test_worker import GONE, QUIET
from tests.support.paths import ROOT
from tests.support.secure_services import (
    ADMIN,
    ADMIN_PASSWORD,
    SecurePair,
    acls_of_script,
    create_acls,
    missing_openssl,
    running_secure_pair,
)
from tests.support.services import missing_kafka, missing_redis
from tests.support.site import site
from workers.cli.app import app, run_command
from workers.cli.on_demand import commands
from workers.kafka.records import TopicPartition
from workers.kafka.rights import Right
from workers.kafka.topics import connected_admin, describe
from workers.operations.rights.needs import GROUP, NEEDS, Needs
from workers.operations.rights.roles import ROLES, roles_of
from workers.settings import OWN_TOPICS, WORKER_TOPICS, read_settings
from workers.state.stopped_sources import Stop

pytestmark = [pytest.mark.integration, pytest.mark.rest]

ACL_FILES: Final = ROOT / "docs" / "acl"
PREFIX: Final = "matrix."
SOURCES: Final = ("orders", "logins", "events")
PASSWORD: Final = "role-password-41d0"
A_LADDER: Final = """
stages:
  name: simple
  status: live
  steps: [{stage: buyer, list: true, when: {count: purchase, at least: 1, within: 90 days}}]
  otherwise: newcomer
"""
RULES: Final = QUIET.replace("    examples:\n", "    pace: at most 1 per hour\n    examples:\n") + GONE + A_LADDER
OTHER_RULES: Final = RULES.replace("Bought, and", "Bought and")
SAMPLES: Final = f"""
samples:
  - name: a log-in
    topic: {PREFIX}logins
    given:
      value: {{"session": "s1", "user": "ada", "time": 1704067200000}}
    expect: {{type: login, event_id: s1, customer_id: ada, occurred_at: 2024-01-01T00:00:00Z}}
"""
NOT_RUN: Final = {
    "demo": "it starts servers of its own, which know no users",
    "healthcheck": "it asks a worker over HTTP alone",
    "run": "the installation is made by a worker under its role; the others are below",
}
"""Commands that are not run under each role, and why."""


@dataclass
class Installation:
    """Where the commands run.

    Attributes:
        variables: of the administrator, who may do everything.
        folder: of its files.
        prefix: of topics and keys.
        dead_letter: the place of one.
    """

    pair: SecurePair
    variables: Mapping[str, str]
    folder: Path
    prefix: str = PREFIX
    dead_letter: str = ""
    exports: list[Path] = field(default_factory=list)
    seen: "Everything | None" = None

    def redis(self) -> "Redis":
        authority = str(self.pair.folder / "ca.pem")
        return Redis.from_url(self.pair.redis_url, username=ADMIN, password=ADMIN_PASSWORD, ssl_ca_certs=authority)

    def new_folder(self) -> Path:
        self.exports.append(self.folder / f"export-{uuid.uuid4().hex[:8]}")
        return self.exports[-1]

    def variables_of(self, role: str, **others: str) -> dict[str, str]:
        """The variables of a user with one role; what has no user in Redis gives no name there."""
        given = {**self.variables, "LINGER_KAFKA_SASL_USERNAME": role, "LINGER_KAFKA_SASL_PASSWORD": PASSWORD}
        redis = ("LINGER_REDIS_USERNAME", "LINGER_REDIS_PASSWORD")
        given |= dict(zip(redis, (role, PASSWORD) if ROLES[role].rights.redis else ("", ""), strict=True))
        return {name: value for name, value in {**given, **others}.items() if value}


def own(name: str) -> str:
    return f"{PREFIX}linger.{name}"


def redis_users() -> list[str]:
    digest = "#" + hashlib.sha256(PASSWORD.encode()).hexdigest()
    lines = []
    for line in (ACL_FILES / "redis-users.acl").read_text().splitlines():
        if line.startswith("user"):
            words = line.replace("user linger-", "user ").replace("~linger:", f"~{PREFIX}linger:").split()
            lines.append(" ".join(digest if word.startswith("#") else word for word in words))
    return lines


def allow(pair: SecurePair, prefix: str) -> None:
    """Apply docs/acl/kafka-acls.sh."""
    creations = acls_of_script(
        ACL_FILES / "kafka-acls.sh",
        TOPIC_PREFIX=f"{prefix}linger",
        GROUP_ID=f"{prefix}linger",
        SOURCES=" ".join(f"{prefix}{name}" for name in SOURCES),
        **{name.upper(): f"User:{name}" for name in ROLES},
    )

    async def apply() -> None:
        async with connected_admin(read_settings(pair.variables()).kafka_connection()) as admin:
            await create_acls(admin, creations)

    asyncio.run(apply())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    for missing in (missing_kafka(), missing_redis(), missing_openssl()):
        need(missing)
    folder = tmp_path_factory.mktemp("matrix")
    with running_secure_pair(folder, dict.fromkeys(ROLES, PASSWORD), [], redis_users()) as pair:
        allow(pair, PREFIX)
        for role in ROLES:
            allow(pair, f"new-{role}.")
        yield asyncio.run(made(pair, folder))


async def made(pair: SecurePair, folder: Path) -> Installation:
    """Let a worker with its role's rights fold, act, hold and write a dead letter; then stop it."""
    names = {
        "LINGER_KAFKA_SASL_USERNAME": "worker",
        "LINGER_KAFKA_SASL_PASSWORD": PASSWORD,
        "LINGER_REDIS_USERNAME": "worker",
        "LINGER_REDIS_PASSWORD": PASSWORD,
    }
    async with site(pair, folder, RULES, prefix=PREFIX, worker_connection=names) as there:
        await there.now(0.5)
        await there.decided_until(0.5)
        for number, customer in enumerate(("ada", "bob", "eve")):
            await there.order(customer, 1 + number / 1000)
        await there.login("ada", 1.1)
        await there.send("orders", b'{"order_id": "1", "customer": "ada", "total": "-1"}', 1.2)
        await there.now(12)
        await there.decided_until(12)
        (letter,) = await there.read("dead-letter", at_least=1)
        (worker,) = there.processes
        worker.terminate()
        assert await asyncio.to_thread(worker.wait, 30) == 0, there.log()
        variables = {**there.environment, **{name: pair.variables()[name] for name in names}}
    (folder / "other").mkdir()
    (folder / "other" / "rules.yaml").write_text(OTHER_RULES)
    return Installation(pair, variables, folder, dead_letter=f"{letter.partition}:{letter.offset}")


# -- the commands --------------------------------------------------------------------------------------------------

Everything = Mapping[Any, Any]
"""What Redis holds by key, where the logs end by partition, and which topics there are."""
Ready = Callable[[Installation, "Runner"], object]


@dataclass(frozen=True)
class Attempt:
    """How a command is run so that it has something to do.

    Attributes:
        words: after the command.
        ready: called before, as the administrator.
        after: called afterwards, likewise.
        variables: in place of those of the installation.
    """

    words: Callable[[Installation, str], list[str]] = lambda _, __: []
    ready: Ready | None = None
    after: Ready | None = None
    variables: Callable[[str], Mapping[str, str]] = lambda _: {}


@dataclass(frozen=True)
class Answer:
    """What a command leaves behind."""

    status: int
    out: str
    err: str


Runner = Callable[..., Answer]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    """Run a command with these variables, in this process; a worker, which ends its process by force, in its own."""

    def command(variables: Mapping[str, str], *words: str) -> Answer:
        if words[0] == "run":
            ended = subprocess.run(
                [sys.executable, "-m", "workers", *words],
                env={**os.environ, **variables, "LINGER_LOG_FORMAT": "text"},
                capture_output=True,
                text=True,
                check=False,
            )
            return Answer(ended.returncode, ended.stdout, ended.stderr)
        monkeypatch.setattr(sys, "argv", ["linger", *words])
        capsys.readouterr()
        status: Any = 0
        try:
            run_command(variables)
        except SystemExit as exit_:
            status = exit_.code or 0
        captured = capsys.readouterr()
        return Answer(int(status), captured.out, captured.err)

    return command


def given(*words: str) -> Callable[[Installation, str], list[str]]:
    return lambda _, __: list(words)


def stop_orders(place: Installation, _: Runner) -> None:
    stop = Stop("undecodable", "its batch cannot be decoded", 0, 0)
    with place.redis() as redis:
        redis.hset(f"{PREFIX}linger:stopped", f"{PREFIX}orders:0", msgspec.json.encode(stop))


def forget(name: str) -> Ready:
    def delete(place: Installation, _: Runner) -> None:
        with place.redis() as redis:
            for key in redis.scan_iter(f"{PREFIX}linger:{name}"):
                redis.delete(key)

    return delete


def as_admin(*words: str) -> Ready:
    def work(place: Installation, run: Runner) -> None:
        done = run(place.variables, *words)
        assert done.status == 0, done.err

    return work


def exported(place: Installation, run: Runner) -> None:
    as_admin("state", "export", str(place.new_folder()))(place, run)


ATTEMPTS: Final[Mapping[str, Attempt]] = {
    "audit": Attempt(given("--json")),
    "customer ref": Attempt(given("c1"), variables=lambda _: {"LINGER_LOG_KEY": "a key for logs only"}),
    "doctor": Attempt(),
    "status": Attempt(given("--json")),
    "config show": Attempt(),
    "rules explain": Attempt(lambda place, _: [str(place.folder / "rules.yaml"), *files(place)]),
    "rules test": Attempt(lambda place, _: [str(place.folder / "rules.yaml"), *files(place)]),
    "rules check": Attempt(
        lambda place, _: [str(place.folder / "rules.yaml"), *files(place), "--history", f"topic:{PREFIX}orders"]
    ),
    "rules preview": Attempt(
        lambda place, _: [
            str(place.folder / "rules.yaml"),
            *files(place),
            "--history",
            f"topic:{PREFIX}orders",
        ]
    ),
    "rules tune": Attempt(
        lambda place, _: [
            str(place.folder / "worth.yaml"),
            *files(place),
            "--history",
            f"topic:{PREFIX}orders",
        ],
        ready=lambda place, _: (place.folder / "worth.yaml").write_text("value:\n  revenue: [purchase.amount]\n"),
    ),
    "sources check": Attempt(lambda place, _: [str(place.folder / "sources.yaml")]),
    "sources test": Attempt(lambda place, _: [str(place.folder / "samples")], ready=lambda place, _: samples(place)),
    "sources guess": Attempt(given(f"{PREFIX}orders")),
    "sources try": Attempt(given(f"{PREFIX}logins", "--last", "5")),
    "customer show": Attempt(given("ada")),
    "customers": Attempt(given("--stage", "buyer")),
    "customer export": Attempt(given("ada", "--json", "-")),
    "customer erase": Attempt(given("zoe", "--reason", "a test", "--yes", "--no-wait")),
    "customer suppress": Attempt(given("zoe", "--reason", "a test", "--no-wait")),
    "customer resume": Attempt(given("zoe", "--reason", "a test", "--no-wait")),
    "customer marks": Attempt(),
    "why": Attempt(given("ada")),
    "rules held": Attempt(),
    "paused": Attempt(),
    "experiments": Attempt(),
    "dead-letters list": Attempt(),
    "dead-letters show": Attempt(lambda place, _: [place.dead_letter]),
    "pause": Attempt(given("quiet-buyer", "--because", "a test")),
    "resume": Attempt(given("--all"), ready=as_admin("pause", "--all", "--because", "a test")),
    "rules release": Attempt(given("quiet-buyer", "--all")),
    "rules discard": Attempt(given("quiet-buyer", "--all")),
    "rules promote": Attempt(
        lambda place, _: [str(place.folder / "other")],
        after=as_admin("rules", "promote"),
    ),
    "sources resume": Attempt(given(f"{PREFIX}orders"), ready=stop_orders, after=forget("stopped")),
    "sources forget": Attempt(given(f"{PREFIX}orders")),
    "sources promote": Attempt(ready=forget("source-sets")),
    "dead-letters replay": Attempt(given("--yes", "--again"), ready=forget("dead-letters*")),
    "dead-letters discard": Attempt(given("--yes"), ready=forget("dead-letters*")),
    "rebuild": Attempt(given("--all", "--json")),
    "state export": Attempt(lambda place, _: [str(place.new_folder())]),
    "state import": Attempt(lambda place, _: [str(place.exports[-1]), "--replace"], ready=exported),
    "scan": Attempt(lambda place, _: [str(place.folder / "scan.jsonl")]),
    "forecast": Attempt(),
    "stages": Attempt(),
    "report": Attempt(),
    "upgrade finish": Attempt(ready=forget("upgrade"), after=as_admin("upgrade", "finish")),
    "topics create": Attempt(variables=lambda role: {"LINGER_TOPIC_PREFIX": f"new-{role}.linger"}),
    "run": Attempt(),
}
"""By command; doctor first, while nothing was changed by hand."""


def files(place: Installation) -> list[str]:
    return ["--sources", str(place.folder / "sources.yaml")]


def samples(place: Installation) -> None:
    folder = place.folder / "samples"
    folder.mkdir(exist_ok=True)
    (folder / "sources.yaml").write_text((place.folder / "sources.yaml").read_text())
    (folder / "sources_test.yaml").write_text(SAMPLES)


# -- the laws ------------------------------------------------------------------------------------------------------


def test_the_matrix_has_every_command() -> None:
    assert ATTEMPTS.keys() | NOT_RUN.keys() == set(commands(app))


def test_the_doctor_is_clean_and_complete_as_the_worker_and_calls_no_refused_check_well(
    place: Installation, run: Runner
) -> None:
    done = run(place.variables_of("worker"), "doctor", "--json")
    findings = json.loads(done.out)
    assert [finding for finding in findings if finding["health"] != "ok"] == []
    whole = {finding["checked"] for finding in findings}
    for role in ROLES.keys() - {"worker"}:
        done = run(place.variables_of(role), "doctor", "--json")
        assert done.status == 1
        findings = json.loads(done.out)
        well = {finding["checked"] for finding in findings if finding["health"] == "ok"}
        assert well < whole
        assert f"group {PREFIX}linger" not in well
        needed = {place: rights for place, rights in NEEDS["run"].kafka.items() if place != GROUP}
        assert ("rights on topics" in well) == (not ROLES[role].rights.lack(Needs(needed)))
        assert ("commands" in well) == (ROLES[role].rights.redis >= NEEDS["run"].redis)
        shown = {name for name, rights in ROLES[role].rights.kafka.items() if Right.DESCRIBE_CONFIGS in rights}
        hidden = [own(name) for name in OWN_TOPICS if name not in shown] or [f"{PREFIX}{name}" for name in SOURCES]
        settings = ("cleanup.policy", "retention", "max.message.bytes", "copies", "newest records")
        assert not {f"{setting} of {topic}" for setting in settings for topic in hidden} & well
        if not ROLES[role].rights.redis:
            assert [one for one in findings if one["area"] in ("Redis", "state") and one["health"] == "ok"] == []


WORKS: Final = [f"{command} as {role}" for command in ATTEMPTS.keys() - {"run"} for role in roles_of(command)]
REFUSED: Final[list[str]] = [
    f"{command} as {role}" for command in ATTEMPTS for role in ROLES if role not in roles_of(command)
]


def attempt(place: Installation, run: Runner, command: str, role: str) -> Answer:
    """Run a command under a role."""
    one = ATTEMPTS[command]
    if one.ready is not None:
        one.ready(place, run)
        place.seen = None
    if role not in roles_of(command):
        place.seen = place.seen or everything(place)
    return run(place.variables_of(role, **one.variables(role)), *command.split(), *one.words(place, role))


def cleaned(place: Installation, run: Runner, command: str) -> None:
    if (after := ATTEMPTS[command].after) is not None:
        after(place, run)
        place.seen = None


def everything(place: Installation) -> Everything:
    with place.redis() as redis:
        # A counter of an hour's actions is gone after it.
        keys = [key for key in redis.scan_iter(f"{PREFIX}*") if b":pace:" not in key]
        # A dump of a hash is in the order of its table, which reading may change.
        stored = {key: redis.hgetall(key) if redis.type(key) == b"hash" else redis.dump(key) for key in keys}
    return {**stored, **asyncio.run(logs(place))}


async def logs(place: Installation) -> Everything:
    connection = read_settings(place.variables).kafka_connection()
    async with AIOKafkaConsumer(**connection) as consumer:
        new = [f"new-{role}.linger.{name}" for role in ROLES for name in OWN_TOPICS]
        # A refused attempt may leave a record in the audit: it was made.
        names = [f"{PREFIX}linger.{name}" for name in WORKER_TOPICS] + [f"{PREFIX}{name}" for name in SOURCES]
        states = await describe(consumer, [*names, *new])
        partitions = [TopicPartition(name, number) for name in names for number in range(states[name].partitions)]
        return {**await consumer.end_offsets(partitions), **states}


@pytest.mark.parametrize("case", REFUSED)
def test_a_command_is_refused_in_one_line_under_every_other_role(place: Installation, run: Runner, case: str) -> None:
    command, _, role = case.partition(" as ")
    answer = attempt(place, run, command, role)
    before, after = place.seen, everything(place)
    place.seen = after
    cleaned(place, run, command)
    assert answer.status != 0, answer.out
    assert before is not None
    assert before.keys() ^ after.keys() == set()
    assert [key for key in after if after[key] != before[key]] == []
    assert "Traceback" not in answer.err
    assert PASSWORD not in answer.out + answer.err
    if command in ("doctor", "status"):
        return  # each says what it could not find out, and goes on
    if command == "run":
        # Each right with the command that adds it.
        lines = answer.err.splitlines()
        assert [line for line in lines if "role worker" not in line and "docs/security.md" not in line] == []
        return
    (line,) = answer.err.splitlines()
    assert line.startswith(f"error: linger {command} is refused: ")
    assert " may not " in line or " does not let " in line
    for name in roles_of(command):
        assert name in line.rpartition("It works under the role")[2]


@pytest.mark.parametrize("case", WORKS)
def test_a_command_works_under_the_roles_of_the_table(place: Installation, run: Runner, case: str) -> None:
    command, _, role = case.partition(" as ")
    answer = attempt(place, run, command, role)
    place.seen = None
    cleaned(place, run, command)
    # A status of 1 says that something needs attention: no worker runs, actions are held.
    assert answer.status in ((0, 1) if command == "status" else (0,)), answer.err + answer.out
    assert PASSWORD not in answer.out + answer.err
    if command == "audit":
        return  # it shows how the others ended, under every role
    for word in ("Traceback", "NOPERM", "no permissions", "uthorization", "not shown"):
        assert word not in answer.out + answer.err


def test_commands_without_needs_ask_no_server(place: Installation, run: Runner) -> None:
    nowhere = {"LINGER_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "LINGER_REDIS_URL": "redis://127.0.0.1:1/0"}
    for command in sorted(name for name, needs in NEEDS.items() if needs == Needs() and name not in NOT_RUN):
        one = ATTEMPTS[command]
        if one.ready is not None:
            one.ready(place, run)
        variables = place.variables_of("mailer", **nowhere, **one.variables("mailer"))
        answer = run(variables, *command.split(), *one.words(place, "mailer"))
        assert answer.status == 0, answer.err


@pytest.mark.parametrize("command", ["rules check", "sources try"])
def test_a_command_that_reads_only_files_needs_no_role(place: Installation, run: Runner, command: str) -> None:
    (place.folder / "login.json").write_text('{"session": "s1", "user": "ada", "time": 1704067200000}')
    words = {
        "rules check": [str(place.folder / "rules.yaml"), *files(place)],
        "sources try": [f"{PREFIX}logins", str(place.folder / "login.json")],
    }
    answer = run(place.variables_of("mailer"), *command.split(), *words[command])
    assert answer.status == 0, answer.err
