"""`count: purchase, at least: 3, within: 90 days`."""

from typing import ClassVar

from pydantic import Field

from schemas.conditions.windows import Whole
from schemas.conditions.words import TypeName


class Count(Whole):
    """How often something happened."""

    naming: ClassVar = "count"
    also_written: ClassVar = {
        "count": "event number number_of how_often times occurrences happened has did type counts frequency"
    }
    begun: ClassVar = dict.fromkeys(
        ("share", "rate", "percentage", "churn rate"),
        "a rate over all customers is no condition of one: 'linger report' shows it",
    )
    elsewhere: ClassVar = dict.fromkeys(
        ("same", "same value", "each", "per", "by"),
        "events with one value are counted by naming it, such as 'where: {about: delivery}': a condition for each "
        "value, under 'any:'",
    )

    count: TypeName = Field(description="The event type to count.", examples=["purchase"])
