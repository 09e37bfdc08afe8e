"""Which commands change something, and so leave a record in the audit topic; a test knows every command."""

from typing import Final

CHANGES: Final = frozenset(
    {
        "customer erase",
        "customer resume",
        "customer suppress",
        "dead-letters discard",
        "dead-letters replay",
        "pause",
        "rebuild",
        "resume",
        "rules discard",
        "rules promote",
        "rules release",
        "sources forget",
        "sources promote",
        "sources resume",
        "state import",
        "topics create",
        "upgrade finish",
    }
)
"""Commands that change what is stored, sent or read. A dry run of theirs changes nothing, and leaves no record."""

LOOKS: Final = frozenset(
    {
        "audit",
        "config show",
        "customer marks",
        "customer ref",
        "customer show",
        "dead-letters list",
        "dead-letters show",
        "demo",
        "doctor",
        "healthcheck",
        "paused",
        "rules check",
        "rules explain",
        "rules held",
        "rules preview",
        "rules test",
        "run",
        "sources check",
        "sources guess",
        "sources test",
        "sources try",
        "state export",
        "status",
        "why",
    }
)
"""Commands that change nothing of an installation: they read, write files of their own, or are the worker itself."""
