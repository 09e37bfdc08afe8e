"""The conditions of rules: a closed grammar in the words of marketers.

Every condition is one mapping whose first word names its kind (`count: purchase`, `none: login`). Conditions contain
no code: these modules list every key, unknown keys are errors, and the cost of a condition is bounded when it loads.

Each kind has a file of its own, and a second one with the same name in `workers/core/rules/kinds`: what it decides.
"""

from schemas.conditions.after_then import Followed
from schemas.conditions.after_without import Unfollowed
from schemas.conditions.average import Average
from schemas.conditions.bounds import BOUND_WORDS, Bounds
from schemas.conditions.change import Change
from schemas.conditions.combinations import (
    CONDITION_WORDS,
    DEFINITION_PATTERN,
    ELEMENTARY,
    MAX_CONDITIONS,
    MAX_NESTING,
    All,
    Any_,
    Condition,
    Meets,
    Not,
    changed,
    check_size,
    condition_kind,
    expanded,
    parts_of,
    replaced,
    size_of,
)
from schemas.conditions.compared import Compared
from schemas.conditions.count import Count
from schemas.conditions.date import Date
from schemas.conditions.days_with import DaysWith
from schemas.conditions.distinct import MAX_DISTINCT, Distinct
from schemas.conditions.elementary import Elementary
from schemas.conditions.filters import Different, EventFilter, Where, Which
from schemas.conditions.first import First
from schemas.conditions.in_stage_for import InStage
from schemas.conditions.known_for import Known
from schemas.conditions.last import Last
from schemas.conditions.latest import Latest
from schemas.conditions.moved import Moved
from schemas.conditions.none import Absent
from schemas.conditions.overdue import Overdue
from schemas.conditions.stage import Stage
from schemas.conditions.status import Status
from schemas.conditions.sum import Sum
from schemas.conditions.value import (
    COST_OF_WINNING,
    CURRENCY_ATTRIBUTE,
    Currency,
    Measured,
    MeasuredAs,
    Value,
    Worth,
    top,
)
from schemas.conditions.words import (
    ATTRIBUTE_PATTERN,
    REFERENCE_PATTERN,
    STAGE_PATTERN,
    Age,
    Ages,
    Attribute,
    Between,
    Percent,
    Plain,
    Reference,
    Span,
    StageName,
    Strict,
    Times,
    TypeName,
)

__all__ = [
    "ATTRIBUTE_PATTERN",
    "Absent",
    "Age",
    "Ages",
    "All",
    "Any_",
    "Attribute",
    "Average",
    "BOUND_WORDS",
    "Between",
    "Bounds",
    "CONDITION_WORDS",
    "COST_OF_WINNING",
    "CURRENCY_ATTRIBUTE",
    "Change",
    "Compared",
    "Condition",
    "Count",
    "Currency",
    "DEFINITION_PATTERN",
    "ELEMENTARY",
    "Date",
    "DaysWith",
    "Different",
    "Distinct",
    "Elementary",
    "EventFilter",
    "First",
    "Followed",
    "InStage",
    "Known",
    "Last",
    "Latest",
    "MAX_CONDITIONS",
    "MAX_DISTINCT",
    "MAX_NESTING",
    "Moved",
    "Measured",
    "MeasuredAs",
    "Meets",
    "Not",
    "Overdue",
    "Percent",
    "Plain",
    "REFERENCE_PATTERN",
    "STAGE_PATTERN",
    "Reference",
    "Span",
    "Stage",
    "StageName",
    "Status",
    "Strict",
    "Sum",
    "Times",
    "TypeName",
    "Unfollowed",
    "Value",
    "Where",
    "Which",
    "check_size",
    "Worth",
    "changed",
    "condition_kind",
    "expanded",
    "parts_of",
    "replaced",
    "size_of",
    "top",
]
