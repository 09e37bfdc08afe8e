"""Permissions: whether Kafka and Redis accept this worker, and which rights it lacks.

It only queries: it writes nothing and joins no group. It does not report a server that is down or a topic that is
missing.
"""

import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError

from schemas.sources import SourcesFile
from workers.errors import Transient
from workers.kafka.groups import group_rights
from workers.kafka.rights import Right
from workers.kafka.topics import connected_admin, rights_on
from workers.operations.rights.needs import NEEDS, rights_by_topic
from workers.settings import Settings
from workers.state.topology import open_nodes

_ACL_FILE: Final = "docs/acl/kafka-acls.sh, role worker"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a server does not accept this client.

    Attributes:
        problem: which server refuses, and its answer.
        remedy: the settings to check; empty if `problem` names them.
    """

    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return problem and remedy as sentences."""
        return f"{self.problem}. {self.remedy}" if self.remedy else self.problem


@dataclass(frozen=True, slots=True)
class MissingRight:
    """A right that Kafka's ACLs do not give to this client.

    Attributes:
        problem: the topic or group, the user, and the right.
        remedy: the command that adds the ACL.
    """

    problem: str
    remedy: str

    def __str__(self) -> str:
        """Return problem and remedy as sentences."""
        return f"{self.problem}. Allow it: {self.remedy}"


async def kafka_refusals(settings: Settings) -> list[Refusal]:
    """Return why brokers refuse the connection; nothing if one accepts it, or if none answers at all."""
    refusals: list[Refusal] = []
    for server in settings.kafka_bootstrap_servers.split(","):
        host, _, port = server.rpartition(":")
        try:
            connection = await create_conn(
                host.strip("[]"),
                int(port),
                **{name: value for name, value in settings.kafka_connection().items() if name != "bootstrap_servers"},
            )
            try:
                # A listener that requires SASL accepts a client without it, and closes at the first request.
                await connection.send(MetadataRequest([]))
            finally:
                connection.close()
            return []
        except (KafkaError, OSError, TimeoutError) as error:
            if (refusal := _kafka_refusal(settings, f"Kafka at {server}", error)) is not None:
                refusals.append(refusal)
    return refusals


def _kafka_refusal(settings: Settings, server: str, error: BaseException) -> Refusal | None:
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Refusal(
            f"{server}: its certificate is not trusted ({cause.verify_message})",
            "Check LINGER_KAFKA_SSL_CAFILE, and the host names in LINGER_KAFKA_BOOTSTRAP_SERVERS",
        )
    if isinstance(cause, ssl.SSLError):
        return Refusal(
            f"{server}: the TLS connection was refused ({cause.reason})",
            "If it requires a client certificate, set LINGER_KAFKA_SSL_CERTFILE and LINGER_KAFKA_SSL_KEYFILE to one "
            "that it trusts; check LINGER_KAFKA_SECURITY_PROTOCOL",
        )
    if isinstance(error, SaslAuthenticationFailed):
        return Refusal(
            f"{server}: user '{settings.kafka_sasl_username}' is not let in",
            "Check LINGER_KAFKA_SASL_USERNAME, LINGER_KAFKA_SASL_PASSWORD and LINGER_KAFKA_SASL_MECHANISM",
        )
    if isinstance(error, UnsupportedSaslMechanismError):
        return Refusal(
            f"{server}: it does not support {settings.kafka_sasl_mechanism}", "Check LINGER_KAFKA_SASL_MECHANISM"
        )
    if isinstance(error, KafkaConnectionError) and error.__cause__ is not None:
        return Refusal(
            f"{server}: it closed the connection without an answer",
            "Check LINGER_KAFKA_SECURITY_PROTOCOL and the port",
        )
    return None


def rights_needed(settings: Settings, sources: SourcesFile) -> dict[str, frozenset[Right]]:
    """Return by topic the rights that a worker needs; those of patterns are not known by name."""
    named = [source.topic for source in sources.sources if source.pattern is None]
    return rights_by_topic(NEEDS["run"], settings, named)


async def missing_rights(settings: Settings, sources: SourcesFile) -> list[MissingRight]:
    """Return the rights that a worker lacks; nothing if brokers do not report rights, or do not answer."""
    needed = rights_needed(settings, sources)
    try:
        async with connected_admin(settings.kafka_connection()) as admin:
            missing = topic_rights_missing(settings, needed, await rights_on(admin, needed))
            return missing + (await group_rights_missing(settings, admin) or [])
    except (KafkaError, OSError):
        return []  # a broker that does not answer is reported by the worker itself


