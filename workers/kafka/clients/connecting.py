"""Connects clients of aiokafka within a bound: a broker that accepts connections and answers nothing is given up.

aiokafka waits a whole `request_timeout_ms` for each bootstrap server, which is made for answers under load. This
module sets an attribute of its client; `tests/unit/kafka/clients/test_connecting.py` covers that.
"""

import time
from typing import Any, Final

from aiokafka.errors import KafkaConnectionError

ANSWER_MS: Final = 10_000
"""How long one bootstrap server may take to answer."""


async def connect(client: Any) -> None:
    """Start a consumer, a producer or an admin client; each bootstrap server has `ANSWER_MS` to answer.

    Later requests have the time that the client was made with.

    Raises:
        KafkaConnectionError: no bootstrap server answers; says so if they accept connections and stay silent.
        KafkaError: they refuse this client.
    """
    inner = client.client if hasattr(client, "client") else client._client
    allowed_ms = inner._request_timeout_ms
    inner._request_timeout_ms = patience_ms = min(allowed_ms, ANSWER_MS)
    began_at = time.monotonic()
    try:
        await client.start()
    except KafkaConnectionError as error:
        if time.monotonic() - began_at < patience_ms / 1000:
            raise
        raise KafkaConnectionError(
            f"no answer within {patience_ms / 1000:.0f} s; is it frozen, overloaded, or no Kafka?"
        ) from error
    finally:
        inner._request_timeout_ms = allowed_ms
