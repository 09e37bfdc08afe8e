"""Topology: which server holds a key: the only one, the master that Sentinel names, or a master of a cluster.

The store requests connections from this module, and reports failures of connections to it; the module never retries a
command. Every problem with a server is `Transient`: the store's caller retries the same step, in order, and the retry
goes to the server that holds the key by then. This module knows nothing of partitions, steps or customers.
"""

import asyncio
from abc import ABC, abstractmethod
from binascii import crc32
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Connection, ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import ClusterDownError, MovedError, ReadOnlyError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from workers.errors import Transient

Address = tuple[str, int]
Command = tuple[Any, ...]

_MASTER_IS_GONE: Final = (RedisConnectionError, RedisTimeoutError, OSError, ReadOnlyError, ClusterDownError)
_SENTINEL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Masters:
    """Every server that holds keys.

    Attributes:
        pools: connection pools by `host:port`, in the same order while `layout` is the same.
        layout: a number that identifies which server holds which keys.
    """

    pools: dict[str, ConnectionPool]
    layout: int = 0


class Nodes(ABC):
    """The Redis servers of one store."""

    survey: tuple[Command, ...] = (("INFO", "server"),)
    """Commands to send to a server together with a SCAN; `check_survey` takes their answers."""

    @abstractmethod
    async def holding(self, key: str) -> ConnectionPool:
        """Return connections to the server that holds a key.

        Raises:
            Transient: if that server is not known at the moment.
        """

    async def split(self, commands: Sequence[Command]) -> list[tuple[ConnectionPool, list[int]]]:
        """Group commands by server: return each server with the indexes of its commands.

        A command's first argument is its key.

        Raises:
            Transient: if the server of a key is not known at the moment.
        """
        return [(await self.holding(""), list(range(len(commands))))]

    @abstractmethod
    async def masters(self, *, refresh: bool = False) -> Masters:
        """Return every server that holds keys.

        Args:
            refresh: ask the servers for the present layout, even if one is known.

        Raises:
            Transient: if they are not known at the moment.
        """

    def check_survey(self, answers: Sequence[Any], layout: int) -> int:
        """Return a number that identifies the server process to which a SCAN's cursor belongs.

        Args:
            answers: the answers to `survey`.
            layout: the layout with which the scan began.

        Raises:
            Transient: if the layout has changed, so that a SCAN would miss some keys.
        """
        return crc32(_field(answers[0], "run_id").encode())

    @abstractmethod
    def failed(self, address: Address, error: BaseException) -> None:
        """Note an error of a server, or that it did not answer."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""


class _Pools:
    """Connection pools by server, all with the same credentials, certificates and deadlines."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._pools: dict[Address, ConnectionPool] = {}

    def at(self, address: Address) -> ConnectionPool:
        if (pool := self._pools.get(address)) is None:
            host, port = address
            pool = self._pools[address] = ConnectionPool(**{**self._options, "host": host, "port": port})
        return pool

    async def keep_only(self, addresses: set[Address]) -> None:
        """Close idle connections to other servers; a connection in use may finish."""
        for address, pool in self._pools.items():
            if address not in addresses:
                await pool.disconnect(inuse_connections=False)

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.disconnect()


class Server(Nodes):
    """One server that holds every key."""

    def __init__(self, address: Address, options: Mapping[str, Any]) -> None:
        self._pools = _Pools(options)
        self._pool = self._pools.at(address)
        self._name = _text(address)

    async def holding(self, key: str) -> ConnectionPool:
        """Return connections to the server."""
        return self._pool

    async def masters(self, *, refresh: bool = False) -> Masters:
        """Return the only server."""
        return Masters({self._name: self._pool})

    def failed(self, address: Address, error: BaseException) -> None:
        """Do nothing: there is no other server."""

    async def close(self) -> None:
        """Close every connection."""
        await self._pools.close()


