"""The roles: which commands each is made for, and so which rights it has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.stages import STAGES
from workers.kafka.rights import Right
from workers.operations.rights.needs import NEEDS, Needs, together

__all__ = ["ROLES", "Role", "roles_of"]

_ALWAYS: Final = frozenset({"PING", "MULTI"})
"""PING is sent by redis-py; in a MULTI that is never executed, a refused command asks what it lacks."""


@dataclass(frozen=True, slots=True)
class Role:
    """One user of Kafka, and of Redis if its commands need one.

    Attributes:
        name: of the role.
        commands: those that it is made for; they decide its rights.
        more: rights that no command of Linger's needs: those of programs that are no part of it.
    """

    name: str
    commands: tuple[str, ...]
    more: Needs = field(default_factory=Needs)

    @property
    def rights(self) -> Needs:
        """What docs/acl gives to it."""
        needed = together([*(NEEDS[name] for name in self.commands), self.more])
        return Needs(needed.kafka, needed.redis | _ALWAYS if needed.redis else needed.redis)

    def may(self, command: str) -> bool:
        """Return whether it has the rights that a command needs, be it made for it or not."""
        return not self.rights.lack(NEEDS[command])


_LOOKS: Final = (
    "status",
    "customer show",
    "customers",
    "why",
    "rules held",
    "paused",
    "experiments",
    "dead-letters list",
    "dead-letters show",
    "rules check",
    "rules preview",
    "rules tune",
    "sources guess",
    "sources try",
    "audit",
)

ROLES: Final[Mapping[str, Role]] = {
    role.name: role
    for role in (
        Role("worker", ("run", "doctor", "sources forget")),
        Role("topics", ("topics create",)),
        Role("support", _LOOKS),
        Role(
            "incident",
            (
                *_LOOKS,
                "pause",
                "resume",
                "rules release",
                "rules discard",
                "rules promote",
                "sources resume",
                "sources promote",
                "dead-letters replay",
                "dead-letters discard",
                "rebuild",
                "scan",
                "forecast",
                "stages",
                "report",
                "state export",
                "state import",
                "upgrade finish",
            ),
        ),
        Role(
            "privacy",
            (
                "customer erase",
                "customer suppress",
                "customer resume",
                "customer marks",
                "customer show",
                "customer export",
            ),
        ),
        Role("mailer", (), Needs(dict.fromkeys(("at-risk", "win-back", STAGES), frozenset({Right.READ})))),
    )
}
"""By name."""


def roles_of(command: str) -> list[str]:
    """Return the names of the roles under which a command works."""
    return [role.name for role in ROLES.values() if role.may(command)]
