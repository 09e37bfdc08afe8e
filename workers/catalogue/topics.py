"""Every topic of Linger. Pure; tests compare this with settings, roles, and what `linger topics create` makes."""

from typing import Final

from workers.catalogue.entries import Personal, Topic

_ACTIONS_KEPT: Final = "the longest `expires after` of a rule, and 30 days more"
_RECORDS: Final = "the customer's records"
_NOTHING: Final = "nothing"
_ENDS: Final = "how many records it has, no record"
_SUPPORT: Final = ("support", "incident")

TOPICS: Final = (
    Topic(
        *("activity", "every event, and the orders to erase, suppress or resume", Personal.VALUES, False),
        *("as long as a rule looks back, 400 days at least", _RECORDS, "stays", "read", "its id and the offset"),
        ("worker", "support", "incident"),
    ),
    Topic(
        *("at-risk", "actions for customers who may leave, and retractions", Personal.VALUES, False),
        *(_ACTIONS_KEPT, _RECORDS, "written", "read", _ENDS, ("incident", "mailer")),
    ),
    Topic(
        *("win-back", "actions for customers who have left, and retractions", Personal.VALUES, False),
        *(_ACTIONS_KEPT, _RECORDS, "written", "read", _ENDS, ("incident", "mailer")),
    ),
    Topic(
        *("decisions", "why there was no action", Personal.VALUES, False),
        *(_ACTIONS_KEPT, _RECORDS, "stays", "read", _ENDS, ("incident",)),
    ),
    Topic(
        *("dead-letter", "records that cannot be read, as they came", Personal.VALUES, False),
        *("the cluster's retention", _RECORDS, "stays", "read", _ENDS, _SUPPORT),
    ),
    Topic(
        *("pauses", "who paused or resumed which rule, and why", Personal.NO, True),
        *("the latest record of each rule", _NOTHING, "nothing of a customer", "read", _NOTHING),
        ("worker", "support", "incident"),
    ),
    Topic(
        *("marks", "who is suppressed, has opted out, or was erased, and when", Personal.HASH, True),
        *("the latest record of each customer", "the customer's mark", "written", "read", _NOTHING),
        ("worker", "incident"),
    ),
    Topic(
        *("requests", "what a company's privacy tool asks Linger to do with a customer", Personal.ID, False),
        *("30 days", _RECORDS, "stays", "kept", "up to where it is read", ("worker",)),
    ),
    Topic(
        *("audit", "who ran a command that changes something, when and why", Personal.HASH, False),
        *("two years", "the commands about the customer", "written", "kept", _NOTHING, _SUPPORT),
    ),
)
"""Every topic, in the order in which they are created."""
