"""Asks a worker's /livez from another process, as containers do."""

import urllib.error
import urllib.request
from typing import Final

from workers.errors import LingerError

_TIMEOUT_SECONDS: Final = 5
_EVERY_INTERFACE: Final = "http://0.0.0.0"


class NotHealthy(LingerError):
    """A worker does not answer, or answers that it makes no progress."""


def liveness_url(host: str, port: int) -> str:
    """Return the address of /livez of a worker on this machine that listens at this host and port."""
    return f"http://{host}:{port}/livez"


def probe(url: str) -> str:
    """Return the text of a 2xx answer.

    A worker that listens at 0.0.0.0, on all interfaces, is asked at 127.0.0.1.

    Raises:
        NotHealthy: if there is no answer within 5 s or its status is another.
    """
    if url.startswith(_EVERY_INTERFACE):
        url = url.replace(_EVERY_INTERFACE, "http://127.0.0.1", 1)
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the operator's own address
            text: str = answer.read().decode().strip()
    except urllib.error.HTTPError as error:
        raise NotHealthy(f"{url} answers {error.code}: {error.read().decode().strip()}") from error
    except (OSError, ValueError) as error:
        raise NotHealthy(f"{url} does not answer: {error}") from error
    return text
