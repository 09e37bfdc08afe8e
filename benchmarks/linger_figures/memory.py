"""What a customer takes in Redis: activity, key, due time, and Redis's own tables; and what a stage and value add."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.linger_figures.preload import Stored, pasts, put, repeated, rules_in_force
from benchmarks.linger_figures.reports import Report, percentile
from benchmarks.linger_figures.site import Plan, Servers, Site, installed
from benchmarks.workload import RULES, STAGES, VALUE, Workload, load_rules

EXTRAPOLATED: Final = 100_000_000
_GIB: Final = 1 << 30
_DIFFERENT: Final = 2_000
"""Different pasts for the other depths."""


async def measure(
    servers: Servers, *, sizes: Sequence[int], events_each: int, depths: Sequence[int], partitions: int
) -> Report:
    """Fill Redis with customers of the workload, and ask it what they take.

    Args:
        servers: Kafka is not used.
        sizes: numbers of customers, ascending. The first one is also the number of different pasts; further
            customers share them.
        events_each: events of a customer, on average, over 400 days.
        depths: other averages, for the smallest number of customers.
        partitions: over which they are spread.
    """
    by_size = await _fill(servers, sizes, sizes[0], events_each, partitions)
    different = min(sizes[0], _DIFFERENT)
    by_depth = [row for depth in depths for row in await _fill(servers, sizes[:1], different, depth, partitions)]
    largest = by_size[-1]
    figures: dict[str, Any] = {
        "bytes_per_customer": largest["bytes_per_customer"],
        "extrapolated_customers": EXTRAPOLATED,
        "extrapolated_gib": round(largest["bytes_per_customer"] * EXTRAPOLATED / _GIB, 1),
    }
    if len(by_size) > 1:
        before = by_size[-2]
        figures |= {
            "check": f"{before['customers']:,} customers, extrapolated to {largest['customers']:,} and compared",
            "check_predicted_mib": _mib(before["bytes_per_customer"] * largest["customers"]),
            "check_measured_mib": _mib(largest["bytes_per_customer"] * largest["customers"]),
            "check_error": round(before["bytes_per_customer"] / largest["bytes_per_customer"] - 1, 3),
        }
    tables = {
        "by number of customers": by_size,
        "by events of a customer": by_depth,
        "bytes of the activity, with a stage and with value": [
            row for depth in (*depths, events_each) for row in with_stages(different, depth)
        ],
    }
    title = f"Redis for customers with {events_each} events each over 400 days, 20 rules"
    return Report("memory", title, {name: rows for name, rows in tables.items() if rows}, figures)


def with_stages(customers: int, events_each: int) -> list[dict[str, Any]]:
    """Return what an activity takes without and with a stage, with value, and with both.

    Value without a currency takes the amounts that are kept of all purchases anyway; with one, those of its currency.
    """
    workload = Workload(customers * events_each, customers, quiet_days=0)
    with tempfile.TemporaryDirectory() as folder:
        in_currency = Path(folder) / "value.yaml"
        in_currency.write_text(VALUE.read_text().replace("  within:", "  currency: USD\n  within:"))
        besides = {
            "alone": (),
            "with_stage": (STAGES,),
            "with_value": (VALUE,),
            "with_value_in_usd": (in_currency,),
            "with_stage_and_value": (STAGES, VALUE),
        }
        sizes = {
            name: [len(one.raw) for one in pasts(workload, load_rules(RULES, *beside), workload.end_ms)]
            for name, beside in besides.items()
        }
    return [{"events_each": events_each, **{name: round(sum(of) / len(of), 1) for name, of in sizes.items()}}]


def _mib(number: float) -> float:
    return round(number / (1 << 20), 1)


async def _fill(
    servers: Servers, sizes: Sequence[int], different: int, events_each: int, partitions: int
) -> list[dict[str, Any]]:
    """Return one row for each number of customers; all of them share the same pasts."""
    workload = Workload(different * events_each, different, quiet_days=0)
    known: list[Stored] = []
    rows = []
    for customers in sizes:
        async with installed(servers, Plan(partitions=partitions)) as site:
            rules = await rules_in_force(site)
            known = known or pasts(workload, rules, workload.end_ms)
            before = await _memory(site)
            await put(site.store, partitions, repeated(known, customers), rules)
            grown = await _memory(site) - before
            due = [await _memory_of(site, site.store.keys.partition(number).due) for number in range(partitions)]
        rows.append(
            {
                "customers": customers,
                "events_each": events_each,
                "bytes_per_customer": round(grown / customers, 1),
                "due_bytes_per_customer": round(sum(due) / customers, 1),
                **_sizes(known),
            }
        )
    return rows


def _sizes(known: Sequence[Stored]) -> Mapping[str, Any]:
    sizes = [len(one.raw) for one in known]
    return {
        "activity_mean": round(sum(sizes) / len(sizes), 1),
        "activity_p50": percentile(sizes, 0.5),
        "activity_p99": percentile(sizes, 0.99),
        "activity_max": max(sizes),
        "share_with_due_time": round(sum(one.due_ms > 0 for one in known) / len(known), 3),
    }


async def _memory(site: Site) -> int:
    """Return how many bytes Redis has allocated."""
    (raw,) = (await site.store.redis.ask_every_server("INFO", "memory")).values()
    return int(raw.decode().partition("used_memory:")[2].split()[0])


async def _memory_of(site: Site, key: str) -> int:
    """Return the bytes of one key, 0 if it is not there."""
    (answer,) = (await site.store.redis.ask_every_server("MEMORY", "USAGE", key)).values()
    return int(answer or 0)
