"""Several Redis servers that belong together, on loopback: a master under Sentinel, and a cluster.

Everything is in memory, and what waits for a timeout does so for a second at most.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from redis import Redis

from tests.support.services import store_program
from workers.demo.embedded import HOST, EmbeddedError, answers_ping, free_ports, running_server, store_command
from workers.state.keys import SLOTS

SERVICE: Final = "linger-store"
_PATIENCE_SECONDS: Final = 30.0
_SENTINELS: Final = 3
_REPLICATION: Final = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
_SENTINEL_CONF: Final = """\
bind {host}
port {port}
dir {directory}
sentinel monitor {service} {host} {master} 2
sentinel down-after-milliseconds {service} 500
sentinel failover-timeout {service} 3000
"""


@dataclass(frozen=True)
class Node:
    """One server."""

    port: int
    pid: int

    def ask(self, *command: Any) -> Any:
        """Return its answer to one command, unparsed; blocks."""
        with closing(Redis(host=HOST, port=self.port, socket_timeout=5)) as redis:
            redis.response_callbacks.clear()
            return redis.execute_command(*command)  # type: ignore[no-untyped-call]

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        os.kill(self.pid, signal.SIGKILL)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze it until the block ends."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


@dataclass(frozen=True)
class Watched:
    """A master with replicas, and the sentinels that watch it."""

    master: Node
    replicas: tuple[Node, ...]
    sentinels: tuple[Node, ...]

    def arguments(self, service: str = SERVICE) -> dict[str, Any]:
        """Return the arguments of `open_nodes`."""
        addresses = [(HOST, sentinel.port) for sentinel in self.sentinels]
        return {"url": "redis://not-asked:1/0", "sentinels": addresses, "service": service}

    def variables(self) -> dict[str, str]:
        """Return the `LINGER_` variables for a worker."""
        return {
            "LINGER_REDIS_SENTINELS": ",".join(f"{HOST}:{sentinel.port}" for sentinel in self.sentinels),
            "LINGER_REDIS_SENTINEL_SERVICE": SERVICE,
        }

    @contextmanager
    def forgetting(self) -> Iterator[None]:
        """Let no replica learn of what is written in the block; at its end the master is killed."""
        with ExitStack() as frozen:
            for replica in self.replicas:
                frozen.enter_context(replica.frozen())
            # What was on its way to them is theirs; nothing comes after it.
            self.master.ask("CLIENT", "KILL", "TYPE", "replica")
            yield
            self.master.kill()


@dataclass(frozen=True)
class SmallCluster:
    """Three masters that share the slots."""

    nodes: tuple[Node, ...]
    ids: dict[int, str] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `open_nodes`; only one node is named."""
        return {"url": f"redis://{HOST}:{self.nodes[0].port}/0", "cluster": [(HOST, self.nodes[0].port)]}

    def variables(self) -> dict[str, str]:
        """Return the `LINGER_` variables for a worker."""
        return {"LINGER_REDIS_CLUSTER": "true", "LINGER_REDIS_URL": str(self.arguments()["url"])}

    def id_of(self, node: Node) -> str:
        """Return the name by which the nodes know one another."""
        if (known := self.ids.get(node.port)) is None:
            known = self.ids[node.port] = node.ask("CLUSTER", "MYID").decode()
        return known

    def owner(self, slot: int) -> Node:
        """Return the master of a slot."""
        for first, last, (_, port, *_), *_ in self.nodes[0].ask("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == port)
        raise AssertionError(f"no node has slot {slot}")

    def begin_move(self, slot: int, source: Node, target: Node) -> None:
        """Let two masters know that a slot is going to move."""
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(source))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(target))

    def move_a_key(self, slot: int, source: Node, target: Node) -> bool:
        """Move one key of a slot; False if there is none left."""
        keys = source.ask("CLUSTER", "GETKEYSINSLOT", slot, 1)
        if keys:
            source.ask("MIGRATE", HOST, target.port, "", 0, 5_000, "KEYS", *keys)
        return bool(keys)

    def end_move(self, slot: int, target: Node, *others: Node) -> None:
        """Announce the new owner of a slot to all nodes, its new master first."""
        for node in (target, *others):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", self.id_of(target))

    def move(self, slot: int, target: Node, pause_seconds: float = 0) -> None:
        """Move a slot, one key after the other, with a pause after each."""
        source = self.owner(slot)
        self.begin_move(slot, source, target)
        while self.move_a_key(slot, source, target):
            time.sleep(pause_seconds)
        self.end_move(slot, target, source, *(node for node in self.nodes if node not in (source, target)))


