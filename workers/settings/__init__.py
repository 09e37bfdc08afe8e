"""Settings: one frozen object, read once by `cli` and passed down to everything else.

Every field of `model.Settings` is an environment variable `LINGER_<NAME>`. The `KAFKA_` and `SSL_`/`SASL_` names
follow Kafka's client properties. `LINGER_<NAME>_FILE` names a file with the value instead, as container secrets are
mounted. Begin with `reading.read_settings`; what one value can be is in `forms`, what several can be together in
`consistency.CONSISTENCY`.
"""

from workers.settings.commands import for_command
from workers.settings.consistency import FILES, Check
from workers.settings.model import (
    AUDIT,
    DECISIONS,
    MARKS,
    MASK,
    OWN_TOPICS,
    PAUSES,
    REQUESTS,
    WORKER_TOPICS,
    Settings,
)
from workers.settings.reading import read_settings
from workers.variables import PREFIX

__all__ = [
    "AUDIT",
    "DECISIONS",
    "FILES",
    "MARKS",
    "MASK",
    "OWN_TOPICS",
    "PAUSES",
    "PREFIX",
    "REQUESTS",
    "WORKER_TOPICS",
    "Check",
    "Settings",
    "for_command",
    "read_settings",
]
