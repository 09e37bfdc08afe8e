"""Certificates and keys of one connection: read as the client will read them, with every problem."""

import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiokafka.helpers import create_ssl_context

from workers.errors import StartupError
from workers.variables import PREFIX, reason_of, require_regular_file, shown


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What the settings say of one connection's TLS.

    Attributes:
        server: whom it is with, in words.
        files: paths by the field that names them: the authorities, the certificate, its key; None is not set.
        password: of the key, with the field that has it.
    """

    server: str
    files: dict[str, Path | None]
    password: tuple[str, str | None] = ("", None)

    def problems(self) -> list[str]:
        """Return a problem for every file that cannot be read, or else one if they cannot be used together."""
        if unreadable := list(self._unreadable()):
            return unreadable
        try:
            self._context()
        except (OSError, ValueError) as error:  # ssl.SSLError among them
            reason = getattr(error, "reason", None) or "not PEM, or the password of the key does not open it"
            fields = [*(field for field, path in self.files.items() if path is not None), self.password[0]]
            names = ", ".join(PREFIX + field.upper() for field in fields if field)
            return [f"the files for TLS to {self.server} cannot be used ({reason}): check {names}"]
        return []

    def context(self) -> ssl.SSLContext:
        """Return a context that checks the server.

        Raises:
            StartupError: a file cannot be read, or the key does not open or belong to the certificate.
        """
        if problems := self.problems():
            raise StartupError(problems)
        return self._context()

    def _context(self) -> ssl.SSLContext:
        paths = [None if path is None else os.fspath(path) for path in self.files.values()]
        authorities, certificate, key = [*paths, None, None][:3]
        context: ssl.SSLContext = create_ssl_context(
            cafile=authorities,
            certfile=certificate,
            keyfile=key,
            # Never None: Python would prompt for the password of an encrypted key.
            password=self.password[1] or "",
        )
        return context

    def _unreadable(self) -> Iterator[str]:
        for field, path in self.files.items():
            if path is None:
                continue
            try:
                require_regular_file(path)
                path.open("rb").close()
            except (OSError, ValueError) as error:
                yield f"{PREFIX}{field.upper()}: cannot read '{shown(os.fspath(path))}': {reason_of(error)}"
