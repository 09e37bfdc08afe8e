"""The number of the meaning of rules.

It is raised by a release in which the same rule and the same events may give another truth. Such a release counts as
a change of every rule: customers who match a rule only by the new meaning have matched it already, and get no action.
A series that is folded otherwise has another key instead, so it starts again (`workers.core.customer.specs`).

1: release 0.1.
2: what is counted is known of new customers; values count as the types of their attributes; consent in common
   spellings, and a consent that is not understood counts as none; ids are remembered with the type of their event.
"""

from typing import Final

MEANING: Final = 2
MEANING_OF_0_1: Final = 1
"""Of state in which none is stored."""
