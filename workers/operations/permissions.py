"""Access: whether Kafka and Redis let this worker in, and to everything it needs; asked before it starts.

Looks only: writes nothing, joins nothing. What is merely not there (a server that is down, a topic that is missing)
is not said here; `worker` says that.
"""

import ssl
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError

from schemas.sources import SourcesFile
from workers.errors import StartupError, Transient
from workers.kafka.acls import Right, rights_in
from workers.kafka.topics import connected_admin, rights_on
from workers.settings import OWN_TOPICS, Settings
from workers.state.topology import open_nodes

_RIGHTS_ON_ACTIVITY: Final = (Right.READ, Right.WRITE)
_ACL_FILE: Final = "docs/acl/kafka-acls.sh"


async def require_access(settings: Settings, sources: SourcesFile) -> None:
    """Go on only if nothing refuses us. A Kafka without TLS and passwords refuses nobody, and is not asked.

    Raises:
        StartupError: every refusal, with the setting or the ACL that mends it.
    """
    problems: list[str] = []
    if settings.kafka_security_protocol != "PLAINTEXT":
        problems += await kafka_refusals(settings) or await missing_rights(settings, sources)
    problems += await redis_refusals(settings)
    if problems:
        raise StartupError(problems)


async def kafka_refusals(settings: Settings) -> list[str]:
    """Return why brokers do not let us in; nothing if one does, or if none answers at all."""
    problems: list[str] = []
    for server in settings.kafka_bootstrap_servers.split(","):
        host, _, port = server.rpartition(":")
        try:
            connection = await create_conn(
                host.strip("[]"),
                int(port),
                **{name: value for name, value in settings.kafka_connection().items() if name != "bootstrap_servers"},
            )
            try:
                # A listener that wants SASL lets a client without it in, and closes at the first question.
                await connection.send(MetadataRequest([]))
            finally:
                connection.close()
            return []
        except (KafkaError, OSError, TimeoutError) as error:
            if (why := _why_refused(settings, error)) is not None:
                problems.append(f"Kafka at {server}: {why}")
    return problems


def _why_refused(settings: Settings, error: BaseException) -> str | None:
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({cause.verify_message}). "
            "Check LINGER_KAFKA_SSL_CAFILE, and the host names in LINGER_KAFKA_BOOTSTRAP_SERVERS"
        )
    if isinstance(cause, ssl.SSLError):
        return (
            f"the TLS connection was refused ({cause.reason}). If it wants a client certificate, set "
            "LINGER_KAFKA_SSL_CERTFILE and LINGER_KAFKA_SSL_KEYFILE to one that it trusts; check "
            "LINGER_KAFKA_SECURITY_PROTOCOL"
        )
    if isinstance(error, SaslAuthenticationFailed):
        return (
            f"user '{settings.kafka_sasl_username}' is not let in. Check LINGER_KAFKA_SASL_USERNAME, "
            "LINGER_KAFKA_SASL_PASSWORD and LINGER_KAFKA_SASL_MECHANISM"
        )
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"{settings.kafka_sasl_mechanism} is not spoken there. Check LINGER_KAFKA_SASL_MECHANISM"
    if isinstance(error, KafkaConnectionError) and error.__cause__ is not None:
        return "it closed the connection without a word. Check LINGER_KAFKA_SECURITY_PROTOCOL and the port"
    return None


def rights_needed(settings: Settings, sources: SourcesFile, own: Sequence[str]) -> dict[str, tuple[Right, ...]]:
    """Return by topic what a worker has to be allowed; `own` are Linger's own topics without their prefix."""
    needed: dict[str, tuple[Right, ...]] = {settings.topic(name): (Right.WRITE,) for name in own}
    needed[settings.topic("activity")] = _RIGHTS_ON_ACTIVITY
    return {source.topic: (Right.READ,) for source in sources.sources} | needed


async def missing_rights(settings: Settings, sources: SourcesFile) -> list[str]:
    """Return the ACLs that a worker lacks; nothing about brokers that do not tell, or do not answer."""
    needed = rights_needed(settings, sources, OWN_TOPICS)
    try:
        async with connected_admin(settings.kafka_connection()) as admin:
            problems = topic_rights_missing(settings, needed, await rights_on(admin, needed))
            return problems + (await group_rights_missing(settings, admin) or [])
    except (KafkaError, OSError):
        return []  # whoever is not there is reported by the worker itself