class SentinelMaster(Nodes):
    """The master of a service that Sentinel watches; Sentinel is asked again when it no longer acts as master."""

    def __init__(
        self,
        sentinels: Sequence[Address],
        service: str,
        options: Mapping[str, Any],
        sentinel_options: Mapping[str, Any],
    ) -> None:
        # A sentinel that does not answer must not use up the time of those that do.
        own = {**sentinel_options, "retry": Retry(NoBackoff(), 0)}
        self._sentinels = {_text(address): Redis(host=address[0], port=address[1], **own) for address in sentinels}
        self._service = service
        self._pools = _Pools(options)
        self._master: Address | None = None
        self._asking = asyncio.Lock()

    async def holding(self, key: str) -> ConnectionPool:
        """Return connections to the present master.

        Raises:
            Transient: if no sentinel names one.
        """
        return self._pools.at(await self._present())

    async def masters(self, *, refresh: bool = False) -> Masters:
        """Return the present master alone.

        Raises:
            Transient: if no sentinel names one.
        """
        if refresh:
            self._master = None
        master = await self._present()
        return Masters({_text(master): self._pools.at(master)})

    def failed(self, address: Address, error: BaseException) -> None:
        """Ask the sentinels again before the next command, if the present master no longer acts as one."""
        if address == self._master and isinstance(error, _MASTER_IS_GONE):
            self._master = None

    async def close(self) -> None:
        """Close every connection."""
        await self._pools.close()
        for sentinel in self._sentinels.values():
            await sentinel.aclose()

    async def _present(self) -> Address:
        if (master := self._master) is not None:
            return master
        async with self._asking:
            if (master := self._master) is None:
                master = await self._discover()
                await self._pools.keep_only({master})
                self._master = master
            return master

    async def _discover(self) -> Address:
        """Ask all sentinels at once; the newest configuration counts, because an isolated sentinel has an old one."""
        answers = await asyncio.gather(*map(self._ask, self._sentinels))
        configurations = [answer for answer in answers if not isinstance(answer, str)]
        if not configurations:
            raise Transient(f"no sentinel names a master of '{self._service}': {'; '.join(map(str, answers))}")
        return max(configurations)[1]

    async def _ask(self, sentinel: str) -> tuple[int, Address] | str:
        """Return the number of a sentinel's configuration and its master, or a problem."""
        try:
            services = await self._sentinels[sentinel].sentinel_masters()
        except (RedisError, OSError) as error:
            return f"{sentinel}: {error}"
        assert isinstance(services, dict)
        state = services.get(self._service)
        if state is None:
            return f"{sentinel}: watches {', '.join(sorted(services)) or 'nothing'}"
        if not state["is_master"] or state["is_sdown"] or state["is_odown"]:
            return f"{sentinel}: {state['ip']}:{state['port']} is down"
        return state["config-epoch"], (state["ip"], state["port"])


@dataclass(frozen=True, slots=True)
class _Map:
    """Which master holds which slots.

    Attributes:
        ranges: first and last slot of each range, and the address of its master.
        layout: see `Masters`.
    """

    ranges: tuple[tuple[int, int, Address], ...]
    layout: int

    def master_of(self, slot: int) -> Address | None:
        return next((address for first, last, address in self.ranges if first <= slot <= last), None)


class Cluster(Nodes):
    """The masters of a Redis Cluster; the map of slots is read again whenever it proves wrong."""

    survey = (("INFO", "server"), ("CLUSTER", "NODES"))

    def __init__(self, starting_nodes: Sequence[Address], options: Mapping[str, Any]) -> None:
        self._starting = tuple(starting_nodes)
        self._pools = _Pools(options)
        self._map: _Map | None = None
        self._slots: dict[int, ConnectionPool] = {}
        self._is_stale = True
        self._named: Address | None = None
        self._silent: Address | None = None
        self._asking = asyncio.Lock()

    async def holding(self, key: str) -> ConnectionPool:
        """Return connections to the master of the key's slot.

        Raises:
            Transient: if no node returns the map of slots, or the slot has no master.
        """
        slot_map = await self._present()
        slot: int = key_slot(key.encode())
        if (pool := self._slots.get(slot)) is None:
            if (address := slot_map.master_of(slot)) is None:
                self._is_stale = True
                raise Transient(f"slot {slot} of the Redis cluster has no master")
            pool = self._slots[slot] = self._pools.at(address)
        return pool

    async def split(self, commands: Sequence[Command]) -> list[tuple[ConnectionPool, list[int]]]:
        """Group commands by master: return each master with the indexes of its commands.

        A command's first argument is its key.

        Raises:
            Transient: if the master of a slot is not known at the moment.
        """
        groups: dict[ConnectionPool, list[int]] = {}
        for number, command in enumerate(commands):
            groups.setdefault(await self.holding(str(command[1])), []).append(number)
        return list(groups.items())

    async def masters(self, *, refresh: bool = False) -> Masters:
        """Return every master that holds a slot.

        Raises:
            Transient: if no node returns the map of slots.
        """
        self._is_stale = self._is_stale or refresh
        slot_map = await self._present()
        addresses = sorted({address for _, _, address in slot_map.ranges})
        return Masters({_text(address): self._pools.at(address) for address in addresses}, slot_map.layout)

    def check_survey(self, answers: Sequence[Any], layout: int) -> int:
        """Return a number that identifies the server process to which a SCAN's cursor belongs.

        Raises:
            Transient: if slots move or have moved: keys could move from a master that is not scanned yet to one that
                was.
        """
        nodes = _decoded(answers[1])
        if _is_moving(nodes) or _layout_of_nodes(nodes) != layout:
            self._is_stale = True
            raise Transient("slots of the Redis cluster are moving, so the scan of all keys must begin again")
        return super().check_survey(answers, layout)

    def failed(self, address: Address, error: BaseException) -> None:
        """Read the map again before the next command, if the server no longer holds the slot.

        Not after ASK and TRYAGAIN: the slot is moving, and belongs to this server until all of it has moved.
        """
        if isinstance(error, MovedError):
            # The named node knows for certain; the others may not have learned of it yet.
            self._named = (error.host or address[0], error.port)
            self._is_stale = True
        elif isinstance(error, _MASTER_IS_GONE):
            self._silent = address
            self._is_stale = True

    async def close(self) -> None:
        """Close every connection."""
        await self._pools.close()

    async def _present(self) -> _Map:
        if self._map is not None and not self._is_stale:
            return self._map
        async with self._asking:
            if self._map is None or self._is_stale:
                self._is_stale = False
                try:
                    self._map = await self._read_map()
                except BaseException:
                    self._is_stale = True
                    raise
                self._slots = {}
                await self._pools.keep_only({address for _, _, address in self._map.ranges})
            return self._map

    async def _read_map(self) -> _Map:
        problems = []
        for address in self._candidates():
            try:
                slots = _map_of(await _asked(self._pools.at(address), ("CLUSTER", "SLOTS")), address)
                if slots.ranges:
                    return slots
                problems.append(f"{_text(address)}: knows of no slot")
            except (RedisError, OSError) as error:
                problems.append(f"{_text(address)}: {error}")
        raise Transient(f"no node of the Redis cluster returns its slots: {'; '.join(problems)}")

    def _candidates(self) -> list[Address]:
        """Return the nodes to ask: first the one that knows for certain, last the one that just did not answer."""
        masters = [address for _, _, address in self._map.ranges] if self._map is not None else []
        order = dict.fromkeys([*([self._named] if self._named else []), *masters, *self._starting])
        silent, self._named, self._silent = self._silent, None, None
        return sorted(order, key=lambda address: address == silent)


