"""Asks a schema registry (Confluent's API) for schemas by their id, within bounds."""

import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

import aiohttp

from workers.errors import Transient

_MAX_ANSWER_BYTES: Final = 4 << 20
_MAX_REFERENCES: Final = 200
_ACCEPT: Final = "application/vnd.schemaregistry.v1+json, application/json"


class RegistryUnavailable(Transient):
    """The registry does not answer as one does; the same question is asked again."""


class UnknownSchema(Exception):
    """The registry has answered that it does not have the schema; the message repeats its words."""


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """How to reach a registry.

    Attributes:
        url: up to, and without, `/schemas` and `/subjects`.
        user: for basic authentication; empty for a bearer token.
        password: the password of the user, or the token; None without authentication. Never shown.
        trusted: the TLS context; None to trust the authorities of the system.
        timeout_seconds: the longest that one answer may take.
    """

    url: str
    user: str = ""
    password: str | None = field(default=None, repr=False)
    trusted: ssl.SSLContext | None = None
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    """One schema as a registry has it; it never changes.

    Attributes:
        kind: `AVRO`, `JSON` or `PROTOBUF`.
        text: the schema itself.
        references: the schemas that it refers to, and those that they refer to, each before the ones that need it.
    """

    kind: str
    text: str
    references: tuple[str, ...] = ()


class RegistryClient:
    """Asks one registry; used inside `opened`."""

    def __init__(self, access: RegistryAccess) -> None:
        self._access = access
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["RegistryClient"]:
        """Keep connections until the block ends."""
        access, headers = self._access, {"Accept": _ACCEPT}
        if access.user:
            both = f"{access.user}:{access.password or ''}".encode()
            headers["Authorization"] = f"Basic {b64encode(both).decode()}"
        elif access.password is not None:
            headers["Authorization"] = f"Bearer {access.password}"
        connector = aiohttp.TCPConnector(limit=4, ssl=access.trusted if access.trusted is not None else True)
        timeout = aiohttp.ClientTimeout(total=access.timeout_seconds)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:
            self._session = session
            try:
                yield self
            finally:
                self._session = None

    async def schema(self, schema_id: int) -> RegisteredSchema:
        """Return a schema by its id.

        Raises:
            UnknownSchema: if the registry does not have it, or one that it refers to.
            RegistryUnavailable: if it does not answer, refuses the credentials, or answers something else.
        """
        found = await self._get(f"/schemas/ids/{schema_id}")
        texts: dict[tuple[str, int], str] = {}
        await self._collect(found, texts)
        return RegisteredSchema(
            _text_of(found, "schemaType", "AVRO"), _text_of(found, "schema"), tuple(texts.values())
        )

    async def check(self) -> None:
        """Find out whether schemas can be asked for.

        Raises:
            RegistryUnavailable: if not.
        """
        with suppress(UnknownSchema):
            await self._get("/schemas/ids/1")

    @property
    def shown(self) -> str:
        """The registry in words, without credentials."""
        parts = urlsplit(self._access.url)
        return f"the schema registry at {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    async def _collect(self, found: Any, texts: dict[tuple[str, int], str]) -> None:
        """Add what a schema refers to, each before those that need it."""
        references = found.get("references") if isinstance(found, dict) else None
        for reference in references if isinstance(references, list) else ():
            try:
                place = str(reference["subject"]), int(reference["version"])
            except (TypeError, KeyError, ValueError):
                raise RegistryUnavailable(f"{self.shown} describes a reference as {reference!r}") from None
            if place in texts:
                continue
            if len(texts) >= _MAX_REFERENCES:
                raise UnknownSchema(f"it refers to more than {_MAX_REFERENCES} schemas")
            texts[place] = ""  # so that schemas which refer to one another end
            subject, version = place
            referred = await self._get(f"/subjects/{quote(subject, safe='')}/versions/{version}?deleted=true")
            await self._collect(referred, texts)
            del texts[place]
            texts[place] = _text_of(referred, "schema")

    async def _get(self, path: str) -> Any:
        if self._session is None:
            raise RuntimeError("asked outside of opened()")
        try:
            # A redirect could send the credentials to another host.
            async with self._session.get(f"{self._access.url.rstrip('/')}{path}", allow_redirects=False) as answer:
                body = await answer.content.read(_MAX_ANSWER_BYTES + 1)
                while len(body) <= _MAX_ANSWER_BYTES and not answer.content.at_eof():
                    body += await answer.content.read(_MAX_ANSWER_BYTES + 1 - len(body))
                status = answer.status
        except TimeoutError:
            seconds = self._access.timeout_seconds
            raise RegistryUnavailable(f"{self.shown} does not answer within {seconds:g} seconds") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise RegistryUnavailable(f"{self.shown} cannot be asked: {_reason(error)}") from None
        if len(body) > _MAX_ANSWER_BYTES:
            raise RegistryUnavailable(f"{self.shown} answers more than {_MAX_ANSWER_BYTES >> 20} MiB to {path}")
        return self._content(path, status, body)

    def _content(self, path: str, status: int, body: bytes) -> Any:
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            content = None
        if status == 200 and content is not None:
            return content
        code = content.get("error_code") if isinstance(content, dict) else None
        # 404 alone may be the answer of any web server at a wrong address.
        if status == 404 and isinstance(code, int) and 40400 <= code < 40500:
            raise UnknownSchema(str(content.get("message") or f"error code {code}"))
        if status in (401, 403):
            remedy = "check LINGER_SCHEMA_REGISTRY_USER and LINGER_SCHEMA_REGISTRY_PASSWORD"
            raise RegistryUnavailable(f"{self.shown} refuses the credentials (status {status}): {remedy}")
        if status in (200, 301, 302, 307, 308, 404, 405):
            remedy = "is LINGER_SCHEMA_REGISTRY_URL the address of its Confluent API?"
            raise RegistryUnavailable(
                f"{self.shown} answers {path} with status {status}, not as a registry: {remedy}"
            )
        raise RegistryUnavailable(f"{self.shown} answers {path} with status {status}")


def _reason(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted ({error.certificate_error}); check LINGER_SCHEMA_REGISTRY_CA"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{type(error.os_error).__name__}: {error.os_error}"
    return f"{type(error).__name__}: {error}"


def _text_of(content: Any, name: str, default: str | None = None) -> str:
    value: Any = content.get(name, default) if isinstance(content, Mapping) else None
    if not isinstance(value, str):
        raise RegistryUnavailable(f"the schema registry answers without a text '{name}'")
    return value
