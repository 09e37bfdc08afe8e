"""Linger beside a topic that is not its own: intake reads it, checks every event and passes it on."""

from typing import Final

from benchmarks.contenders import Contender
from benchmarks.contenders.linger import contender

CONTENDER: Final[Contender] = contender("linger-intake", "Linger, events through intake", is_direct=False)
