"""The mailers in `examples/`, in Python and in Node, against a real Kafka: judged by what they sent.

What they send is a line of a file, which stands for a provider that knows idempotency keys.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from schemas.generate import documents
from tests.support.paths import ROOT
from workers.demo.embedded import Pair, die_with_parent
from workers.kafka.topics import TopicPlan, connected_admin, create_missing

pytestmark = pytest.mark.integration

EXAMPLES = ROOT / "examples"
PATIENCE_SECONDS = 60.0
TEMPLATES = {"we-miss-you": {"text": "Hello $name", "otherwise": "Hello"}, "come-back": {"text": "Come back"}}
SCHEMA = Draft202012Validator(documents()["action.schema.json"])
Record = dict[str, Any] | bytes | None


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Node mailer and what its lock file names."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"the mailer in Node needs Node.js 18 or later, and there is no {program}")
    folder = tmp_path_factory.mktemp("node")
    for name in ("mailer.mjs", "package.json", "package-lock.json"):
        shutil.copy(EXAMPLES / name, folder)
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(params=["python", "node"])
def command(request: pytest.FixtureRequest) -> list[str]:
    """How a mailer is started."""
    if request.param == "python":
        return [sys.executable, str(EXAMPLES / "mailer.py")]
    return ["node", str(request.getfixturevalue("node_folder") / "mailer.mjs")]


class Mailer:
    """A mailer with topics of its own; it can be killed and started again."""

    def __init__(self, pair: Pair, command: Sequence[str], folder: Path) -> None:
        self.servers = pair.bootstrap_servers
        self.prefix = f"m{uuid4().hex[:8]}"
        self.folder = folder
        self.sent_file = folder / "sent.jsonl"
        (folder / "templates.json").write_text(json.dumps(TEMPLATES))
        files = [str(folder / name) for name in ("state", "sent.jsonl", "templates.json")]
        self.command = [*command, self.servers, self.prefix, *files]
        self.process: subprocess.Popen[bytes] | None = None
        plans = [TopicPlan(f"{self.prefix}.{name}", 2, 1) for name in ("at-risk", "win-back")]

        async def create() -> None:
            async with connected_admin({"bootstrap_servers": self.servers}) as admin:
                await create_missing(admin, plans)

        asyncio.run(create())

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent()
            )

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def publish(self, *records: Record, topic: str = "at-risk") -> None:
        """Write records in order, as Linger does: the key is the customer id."""

        async def write() -> None:
            async with AIOKafkaProducer(bootstrap_servers=self.servers) as producer:
                for record in records:
                    value = json.dumps(record).encode() if isinstance(record, dict) else record
                    key = record["customer_id"].encode() if isinstance(record, dict) else b"someone"
                    await producer.send(f"{self.prefix}.{topic}", value=value, key=key)
                await producer.flush()

        asyncio.run(write())

    def sent(self) -> list[dict[str, Any]]:
        """Everything sent so far, oldest first; a line that is being written is left out."""
        text = self.sent_file.read_text() if self.sent_file.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def customers(self) -> Counter[str]:
        return Counter([mail["customer_id"] for mail in self.sent()])

    def until(self, condition: Callable[[], bool], what: str) -> None:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < give_up, f"waited for {what}; sent: {self.sent()}\n{self.log()}"
            assert self.process is None or self.process.poll() is None, self.log()
            time.sleep(0.005)

    def until_sent(self, customer: str) -> None:
        self.until(lambda: customer in self.customers(), f"{customer} to get a mail")


@pytest.fixture
def mailer(apache_pair: Pair, command: list[str], tmp_path: Path) -> Iterator[Mailer]:
    running = Mailer(apache_pair, command, tmp_path)
    yield running
    running.kill()


def moment(seconds_from_now: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds_from_now)).isoformat().replace("+00:00", "Z")


def action(customer: str, *, expires_in: float = 3600, **others: Any) -> dict[str, Any]:
    """An active action as Linger publishes it; the customer's id gives its id."""
    made = {
        "action_id": str(uuid4()),
        "action": "at-risk",
        "status": "active",
        "customer_id": customer,
        "rule": {"id": "quiet-buyer", "version": "1"},
        "episode_started_at": moment(-60),
        "decided_at": moment(-60),
        "expires_at": moment(expires_in),
        "template": "we-miss-you",
        "variables": {"name": "Ada"},
        "why": [],
        **others,
    }
    return made


def retracted(active: dict[str, Any], because: str = "customer_returned") -> dict[str, Any]:
    kept = {name: value for name, value in active.items() if name != "not_before"}
    return {**kept, "status": "retracted", "variables": {}, "retracted_at": moment(0), "retracted_because": because}


def test_the_records_of_these_tests_are_what_linger_publishes() -> None:
    active = action("ada", not_before=moment(5), time_zone="Europe/Berlin")
    assert list(SCHEMA.iter_errors(active)) == []
    assert list(SCHEMA.iter_errors(retracted(active))) == []