def topic_rights_missing(
    settings: Settings,
    needed: Mapping[str, Sequence[Right]],
    found: Mapping[str, frozenset[Right] | None],
) -> list[str]:
    """Return one sentence for each topic on which a right is missing, with the command that gives it."""
    problems = []
    for topic, wanted in needed.items():
        allowed = found.get(topic)
        lacking = [right for right in wanted if allowed is not None and right not in allowed]
        if lacking:
            operations = " ".join(f"--operation {right.title}" for right in lacking)
            problems.append(
                f"topic '{topic}': {_who(settings)} may not {' or '.join(right.title for right in lacking)}. "
                f"Allow it: {_command(settings)} {operations} --topic {topic} (all of them: {_ACL_FILE})"
            )
    return problems


async def group_rights_missing(settings: Settings, admin: AIOKafkaAdminClient) -> list[str] | None:
    """Return a sentence if the right to join the consumer group is missing, None if Kafka does not tell."""
    problem = (
        f"group '{settings.kafka_group_id}': {_who(settings)} may not Read. Allow it: {_command(settings)} "
        f"--operation Read --group {settings.kafka_group_id}, or check LINGER_KAFKA_GROUP_ID ({_ACL_FILE})"
    )
    try:
        coordinator = await admin.find_coordinator(settings.kafka_group_id)
        (answer,) = await admin.describe_consumer_groups(
            [settings.kafka_group_id], group_coordinator_id=coordinator, include_authorized_operations=True
        )
        group = answer.to_object()["groups"][0]
    except GroupAuthorizationFailedError:
        return [problem]
    except (KafkaError, KeyError, ValueError):
        return None  # no coordinator yet: the first group of a new cluster
    if group["error_code"] == GroupAuthorizationFailedError.errno:
        return [problem]
    allowed = rights_in(group.get("authorized_operations"))
    # aiokafka 0.14 does not pass them on; who may Read a group may also describe it, so that has to do.
    return [] if allowed is None or Right.READ in allowed else [problem]


def _who(settings: Settings) -> str:
    if settings.kafka_sasl_username:
        return f"user '{settings.kafka_sasl_username}' (LINGER_KAFKA_SASL_USERNAME)"
    return "the owner of the certificate in LINGER_KAFKA_SSL_CERTFILE"


def _command(settings: Settings) -> str:
    principal = settings.kafka_sasl_username or "<its name at the brokers>"
    return f"kafka-acls.sh --bootstrap-server ... --add --allow-principal 'User:{principal}'"


async def redis_refusals(settings: Settings) -> list[str]:
    """Return why Redis does not let us in; nothing if it does, or if it does not answer at all."""
    nodes = open_nodes(settings.redis_connection(), settings.redis_timeout_ms)
    try:
        pool = await nodes.holding(settings.redis_namespace)
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        await pool.release(connection)
    except NoPermissionError:
        return []  # let in; what a user may do is seen where it is done
    except AuthenticationError as error:
        return [f"Redis does not let {_redis_user(settings)} in: {error}"]
    except (Transient, RedisConnectionError, RedisError, OSError) as error:
        return _redis_tls(error)
    finally:
        await nodes.close()
    return []


def _redis_user(settings: Settings) -> str:
    if settings.redis_username or settings.redis_password:
        user = settings.redis_username or "default"
        return f"user '{user}' (LINGER_REDIS_USERNAME, LINGER_REDIS_PASSWORD)"
    return "the user of LINGER_REDIS_URL"


def _redis_tls(error: BaseException) -> list[str]:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return [
            f"Redis's certificate is not trusted ({cause.verify_message}). "
            "Check LINGER_REDIS_SSL_CA_CERTS, and the host in LINGER_REDIS_URL"
        ]
    if cause is not None:
        return [
            f"Redis refused the TLS connection ({cause}). If it wants a client certificate, set "
            "LINGER_REDIS_SSL_CERTFILE and LINGER_REDIS_SSL_KEYFILE; check that LINGER_REDIS_URL is its TLS port"
        ]
    return []
