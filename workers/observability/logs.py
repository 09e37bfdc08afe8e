"""How logs are written, and the keyed hash that replaces customer ids in them."""

import hmac
import logging
import secrets
import sys
from hashlib import sha256
from typing import Any, Literal

import structlog

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


def configure_logging(level: str, style: Literal["auto", "json", "text"]) -> None:
    """Send all logs to standard error.

    Args:
        level: the least severe level that is logged.
        style: `json`, `text`, or `auto`: text on a terminal, JSON elsewhere.
    """
    as_text = style == "text" or (style == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The default formatter prints local variables, and customer ids with them.
            exception_formatter=structlog.dev.plain_traceback,
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
    handler = logging.StreamHandler(sys.stderr)
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not as_text:
        final.append(structlog.processors.format_exc_info)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*final, renderer]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Libraries log every rebalance and fetch; Linger logs what matters of that.
    for name in ("faust", "mode", "aiokafka", "asyncio", "workers.kafka.faust_batches"):
        logging.getLogger(name).setLevel(max(logging.getLevelName(level.upper()), logging.ERROR))
