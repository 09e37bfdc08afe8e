"""Conditions: their three-valued truth at a moment, when time alone changes it, and the reasons in words.

Every condition is a small pure class; its `evaluate` takes one pass. Truth values are ordered integers, so Kleene's
logic is `min`, `max` and `2 - x`. A condition is true or false only if no unseen event could change that (its class
says which could); otherwise it is not observable.
"""

from workers.core.customer.specs import CANCELLATION
from workers.core.objects.conditions.ages import Absence, Beginning, Overdue, Recency, Tenure
from workers.core.objects.conditions.amounts import Average, Distinct, Fraction, Shift, Volume
from workers.core.objects.conditions.attributes import Attribute, Cancelled, Deadline
from workers.core.objects.conditions.combinations import Negation, Several
from workers.core.objects.conditions.sequences import Answered, Unanswered
from workers.core.objects.conditions.truth import FALSE, NOT_OBSERVABLE, TRUE, Condition

__all__ = [
    "Absence",
    "Answered",
    "Average",
    "Beginning",
    "CANCELLATION",
    "Cancelled",
    "Condition",
    "Deadline",
    "Distinct",
    "FALSE",
    "Fraction",
    "NOT_OBSERVABLE",
    "Negation",
    "Overdue",
    "Recency",
    "Several",
    "Shift",
    "TRUE",
    "Tenure",
    "Attribute",
    "Unanswered",
    "Volume",
]
