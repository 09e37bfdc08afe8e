"""A TCP proxy on loopback that can be cut or stalled: the network between two processes, as faults see it."""

import asyncio
from typing import Final

from workers.demo.embedded import HOST, free_ports

_CHUNK_BYTES: Final = 64 << 10


class Proxy:
    """Passes bytes on to another port.

    Attributes:
        port: where it listens.
    """

    def __init__(self, target_port: int) -> None:
        self.port = free_ports(1)[0]
        self.target_port = target_port
        self._flows = asyncio.Event()
        self._flows.set()
        self._refuses = False
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> "Proxy":
        """Listen."""
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        return self

    def drop(self) -> None:
        """Close every connection; new ones are accepted."""
        for writer in self._open:
            writer.transport.abort()

    def cut(self) -> None:
        """Close every connection, and every new one at once."""
        self._refuses = True
        self.drop()

    def stall(self) -> None:
        """Pass nothing on and close nothing, like a network that swallows packets."""
        self._flows.clear()

    def heal(self) -> None:
        """Pass everything on again."""
        self._refuses = False
        self._flows.set()

    async def stop(self) -> None:
        """Close everything."""
        self.cut()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection(HOST, self.target_port)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pass_on(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while raw := await source.read(_CHUNK_BYTES):
                await self._flows.wait()
                sink.write(raw)
                await sink.drain()
        except OSError:
            pass  # one side is gone: the other one is closed, too
        finally:
            sink.transport.abort()
            self._open.discard(sink)
