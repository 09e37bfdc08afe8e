"""Laws of security, over a Kafka and a Redis that deny what is not allowed.

The files in docs/acl are all a worker needs, a refused worker names the wrong setting, and no secret is written.
"""

import asyncio
import hashlib
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import TopicAuthorizationFailedError
from redis import Redis
from redis.exceptions import ResponseError

from tests.conftest import need
from tests.integration.test_worker import GONE, QUIET
from tests.support.paths import ROOT
from tests.support.secure_services import (
    ADMIN,
    ADMIN_PASSWORD,
    KEY_PASSWORD,
    SecurePair,
    acls_of_script,
    create_acls,
    missing_openssl,
    running_secure_pair,
)
from tests.support.services import missing_kafka, missing_redis
from tests.support.site import Site, site
from workers.kafka.topics import TopicPlan, TopicsError, connected_admin, create_missing
from workers.settings import Settings, read_settings

pytestmark = pytest.mark.integration

ACL_FILES = ROOT / "docs" / "acl"
SCRAM, MTLS = "scram.", "mtls."
SECRETS = {
    "LINGER_KAFKA_SASL_PASSWORD": "scram-secret-9a1e",
    "LINGER_REDIS_PASSWORD": "redis-secret-77b0",
    "LINGER_LOG_KEY": "log-key-secret-30c2",
    "LINGER_ID_KEY": "id-key-secret-5b1f",
    "LINGER_MARKS_KEY": "marks-key-secret-7d2c",
    "LINGER_HOLD_OUT_KEY": "hold-out-secret-4d4f" * 7,  # longer than what the hash takes
    "LINGER_HTTP_TOKEN": "http-token-secret-e81a",
    "LINGER_KAFKA_SSL_KEY_PASSWORD": KEY_PASSWORD,
}
CUSTOMERS = ("ada@customers.example", "bob@customers.example", "eve@customers.example")
CONTROLLED = "    hold out: 1%\n    pace: at most 1 per hour\n    examples:\n"
RULES = QUIET.replace("    examples:\n", CONTROLLED) + GONE


def redis_users() -> list[str]:
    """The users of docs/acl/redis-users.acl for each of the two sites, made as the file says."""
    text = (ACL_FILES / "redis-users.acl").read_text()
    password = SECRETS["LINGER_REDIS_PASSWORD"]
    digest = "#" + hashlib.sha256(password.encode()).hexdigest()
    return [
        line.replace("user linger-", f"user {prefix}")
        .replace("~linger:", f"~{prefix}linger:")
        .replace("#WORKER", digest)
        .replace("#SUPPORT", digest)
        .replace("#INCIDENT", digest)
        .replace("#PRIVACY", digest)
        for prefix in (SCRAM, MTLS)
        for line in text.splitlines()
        if line.startswith("user")
    ]


@pytest.fixture(scope="module")
def secure_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecurePair]:
    for missing in (missing_kafka(), missing_redis(), missing_openssl()):
        need(missing)
    password = SECRETS["LINGER_KAFKA_SASL_PASSWORD"]
    scram_users = dict.fromkeys(("scram", "topics", "incident"), password)
    logs = tmp_path_factory.mktemp("secure")
    with running_secure_pair(logs, scram_users, ["mtls"], redis_users()) as pair:
        for prefix in (SCRAM, MTLS):
            allow(pair, prefix, prefix.rstrip("."))
        yield pair


def allow(pair: SecurePair, prefix: str, worker: str, without: str | None = None) -> None:
    """Apply docs/acl/kafka-acls.sh for a site, but for what it allows on one topic."""
    creations = acls_of_script(
        ACL_FILES / "kafka-acls.sh",
        TOPIC_PREFIX=f"{prefix}linger",
        GROUP_ID=f"{prefix}linger",
        SOURCES=" ".join(f"{prefix}{name}" for name in ("orders", "logins", "events")),
        WORKER=f"User:{worker}",
        TOPICS="User:topics",
        INCIDENT="User:incident",
    )

    async def apply() -> None:
        async with connected_admin(read_settings(pair.variables()).kafka_connection()) as admin:
            await create_acls(admin, [creation for creation in creations if creation[1] != without])

    asyncio.run(apply())


def by_scram(pair: SecurePair, redis_user: str = f"{SCRAM}worker") -> dict[str, str]:
    return {
        **SECRETS,
        "LINGER_KAFKA_SASL_USERNAME": "scram",
        "LINGER_REDIS_USERNAME": redis_user,
        "LINGER_LOG_LEVEL": "debug",
    }


