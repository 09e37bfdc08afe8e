"""The servers of a run: real Kafka brokers and a real Redis, each behind a proxy, killed and started at will.

Workers reach everything through proxies; the harness itself bypasses them, over separate listeners.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.proxy import Proxy
from tests.support.services import fetch_jars, store_program
from workers.demo.embedded import HOST, answers_api_versions, answers_ping, die_with_parent, free_ports

_CLUSTER_ID: Final = "TGluZ2VyRmF1bHRLYWZrYQ"
_PATIENCE_SECONDS: Final = 90.0
_PROPERTIES: Final = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=WORKERS://{host}:{workers_port},DIRECT://{host}:{direct_port},CONTROLLER://{host}:{controller_port}
advertised.listeners=WORKERS://{host}:{proxy_port},DIRECT://{host}:{direct_port}
inter.broker.listener.name=DIRECT
controller.listener.names=CONTROLLER
listener.security.protocol.map=WORKERS:PLAINTEXT,DIRECT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor={copies}
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr=1
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
replica.lag.time.max.ms=3000
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=500
log.cleaner.dedupe.buffer.size=8388608
group.min.session.timeout.ms=1000
"""


class Server:
    """One server process that can be killed, frozen and started again over the same data."""

    def __init__(
        self,
        command: list[str],
        log_file: Path,
        answers: Callable[[], bool],
        environment: dict[str, str] | None = None,
    ) -> None:
        self._command, self._log_file, self._answers = command, log_file, answers
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Start the process, without waiting for it."""
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd="/",
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )

    async def answer(self) -> None:
        """Wait until it can be used.

        Raises:
            TimeoutError: if it does not answer.
        """
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while not await asyncio.to_thread(self._answers):
            if time.monotonic() > give_up:
                raise TimeoutError(f"{self._command[0]} does not answer; see {self._log_file}")
            await asyncio.sleep(0.1)

    async def start(self) -> None:
        """Start it and wait until it can be used."""
        self.spawn()
        await self.answer()

    async def kill(self) -> None:
        """End it by SIGKILL."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        await self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop it by SIGSTOP until it is thawed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue it by SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        try:
            await asyncio.to_thread(process.wait, 20)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
        self._process = None


@dataclass
class Broker:
    """One Kafka node and the proxy before it."""

    node: int
    server: Server
    proxy: Proxy
    direct: str


@dataclass
class Installation:
    """Brokers and store.

    Attributes:
        direct: `bootstrap.servers` past the proxies.
        folder: where everything is written.
    """

    brokers: list[Broker]
    redis: Server
    redis_proxy: Proxy
    redis_port: int
    redis_data: Path
    folder: Path

    @property
    def direct(self) -> str:
        """Return the servers that are not behind a proxy."""
        return ",".join(broker.direct for broker in self.brokers)

    def variables(self) -> dict[str, str]:
        """Return the variables of a worker that goes through the proxies."""
        return {
            "LINGER_KAFKA_BOOTSTRAP_SERVERS": ",".join(f"{HOST}:{broker.proxy.port}" for broker in self.brokers),
            "LINGER_REDIS_URL": f"redis://{HOST}:{self.redis_proxy.port}/0",
        }

    def heal(self) -> None:
        """Let all connections flow again."""
        for broker in self.brokers:
            broker.proxy.heal()
        self.redis_proxy.heal()


@asynccontextmanager
async def installation(folder: Path, brokers: int) -> AsyncIterator[Installation]:
    """Run some brokers and one Redis until the block ends; everything is written to a folder that exists."""
    running = await _installed(folder, brokers)
    try:
        await asyncio.gather(running.redis.start(), *(broker.server.start() for broker in running.brokers))
        yield running
    finally:
        running.heal()
        # Together: a node that asks the others for leave to go would wait for those that have gone.
        await asyncio.gather(running.redis.kill(), *(broker.server.kill() for broker in running.brokers))
        for proxy in [running.redis_proxy, *(broker.proxy for broker in running.brokers)]:
            await proxy.stop()


async def _installed(folder: Path, number: int) -> Installation:
    java = ["java", "-Xmx512m", "-Xms128m", "-XX:TieredStopAtLevel=1", "-cp", f"{fetch_jars()}/*"]
    ports = free_ports(3 * number)
    voters = ",".join(f"{node}@{HOST}:{ports[3 * node - 1]}" for node in range(1, number + 1))
    brokers = []
    for node in range(1, number + 1):
        workers_port, direct_port, controller_port = ports[3 * node - 3 : 3 * node]
        proxy = await Proxy(workers_port).start()
        data = folder / f"kafka-{node}"
        properties = folder / f"kafka-{node}.properties"
        properties.write_text(
            _PROPERTIES.format(
                node=node,
                voters=voters,
                host=HOST,
                workers_port=workers_port,
                direct_port=direct_port,
                controller_port=controller_port,
                proxy_port=proxy.port,
                data=data,
                copies=min(3, number),
            )
        )
        await asyncio.to_thread(
            subprocess.run,
            [*java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties)],
            check=True,
            capture_output=True,
        )
        command = [*java, "kafka.Kafka", str(properties)]
        server = Server(command, folder / f"kafka-{node}.log", _answering(direct_port), dict(os.environ))
        brokers.append(Broker(node, server, proxy, f"{HOST}:{direct_port}"))
    (redis_port,) = free_ports(1)
    data = folder / "redis"
    data.mkdir()
    redis = Server(redis_command(redis_port, data), folder / "redis.log", lambda: answers_ping(redis_port))
    return Installation(brokers, redis, await Proxy(redis_port).start(), redis_port, data, folder)


def _answering(port: int) -> Callable[[], bool]:
    return lambda: answers_api_versions(port)


def redis_command(port: int, data: Path) -> list[str]:
    """Return the command of a Redis that appends every write to a file before it answers the next one."""
    return [
        *(str(store_program()), "--bind", HOST, "--port", str(port), "--dir", str(data), "--save", ""),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--enable-debug-command", "yes"),
    ]
