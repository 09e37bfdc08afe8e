"""The hash `meta` of a partition: its owner, its position, and further fields by name."""

from dataclasses import dataclass


@dataclass(slots=True)
class Meta:
    """What a partition's owner knows of it; `fields` holds everything else of the hash, as read."""

    owner: str
    version: int
    offset: int
    topic_id: str | None
    fields: dict[str, str]

    def high_water(self, source: str) -> int:
        """Return the highest offset folded of a source partition (`topic:partition`), -1 for none."""
        return int(self.fields.get(f"hw:{source}", -1))

    def counter(self, name: str) -> int:
        """Return a counter."""
        return int(self.fields.get(f"n:{name}", 0))
