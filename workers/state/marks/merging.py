"""Two marks of one customer made into one: what either says stays said. Pure."""

from collections.abc import Mapping

from workers.state.marks.mark import Mark


def merged(one: Mark, other: Mark, topic_id: str) -> Mark:
    """Return what two marks of a customer say together; the order of the two does not matter.

    Of each of the three things a mark says, what was changed at the later offset counts; where no offset is known,
    the later moment. So no older mark takes back what a newer one says, or says again what a newer one has ended.

    Args:
        one: of a customer.
        other: of the same customer.
        topic_id: of the activity topic that the offsets of the result are of.
    """
    first, second = one.of_topic(topic_id), other.of_topic(topic_id)
    suppressed = max((first.suppressed_at, first.suppressed_ms), (second.suppressed_at, second.suppressed_ms))
    opted_out = max((first.opted_out_at, first.opted_out_ms), (second.opted_out_at, second.opted_out_ms))
    erased = max((first.erased_at, first.erased_ms), (second.erased_at, second.erased_ms))
    return Mark(topic_id, *suppressed[::-1], *opted_out[::-1], *erased[::-1])


def all_merged(stored: Mapping[bytes, Mark], copied: Mapping[bytes, Mark], topic_id: str) -> dict[bytes, Mark]:
    """Return the marks of a partition that Redis and the topic of marks have, each as both say it together.

    Args:
        stored: those in Redis, by the ref of the customer.
        copied: those in the topic.
        topic_id: as for `merged`.
    """
    refs = [*stored, *(ref for ref in copied if ref not in stored)]
    return {ref: merged(stored.get(ref, Mark()), copied.get(ref, Mark()), topic_id) for ref in refs}
