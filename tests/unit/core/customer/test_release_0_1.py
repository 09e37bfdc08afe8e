"""A law of the stored form of a customer: what release 0.1.0 stored is read, and written as it was."""

from tests.support.customers import customer_of
from tests.support.paths import DATA
from tests.upgrade.stored import read
from workers.core.customer.names import Names
from workers.core.customer.stored import Stored


def test_customers_whom_release_0_1_0_stored_are_written_as_they_were() -> None:
    entries = read(DATA / "upgrade" / "redis.xz")[1]
    found = [value for key, kind, value in entries if kind == "string" and b"}:c:" in key]
    assert len(found) > 10_000
    # Of a rule set without rules: all of their series and episodes are kept as they are.
    stored = Stored(Names(customer_of({}), 0, []))
    for raw in found[::10]:
        stored.read(raw)
        assert stored.write(3) == raw
        series = [one for one in stored.customer.other_series.values() if one.days.number]
        assert all(one.total >= sum(count for _, count, _ in one.days.read()) for one in series)
