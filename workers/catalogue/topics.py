"""Every topic of Linger. Pure; tests compare this with settings, roles, and what `linger topics create` makes."""

from typing import Final

from workers.catalogue.entries import Personal, Topic

_ACTIONS_KEPT: Final = "the longest `expires after` of a rule, and 30 days more"
_RECORDS: Final = "the customer's records"
_NOTHING: Final = "nothing"
_ENDS: Final = "how many records it has, no record"

TOPICS: Final = (
    Topic(
        name="activity",
        holds="every event, and the orders to erase, suppress or resume",
        personal=Personal.VALUES,
        compacted=False,
        kept="as long as a rule looks back, 400 days at least",
        exported=_RECORDS,
        erased="stays",
        rebuilt="read",
        in_file="its id and the offset",
        readers=(
            "worker",
            "support",
            "incident",
            "privacy",
        ),
    ),
    Topic(
        name="at-risk",
        holds="actions for customers who may leave, and retractions; the topics of your own actions (`actions` in "
        "sources.yaml) are like it",
        personal=Personal.VALUES,
        compacted=False,
        kept=_ACTIONS_KEPT,
        exported=_RECORDS,
        erased="written",
        rebuilt="read",
        in_file=_ENDS,
        readers=(
            "incident",
            "privacy",
            "mailer",
        ),
    ),
    Topic(
        name="win-back",
        holds="actions for customers who have left, and retractions",
        personal=Personal.VALUES,
        compacted=False,
        kept=_ACTIONS_KEPT,
        exported=_RECORDS,
        erased="written",
        rebuilt="read",
        in_file=_ENDS,
        readers=(
            "incident",
            "privacy",
            "mailer",
        ),
    ),
    Topic(
        name="decisions",
        holds="why there was no action",
        personal=Personal.VALUES,
        compacted=False,
        kept=_ACTIONS_KEPT,
        exported=_RECORDS,
        erased="stays",
        rebuilt="read",
        in_file=_ENDS,
        readers=(
            "incident",
            "privacy",
        ),
    ),
    Topic(
        name="stages",
        holds="where customers stand on the ladder, and every move",
        personal=Personal.VALUES,
        compacted=True,
        kept="the latest record of each customer",
        exported=_RECORDS,
        erased="written",
        rebuilt="read",
        in_file=_NOTHING,
        readers=(
            "incident",
            "privacy",
            "mailer",
        ),
    ),
    Topic(
        name="dead-letter",
        holds="records that cannot be read, as they came",
        personal=Personal.VALUES,
        compacted=False,
        kept="the cluster's retention",
        exported=_RECORDS,
        erased="stays",
        rebuilt="read",
        in_file=_ENDS,
        readers=(
            "support",
            "incident",
            "privacy",
        ),
    ),
    Topic(
        name="pauses",
        holds="who paused or resumed which rule, and why",
        personal=Personal.NO,
        compacted=True,
        kept="the latest record of each rule",
        exported=_NOTHING,
        erased="nothing of a customer",
        rebuilt="read",
        in_file=_NOTHING,
        readers=(
            "worker",
            "support",
            "incident",
        ),
    ),
    Topic(
        name="marks",
        holds="who is suppressed, has opted out, or was erased, and when",
        personal=Personal.HASH,
        compacted=True,
        kept="the latest record of each customer",
        exported="the customer's mark",
        erased="written",
        rebuilt="read",
        in_file=_NOTHING,
        readers=(
            "worker",
            "incident",
            "privacy",
        ),
    ),
    Topic(
        name="book",
        holds="the figures of each day that is closed: numbers of events, amounts, actions; no one is named",
        personal=Personal.NO,
        compacted=True,
        kept="the record of each day and partition",
        exported=_NOTHING,
        erased="nothing of a customer",
        rebuilt="kept",
        in_file=_NOTHING,
        readers=(
            "worker",
            "incident",
        ),
    ),
    Topic(
        name="requests",
        holds="what a company's privacy tool asks Linger to do with a customer",
        personal=Personal.ID,
        compacted=False,
        kept="30 days",
        exported=_RECORDS,
        erased="stays",
        rebuilt="kept",
        in_file="up to where it is read",
        readers=(
            "worker",
            "privacy",
        ),
    ),
    Topic(
        name="audit",
        holds="who ran a command that changes something, when and why",
        personal=Personal.HASH,
        compacted=False,
        kept="two years",
        exported="the commands about the customer",
        erased="written",
        rebuilt="kept",
        in_file=_NOTHING,
        readers=(
            "support",
            "incident",
            "privacy",
        ),
    ),
)
"""Every topic, in the order in which they are created."""
