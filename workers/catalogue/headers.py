"""Every header that Linger writes. Pure; a test compares this with the constants of the modules that write them."""

from typing import Final

from workers.catalogue.entries import Header, Personal

_ACTIVITY: Final = ("activity", "dead-letter")
_DECIDED: Final = ("at-risk", "win-back", "decisions")
_LETTERS: Final = ("dead-letter",)

HEADERS: Final = (
    Header("linger-source", _ACTIVITY, "topic, partition and offset of the record that an event was made from"),
    Header("linger-replays", _ACTIVITY, "how often a record was replayed"),
    Header("linger-item", _ACTIVITY, "the number of the item in a record that holds several"),
    Header("linger-reason", _LETTERS, "why a record cannot be read, as one word"),
    Header("linger-detail", _LETTERS, "the same in a sentence; it may quote the record", Personal.VALUES),
    Header("linger-source-topic", _LETTERS, "the topic that a record came from"),
    Header("linger-source-partition", _LETTERS, "the partition that it came from"),
    Header("linger-source-offset", _LETTERS, "the offset that it came from"),
    Header("linger-cut-from-bytes", _LETTERS, "the size of the whole value, if only its beginning was kept"),
    Header("ce_specversion", _DECIDED, "the version of CloudEvents"),
    Header("content-type", _DECIDED, "that the value is JSON"),
    Header("ce_id", _DECIDED, "the id of the record", Personal.ACTION),
    Header("ce_type", _DECIDED, "what the record is"),
    Header("ce_source", _DECIDED, "the rule that decided"),
    Header("ce_subject", _DECIDED, "the customer's id", Personal.ID),
    Header("ce_time", _DECIDED, "when it was decided"),
    Header("ce_expirytime", ("at-risk", "win-back"), "until when an action can be carried out"),
)
"""Every header, in the order of the topics."""