@contextmanager
def running_sentinel(directory: Path, *, replicas: int = 2) -> Iterator[Watched]:
    """Run a master, its replicas and three sentinels that know of each other and of them."""
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        master = stack.enter_context(_server(directory, "master", *_REPLICATION))
        follow = ("--replicaof", f"{HOST} {master.port}", *_REPLICATION)
        copies = tuple(stack.enter_context(_server(directory, f"replica{n}", *follow)) for n in range(replicas))
        until(lambda: master.ask("INFO", "replication").count(b"state=online") == replicas, "replicas follow")
        sentinels = tuple(stack.enter_context(_sentinel(directory, n, master)) for n in range(_SENTINELS))
        until(lambda: all(_knows_all(sentinel, replicas) for sentinel in sentinels), "sentinels know all nodes")
        yield Watched(master, copies, sentinels)


@contextmanager
def running_cluster(directory: Path) -> Iterator[SmallCluster]:
    """Run three masters that agree on who has which slots, a third each."""
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        buses = free_ports(3)
        nodes = tuple(
            stack.enter_context(
                _server(
                    directory,
                    f"node{number}",
                    *("--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "2000"),
                )
            )
            for number, bus in enumerate(buses)
        )
        for number, node in enumerate(nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.ask("CLUSTER", "ADDSLOTSRANGE", SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1)
            if number:
                node.ask("CLUSTER", "MEET", HOST, nodes[0].port, buses[0])
        until(lambda: all(_is_whole(node, 3) for node in nodes), "the nodes of the cluster agree")
        yield SmallCluster(nodes)


@contextmanager
def _server(directory: Path, name: str, *options: str) -> Iterator[Node]:
    (port,) = free_ports(1)
    data = directory / name
    data.mkdir(exist_ok=True)
    command = [*store_command(store_program(), port, data), *options]
    log = directory / f"{name}.log"
    with running_server(command, log, lambda: answers_ping(port), environment=os.environ) as pid:
        yield Node(port, pid)


@contextmanager
def _sentinel(directory: Path, number: int, master: Node) -> Iterator[Node]:
    (port,) = free_ports(1)
    conf = directory / f"sentinel{number}.conf"
    conf.write_text(
        _SENTINEL_CONF.format(host=HOST, port=port, directory=directory, service=SERVICE, master=master.port)
    )
    command = [str(store_program()), str(conf.resolve()), "--sentinel"]
    log = directory / f"sentinel{number}.log"
    with running_server(command, log, lambda: answers_ping(port), environment=os.environ) as pid:
        yield Node(port, pid)


def _knows_all(sentinel: Node, replicas: int) -> bool:
    with closing(Redis(host=HOST, port=sentinel.port)) as redis:
        state: Any = redis.sentinel_masters()[SERVICE]  # type: ignore[call-overload]
    return bool(state["num-slaves"] == replicas and state["num-other-sentinels"] == _SENTINELS - 1)


def _is_whole(node: Node, nodes: int) -> bool:
    return b"cluster_state:ok" in node.ask("CLUSTER", "INFO") and len(node.ask("CLUSTER", "SLOTS")) == nodes


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition.

    Raises:
        EmbeddedError: naming it, if it is not met in time.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise EmbeddedError(f"waited {_PATIENCE_SECONDS:g} s in vain until {what}")
        time.sleep(0.02)
