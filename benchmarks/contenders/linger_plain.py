"""Linger once more, as it is where nothing compiles its core: what the compiler brings."""

from typing import Final

from benchmarks.contenders import Contender
from benchmarks.contenders.linger import contender

CONTENDER: Final[Contender] = contender("linger-plain", "Linger, its core in plain Python", is_compiled=False)
