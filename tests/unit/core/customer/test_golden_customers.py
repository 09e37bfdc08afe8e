"""Golden customers of layout 3, written by the last release that writes it: read, written, read."""

import json
from typing import Any, Final

import pytest

from tests.support.customers import all_series, customer_of
from tests.support.paths import ROOT
from tests.upgrade.golden_customers import GONE_RULES, KNOWN_RULES
from workers.core.customer.customer import Customer
from workers.core.customer.episode import Episode
from workers.core.customer.layout_3 import reasons_in
from workers.core.customer.names import NamedRule, Names, code_of
from workers.core.customer.specs import EventTypeSpec, SeriesSpec
from workers.core.customer.stored import Stored
from workers.customer_facts.facts import decode_facts, encode_facts
from workers.customer_facts.facts_of import facts_of, take_facts

LINES: Final = [json.loads(line) for line in (ROOT / "tests/data/golden/layout-3.jsonl").read_text().splitlines()]
SPECS: Final = [
    SeriesSpec("cancellation", "cancellation", None, None, 90),
    SeriesSpec("login", "login", None, None, 90),
    SeriesSpec("purchase", "purchase", "amount", None, 365),
    SeriesSpec("purchase?73b32afe3f3d", "purchase", "amount", None, 90),
    SeriesSpec("purchase?f122ff6afc7e", "purchase", None, None, 0, "category"),
]
"""Of the stored series, two are not among them."""


def stored() -> tuple[Stored, Customer]:
    given = names()
    return Stored(given), given.customer


def names() -> Names:
    customer = customer_of({"all": EventTypeSpec("all", tuple(SPECS))}, len(KNOWN_RULES), 4)
    rules = [NamedRule(rule_id, "0123456789ab", 0) for rule_id in KNOWN_RULES[:1]]
    rules.append(NamedRule(KNOWN_RULES[1], "0123456789ac", 1))
    return Names(customer, 7, rules)


def named(customer: Customer) -> dict[str, Any]:
    """Return what is known of a customer by the names of the golden files."""
    names = dict(zip(KNOWN_RULES, customer.episodes, strict=True))
    codes = {code_of(name).to_bytes(5, "big"): name for name in GONE_RULES}
    names |= {codes[code]: episode for code, episode in customer.other_episodes.items()}
    series = all_series(customer)
    facts = {
        "first_ms": customer.first_ms,
        "at_ms": customer.at_ms,
        "fired_ms": customer.fired_ms,
        "due_ms": customer.due_ms,
        "generation": customer.generation,
        "seen": [one.to_bytes(6, "little").hex() for one in customer.read_seen()],
        "series": {
            key: {
                "first_ms": one.first_ms,
                "last_ms": one.last_ms,
                "total": one.total,
                "total_sum": one.total_sum,
                "active_days": one.active_days,
                "gone_day": one.gone_day,
                "days": [day for day, _, _ in one.days.read()],
                "counts": [count for _, count, _ in one.days.read()],
                "sums": [total for _, _, total in one.days.read()] if one.has_sum else [],
                "values": [value for _, value, _ in one.values.read()],
                "value_days": [day for day, _, _ in one.values.read()],
            }
            for key, one in series.items()
        },
        "episodes": {name: state(one) for name, one in names.items() if one.is_present},
        "acted": customer.acted,
        "latest": customer.latest,
        "attributes": customer.attributes,
        "pairs": customer.pairs,
        "floors": customer.floors,
        "candidates": [waiting(customer, place) for place in range(customer.waiting)],
    }
    found: dict[str, Any] = json.loads(json.dumps(facts))
    return found


def state(episode: Episode) -> dict[str, Any]:
    names = ("start_ms", "holding", "acted_ms", "before_ms", "open_until_ms", "pending_ms", "true_since_ms")
    return {name: getattr(episode, name) for name in (*names, "held", "stood")}


def waiting(customer: Customer, place: int) -> dict[str, Any]:
    candidate = customer.candidates[place]
    worded = candidate.worded
    assert reasons_in(worded.why)
    assert candidate.rule == (KNOWN_RULES.index(worded.rule) if worded.rule in KNOWN_RULES else -1)
    return {
        "rule": worded.rule,
        "start_ms": candidate.start_ms,
        "withdrawn_ms": candidate.withdrawn_ms,
        "action": worded.action,
        "version": worded.version,
        "variables": worded.variables,
        "why": worded.why.hex(),
        "because": worded.because,
        "why_back": worded.why_back.hex(),
        "doubted_ms": candidate.doubted_ms,
    }


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_a_golden_customer_is_read_and_written_in_both_layouts_and_loses_nothing(line: dict[str, Any]) -> None:
    given, customer = stored()
    raw, facts = bytes.fromhex(line["stored"]), dict(line["facts"])
    flips = facts.pop("flips")
    given.read(raw)
    assert named(customer) == facts
    assert customer.named_flips == flips
    assert not customer.flips_known
    assert given.write(3) == raw
    given.read(given.write(4))
    assert named(customer) == facts
    assert customer.named_flips == {}, "they mean nothing to layout 4: the next turn works them out"
    customer.named_flips = flips
    if flips:
        assert given.write(3) == raw


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_a_golden_customer_becomes_facts_and_the_same_bytes_again(line: dict[str, Any]) -> None:
    known, other_known = names(), names()
    given, other = Stored(known), Stored(other_known)
    raw = bytes.fromhex(line["stored"])
    given.read(raw)
    facts = decode_facts(encode_facts(facts_of(known)))
    assert facts.event_ids == line["facts"]["seen"]
    take_facts(other_known, facts)
    assert other.write(3) == raw
    given.read(given.write(4))
    take_facts(other_known, facts_of(known))
    assert other.write(4) == given.write(4)
    assert named(other_known.customer) == {name: value for name, value in line["facts"].items() if name != "flips"}


def test_the_golden_customers_have_everything_in_them() -> None:
    known = [line["facts"] for line in LINES]
    assert any(one["held"] and one["stood"] for facts in known for one in facts["episodes"].values())
    assert {name for facts in known for name in facts["episodes"]} == {*KNOWN_RULES, *GONE_RULES}
    series = [one for facts in known for one in facts["series"].values()]
    assert any(total < 0 for one in series for total in one["sums"])
    assert any(max(one["sums"], default=0) > 2**40 for one in series)
    assert any(
        after - before > 255 for one in series for before, after in zip(one["days"], one["days"][1:], strict=False)
    )
    assert any(max(one["counts"], default=0) > 255 for one in series)
    assert any(len(one["values"]) > 100 for one in series)
    for name in ("candidates", "acted", "latest", "attributes", "pairs", "floors", "flips"):
        assert any(facts[name] for facts in known), name
    waits = [one for facts in known for one in facts["candidates"]]
    assert any(one["because"] for one in waits)
    assert any(one["doubted_ms"] for one in waits)