def by_certificate(pair: SecurePair) -> dict[str, str]:
    return {
        **SECRETS,
        "LINGER_KAFKA_BOOTSTRAP_SERVERS": pair.mtls_servers,
        "LINGER_KAFKA_SECURITY_PROTOCOL": "SSL",
        "LINGER_KAFKA_SASL_USERNAME": "",
        "LINGER_KAFKA_SASL_PASSWORD": "",
        "LINGER_KAFKA_SSL_CERTFILE": str(pair.folder / "mtls.pem"),
        "LINGER_KAFKA_SSL_KEYFILE": str(pair.folder / "mtls.key"),
        "LINGER_REDIS_USERNAME": f"{MTLS}worker",
        "LINGER_REDIS_SSL_CERTFILE": str(pair.folder / "mtls.pem"),
        "LINGER_REDIS_SSL_KEYFILE": str(pair.folder / "mtls.plain"),
        "LINGER_LOG_LEVEL": "debug",
    }


async def a_little_history(place: Site) -> str:
    """Fold, act, hold, dead-letter, kill a worker, reload; return everything that was written meanwhile."""
    ada, bob, eve = CUSTOMERS
    await place.until(lambda: shared(place), "both workers to have their share")
    await place.now(0.5)
    await place.decided_until(0.5)
    await place.order(bob, 0.9)
    await place.order(ada, 1)
    await place.order(eve, 1.001)
    cancelled = {"type": "cancellation", "event_id": "c1", "customer_id": bob, "occurred_at": "2024-01-02T00:00:00Z"}
    await place.send("events", {**cancelled, "reason": "price"}, 1, bob.encode())
    await place.send("orders", b'{"order_id": "1", "customer": "%s", "total": "-1"}' % ada.encode(), 1)
    await place.now(5)
    await place.decided_until(5)
    written = [command_lines(place), *await asked(place)]
    place.processes[0].kill()
    await asyncio.to_thread(place.processes[0].wait, 10)
    place.start_worker()
    await place.now(12)
    await place.decided_until(12)
    # One that is still starting would be refused: it has read the rules as they were.
    await place.until(lambda: ready(place, 3), "the new worker to be ready")
    (place.folder / "rules.yaml").write_text(RULES.replace("Bought, and", "Bought and"))
    await place.until(lambda: taken_over(place), "the new rules to be active")
    (held,) = json.loads(await linger(place, "rules", "held", "--json"))
    assert held["held"] == 2
    await linger(place, "rules", "release", "quiet-buyer", "--all")
    await place.until(lambda: acted(place, 3), "the held actions to be released")
    await place.order(ada, 13)
    await place.now(14)
    await place.decided_until(14)
    written += [command_lines(place), *await asked(place)]
    written += [await linger(place, "config", "show"), await linger(place, "config", "show", "--json")]
    written += [await linger(place, "customer", "show", ada) and ""]
    written.append(repr(place.settings))
    as_worker = place.environment["LINGER_REDIS_USERNAME"]
    report = await linger(place, "doctor", "--json", LINGER_REDIS_USERNAME=as_worker)
    unknown = [finding["checked"] for finding in json.loads(report) if finding["health"] != "ok"]
    assert unknown == []
    written.append(report)
    return "\n".join(written)


async def shared(place: Site) -> bool:
    logs = [path.read_text() for path in place.folder.glob("worker-*.log")]
    claims = [[line for line in log.splitlines() if '"partitions_claimed"' in line] for log in logs]
    return all('"worker_ready"' in log for log in logs) and all(
        claimed and len(json.loads(claimed[-1])["partitions"]) == 2 for claimed in claims
    )


async def ready(place: Site, number: int) -> bool:
    return place.log().count('"worker_ready"') >= number


async def taken_over(place: Site) -> bool:
    return (await place.store.redis.fields(place.store.keys.rules)).get("generation") == "2"


async def acted(place: Site, number: int) -> bool:
    return len(await place.actions("at-risk")) >= number


