"""A customer of the core on objects, to compare with; goes with the core on objects."""

from typing import Any

from workers.core.objects.customer import codec
from workers.core.objects.customer.activity import Activity


def as_stored(activity: Activity) -> Activity:
    """Return an activity as it is after it was stored and read again."""
    return codec.decode(codec.encode(activity), codec.codes_of(activity.episodes))


def told_of_objects(activity: Activity) -> dict[str, Any]:
    """Return everything that folding changes, as `customers` does of a customer as numbers."""
    return {
        "first": activity.first_ms,
        "at": activity.at_ms,
        "seen": [activity.seen[at : at + 6] for at in range(0, len(activity.seen), 6)],
        "series": {
            key: {
                "first": one.first_ms,
                "last": one.last_ms,
                "total": one.total,
                "sum": one.total_sum,
                "active": one.active_days,
                "gone": one.gone_day,
                "days": one.days(),
                "counts": one.counts(),
                "sums": one.sums(),
                "values": one.values,
                "value days": one.value_days,
            }
            for key, one in activity.series.items()
        },
        "attributes": activity.attributes,
        "pairs": activity.pairs,
        "latest": activity.latest,
        "floors": activity.floors,
    }
