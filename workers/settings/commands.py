"""Settings as commands use them: a person waits for the answer."""

from typing import Final

from workers.settings.model import Settings

_REQUEST_TIMEOUT_MS: Final = 10_000


def for_command(settings: Settings) -> Settings:
    """Return settings by which a broker has at most ten seconds for each answer."""
    patience_ms = min(_REQUEST_TIMEOUT_MS, settings.kafka_request_timeout_ms)
    return settings.model_copy(update={"kafka_request_timeout_ms": patience_ms})