def topic_rights_missing(
    settings: Settings,
    needed: Mapping[str, Collection[Right]],
    reported: Mapping[str, frozenset[Right] | None],
) -> list[MissingRight]:
    """Return the missing rights, one value for each topic; nothing for topics whose rights are not reported.

    Args:
        settings: of the worker.
        needed: by topic, the rights that it needs.
        reported: by topic, the rights that it has; None if the broker does not report them.
    """
    missing = []
    for topic, needed_rights in needed.items():
        allowed = reported.get(topic)
        lacking = [right for right in sorted(needed_rights) if allowed is not None and right not in allowed]
        if lacking:
            titles = " or ".join(right.title for right in lacking)
            operations = " ".join(f"--operation {right.title}" for right in lacking)
            missing.append(
                MissingRight(
                    f"topic '{topic}': {kafka_user(settings)} may not {titles}",
                    f"{_command(settings)} {operations} --topic {topic} (all of them: {_ACL_FILE})",
                )
            )
    return missing


async def group_rights_missing(settings: Settings, admin: AIOKafkaAdminClient) -> list[MissingRight] | None:
    """Return the right to join the consumer group if it is missing, None if Kafka does not report it."""
    missing = MissingRight(
        f"group '{settings.kafka_group_id}': {kafka_user(settings)} may not Read",
        f"{_command(settings)} --operation Read --group {settings.kafka_group_id}, "
        f"or check LINGER_KAFKA_GROUP_ID ({_ACL_FILE})",
    )
    allowed = await group_rights(admin, settings.kafka_group_id)
    if allowed is None:
        return None
    return [] if Right.READ in allowed else [missing]


def kafka_user(settings: Settings) -> str:
    """Return the name by which Kafka knows this client, and the setting that gives it."""
    if settings.kafka_sasl_username:
        return f"user '{settings.kafka_sasl_username}' (LINGER_KAFKA_SASL_USERNAME)"
    return "the owner of the certificate in LINGER_KAFKA_SSL_CERTFILE"


def _command(settings: Settings) -> str:
    principal = settings.kafka_sasl_username or "<its name at the brokers>"
    return f"kafka-acls.sh --bootstrap-server ... --add --allow-principal 'User:{principal}'"


async def redis_refusals(settings: Settings) -> list[Refusal]:
    """Return why Redis refuses the connection; nothing if it accepts it, or if it does not answer at all."""
    nodes = open_nodes(settings.redis_connection(), settings.redis_timeout_ms)
    try:
        pool = await nodes.holding(settings.redis_namespace)
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        await pool.release(connection)
    except NoPermissionError:
        return []  # accepted; a missing permission shows where it is needed
    except AuthenticationError as error:
        return [_redis_refusal(settings, error)]
    except (Transient, RedisConnectionError, RedisError, OSError) as error:
        return _redis_tls_refusals(error)
    finally:
        await nodes.close()
    return []


def _redis_refusal(settings: Settings, error: AuthenticationError) -> Refusal:
    problem = f"Redis does not let {_redis_user(settings)} in"
    if "NOAUTH" in str(error) or "already authenticated" in str(error):
        # The user of no name, who may not even greet.
        remedy = "Set LINGER_REDIS_USERNAME and LINGER_REDIS_PASSWORD to those of a role that may (docs/security.md)"
        return Refusal(problem, remedy)
    return Refusal(f"{problem}: {error}")


def _redis_user(settings: Settings) -> str:
    if settings.redis_username or settings.redis_password:
        user = settings.redis_username or "default"
        return f"user '{user}' (LINGER_REDIS_USERNAME, LINGER_REDIS_PASSWORD)"
    return "the user of LINGER_REDIS_URL"


def _redis_tls_refusals(error: BaseException) -> list[Refusal]:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return [
            Refusal(
                f"Redis's certificate is not trusted ({cause.verify_message})",
                "Check LINGER_REDIS_SSL_CA_CERTS, and the host in LINGER_REDIS_URL",
            )
        ]
    if cause is not None:
        return [
            Refusal(
                f"Redis refused the TLS connection ({cause})",
                "If it requires a client certificate, set LINGER_REDIS_SSL_CERTFILE and LINGER_REDIS_SSL_KEYFILE; "
                "check that LINGER_REDIS_URL is its TLS port",
            )
        ]
    return []
