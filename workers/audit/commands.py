"""Which commands leave a record in the audit topic, and which do not; a test knows every command."""

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

READS: Final = frozenset({"customer export", "customers", "customer marks", "customer show", "why"})
"""Commands that show what is stored of people whose ids are given. They change nothing, and leave a record of who
looked."""

LOOKS: Final = frozenset(
    {
        "audit",
        "config show",
        "customer ref",
        "dead-letters list",
        "dead-letters show",
        "demo",
        "doctor",
        "experiments",
        "forecast",
        "healthcheck",
        "paused",
        "report",
        "rules check",
        "rules explain",
        "rules held",
        "rules preview",
        "rules test",
        "rules tune",
        "run",
        "scan",
        "sources check",
        "sources guess",
        "sources test",
        "sources try",
        "stages",
        "state export",
        "status",
    }
)
"""Commands without a record: they change nothing and show no one whose id is given, or are the worker itself."""
