"""One key of each kind that `workers.state.keys` can build, so that a new one is not forgotten in a test."""

from workers.state.keys import Keys, PartitionKeys


def every_key(partition: int, namespace: str = "linger") -> list[str]:
    """Return the keys of one partition, and those that all share."""
    keys = Keys(namespace)
    shared = [value for name, value in vars(keys).items() if isinstance(value, str) and name != "namespace"]
    shared += [keys.pace("quiet", 5), f"{keys.dead_letters}:0:3"]
    of_one = keys.partition(partition)
    attributes = [name for name in PartitionKeys.__slots__ if not name.startswith("_")]
    built = [getattr(of_one, name) for name in attributes]
    built += [of_one.customer("a:b"), of_one.waiting("login")]
    built += [of_one.held_of("quiet", because) for because in ("pace", "pause", "brake")]
    return shared + built
