"""Laws of connecting: a silent broker is given up in time, and what is asked later has the time it was promised."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError

from workers.kafka.clients import connecting

Make = Callable[..., Any]
CLIENTS: list[Make] = [AIOKafkaAdminClient, AIOKafkaConsumer, AIOKafkaProducer]


def failure_of(make: Make, monkeypatch: pytest.MonkeyPatch, *ports: int) -> tuple[str, Any]:
    monkeypatch.setattr(connecting, "ANSWER_MS", 200)

    async def attempt() -> tuple[str, Any]:
        client = make(bootstrap_servers=[f"127.0.0.1:{port}" for port in ports], request_timeout_ms=60_000)
        try:
            with pytest.raises(KafkaConnectionError) as caught:
                await connecting.connect(client)
        finally:
            await (client.close() if make is AIOKafkaAdminClient else client.stop())
        return str(caught.value), getattr(client, "client", None) or client._client

    return asyncio.run(asyncio.wait_for(attempt(), 20))


@pytest.mark.parametrize("make", CLIENTS)
def test_a_broker_that_accepts_and_never_answers_is_given_up_in_time(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        problem, _ = failure_of(make, monkeypatch, silent.getsockname()[1])
    assert "no answer within 0 s; is it frozen" in problem


@pytest.mark.parametrize("make", CLIENTS)
def test_what_is_asked_after_connecting_has_the_time_of_the_client(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _, inner = failure_of(make, monkeypatch, silent.getsockname()[1])
    assert inner._request_timeout_ms == 60_000


def test_a_port_that_nobody_listens_on_is_not_called_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    problem, _ = failure_of(AIOKafkaAdminClient, monkeypatch, port)
    assert "frozen" not in problem