@pytest.mark.rest
def test_each_mailer_follows_the_contract(mailer: Mailer) -> None:
    again, early, twice, changed = action("again"), action("early"), action("twice"), action("changed")
    later = action("later", not_before=moment(5))
    taken_back_later, mars = action("taken back later", not_before=moment(25)), action("mars")
    before = action("taken back before it was read")
    mailer.publish(
        action("plain"),
        *[twice, twice, twice],
        *[retracted(early), early],
        before,
        *[again, retracted(again), again],
        action("expired", expires_in=-1),
        action("too late after the quiet hours", expires_in=3, not_before=moment(4)),
        later,
        taken_back_later,
        action("no name", variables={"name": None, "orders": 3}),
        action("new fields", channel="mail", consent={"status": "given"}),
        *[mars, retracted(mars, because="moved to Mars")],
        action("new status", status="suspended"),
        action("no such template", template="spring-sale"),
        *[changed, {**changed, "rule": {"id": "quiet-buyer", "version": "2"}, "template": "come-back"}],
        *[b"{", b"[]", b'{"action_id": "x"}', None],
    )
    mailer.publish(*[action(f"filler {number}") for number in range(300)], topic="win-back")
    mailer.publish(*[action(f"filler {number}") for number in range(300, 600)], retracted(before), action("last"))

    mailer.start()
    mailer.until_sent("last")
    assert moment(5) < taken_back_later["not_before"], "this machine is too slow for this test"
    mailer.publish(*[twice, retracted(taken_back_later), again])
    mailer.publish(action("after", not_before=taken_back_later["not_before"]))
    mailer.until_sent("after")

    fillers = {f"filler {number}" for number in range(600)}
    mailer.until(lambda: fillers <= mailer.customers().keys(), "every filler to be sent")
    plain = {"plain", "twice", "later", "no name", "new fields", "changed", "last", "after"}
    assert mailer.customers() == dict.fromkeys(plain | fillers, 1)
    mails = {mail["customer_id"]: mail for mail in mailer.sent()}
    assert mails["later"]["sent_at"] >= datetime.fromisoformat(later["not_before"]).timestamp()
    assert (mails["plain"]["text"], mails["no name"]["text"]) == ("Hello Ada", "Hello")
    assert mails["changed"]["text"] == "Come back"
    assert mails["twice"]["idempotency_key"] == twice["action_id"]
    assert "unknown template: spring-sale" in mailer.log()
    assert mailer.log().count("not an action: ") == 3


@pytest.mark.rest
def test_one_record_that_is_no_action_never_keeps_the_others_from_being_sent(mailer: Mailer) -> None:
    """A mailer that ends at a record would end there after each restart, too."""
    wrong: list[dict[str, Any]] = [
        action("no variables", variables=None),
        action("list of variables", variables=["name"]),
        action("number of a template", template=7),
        action("object as an id", action_id={"id": 1}),
        action("huge id", action_id=10**30),
        {**action("no id of a customer"), "customer_id": ["ada"]},
        retracted(action("retraction of an object", action_id={"id": 1})),
    ]
    raw: list[Record] = [json.dumps(record).encode() for record in wrong]
    raw += [b"[" * 100_000, json.dumps(action("another encoding")).encode("utf-16"), b"\xff\xfe", b"null", b"7"]
    raw += [json.dumps(action("half a character", action_id="\ud800")).encode()]
    mailer.publish(*raw)
    mailer.publish(*raw, topic="win-back")
    mailer.publish(action("no such template", template="constructor"), action("last"))
    mailer.start()
    mailer.until_sent("last")
    mailer.kill()
    mailer.publish(action("after a restart"))
    mailer.start()
    mailer.until_sent("after a restart")
    assert mailer.customers().keys() - {"half a character"} == {"last", "after a restart"}
    assert mailer.log().count("not an action: ") >= 2 * (len(raw) - 1)
    assert "unknown template: constructor" in mailer.log()


@pytest.mark.rest
def test_a_mailer_that_is_killed_sends_nothing_twice_and_loses_nothing(mailer: Mailer) -> None:
    actions = [action(f"c{number}") for number in range(600)]
    waiting = action("taken back while it was down", not_before=moment(40))
    mailer.publish(waiting, *actions)
    for least in (20, 200):
        mailer.start()
        mailer.until(lambda least=least: len(mailer.sent()) >= least, f"{least} mails")  # type: ignore[misc]
        mailer.kill()
        assert len(mailer.sent()) < len(actions), "it was over before it could be killed"
        mailer.publish(*actions[:300])  # at least once: the same records again
    assert moment(5) < waiting["not_before"], "this machine is too slow for this test"
    mailer.publish(retracted(waiting), action("last", not_before=waiting["not_before"]))
    mailer.start()
    mailer.until_sent("last")
    mailer.until(lambda: len(mailer.sent()) > len(actions), "every mail")
    assert mailer.customers() == dict.fromkeys([*(action["customer_id"] for action in actions), "last"], 1)


@pytest.mark.rest
def test_a_template_that_was_missing_is_sent_after_a_restart_that_knows_it(mailer: Mailer) -> None:
    late, withdrawn = action("late", template="spring-sale"), action("withdrawn", template="spring-sale")
    mailer.publish(late, withdrawn)
    mailer.start()
    mailer.until(lambda: mailer.log().count("unknown template: spring-sale") == 2, "it to complain")
    mailer.publish(retracted(withdrawn), action("first"))
    mailer.until_sent("first")
    mailer.kill()
    (mailer.folder / "templates.json").write_text(json.dumps({**TEMPLATES, "spring-sale": {"text": "Sale"}}))
    mailer.start()
    mailer.until_sent("late")
    mailer.publish(action("second"))
    mailer.until_sent("second")
    assert mailer.customers() == {"late": 1, "first": 1, "second": 1}


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((EXAMPLES / "package-lock.json").read_text())
    packages = [package for name, package in lock["packages"].items() if name]
    assert all(package["integrity"] for package in packages)
    assert not any("resolved" in package for package in packages)
