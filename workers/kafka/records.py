"""A record as it is written to Kafka, and as it waits in the outbox."""

from typing import Final

import msgspec


class OutboxRecord(msgspec.Struct, array_like=True, frozen=True):
    """A record on its way to Kafka."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


encode_record = msgspec.msgpack.Encoder().encode


decode_record = msgspec.msgpack.Decoder(OutboxRecord).decode


MAX_RECORD_BYTES: Final = 8 << 20
