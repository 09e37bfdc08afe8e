"""A request for Kafka's topics with their ids, which distinguish a topic from a later one of the same name.

aiokafka 0.14 supports the Metadata API up to version 5; the topic id came with version 10 (Kafka 2.8). This
module adds that one version to those that aiokafka negotiates. It sends nothing, and knows no topic of Linger's.
Field lists: https://kafka.apache.org/protocol, key 3. Version 10 and no later one, because it is the first with the
id, and every Kafka since supports it.
"""

from io import BytesIO
from uuid import UUID

from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v5
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

__all__ = ["TopicMetadataRequest", "topic_id_of"]

_UUID_BYTES = 16
# Kafka's value for "none": in every request by name, and from brokers that keep no ids.
_NO_UUID = UUID(int=0)
_NO_TAGS: dict[int, bytes] = {}


class TopicUuid(AbstractType):  # type: ignore[misc]
    """Kafka's UUID: 16 bytes, most significant first. `decode(encode(x)) == x`."""

    @classmethod
    def encode(cls, value: UUID) -> bytes:
        """Return the 16 bytes of `value`."""
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        """Read 16 bytes from `data`.

        Raises:
            ValueError: `data` holds fewer than 16 bytes.
        """
        return UUID(bytes=data.read(_UUID_BYTES))


class MetadataResponse_v10(Response):  # type: ignore[misc]  # noqa: N801 - named as aiokafka names its own
    """A broker's answer to `MetadataRequest_v10`."""

    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", TopicUuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("topic_authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class MetadataRequest_v10(RequestStruct):  # type: ignore[misc]  # noqa: N801 - named as aiokafka names its own
    """Metadata of topics by name, the first version whose answer carries topic ids."""

    API_KEY = 3
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = MetadataResponse_v10
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic_id", TopicUuid),
                ("topic", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicMetadataRequest(Request[MetadataRequest_v5 | MetadataRequest_v10]):  # type: ignore[misc]
    """A request for topics by name that never creates a topic.

    aiokafka takes the newest of the two versions that the broker supports; only version 10 returns topic ids.
    Send it with `AIOKafkaClient.send(node_id, request)`; read the answer with `topic_id_of` and `to_object()`.

    (aiokafka's own metadata requests allow a broker with `auto.create.topics.enable` to create the topics of the
    request, with the broker's default partition count. This one never does.)
    """

    API_KEY = 3

    def __init__(self, names: list[str] | None, *, with_rights: bool = False) -> None:
        """Ask for topics.

        Args:
            names: the topics; an empty list asks for none, None for all that this client may see.
            with_rights: ask also for this client's rights on each.
        """
        self._names = names
        self._with_rights = with_rights

    def build(
        self, request_struct_class: type[MetadataRequest_v5 | MetadataRequest_v10]
    ) -> MetadataRequest_v5 | MetadataRequest_v10:
        """Return the request in the version that was negotiated."""
        if request_struct_class is MetadataRequest_v5:
            return MetadataRequest_v5(self._names, False)
        if self._names is None:
            return MetadataRequest_v10(None, False, False, self._with_rights, _NO_TAGS)
        topics = [(_NO_UUID, name, _NO_TAGS) for name in self._names]
        return MetadataRequest_v10(topics, False, False, self._with_rights, _NO_TAGS)


def topic_id_of(topic: dict[str, object]) -> str | None:
    """Return the id in one entry of the answer's `to_object()["topics"]`, or None if the broker gave none.

    The id is written like `str(uuid.UUID)`; Kafka's own tools print the same 16 bytes in URL-safe base64.
    """
    topic_id = topic.get("topic_id")
    return None if topic_id in (None, _NO_UUID) else str(topic_id)
