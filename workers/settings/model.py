"""Every setting with its type, default and meaning, and what clients are given of them."""

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from schemas.actions import BUILT_IN_ACTIONS
from schemas.book import BOOK
from schemas.durations import Duration
from schemas.stages import STAGES
from workers.errors import StartupError
from workers.settings import forms
from workers.settings.tls import TlsFiles
from workers.variables import PREFIX, port_number

MASK: Final = "********"
PAUSES: Final = "pauses"
AUDIT: Final = "audit"
MARKS: Final = "marks"
REQUESTS: Final = "requests"
DECISIONS: Final = "decisions"
WORKER_TOPICS: Final = (
    "activity", *BUILT_IN_ACTIONS, DECISIONS, STAGES, "dead-letter", PAUSES, MARKS, BOOK, REQUESTS
)  # fmt: skip
"""Linger's own topics that every worker needs, without the prefix; those of declared actions come on top."""
OWN_TOPICS: Final = (*WORKER_TOPICS, AUDIT)
"""All of Linger's own topics, without the prefix and those of declared actions; only commands write to the audit."""
_SHORTEST_TOKEN: Final = 16
_LONGEST_TOKEN: Final = 4096
"""The HTTP server reads no header of 8 KiB, so a longer token could never be given."""
_DAY_MS: Final = 86_400_000
_LONGEST_NAME: Final = 249
"""Of a group and a client, as of a topic: some tools and brokers cut or refuse longer ones."""


def _is_one_line(secret: SecretStr) -> SecretStr:
    forms.one_line(secret.get_secret_value())
    return secret


Port = Annotated[int, BeforeValidator(port_number)]
Millis = Annotated[int, Field(ge=1, le=_DAY_MS)]
Line = Annotated[str, AfterValidator(forms.name)]
Name = Annotated[Line, Field(min_length=1, max_length=_LONGEST_NAME)]
Password = Annotated[SecretStr, AfterValidator(_is_one_line)]
FilePath = Annotated[Path, AfterValidator(forms.path)]
Servers = Annotated[str, AfterValidator(forms.servers)]