def _map_of(answer: Sequence[Any], asked: Address) -> _Map:
    """Read an answer to CLUSTER SLOTS; a node without a host is the one that was asked."""
    ranges, owned = [], []
    for first, last, master, *_ in answer:
        host = _decoded(master[0] or b"")
        ranges.append((int(first), int(last), (host or asked[0], int(master[1]))))
        owned.append((int(first), int(last), _decoded(master[2])))
    return _Map(tuple(ranges), _layout(owned))


def _layout_of_nodes(nodes: str) -> int:
    """Return the number of the layout in an answer to CLUSTER NODES."""
    owned = []
    for line in nodes.splitlines():
        node_id, _, flags, *_ = fields = line.split()
        if "master" not in flags:
            continue
        for slots in fields[8:]:
            if not slots.startswith("["):
                first, _, last = slots.partition("-")
                owned.append((int(first), int(last or first), node_id))
    return _layout(owned)


def _layout(owned: list[tuple[int, int, str]]) -> int:
    return crc32(repr(sorted(owned)).encode())


def _is_moving(nodes: str) -> bool:
    """Return whether the node that answered CLUSTER NODES is giving or receiving a slot."""
    return any("myself" in line.split()[2] and "[" in line for line in nodes.splitlines())


async def _asked(pool: ConnectionPool, command: Command) -> Any:
    connection: Connection = await pool.get_connection()  # type: ignore[no-untyped-call]
    try:
        await connection.send_command(*command)
        return await connection.read_response()
    except BaseException:
        # Cancelled between command and answer: the answer would be taken for that to the next command.
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)


def _field(answer: Any, name: str) -> str:
    """Return one field of an answer to INFO."""
    return _decoded(answer).partition(f"{name}:")[2].partition("\r")[0]


def _decoded(text: Any) -> str:
    return text.decode() if isinstance(text, bytes) else str(text)


def _text(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def open_nodes(arguments: Mapping[str, Any], timeout_ms: int) -> Nodes:
    """Return the servers that `Settings.redis_connection` describes; no connection is opened yet.

    Args:
        arguments: `url`, and arguments of redis-py's connections. `cluster`, a list of addresses of starting nodes,
            makes it a cluster. `sentinels`, a list of addresses, and `service` make it Sentinel's master; then
            `sentinel_username` and `sentinel_password` are optional.
        timeout_ms: deadline of every connection and answer.
    """
    given = dict(arguments)
    url, cluster, sentinels, service = (given.pop(name, None) for name in ("url", "cluster", "sentinels", "service"))
    credentials = {name: given.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    timeout = timeout_ms / 1000
    of_url: dict[str, Any] = dict(parse_url(url))
    options = {"socket_timeout": timeout, "socket_connect_timeout": timeout, **given, **of_url}
    address = (options.pop("host", "localhost"), options.pop("port", 6379))
    if cluster:
        return Cluster(cluster, options)
    if not sentinels:
        return Server(address, options)
    sentinel_timeout = min(timeout, _SENTINEL_SECONDS)
    sentinel_options = {**credentials, "socket_timeout": sentinel_timeout, "socket_connect_timeout": sentinel_timeout}
    if url.startswith("rediss://"):
        sentinel_options |= {
            "ssl": True,
            **{name: value for name, value in options.items() if name.startswith("ssl_")},
        }
    return SentinelMaster(sentinels, service, options, sentinel_options)
