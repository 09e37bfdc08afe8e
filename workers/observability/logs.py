"""How logs are written, and the keyed hash that replaces customer ids in them."""

import hmac
import io
import logging
import secrets
from hashlib import sha256
from typing import Any, Literal, TextIO

import structlog

from workers.observability import last_words
from workers.observability.escapes import escaped, escaped_values

# Random until a key is set: without a key, a hash could be computed for any known customer id.
_key = secrets.token_bytes(32)


def set_log_key(key: str | None) -> None:
    """Set the key of the hash that replaces customer ids, for this process; with None it stays random."""
    global _key
    if key is not None:
        _key = key.encode()


def customer_ref(customer_id: str) -> str:
    """Return the keyed hash that replaces a customer id in logs, 12 hexadecimal digits."""
    return hmac.new(_key, customer_id.encode(), sha256).hexdigest()[:12]


def _with_identity(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Add the process that writes the line, and its version."""
    return {**event, **last_words.identity()}


def _with_escapes(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Escape what would steer a terminal; JSON does so by itself."""
    return {name: value if name == "exc_info" else escaped_values(value) for name, value in event.items()}


def _escaped_traceback(stream: TextIO, error: Any) -> None:
    text = io.StringIO()
    structlog.dev.plain_traceback(text, error)
    stream.write(escaped(text.getvalue(), keep="\n"))


def configure_logging(level: str, style: Literal["auto", "json", "text"]) -> None:
    """Send all logs to standard error.

    Args:
        level: the least severe level that is logged.
        style: `json`, `text`, or `auto`: text on a terminal, JSON elsewhere.
    """
    stream = last_words.log_stream()
    as_text = style == "text" or (style == "auto" and stream.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(),
            # The default formatter prints local variables, and customer ids with them.
            exception_formatter=_escaped_traceback,
        )
        if as_text
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    final += [_with_escapes] if as_text else [_with_identity, structlog.processors.format_exc_info]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*final, renderer]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    # Libraries log every rebalance and fetch; Linger logs what matters of that.
    for name in ("faust", "mode", "aiokafka", "asyncio", "workers.kafka.faust_batches"):
        logging.getLogger(name).setLevel(max(logging.getLevelName(level.upper()), logging.ERROR))