async def asked(place: Site) -> list[str]:
    """What the endpoints of all running workers answer, and whether a reload without the token is refused."""
    answers = []
    for line in place.log().splitlines():
        if '"worker_ready"' not in line:
            continue
        url = f"http://127.0.0.1:{json.loads(line)['http_port']}"
        try:
            answers += [
                await asyncio.to_thread(fetch, f"{url}{path}")
                for path in ("/livez", "/readyz", "/statusz", "/metrics")
            ]
        except (ConnectionError, urllib.error.URLError):
            continue  # the one that was killed
        answers.append(await asyncio.to_thread(fetch, f"{url}/-/reload", {}))
        assert "Authorization" in answers[-1]
        token = {"Authorization": f"Bearer {SECRETS['LINGER_HTTP_TOKEN']}"}
        answers.append(await asyncio.to_thread(fetch, f"{url}/-/reload", token))
        assert "loaded" in answers[-1]
    assert answers
    return answers


def fetch(url: str, headers: Mapping[str, str] | None = None) -> str:
    request = urllib.request.Request(url, method="GET" if headers is None else "POST", headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.headers}{error.read().decode()}"


def command_lines(place: Site) -> str:
    running = [process.pid for process in place.processes if process.poll() is None]
    return "\n".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in running)


async def linger(place: Site, *arguments: str, **variables: str) -> str:
    """Run a command, in Redis as the role incident if no variables say otherwise, and return what it printed."""
    environment = {**place.process_environment(), "LINGER_REDIS_USERNAME": f"{place.prefix}incident", **variables}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "workers", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return f"{done.stdout}{done.stderr}"


def assert_no_secret(text: str) -> None:
    assert {name for name, secret in SECRETS.items() if secret in text} == set()
    assert ADMIN_PASSWORD not in text


@pytest.mark.rest
@pytest.mark.parametrize("prefix", [SCRAM, MTLS])
def test_a_worker_with_only_the_documented_rights_does_its_whole_job_and_logs_no_secret(
    secure_pair: SecurePair, tmp_path: Path, prefix: str
) -> None:
    connection = by_scram(secure_pair) if prefix == SCRAM else by_certificate(secure_pair)

    async def law() -> None:
        options: dict[str, Any] = {"prefix": prefix, "workers": 2, "worker_connection": connection}
        async with site(secure_pair, tmp_path, RULES, LINGER_RULES_POLL_MS="200", **options) as place:
            written = await a_little_history(place)
            active = [action for action in await place.actions("at-risk") if action["status"] == "active"]
            assert {action["customer_id"] for action in active} == set(CUSTOMERS)
            assert [action["status"] for action in await place.actions("at-risk")].count("retracted") == 1
            (won_back,) = await place.actions("win-back")
            assert won_back["customer_id"] == CUSTOMERS[1]
            # The one of a worker that was killed before it committed comes again.
            dead_letters = await place.read("dead-letter", at_least=1)
            assert {dict(record.headers)["linger-source-topic"] for record in dead_letters} == {
                f"{prefix}orders".encode()
            }
            assert len({dict(record.headers)["linger-source-offset"] for record in dead_letters}) == 1
            logged = place.log()
        assert "partitions_claimed" in logged
        assert "no permissions" not in logged
        assert "AuthorizationFailed" not in logged
        assert_no_secret(written)
        assert_no_secret(logged)
        for text in (written, logged):
            assert [name for name in CUSTOMERS if name in text] == []

    asyncio.run(law())


