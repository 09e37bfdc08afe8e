"""Two marks of one customer made into one: what either says stays said. Pure."""

from workers.state.marks.mark import Mark


def merged(one: Mark, other: Mark, topic_id: str) -> Mark:
    """Return what two marks of a customer say together; the order of the two does not matter.

    Of each of the three things a mark says, the later moment counts, with its offset. So a suppression in one of them
    stays, and no older mark takes back what a newer one says.

    Args:
        one: of a customer.
        other: of the same customer.
        topic_id: of the activity topic that the offsets of the result are of.
    """
    first, second = one.of_topic(topic_id), other.of_topic(topic_id)
    suppressed = max((first.suppressed_ms, first.suppressed_at), (second.suppressed_ms, second.suppressed_at))
    opted_out = max((first.opted_out_ms, first.opted_out_at), (second.opted_out_ms, second.opted_out_at))
    erased = max((first.erased_ms, first.erased_at), (second.erased_ms, second.erased_at))
    return Mark(topic_id, *suppressed, *opted_out, *erased)
