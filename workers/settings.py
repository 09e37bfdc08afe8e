"""Settings: one frozen object, read once by `cli` and passed down to everything else.

Every field is an environment variable `LINGER_<NAME>`. The `KAFKA_` and `SSL_`/`SASL_` names follow Kafka's client
properties. `LINGER_<NAME>_FILE` names a file with the value instead, as container secrets are mounted.
"""

import difflib
import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import unquote, urlsplit

from aiokafka.helpers import create_ssl_context
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from schemas.durations import Duration
from workers.errors import StartupError

PREFIX: Final = "LINGER_"
MASK: Final = "********"
PAUSES: Final = "pauses"
OWN_TOPICS: Final = ("activity", "at-risk", "win-back", "decisions", "dead-letter", PAUSES)
"""Linger's own topics, without the prefix."""
_SERVER: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")
_SHORTEST_TOKEN: Final = 16
_LONGEST_TOKEN: Final = 4096
"""The HTTP server reads no header of 8 KiB, so a longer token could never be given."""

Port = Annotated[int, Field(ge=0, le=65535)]
Millis = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """Everything an operator can set. The defaults are safe for a first try on one machine."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    kafka_bootstrap_servers: str = Field(default="127.0.0.1:9092", description="bootstrap.servers, comma separated.")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="security.protocol."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="sasl.mechanism, used with SASL_PLAINTEXT and SASL_SSL."
    )
    kafka_sasl_username: str | None = Field(default=None, description="User for SASL.")
    kafka_sasl_password: SecretStr | None = Field(default=None, description="Password for SASL.")
    kafka_ssl_cafile: Path | None = Field(default=None, description="PEM file of the authorities to trust.")
    kafka_ssl_certfile: Path | None = Field(default=None, description="PEM file with this client's certificate.")
    kafka_ssl_keyfile: Path | None = Field(default=None, description="PEM file with this client's private key.")
    kafka_ssl_key_password: SecretStr | None = Field(default=None, description="Password of the private key.")
    kafka_group_id: str = Field(default="linger", min_length=1, description="group.id; all workers share it.")
    kafka_client_id: str = Field(default="linger", min_length=1, description="client.id in the brokers' logs.")
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
    redis_sentinels: str | None = Field(
        default=None,
        description="host:port of the sentinels, comma separated; the host in REDIS_URL is then not used.",
    )
    redis_sentinel_service: str | None = Field(
        default=None, min_length=1, description="Name of the master on the sentinels."
    )
    redis_sentinel_username: str | None = Field(default=None, description="ACL user on the sentinels.")
    redis_sentinel_password: SecretStr | None = Field(default=None, description="Password of that user.")
    redis_username: str | None = Field(default=None, description="Redis ACL user.")
    redis_password: SecretStr | None = Field(default=None, description="Password of that user.")
    redis_ssl_ca_certs: Path | None = Field(default=None, description="PEM file of the authorities to trust.")
    redis_ssl_certfile: Path | None = Field(default=None, description="PEM file with this client's certificate.")
    redis_ssl_keyfile: Path | None = Field(default=None, description="PEM file with this client's private key.")
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
    schema_registry_user: str | None = Field(default=None, description="User for basic authentication there.")
    schema_registry_password: SecretStr | None = Field(
        default=None, description="Password of that user; without a user, a bearer token."
    )
    schema_registry_ca: Path | None = Field(default=None, description="PEM file of the authorities to trust.")
    schema_registry_timeout_ms: Millis = Field(default=5_000, description="The longest that one answer may take.")

    rules: Path = Field(default=Path("rules"), description="Rule file, or folder of rule files.")
    rules_poll_ms: Annotated[int, Field(ge=100, le=3_600_000)] = Field(
        default=2_000, description="How often rule files and sources.yaml are checked for changes."
    )
    topics_poll_ms: Annotated[int, Field(ge=100, le=3_600_000)] = Field(
        default=60_000, description="How often topics are searched that match a pattern of sources.yaml."
    )
    hold_out_key: SecretStr | None = Field(
        default=None, description="Assigns customers to experiments; never change it."
    )
    sources: Path = Field(default=Path("sources.yaml"), description="The source topics and their mappings.")
    clock: Literal["system", "replay"] = Field(
        default="system", description="replay: the player of a history sets the time, not the wall clock."
    )
    max_future: Duration = Field(
        default="5 minutes", validate_default=True, description="Events further in the future are dead-lettered."
    )
    dead_letter_max_consecutive: Annotated[int, Field(ge=1)] = Field(
        default=1_000, description="More unreadable records of a source in a row stop this source."
    )
    dead_letter_max_ratio: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.5,
        description="A greater share of unreadable records among a source's last 2,000 stops this source.",
    )
    outbox_limit: Annotated[int, Field(ge=100)] = Field(
        default=20_000, description="Unconfirmed records of a partition at which its reading pauses."
    )
    tick_ms: Annotated[int, Field(ge=20, le=60_000)] = Field(
        default=250, description="How often due times are checked."
    )
    shutdown_grace_ms: Millis = Field(default=20_000, description="After this a stopping worker is ended by force.")

    http_host: str = Field(default="127.0.0.1", description="Where /livez, /readyz and /metrics listen.")
    http_port: Port = Field(default=8080, description="Their port; 0 for any free one.")
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
    id_key: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="Key of the hash that replaces values that sources.yaml says are 'hashed'.",
    )

    @property
    def hash_key(self) -> bytes | None:
        """The key of values that are 'hashed' in `sources.yaml`; None without one."""
        return None if self.id_key is None else self.id_key.get_secret_value().encode()

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

    @field_validator("kafka_bootstrap_servers", "redis_sentinels")
    @classmethod
    def _are_servers(cls, servers: str | None) -> str | None:
        if servers is None:
            return None
        for server in servers.split(","):
            if not _SERVER.fullmatch(server.strip()):
                raise ValueError(f"'{server}' is no server; write host:port, several with commas between")
        return ",".join(server.strip() for server in servers.split(","))

    @field_validator("redis_url")
    @classmethod
    def _is_redis_url(cls, url: SecretStr) -> SecretStr:
        for server_url in _urls(url.get_secret_value()):
            try:
                parts = urlsplit(server_url)
                is_usable = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
                is_usable = is_usable and "," not in parts.netloc.rpartition("@")[2]
            except ValueError:
                is_usable = False
            if not is_usable:
                raise ValueError(
                    "is no URL of a Redis server; write redis://host:6379/0, or rediss:// for TLS; "
                    "for a cluster several whole URLs with commas between"
                )
        return url

    @field_validator("schema_registry_url")
    @classmethod
    def _is_registry_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url.get_secret_value())
            is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            is_usable = is_usable and not (parts.query or parts.fragment)
        except ValueError:
            is_usable = False
        if not is_usable:
            raise ValueError("is no URL of a schema registry; write http://host:8081, or https:// for TLS")
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

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.kafka_security_protocol.startswith("SASL") and not (
            self.kafka_sasl_username and self.kafka_sasl_password
        ):
            raise ValueError(
                f"KAFKA_SECURITY_PROTOCOL is {self.kafka_security_protocol}: "
                "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD (or KAFKA_SASL_PASSWORD_FILE) are needed"
            )
        if self.kafka_request_timeout_ms <= self.kafka_session_timeout_ms:
            raise ValueError("KAFKA_REQUEST_TIMEOUT_MS must be longer than KAFKA_SESSION_TIMEOUT_MS")
        if self.kafka_heartbeat_interval_ms * 3 > self.kafka_session_timeout_ms:
            raise ValueError("KAFKA_HEARTBEAT_INTERVAL_MS must be a third of KAFKA_SESSION_TIMEOUT_MS at most")
        return self

    @model_validator(mode="after")
    def _one_way_into_the_registry(self) -> "Settings":
        url = urlsplit(_revealed(self.schema_registry_url) or "")
        if (self.schema_registry_user or self.schema_registry_password) and self.schema_registry_url is None:
            raise ValueError("SCHEMA_REGISTRY_USER and SCHEMA_REGISTRY_PASSWORD need SCHEMA_REGISTRY_URL")
        if self.schema_registry_user and not self.schema_registry_password:
            raise ValueError("SCHEMA_REGISTRY_USER needs SCHEMA_REGISTRY_PASSWORD (or SCHEMA_REGISTRY_PASSWORD_FILE)")
        if self.schema_registry_password and "@" in url.netloc:
            raise ValueError("SCHEMA_REGISTRY_URL holds a user, and SCHEMA_REGISTRY_PASSWORD is set: keep one")
        return self

    @model_validator(mode="after")
    def _one_kind_of_redis(self) -> "Settings":
        urls = [urlsplit(url) for url in _urls(self.redis_url.get_secret_value())]
        if self.redis_cluster and self.redis_sentinels:
            raise ValueError(
                "REDIS_CLUSTER and REDIS_SENTINELS are both set; a cluster has no sentinels, so keep one"
            )
        if bool(self.redis_sentinels) != bool(self.redis_sentinel_service):
            raise ValueError(
                "REDIS_SENTINELS and REDIS_SENTINEL_SERVICE belong together: where the sentinels are, and the name "
                "of the master there, often mymaster"
            )
        if (self.redis_sentinel_username or self.redis_sentinel_password) and not self.redis_sentinels:
            raise ValueError("REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD need REDIS_SENTINELS")
        if len(urls) > 1 and not self.redis_cluster:
            raise ValueError("REDIS_URL names several servers, which only a cluster has: set REDIS_CLUSTER to true")
        if len({url.scheme for url in urls}) > 1:
            raise ValueError("REDIS_URL names servers with and without TLS; all nodes of a cluster must use the same")
        if self.redis_cluster and any(url.path.strip("/") not in ("", "0") for url in urls):
            raise ValueError("REDIS_URL names another database than 0, the only one that a cluster has")
        return self

    def topic(self, name: str) -> str:
        """Return the full name of one of Linger's own topics: `activity`, `at-risk`, `win-back`, …."""
        return f"{self.topic_prefix}.{name}"

    def partitions_of(self, name: str) -> int:
        """Return how many partitions one of Linger's own topics has: the pauses need one, for their order."""
        return 1 if name == PAUSES else self.partitions

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
        if not self.kafka_security_protocol.endswith("SSL"):
            return None
        _require_files(self, "kafka_ssl_cafile", "kafka_ssl_certfile", "kafka_ssl_keyfile")
        try:
            context: ssl.SSLContext = create_ssl_context(
                cafile=_text(self.kafka_ssl_cafile),
                certfile=_text(self.kafka_ssl_certfile),
                keyfile=_text(self.kafka_ssl_keyfile),
                # Never None: Python would prompt for the password of an encrypted key.
                password=_revealed(self.kafka_ssl_key_password) or "",
            )
        except (OSError, ValueError) as error:  # ssl.SSLError among them
            reason = getattr(error, "reason", None) or "not PEM, or the password of the key does not open it"
            raise StartupError(
                [
                    f"the files for TLS to Kafka cannot be used ({reason}): check LINGER_KAFKA_SSL_CAFILE, "
                    "LINGER_KAFKA_SSL_CERTFILE, LINGER_KAFKA_SSL_KEYFILE and LINGER_KAFKA_SSL_KEY_PASSWORD"
                ]
            ) from error
        return context

    def redis_connection(self) -> dict[str, Any]:
        """Return the arguments of `workers.state.topology.open_nodes`; the credentials are those of the first URL.

        Raises:
            StartupError: if a file for TLS cannot be read.
        """
        url, *others = _urls(self.redis_url.get_secret_value())
        arguments: dict[str, Any] = {"url": url}
        for name, value in (("username", self.redis_username), ("password", _revealed(self.redis_password))):
            if value is not None:
                arguments[name] = value
        if url.startswith("rediss://"):
            _require_files(self, "redis_ssl_ca_certs", "redis_ssl_certfile", "redis_ssl_keyfile")
            for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
                if (path := getattr(self, f"redis_{name}")) is not None:
                    arguments[name] = str(path)
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
        if self.schema_registry_ca is not None and parts.scheme == "https":
            _require_files(self, "schema_registry_ca")
            try:
                arguments["trusted"] = ssl.create_default_context(cafile=self.schema_registry_ca)
            except (OSError, ValueError):  # ssl.SSLError among them
                raise StartupError([f"LINGER_SCHEMA_REGISTRY_CA: '{self.schema_registry_ca}' is not PEM"]) from None
        return arguments

    def shown(self) -> dict[str, str]:
        """Return every variable with its value as text, secrets masked."""
        masked = {}
        for name, value in self:
            text = "" if value is None else str(self.model_dump(mode="json", include={name})[name])
            if isinstance(value, SecretStr):
                urls = _urls(value.get_secret_value())
                text = ",".join(map(_masked_url, urls)) if name.endswith("_url") else MASK
            masked[PREFIX + name.upper()] = text
        return masked


