"""The customers of a scan, read one after the other into the objects of a rule set."""

from collections.abc import Iterable, Iterator

from workers.core.coverage import Coverage
from workers.core.customer.customer import Customer
from workers.core.customer.stored import OtherLayout
from workers.core.decisions.decide import Decider
from workers.errors import LingerError
from workers.scan.lines import StoredCustomer
from workers.scan.scan_file import Found


def read_each(
    decider: Decider, customers: Iterable[Found]
) -> Iterator[tuple[StoredCustomer, Coverage, Customer | None]]:
    """Yield each customer as stored, what counts as seen in their partition, and as read; None if damaged.

    Args:
        decider: into whose objects they are read: one is valid until the next.
        customers: of a scan, each with the line of their partition.

    Raises:
        LingerError: if another release wrote a customer, so this one can read none.
    """
    partition, coverage = None, Coverage({})
    for line, stored in customers:
        if line is not partition:
            partition, coverage = line, line.as_if_seen()
        try:
            known = decider.read(stored.stored)
        except OtherLayout as error:
            raise LingerError(str(error)) from error
        except ValueError:
            yield stored, coverage, None
            continue
        yield stored, coverage, known
