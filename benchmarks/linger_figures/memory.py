"""What a customer takes in Redis: activity, key, due time, and Redis's own tables."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.linger_figures.preload import Stored, pasts, put, repeated, rules_in_force
from benchmarks.linger_figures.reports import Report, percentile
from benchmarks.linger_figures.site import Plan, Servers, Site, installed
from benchmarks.workload import Workload

EXTRAPOLATED: Final = 100_000_000
_GIB: Final = 1 << 30


async def measure(
    servers: Servers, *, sizes: Sequence[int], events_each: int, depths: Sequence[int], partitions: int
) -> Report:
    """Fill Redis with customers of the workload, and ask it what they take.

    Args:
        servers: of which Kafka is not used.
        sizes: numbers of customers, ascending. Beyond ten thousand, customers share the pasts of those.
        events_each: events of a customer, on average, over 400 days.
        depths: other averages, for the smallest number of customers.
        partitions: over which they are spread.
    """
    by_size = [await _fill(servers, size, events_each, partitions) for size in sizes]
    by_depth = [await _fill(servers, sizes[0], depth, partitions) for depth in depths]
    largest = by_size[-1]
    figures: dict[str, Any] = {
        "bytes_per_customer": largest["bytes_per_customer"],
        "extrapolated_customers": EXTRAPOLATED,
        "extrapolated_gib": round(largest["bytes_per_customer"] * EXTRAPOLATED / _GIB, 1),
    }
    if len(by_size) > 1:
        before = by_size[-2]
        predicted = before["bytes_per_customer"] * largest["customers"]
        figures |= {
            "check_predicted_mib": round(predicted / (1 << 20), 1),
            "check_measured_mib": round(largest["bytes_per_customer"] * largest["customers"] / (1 << 20), 1),
            "check_error": round(predicted / (largest["bytes_per_customer"] * largest["customers"]) - 1, 3),
        }
    tables = {"by number of customers": by_size, "by events of a customer": by_depth}
    title = f"Redis for customers with {events_each} events each over 400 days, 20 rules"
    return Report("memory", title, {name: rows for name, rows in tables.items() if rows}, figures)


async def _fill(servers: Servers, customers: int, events_each: int, partitions: int) -> dict[str, Any]:
    different = min(customers, 10_000)
    workload = Workload(different * events_each, different)
    async with installed(servers, Plan(partitions=partitions)) as site:
        rules = await rules_in_force(site)
        # As it is while time goes on: without the quiet days, after which nothing more is due.
        known = pasts(workload, rules, workload.end_ms - workload.quiet_days * 86_400_000)
        before = await _memory(site)
        await put(site.store, partitions, repeated(known, customers), rules)
        after = await _memory(site)
        due = [await _memory_of(site, site.store.keys(number).due) for number in range(partitions)]
    return {
        "customers": customers,
        "events_each": events_each,
        "bytes_per_customer": round((after["used_memory"] - before["used_memory"]) / customers, 1),
        "due_bytes_per_customer": round(sum(due) / customers, 1),
        "resident_bytes_per_customer": round((after["used_memory_rss"] - before["used_memory_rss"]) / customers, 1),
        **_sizes(known),
    }


def _sizes(known: Sequence[Stored]) -> Mapping[str, Any]:
    sizes = [len(one.raw) for one in known]
    return {
        "activity_mean": round(sum(sizes) / len(sizes), 1),
        "activity_p50": percentile(sizes, 0.5),
        "activity_p99": percentile(sizes, 0.99),
        "activity_max": max(sizes),
        "share_with_due_time": round(sum(one.due_ms > 0 for one in known) / len(known), 3),
    }


async def _memory(site: Site) -> dict[str, int]:
    """Return what Redis says of its memory, in bytes."""
    (raw,) = (await site.store.ask_every_server("INFO", "memory")).values()
    lines = (line.partition(":") for line in raw.decode().splitlines())
    return {name: int(value) for name, _, value in lines if value.isdecimal()}


async def _memory_of(site: Site, key: str) -> int:
    """Return the bytes of one key, 0 if it is not there."""
    (answer,) = (await site.store.ask_every_server("MEMORY", "USAGE", key)).values()
    return int(answer or 0)
