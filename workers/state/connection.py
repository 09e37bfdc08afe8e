"""Commands to the Redis servers and their answers, with every failure as `Transient`.

After any failure a connection is closed and never used again: an unread answer would be taken for the answer to the
next command. `workers.state.topology` knows which server holds a key. This module knows no key of Linger's.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from hiredis import pack_command
from redis.asyncio import Connection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from workers.errors import Transient
from workers.state.topology import Nodes

_MAX_STEPS: Final = 32
_MAX_CALLS: Final = 32
_REWRITES: Final = 20


class RedisServers:
    """All servers of one Redis, and the connections to them.

    Args:
        nodes: the servers, and which key each holds.
        wait_replicas: how many replicas must have a write before it counts, 0 for none.
        timeout_ms: deadline of one answer.

    Attributes:
        nodes: as given.
    """

    def __init__(self, nodes: Nodes, *, wait_replicas: int = 0, timeout_ms: int = 5_000) -> None:
        self.nodes = nodes
        self._wait_replicas = wait_replicas
        self._timeout_ms = timeout_ms
        # Two limits, because a step may send other commands before it commits: those must not wait for other steps.
        self._steps = asyncio.Semaphore(_MAX_STEPS)
        self._calls = asyncio.Semaphore(_MAX_CALLS)

    async def call(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send several independent commands and return their answers; one round trip to each server, concurrently.

        Args:
            commands: the first argument of each is its key, and none has a second key.

        Raises:
            Transient: if any command was not answered as it should; others may have been executed.
        """
        if not commands:
            return []
        parts = await self.nodes.split(commands)
        if len(parts) == 1:
            return await self.ask(parts[0][0], commands)
        asked = (self.ask(pool, [commands[index] for index in indexes]) for pool, indexes in parts)
        answers: list[Any] = [None] * len(commands)
        # Wait for all, also after a failure: a retry must not overlap a command of the first attempt.
        for (_, indexes), part in zip(parts, await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(part, BaseException):
                raise part
            for index, answer in zip(indexes, part, strict=True):
                answers[index] = answer
        return answers

    async def ask_every_server(self, *command: Any) -> dict[str, Any]:
        """Send a command to every server that holds keys and return the answers by `host:port`."""
        masters = await self.nodes.masters(refresh=True)
        return {name: (await self.ask(pool, [command]))[0] for name, pool in masters.pools.items()}

    async def ask(self, pool: ConnectionPool, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send several commands to one server and return their answers.

        Raises:
            Transient: if any command was not answered as it should.
        """
        async with self._calls, self._lent(pool) as connection:
            return await self.converse(connection, commands)

    @asynccontextmanager
    async def connection(self, key: str) -> AsyncIterator[Connection]:
        """Lend a connection to the server that holds a key, for a step or another transaction."""
        async with self._steps, self._lent(await self.nodes.holding(key)) as connection:
            yield connection

    @asynccontextmanager
    async def _lent(self, pool: ConnectionPool) -> AsyncIterator[Connection]:
        try:
            connection: Connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            server = pool.connection_kwargs
            self.nodes.failed((server["host"], server["port"]), error)
            raise Transient(f"Redis does not answer: {error}") from error
        try:
            yield connection
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)

    async def converse(self, connection: Connection, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send commands on one connection in one packet and return their answers in order.

        Raises:
            Transient: if any command was not answered as it should; then the connection is closed.
        """
        try:
            await connection.send_packed_command([pack_command(command) for command in commands])
            return [await connection.read_response() for _ in commands]
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            self.nodes.failed((connection.host, connection.port), error)
            await connection.disconnect()
            raise Transient(f"Redis does not answer: {error}") from error
        except ResponseError as error:
            self.nodes.failed((connection.host, connection.port), error)
            await connection.disconnect()
            raise Transient(f"Redis refused {commands[0][0]}: {_error_text(error)}") from error
        except BaseException:
            # Cancelled between command and answer: the answer would be taken for that to the next command.
            await connection.disconnect(nowait=True)
            raise

    async def wait_for_replicas(self, connection: Connection) -> None:
        """Wait until enough replicas have every write of this connection; nothing is published before.

        Raises:
            Transient: if they do not have it in time.
        """
        if not self._wait_replicas:
            return
        # Half of the deadline: the answer must arrive within the whole of it.
        reached = (await self.converse(connection, [("WAIT", self._wait_replicas, self._timeout_ms // 2)]))[0]
        if reached < self._wait_replicas:
            problem = f"only {reached} of {self._wait_replicas} replicas have the step"
            # They may follow a new master by now.
            self.nodes.failed((connection.host, connection.port), RedisConnectionError(problem))
            raise Transient(problem)

    async def fields(self, key: str) -> dict[str, str]:
        """Return a hash of texts, empty if the key does not exist."""
        return text_fields((await self.call([("HGETALL", key)]))[0])

    async def rewrite(
        self, key: str, change: Callable[[Mapping[str, str]], Mapping[str, str] | None]
    ) -> dict[str, str]:
        """Replace a hash of texts by the result of `change`, atomically; return its new content.

        Args:
            key: the key of the hash.
            change: called with the present content, more than once if others change it meanwhile. It returns the new
                content, or None to leave the hash unchanged.

        Raises:
            Transient: if Redis does not answer, or others changed the hash at every attempt.
        """
        for _ in range(_REWRITES):
            async with self.connection(key) as connection:
                answers = await self.converse(connection, [("WATCH", key), ("HGETALL", key)])
                present = text_fields(answers[1])
                replacement = change(present)
                if replacement is None:
                    await self.converse(connection, [("UNWATCH",)])
                    return present
                fields = [part for pair in replacement.items() for part in pair]
                done = await self.converse(connection, [("MULTI",), ("DEL", key), ("HSET", key, *fields), ("EXEC",)])
                if done[-1] is not None:
                    await self.wait_for_replicas(connection)
                    return dict(replacement)
        raise Transient(f"'{key}' was changed by other workers {_REWRITES} times in a row")

    async def close(self) -> None:
        """Close every connection."""
        await self.nodes.close()


def text_fields(raw: Any) -> dict[str, str]:
    """Return the answer to HGETALL as texts, from either version of the protocol."""
    if isinstance(raw, dict):
        return {name.decode(): value.decode() for name, value in raw.items()}
    pairs = iter(raw)
    return {name.decode(): value.decode() for name, value in zip(pairs, pairs, strict=True)}


def _error_text(error: ResponseError) -> str:
    """Return the error's text, with the code that redis-py cuts off."""
    code = getattr(error, "status_code", None)
    return f"{code} {error}" if code else str(error)
