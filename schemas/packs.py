"""A pack: the shipped mapping of one system, and what it does about the traps of its payloads."""

from typing import Annotated, Any

from pydantic import Field

from schemas.attribute_types import Declared
from schemas.conditions import Reference
from schemas.places import Strict
from schemas.sources import DeclaredType, TypeName

__all__ = ["AboutPack", "PackFile"]

_Line = Annotated[str, Field(min_length=1, max_length=300)]


class AboutPack(Strict):
    """What a pack does, in words."""

    system: _Line = Field(description="The system that writes the topic.")
    topic: _Line = Field(description="What the topic is to hold.")
    guests: _Line = Field(description="Who the customer is, of those that the system does not know.")
    tests: _Line = Field(description="The outcome of records of a test.")
    renewals: _Line = Field(description="The outcome of payments that are automatic.")
    refunds: _Line = Field(description="The outcome of money that is given back.")
    documentation: Annotated[list[_Line], Field(min_length=1)] = Field(
        description="Where the system's own documentation shows these payloads."
    )


class PackFile(Strict):
    """The content of `packs/NAME.yaml`; its `source` becomes a source once a topic is there."""

    about: AboutPack
    event_types: dict[TypeName, DeclaredType] = Field(
        default_factory=dict, description="Declared for the file that names the pack, unless it declares them itself."
    )
    attribute_types: dict[Reference, Declared] = Field(default_factory=dict, description="Likewise, of attributes.")
    source: dict[str, Any] = Field(description="A source without its topic; checked where it is used.")
