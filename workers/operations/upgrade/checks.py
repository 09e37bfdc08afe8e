"""What `linger doctor --before-upgrade` says, on what was found. Pure."""

from collections.abc import Mapping
from typing import Final

from workers.core.rules.rule_set import RuleSet
from workers.operations.findings import Finding, judged, ok, problem, unknown
from workers.operations.upgrade.facts import Releases
from workers.state import layouts
from workers.state.meta import REBUILDING

_ROOM: Final = 0.7
"""Share of Redis' memory that may be in use before an upgrade."""


def layouts_of_partitions(releases: Releases) -> Finding:
    """Check that this release can read what `meta` says is written."""
    found = releases.partitions_by_layout
    if not found:
        return ok("upgrade", "layouts", "nothing is stored yet")
    observed = ", ".join(f"{len(numbers)} partitions in layout {layout}" for layout, numbers in sorted(found.items()))
    unread = [layout for layout in found if layout not in layouts.KNOWN]
    why = "a worker of this release would stop these partitions when it claims them"
    remedy = "upgrade to the release that wrote them, or to a later one"
    return judged(problem("upgrade", "layouts", observed, why, remedy), is_well=not unread)


def layouts_of_customers(sample: Mapping[int, int]) -> Finding:
    """Check that this release can read what is stored of some customers.

    Args:
        sample: how many customers are stored in each layout.
    """
    unread = {layout: number for layout, number in sample.items() if layout not in layouts.KNOWN}
    looked_at = sum(sample.values())
    if not unread:
        return ok("upgrade", "stored customers", f"{looked_at} were looked at, all of them can be read")
    shown = " and ".join(f"{number} in layout {layout}" for layout, number in sorted(unread.items()))
    why = "a worker of this release would end at the first of them"
    remedy = "let every customer be rewritten by the release before (any change of a rule does it), or linger rebuild"
    return problem("upgrade", "stored customers", f"of {looked_at} looked at, {shown}", why, remedy)


def rules(compiled: RuleSet, stored: Mapping[str, str]) -> Finding:
    """Say whether this release decides by the rules that are active.

    Args:
        compiled: the rules of this release.
        stored: the record of active rule sets.
    """
    newest = stored.get("generation")
    if newest is None:
        return ok("upgrade", "rules", "no rules were ever active")
    if stored.get("hash") == compiled.hash:
        return ok("upgrade", "rules", f"set {newest}, active: both releases decide by it")
    return ok(
        "upgrade",
        "rules",
        f"another set than the active one ({newest}): workers of the release before stop at each partition that this "
        "release has claimed, and every customer is decided again. To go back: linger rules promote",
    )


def rebuild(metas: Mapping[int, Mapping[str, str]]) -> Finding:
    """Check that no rebuild is unfinished."""
    marked = [number for number, fields in metas.items() if fields.get(REBUILDING)]
    observed = f"{len(marked)} partitions are not finished" if marked else "none is unfinished"
    why = "this release would begin it again, and the partitions are not decided until it is done"
    remedy = "finish it with the release that began it: linger rebuild"
    return judged(problem("upgrade", "rebuild", observed, why, remedy), is_well=not marked)


def memory(info: Mapping[str, str]) -> Finding:
    """Check that Redis has room for every customer to be rewritten while a copy of its memory is saved."""
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not limit:
        return ok("upgrade", "memory of Redis", f"{used >> 20} MiB used, no maxmemory")
    observed = f"{used >> 20} of {limit >> 20} MiB used"
    why = "the new workers rewrite customers; if the memory is full, they wait"
    remedy = f"keep {1 - _ROOM:.0%} of it free: redis-cli CONFIG SET maxmemory ..."
    return judged(problem("upgrade", "memory of Redis", observed, why, remedy), is_well=used < limit * _ROOM)


def readiness() -> Finding:
    """Say that the status of /readyz means something else than in the release before."""
    return ok(
        "upgrade",
        "/readyz",
        "its status is no alarm any more: it answers 200 although rules are refused or sources are silent, so that a "
        "rolling update completes. Alarms belong on linger_condition, or on /statusz; its body is as before",
    )


def finishing(releases: Releases) -> Finding:
    """Say whether the upgrade can be finished, or what it waits for; before it has begun, that is no problem."""
    checked, newest = "finishing", layouts.newest()
    if releases.order.layout >= newest:
        return ok("upgrade", checked, f"nothing to finish: layout {releases.order.layout} is written")
    if releases.members is None:
        remedy = "wait until no worker joins or leaves the group, and ask again"
        return unknown("upgrade", checked, "; ".join(releases.obstacles()), "", remedy)
    if obstacles := releases.obstacles():
        return ok("upgrade", checked, "not yet: " + "; ".join(obstacles))
    return ok("upgrade", checked, "possible: linger upgrade finish")