class Settings(BaseSettings):
    """Everything an operator can set. The defaults are safe for a first try on one machine."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    _declared_actions: tuple[str, ...] = PrivateAttr(())

    kafka_bootstrap_servers: Servers = Field(
        default="127.0.0.1:9092", description="bootstrap.servers, comma separated."
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="security.protocol."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="sasl.mechanism, used with SASL_PLAINTEXT and SASL_SSL."
    )
    kafka_sasl_username: Line | None = Field(default=None, description="User for SASL.")
    kafka_sasl_password: Password | None = Field(default=None, description="Password for SASL.")
    kafka_ssl_cafile: FilePath | None = Field(default=None, description="PEM file of the authorities to trust.")
    kafka_ssl_certfile: FilePath | None = Field(default=None, description="PEM file with this client's certificate.")
    kafka_ssl_keyfile: FilePath | None = Field(default=None, description="PEM file with this client's private key.")
    kafka_ssl_key_password: Password | None = Field(default=None, description="Password of the private key.")
    kafka_group_id: Name = Field(default="linger", description="group.id; all workers share it.")
    kafka_client_id: Name = Field(default="linger", description="client.id in the brokers' logs.")
    kafka_group_instance_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,249}$",  # brokers answer nothing to any other
        description="group.instance.id: a restart within the session timeout moves no partition.",
    )
    kafka_session_timeout_ms: Millis = Field(default=30_000, description="session.timeout.ms.")
    kafka_rebalance_timeout_ms: Millis = Field(
        default=60_000, description="Time for all workers to join a rebalance."
    )
    kafka_heartbeat_interval_ms: Millis = Field(default=3_000, description="heartbeat.interval.ms.")
    kafka_request_timeout_ms: Millis = Field(
        default=40_000, description="request.timeout.ms; longer than the session timeout."
    )
    kafka_delivery_timeout_ms: Millis = Field(
        default=15_000, description="delivery.timeout.ms: after this the producer is replaced and sends again."
    )
    kafka_max_poll_records: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=2_000, description="max.poll.records: records in one batch."
    )
    kafka_enable_idempotence: bool = Field(
        default=True, description="enable.idempotence; only the embedded broker of the demo does not support it."
    )

    topic_prefix: str = Field(
        default="linger",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="Linger's topics are <prefix>.activity and so on.",
    )
    partitions: Annotated[int, Field(ge=1, le=4096)] = Field(
        default=64,
        description="Partitions of the activity topic: the most workers that can share the work. "
        "Cannot be changed later.",
    )
    topic_replication_factor: Annotated[int, Field(ge=-1, le=32)] = Field(
        default=-1,
        description="Replicas of topics that `linger topics create` creates; -1: the broker's default.",
    )

    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"), description="redis:// or rediss:// (TLS); may hold a password."
    )
    redis_cluster: bool = Field(
        default=False, description="Redis is a cluster; REDIS_URL names its first nodes to ask, comma separated."
    )
    redis_sentinels: Servers | None = Field(
        default=None,
        description="host:port of the sentinels, comma separated; the host in REDIS_URL is then not used.",
    )
    redis_sentinel_service: Line | None = Field(
        default=None, min_length=1, description="Name of the master on the sentinels."
    )
    redis_sentinel_username: Line | None = Field(default=None, description="ACL user on the sentinels.")
    redis_sentinel_password: Password | None = Field(default=None, description="Password of that user.")
    redis_username: Line | None = Field(default=None, description="Redis ACL user.")
    redis_password: Password | None = Field(default=None, description="Password of that user.")
    redis_ssl_ca_certs: FilePath | None = Field(default=None, description="PEM file of the authorities to trust.")
    redis_ssl_certfile: FilePath | None = Field(default=None, description="PEM file with this client's certificate.")
    redis_ssl_keyfile: FilePath | None = Field(default=None, description="PEM file with this client's private key.")
    redis_namespace: str = Field(
        default="linger", pattern=r"^[A-Za-z0-9._-]{1,40}$", description="First part of every key."
    )
    redis_timeout_ms: Millis = Field(default=5_000, description="Deadline of every call.")
    redis_wait_replicas: Annotated[int, Field(ge=0, le=10)] = Field(
        default=0, description="Replicas that must have a step before its actions are published (WAIT)."
    )

    schema_registry_url: SecretStr | None = Field(
        default=None,
        description="http:// or https:// of a schema registry (Confluent's API), for sources in the formats avro and "
        "json-schema; may hold a user and a password.",
    )
    schema_registry_user: Line | None = Field(default=None, description="User for basic authentication there.")
    schema_registry_password: Password | None = Field(
        default=None, description="Password of that user; without a user, a bearer token."
    )
    schema_registry_ca: FilePath | None = Field(default=None, description="PEM file of the authorities to trust.")
    schema_registry_timeout_ms: Millis = Field(default=5_000, description="The longest that one answer may take.")

    rules: FilePath = Field(default=Path("rules"), description="Rule file, or folder of rule files.")
    rules_poll_ms: Annotated[int, Field(ge=100, le=3_600_000)] = Field(
        default=2_000, description="How often rule files and sources.yaml are checked for changes."
    )
    topics_poll_ms: Annotated[int, Field(ge=100, le=3_600_000)] = Field(
        default=60_000, description="How often topics are searched that match a pattern of sources.yaml."
    )
    hold_out_key: SecretStr | None = Field(
        default=None, description="Assigns customers to experiments; never change it."
    )
    sources: FilePath = Field(default=Path("sources.yaml"), description="The source topics and their mappings.")
    clock: Literal["system", "replay"] = Field(
        default="system", description="replay: the player of a history sets the time, not the wall clock."
    )
    max_future: Duration = Field(
        default="5 minutes", validate_default=True, description="Events further in the future are dead-lettered."
    )
    dead_letter_max_consecutive: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(
        default=1_000, description="More unreadable records of a source in a row stop this source."
    )
    dead_letter_max_ratio: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.5,
        description="A greater share of unreadable records among a source's last 2,000 stops this source.",
    )
    outbox_limit: Annotated[int, Field(ge=100, le=10_000_000)] = Field(
        default=20_000, description="Unconfirmed records of a partition at which its reading pauses."
    )
    tick_ms: Annotated[int, Field(ge=20, le=60_000)] = Field(
        default=250, description="How often due times are checked."
    )
    shutdown_grace_ms: Millis = Field(default=20_000, description="After this a stopping worker is ended by force.")

    http_host: Annotated[str, AfterValidator(forms.host)] = Field(
        default="127.0.0.1", description="Where /livez, /readyz, /statusz and /metrics listen."
    )
    http_port: Port = Field(default=8080, description="Their port; 0 for any free one.")
    http_allowed_hosts: Annotated[str, AfterValidator(forms.hosts)] | None = Field(
        default=None,
        description="More names, comma separated, by which clients and web pages may ask for them; on loopback, only "
        "localhost and its addresses may.",
    )
    http_token: SecretStr | None = Field(
        default=None,
        description="Bearer token of POST /-/reload; if not set, it is open on loopback and otherwise switched off.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="How much is logged.")
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="auto: text on a terminal, JSON elsewhere."
    )
    log_key: SecretStr | None = Field(
        default=None, description="Key of the hash that replaces customer ids in logs; random if not set."
    )
    actor: Annotated[Line, Field(min_length=1, max_length=_LONGEST_NAME)] | None = Field(
        default=None, description="Who runs commands, as the audit names them besides user@host; --by goes before it."
    )
    id_key: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="Key of the hash that replaces values that sources.yaml says are 'hashed'.",
    )

    marks_key: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="Key of the hash under which it is kept who is suppressed, opted out or erased. Without it, a "
        "random one is made and kept beside them. It can never be changed.",
    )

    @property
    def hash_key(self) -> bytes | None:
        """The key of values that are 'hashed' in `sources.yaml`; None without one."""
        return None if self.id_key is None else self.id_key.get_secret_value().encode()

    @property
    def key_of_marks(self) -> bytes | None:
        """The key of the hashes under which marks stand; None without one."""
        return None if self.marks_key is None else self.marks_key.get_secret_value().encode()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values only from `read_settings`: no environment, dotenv file or secrets folder is read here."""
        return (init_settings,)

    @field_validator("topic_replication_factor")
    @classmethod
    def _is_number_of_copies(cls, copies: int) -> int:
        if copies == 0:
            raise ValueError("must be -1, for the broker's default, or at least 1")
        return copies

    @field_validator("kafka_group_instance_id")
    @classmethod
    def _is_taken_by_brokers(cls, instance: str | None) -> str | None:
        if instance in (".", ".."):
            raise ValueError("brokers take no name of dots alone")
        return instance

    @field_validator("redis_url")
    @classmethod
    def _is_redis_url(cls, url: SecretStr) -> SecretStr:
        forms.require_redis_urls(url.get_secret_value())
        return url

    @field_validator("schema_registry_url")
    @classmethod
    def _is_registry_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            forms.require_registry_url(url.get_secret_value())
        return url

    @field_validator("http_token")
    @classmethod
    def _is_token(cls, token: SecretStr | None) -> SecretStr | None:
        text = "" if token is None else token.get_secret_value()
        is_sendable = text.isascii() and text.isprintable() and text == text.strip()
        if token is not None and not (is_sendable and _SHORTEST_TOKEN <= len(text) <= _LONGEST_TOKEN):
            raise ValueError(
                f"must be {_SHORTEST_TOKEN} to {_LONGEST_TOKEN} ASCII characters on one line, without spaces around; "
                "create one: openssl rand -hex 24"
            )
        return token

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """More names by which the endpoints may be asked."""
        return frozenset((self.http_allowed_hosts or "").split(",")) - {""}

    def topic(self, name: str) -> str:
        """Return the full name of one of Linger's own topics: `activity`, `at-risk`, `win-back`, …."""
        return f"{self.topic_prefix}.{name}"

    def with_actions(self, names: Iterable[str]) -> "Settings":
        """Return the same settings beside a `sources.yaml` that declares actions of these names."""
        settings = self.model_copy()
        settings._declared_actions = tuple(names)
        return settings

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of all actions, which are those of their topics without the prefix."""
        return (*BUILT_IN_ACTIONS, *self._declared_actions)

    @property
    def decided_topics(self) -> tuple[str, ...]:
        """What rules decide for customers, with the customer's id as key; topics without the prefix."""
        return (*self.actions, DECISIONS)

    @property
    def topics_by_customer(self) -> tuple[str, ...]:
        """All that is published about customers, with the customer's id as key; topics without the prefix."""
        return (*self.decided_topics, STAGES)

    @property
    def worker_topics(self) -> tuple[str, ...]:
        """Linger's own topics that a worker needs, without the prefix."""
        return (*WORKER_TOPICS, *self._declared_actions)

    @property
    def own_topics(self) -> tuple[str, ...]:
        """All of Linger's own topics, without the prefix; only commands write to the audit."""
        return (*OWN_TOPICS, *self._declared_actions)

    def partitions_of(self, name: str) -> int:
        """Return how many partitions one of Linger's own topics has: one where all records need an order."""
        return 1 if name in (PAUSES, AUDIT, REQUESTS) else self.partitions

    def kafka_connection(self) -> dict[str, Any]:
        """Return the keyword arguments that every aiokafka client takes to reach the brokers."""
        return {
            "bootstrap_servers": self.kafka_bootstrap_servers.split(","),
            "client_id": self.kafka_client_id,
            "request_timeout_ms": self.kafka_request_timeout_ms,
            "security_protocol": self.kafka_security_protocol,
            "ssl_context": self.ssl_context(),
            "sasl_mechanism": self.kafka_sasl_mechanism if self.kafka_sasl_username else "PLAIN",
            "sasl_plain_username": self.kafka_sasl_username,
            "sasl_plain_password": _revealed(self.kafka_sasl_password),
        }

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context for Kafka, None without TLS.

        Raises:
            StartupError: if a file cannot be read, or the key does not open or belong to the certificate.
        """
        files = self.kafka_tls()
        return None if files is None else files.context()

    def kafka_tls(self) -> TlsFiles | None:
        """Return the files of TLS to Kafka, None without TLS."""
        if not self.kafka_security_protocol.endswith("SSL"):
            return None
        return TlsFiles(
            "Kafka",
            self._files("kafka_ssl_cafile", "kafka_ssl_certfile", "kafka_ssl_keyfile"),
            ("kafka_ssl_key_password", _revealed(self.kafka_ssl_key_password)),
        )

    def redis_tls(self) -> TlsFiles | None:
        """Return the files of TLS to Redis, None without TLS."""
        if not self.redis_url.get_secret_value().startswith("rediss://"):
            return None
        return TlsFiles("Redis", self._files("redis_ssl_ca_certs", "redis_ssl_certfile", "redis_ssl_keyfile"))

    def registry_tls(self) -> TlsFiles | None:
        """Return the file of authorities of the schema registry; None if the system's are trusted, or without TLS."""
        url = _revealed(self.schema_registry_url) or ""
        if self.schema_registry_ca is None or urlsplit(url).scheme != "https":
            return None
        return TlsFiles("the schema registry", self._files("schema_registry_ca"))

    def _files(self, *fields: str) -> dict[str, Path | None]:
        return {field: getattr(self, field) for field in fields}

    def redis_connection(self) -> dict[str, Any]:
        """Return the arguments of `workers.state.topology.open_nodes`; the credentials are those of the first URL.

        Raises:
            StartupError: if a file for TLS cannot be read or used.
        """
        url, *others = forms.redis_urls(self.redis_url.get_secret_value())
        arguments: dict[str, Any] = {"url": url}
        for name, value in (("username", self.redis_username), ("password", _revealed(self.redis_password))):
            if value is not None:
                arguments[name] = value
        if (tls := self.redis_tls()) is not None:
            if problems := tls.problems():
                raise StartupError(problems)
            for field, path in tls.files.items():
                if path is not None:
                    arguments[field.removeprefix("redis_")] = str(path)
        if self.redis_cluster:
            arguments["cluster"] = [_address(urlsplit(node).netloc.rpartition("@")[2]) for node in (url, *others)]
        if self.redis_sentinels:
            arguments["sentinels"] = [_address(server) for server in self.redis_sentinels.split(",")]
            arguments["service"] = self.redis_sentinel_service
            arguments["sentinel_username"] = self.redis_sentinel_username
            arguments["sentinel_password"] = _revealed(self.redis_sentinel_password)
        return arguments

    def registry_connection(self) -> dict[str, Any] | None:
        """Return the arguments of `workers.registry.client.RegistryAccess`, None without a registry.

        Raises:
            StartupError: if the file of the authorities cannot be read, or is none.
        """
        if self.schema_registry_url is None:
            return None
        parts = urlsplit(self.schema_registry_url.get_secret_value())
        secret = _revealed(self.schema_registry_password)
        arguments: dict[str, Any] = {
            "url": parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
            "user": self.schema_registry_user or unquote(parts.username or ""),
            "password": secret or (None if parts.password is None else unquote(parts.password)),
            "timeout_seconds": self.schema_registry_timeout_ms / 1000,
        }
        if (tls := self.registry_tls()) is not None:
            arguments["trusted"] = tls.context()
        return arguments

    def shown(self) -> dict[str, str]:
        """Return every variable with its value as text, secrets masked."""
        masked = {}
        for name, value in self:
            text = "" if value is None else str(self.model_dump(mode="json", include={name})[name])
            if isinstance(value, SecretStr):
                urls = forms.redis_urls(value.get_secret_value())
                text = ",".join(map(_masked_url, urls)) if name.endswith("_url") else MASK
            masked[PREFIX + name.upper()] = text
        return masked


def _address(server: str) -> tuple[str, int]:
    parts = urlsplit(f"//{server}")
    return parts.hostname or "", parts.port or 6379


def _masked_url(url: str) -> str:
    bare, question, _ = url.partition("?")
    scheme, separator, rest = bare.partition("://")
    credentials, at, server = rest.rpartition("@")
    user = credentials.partition(":")[0]
    masked = f"{scheme}{separator}{user}:{MASK}@{server}" if at else bare
    # redis-py also accepts a password in the query.
    return f"{masked}?{MASK}" if question else masked


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