def _require_files(settings: Settings, *fields: str) -> None:
    """Raise `StartupError` for every file that is set and cannot be opened."""
    problems = []
    for field in fields:
        if (path := getattr(settings, field)) is None:
            continue
        try:
            path.open("rb").close()
        except OSError as error:
            problems.append(f"{PREFIX}{field.upper()}: cannot read '{path}': {error.strerror}")
    if problems:
        raise StartupError(problems)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings from `LINGER_…` variables.

    Raises:
        StartupError: with every wrong or unknown variable, its value, and what was probably meant. A value that may
            be secret is never shown.
    """
    values, problems = _values(environment)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        problems += [_problem(details) for details in error.errors(include_url=False, include_context=False)]
    if problems:
        raise StartupError(problems)
    return settings


def _values(environment: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    for variable in sorted(variable for variable in environment if variable.startswith(PREFIX)):
        field, text = variable.removeprefix(PREFIX).lower(), environment[variable]
        if not text:
            continue
        if field in Settings.model_fields:
            if not _is_utf8(text) and Settings.model_fields[field].annotation not in (Path, Path | None):
                # Not shown: it may be a secret, and pydantic lets secrets of this kind pass.
                problems.append(f"{variable} is not UTF-8")
                continue
            values[field] = text
        elif (plain := field.removesuffix("_file")) in Settings.model_fields and plain != field:
            if environment.get(PREFIX + plain.upper()):
                problems.append(f"{variable} and {PREFIX}{plain.upper()} are both set; keep one")
                continue
            try:
                values[plain] = Path(text).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "not a text file"
                problems.append(f"{variable}: cannot read '{text}': {reason}")
        else:
            near = difflib.get_close_matches(field, Settings.model_fields, 1)
            hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else "; see `linger config show`"
            problems.append(f"{variable} is no setting of Linger{hint}")
    return values, problems


def _is_utf8(text: str) -> bool:
    """Return whether a variable held UTF-8; Python keeps other bytes in a form that nothing can encode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _problem(details: Any) -> str:
    message = details["msg"].removeprefix("Value error, ")
    if not details["loc"]:
        return str(message)
    name = str(details["loc"][0])
    is_secret = Settings.model_fields[name].annotation in (SecretStr, SecretStr | None)
    value_text = "" if is_secret else f", found {details['input']!r}"
    return f"{PREFIX}{name.upper()}: {message}{value_text}"


def _urls(text: str) -> list[str]:
    """Split comma-separated URLs of Redis servers; a comma may also be part of a password."""
    return re.split(r",\s*(?=rediss?://)", text)


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


def _text(path: Path | None) -> str | None:
    return None if path is None else os.fspath(path)