REFUSED: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "wrong Kafka password": (
        {"LINGER_KAFKA_SASL_PASSWORD": "wrong-secret-1b1b"},
        ("user 'scram' is not let in", "LINGER_KAFKA_SASL_PASSWORD"),
    ),
    "mechanism not spoken": ({"LINGER_KAFKA_SASL_MECHANISM": "PLAIN"}, ("LINGER_KAFKA_SASL_MECHANISM",)),
    "SASL where it is not wanted": (
        {"LINGER_KAFKA_BOOTSTRAP_SERVERS": "{mtls}"},
        ("LINGER_KAFKA_SSL_CERTFILE", "LINGER_KAFKA_SECURITY_PROTOCOL"),
    ),
    "unknown authority": ({"LINGER_KAFKA_SSL_CAFILE": "{folder}/other-ca.pem"}, ("LINGER_KAFKA_SSL_CAFILE",)),
    "authority not there": (
        {"LINGER_KAFKA_SSL_CAFILE": "{folder}/nowhere.pem"},
        ("LINGER_KAFKA_SSL_CAFILE: cannot read",),
    ),
    "no client certificate": (
        {"LINGER_KAFKA_BOOTSTRAP_SERVERS": "{mtls}", "LINGER_KAFKA_SECURITY_PROTOCOL": "SSL"},
        ("LINGER_KAFKA_SSL_CERTFILE", "LINGER_KAFKA_SSL_KEYFILE"),
    ),
    "wrong key password": (
        {
            "LINGER_KAFKA_SSL_CERTFILE": "{folder}/mtls.pem",
            "LINGER_KAFKA_SSL_KEYFILE": "{folder}/mtls.key",
            "LINGER_KAFKA_SSL_KEY_PASSWORD": "wrong-secret-2c2c",
        },
        ("LINGER_KAFKA_SSL_KEY_PASSWORD",),
    ),
    "no TLS": ({"LINGER_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, ("LINGER_KAFKA_SECURITY_PROTOCOL",)),
    "wrong Redis password": (
        {"LINGER_REDIS_PASSWORD": "wrong-secret-3d3d"},
        (f"user '{SCRAM}worker'", "LINGER_REDIS_PASSWORD"),
    ),
    "unknown authority of Redis": (
        {"LINGER_REDIS_SSL_CA_CERTS": "{folder}/other-ca.pem"},
        ("LINGER_REDIS_SSL_CA_CERTS",),
    ),
    "both": (
        {"LINGER_KAFKA_SASL_PASSWORD": "wrong-secret-4e4e", "LINGER_REDIS_PASSWORD": "wrong-secret-5f5f"},
        ("LINGER_KAFKA_SASL_PASSWORD", "LINGER_REDIS_PASSWORD"),
    ),
}


def refused(pair: SecurePair, folder: Path, changed: Mapping[str, str], prefix: str | None = None) -> str:
    """Start a worker that cannot start, and return its output."""
    logs: list[str] = []

    async def attempt() -> None:
        connection = {**by_scram(pair), **changed}
        async with site(pair, folder, RULES, workers=0, prefix=prefix, worker_connection=connection) as place:
            worker = place.start_worker()
            await asyncio.to_thread(worker.wait, 60)
            place.processes.clear()
            logs.append((folder / "worker-0.log").read_text())
            assert worker.returncode == 2, logs

    asyncio.run(attempt())
    return "\n".join(map(_as_text, logs[0].splitlines()))


def _as_text(line: str) -> str:
    """A line of the log, and why the worker ended as a command would print it."""
    fields = json.loads(line)
    return f"error: {fields['problem']}" if fields["event"] == "worker_ended" else line


@pytest.mark.rest
@pytest.mark.parametrize("case", REFUSED)
def test_a_worker_that_is_refused_ends_with_the_setting_that_is_wrong(
    secure_pair: SecurePair, tmp_path: Path, case: str
) -> None:
    changed, expected = REFUSED[case]
    places = {"{folder}": str(secure_pair.folder), "{mtls}": secure_pair.mtls_servers}
    for place, value in places.items():
        changed = {name: text.replace(place, value) for name, text in changed.items()}
    output = refused(secure_pair, tmp_path, changed)
    for part in expected:
        assert part in output
    assert "error: " in output
    assert "Traceback" not in output
    assert_no_secret(output)
    assert "wrong-secret" not in output


@pytest.mark.rest
@pytest.mark.parametrize(
    ("without", "right"),
    [("orders", "Read"), ("linger.activity", "Read or Write"), ("linger.at-risk", "Write"), ("linger", "Read")],
)
def test_a_missing_acl_is_reported_with_the_command_that_adds_it(
    secure_pair: SecurePair, tmp_path: Path, without: str, right: str
) -> None:
    prefix = f"lack-{without}."
    allow(secure_pair, prefix, "scram", without=f"{prefix}{without}")
    output = refused(secure_pair, tmp_path, {}, prefix)
    (problem,) = [line for line in output.splitlines() if line.startswith("error: ")]
    kind = "group" if without == "linger" else "topic"
    assert f"{kind} '{prefix}{without}': user 'scram' (LINGER_KAFKA_SASL_USERNAME) may not {right}." in problem
    assert f"--{kind} {prefix}{without}" in problem
    assert "Traceback" not in output
    assert_no_secret(output)


def worker_settings(pair: SecurePair) -> Settings:
    return read_settings({**pair.variables(), **by_scram(pair)})


def test_the_worker_may_create_delete_and_alter_no_topic(secure_pair: SecurePair, tmp_path: Path) -> None:
    topic = f"{SCRAM}linger.activity"

    async def law() -> None:
        async with connected_admin(worker_settings(secure_pair).kafka_connection()) as admin:
            with pytest.raises(TopicsError, match="AUTHORIZATION_FAILED"):
                await create_missing(admin, [TopicPlan(f"{SCRAM}linger.more", 1, 1)])
            with pytest.raises(TopicsError, match="AUTHORIZATION_FAILED"):
                await create_missing(admin, [TopicPlan("elsewhere", 1, 1)])
            answer = await admin.delete_topics([topic])
            assert [code for _, code, *_ in answer.topic_error_codes] == [29]
            created = await admin.create_topics([NewTopic(f"{SCRAM}linger.more", 1, 1)])
            assert [code for _, code, *_ in created.topic_errors] == [29]

    async def with_topics() -> None:
        async with connected_admin(read_settings(secure_pair.variables()).kafka_connection()) as admin:
            await create_missing(admin, [TopicPlan(topic, 4, 1)])
        await law()

    asyncio.run(with_topics())


def test_the_worker_may_not_write_to_a_source_nor_read_actions_nor_touch_another_topic(
    secure_pair: SecurePair,
) -> None:
    async def law() -> None:
        names = [f"{SCRAM}orders", f"{SCRAM}linger.at-risk", "elsewhere"]
        async with connected_admin(read_settings(secure_pair.variables()).kafka_connection()) as admin:
            await create_missing(admin, [TopicPlan(name, 4, 1) for name in names if name.endswith("at-risk")])
            await create_missing(admin, [TopicPlan(name, 2, 1) for name in names if not name.endswith("at-risk")])
        connection = worker_settings(secure_pair).kafka_connection()
        for name in (f"{SCRAM}orders", "elsewhere"):
            producer = AIOKafkaProducer(**connection)
            await producer.start()
            try:
                with pytest.raises(TopicAuthorizationFailedError):
                    await producer.send_and_wait(name, b"x")
            finally:
                await producer.stop()
        consumer = AIOKafkaConsumer(auto_offset_reset="earliest", **connection)
        await consumer.start()
        try:
            consumer.assign([TopicPartition(f"{SCRAM}linger.at-risk", 0)])
            consumer.seek(TopicPartition(f"{SCRAM}linger.at-risk", 0), 0)
            with pytest.raises(TopicAuthorizationFailedError):
                await consumer.getmany(timeout_ms=3_000)
        finally:
            await consumer.stop()

    asyncio.run(law())


def redis_as(pair: SecurePair, user: str, password: str) -> "Redis":
    authority = str(pair.folder / "ca.pem")
    return Redis.from_url(pair.redis_url, username=user, password=password, ssl_ca_certs=authority)


FORBIDDEN: list[tuple[str, ...]] = [
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("CONFIG", "GET", "*"),
    ("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"),
    ("KEYS", "*"),
    ("EVAL", "return 1", "0"),
    ("FUNCTION", "LIST"),
    ("DEBUG", "SLEEP", "0"),
    ("ACL", "LIST"),
    ("SHUTDOWN",),
    ("REPLICAOF", "NO", "ONE"),
    ("MONITOR",),
    ("CLIENT", "LIST"),
    ("DEL", "elsewhere"),
    ("GET", "elsewhere"),
    ("SET", "elsewhere", "1"),
    ("HSET", f"{SCRAM}lingerer:x", "a", "1"),
]


@pytest.mark.parametrize("kind", ["worker", "support", "incident"])
@pytest.mark.parametrize("command", FORBIDDEN, ids=" ".join)
def test_redis_refuses_what_is_not_needed(secure_pair: SecurePair, kind: str, command: tuple[str, ...]) -> None:
    with redis_as(secure_pair, ADMIN, ADMIN_PASSWORD) as admin:
        assert b"no permissions" in admin.execute_command("ACL", "DRYRUN", f"{SCRAM}{kind}", *command)
    with (
        redis_as(secure_pair, f"{SCRAM}{kind}", SECRETS["LINGER_REDIS_PASSWORD"]) as limited,
        # DEBUG is switched off altogether.
        pytest.raises(ResponseError, match=r"no permissions|DEBUG command not allowed"),
    ):
        limited.execute_command(*command)


def test_support_can_look_at_everything_and_change_nothing(secure_pair: SecurePair) -> None:
    allowed = [("HGETALL", "{1.0}:meta"), ("HGETALL", "rules"), ("GET", "{1.0}:c:ada"), ("SMEMBERS", "dead-letters")]
    refused = [
        ("RPUSH", "{1.0}:orders", "x"),
        ("HSET", "{1.0}:meta", "a", "1"),
        ("HSET", "rules", "a", "1"),
        ("DEL", "{1.0}:c:ada"),
        ("RPUSH", "{1.0}:outbox", "x"),
    ]
    with redis_as(secure_pair, ADMIN, ADMIN_PASSWORD) as admin:
        for name, key, *rest in [*allowed, *refused]:
            command = (name, f"{SCRAM}linger:{key}", *rest)
            answer = admin.execute_command("ACL", "DRYRUN", f"{SCRAM}support", *command)
            assert (answer == b"OK") == ((name, key, *rest) in allowed), command


@pytest.mark.rest
def test_the_role_topics_creates_the_topics_and_the_worker_does_not(secure_pair: SecurePair, tmp_path: Path) -> None:
    prefix = "fresh."
    allow(secure_pair, prefix, "scram")
    outcomes = []
    for user in ("scram", "topics"):
        variables = {**secure_pair.variables(), **by_scram(secure_pair), "LINGER_TOPIC_PREFIX": f"{prefix}linger"}
        variables |= {"LINGER_KAFKA_SASL_USERNAME": user, "LINGER_PARTITIONS": "4"}
        done = subprocess.run(
            [sys.executable, "-m", "workers", "topics", "create"],
            env=variables,
            capture_output=True,
            text=True,
            timeout=60,
        )
        outcomes.append(done.returncode)
        assert "Traceback" not in done.stderr
        assert_no_secret(done.stdout + done.stderr)
    assert outcomes == [2, 0]


async def produce_one(pair: SecurePair, topic: str) -> None:
    """Write one record as the administrator."""
    async with AIOKafkaProducer(**read_settings(pair.variables()).kafka_connection()) as producer:
        await producer.send_and_wait(topic, value=b"{}", key=b"ada")


@pytest.mark.rest
def test_the_doctor_says_that_it_may_not_read_the_activity_topic(secure_pair: SecurePair) -> None:
    prefix, outcomes = "seen.", []
    allow(secure_pair, prefix, "scram")
    variables = {**secure_pair.variables(), **by_scram(secure_pair), "LINGER_TOPIC_PREFIX": f"{prefix}linger"}
    variables |= {"LINGER_REDIS_NAMESPACE": f"{SCRAM}linger", "LINGER_PARTITIONS": "4"}
    command = [sys.executable, "-m", "workers"]
    as_topics = {**variables, "LINGER_KAFKA_SASL_USERNAME": "topics"}
    subprocess.run([*command, "topics", "create"], env=as_topics, check=True, capture_output=True, timeout=90)
    asyncio.run(produce_one(secure_pair, f"{prefix}linger.activity"))
    for user in ("scram", "topics"):
        done = subprocess.run(
            [*command, "doctor", "--json"],
            env={**variables, "LINGER_KAFKA_SASL_USERNAME": user},
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert "Traceback" not in done.stderr, done.stderr
        findings = {finding["checked"]: finding for finding in json.loads(done.stdout)}
        outcomes.append(findings["direct producers"])
    assert [finding["health"] for finding in outcomes] == ["ok", "could not be checked"]
    assert outcomes[0]["found"] == "1 of the newest 1 records are from them, each in the partition of its key"
    assert f"{prefix}linger.activity" in outcomes[1]["found"]


@pytest.mark.rest
def test_with_the_rights_of_an_older_release_a_pause_says_which_right_it_needs(secure_pair: SecurePair) -> None:
    """The topic of pauses is new, so its ACLs are missing after an upgrade."""
    prefix = "older."
    allow(secure_pair, prefix, "scram", without=f"{prefix}linger.pauses")
    variables = {**secure_pair.variables(), "LINGER_TOPIC_PREFIX": f"{prefix}linger", "LINGER_PARTITIONS": "4"}
    command = [sys.executable, "-m", "workers"]
    subprocess.run([*command, "topics", "create"], env=variables, check=True, capture_output=True, timeout=90)
    variables |= {
        **by_scram(secure_pair),
        "LINGER_KAFKA_SASL_USERNAME": "incident",
        "LINGER_KAFKA_GROUP_ID": f"{prefix}linger",
        "LINGER_REDIS_USERNAME": f"{SCRAM}incident",
        "LINGER_REDIS_NAMESPACE": f"{SCRAM}linger",
    }
    for words in (["pause", "--all", "--because", "x"], ["resume", "--all"], ["paused"]):
        done = subprocess.run([*command, *words], env=variables, capture_output=True, text=True, timeout=90)
        assert done.returncode == 2, done.stdout
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"error: linger {words[0]} is refused: Kafka's user 'incident'")
        assert f"may not Read topic '{prefix}linger.pauses'" in line
        assert_no_secret(done.stderr)
