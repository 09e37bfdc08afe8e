"""Checks of several settings together: what cannot work although each value can be."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from workers.settings.forms import redis_urls
from workers.settings.model import Settings
from workers.settings.tls import TlsFiles


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        fields: the settings that it looks at; it is left out if one of them could not be read.
        problems: finds what is wrong, a line each.
    """

    fields: Collection[str]
    problems: Callable[[Settings], Iterable[str]]


def _sasl(settings: Settings) -> Iterator[str]:
    if settings.kafka_security_protocol.startswith("SASL") and not (
        settings.kafka_sasl_username and settings.kafka_sasl_password
    ):
        yield (
            f"KAFKA_SECURITY_PROTOCOL is {settings.kafka_security_protocol}: "
            "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD (or KAFKA_SASL_PASSWORD_FILE) are needed"
        )


def _request_timeout(settings: Settings) -> Iterator[str]:
    if settings.kafka_request_timeout_ms <= settings.kafka_session_timeout_ms:
        yield "KAFKA_REQUEST_TIMEOUT_MS must be longer than KAFKA_SESSION_TIMEOUT_MS"


def _heartbeat(settings: Settings) -> Iterator[str]:
    if settings.kafka_heartbeat_interval_ms * 3 > settings.kafka_session_timeout_ms:
        yield "KAFKA_HEARTBEAT_INTERVAL_MS must be a third of KAFKA_SESSION_TIMEOUT_MS at most"


def _keys_have_certificates(settings: Settings) -> Iterator[str]:
    if settings.kafka_ssl_keyfile and not settings.kafka_ssl_certfile:
        yield "KAFKA_SSL_KEYFILE needs KAFKA_SSL_CERTFILE"
    if settings.redis_ssl_keyfile and not settings.redis_ssl_certfile:
        yield "REDIS_SSL_KEYFILE needs REDIS_SSL_CERTFILE"


def _registry(settings: Settings) -> Iterator[str]:
    url, user, password = (
        settings.schema_registry_url,
        settings.schema_registry_user,
        settings.schema_registry_password,
    )
    if (user or password) and url is None:
        yield "SCHEMA_REGISTRY_USER and SCHEMA_REGISTRY_PASSWORD need SCHEMA_REGISTRY_URL"
    if user and not password:
        yield "SCHEMA_REGISTRY_USER needs SCHEMA_REGISTRY_PASSWORD (or SCHEMA_REGISTRY_PASSWORD_FILE)"
    if password and url is not None and "@" in urlsplit(url.get_secret_value()).netloc:
        yield "SCHEMA_REGISTRY_URL holds a user, and SCHEMA_REGISTRY_PASSWORD is set: keep one"


def _sentinels(settings: Settings) -> Iterator[str]:
    if settings.redis_cluster and settings.redis_sentinels:
        yield "REDIS_CLUSTER and REDIS_SENTINELS are both set; a cluster has no sentinels, so keep one"
    if bool(settings.redis_sentinels) != bool(settings.redis_sentinel_service):
        yield (
            "REDIS_SENTINELS and REDIS_SENTINEL_SERVICE belong together: where the sentinels are, and the name of "
            "the master there, often mymaster"
        )
    if (settings.redis_sentinel_username or settings.redis_sentinel_password) and not settings.redis_sentinels:
        yield "REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD need REDIS_SENTINELS"


def _nodes(settings: Settings) -> Iterator[str]:
    urls = [urlsplit(url) for url in redis_urls(settings.redis_url.get_secret_value())]
    if len(urls) > 1 and not settings.redis_cluster:
        yield "REDIS_URL names several servers, which only a cluster has: set REDIS_CLUSTER to true"
    if len({url.scheme for url in urls}) > 1:
        yield "REDIS_URL names servers with and without TLS; all nodes of a cluster must use the same"
    if settings.redis_cluster and any(url.path.strip("/") not in ("", "0") for url in urls):
        yield "REDIS_URL names another database than 0, the only one that a cluster has"


def _unusable(files: TlsFiles | None) -> list[str]:
    return [] if files is None else files.problems()


CONSISTENCY: Final = (
    Check(("kafka_security_protocol", "kafka_sasl_username", "kafka_sasl_password"), _sasl),
    Check(("kafka_request_timeout_ms", "kafka_session_timeout_ms"), _request_timeout),
    Check(("kafka_heartbeat_interval_ms", "kafka_session_timeout_ms"), _heartbeat),
    Check(
        ("kafka_ssl_keyfile", "kafka_ssl_certfile", "redis_ssl_keyfile", "redis_ssl_certfile"),
        _keys_have_certificates,
    ),
    Check(("schema_registry_url", "schema_registry_user", "schema_registry_password"), _registry),
    Check(
        (
            *("redis_cluster", "redis_sentinels", "redis_sentinel_service"),
            *("redis_sentinel_username", "redis_sentinel_password"),
        ),
        _sentinels,
    ),
    Check(("redis_url", "redis_cluster"), _nodes),
)

FILES: Final = (
    Check(
        (
            *("kafka_security_protocol", "kafka_ssl_cafile", "kafka_ssl_certfile", "kafka_ssl_keyfile"),
            "kafka_ssl_key_password",
        ),
        lambda settings: _unusable(settings.kafka_tls()),
    ),
    Check(
        ("redis_url", "redis_ssl_ca_certs", "redis_ssl_certfile", "redis_ssl_keyfile"),
        lambda settings: _unusable(settings.redis_tls()),
    ),
    Check(("schema_registry_url", "schema_registry_ca"), lambda settings: _unusable(settings.registry_tls())),
)
"""Certificates and keys, as far as they are used. A command that connects to nothing can do without them."""
