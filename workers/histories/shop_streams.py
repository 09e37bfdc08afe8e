"""The further streams of the simulated shop: answers, complaints, memberships, referrals, reversals, unpaid renewals.

As in `history`, payloads are flat JSON, and time is written in several ways. `workers/source_files/shop.yaml` reads
them. This module must never know a canonical event or a rule.
"""

from typing import Any, Final

import orjson

from workers.histories.history import Record, iso_utc

ANSWERS: Final = "shop.nps"
COMPLAINTS: Final = "shop.complaints"
MEMBERSHIPS: Final = "shop.loyalty"
REFERRALS: Final = "shop.referrals"
REVERSALS: Final = "shop.reactivations"
UNPAID: Final = "shop.unpaid"


def answer(at_ms: int, answer_id: str, customer: str, score: int, comment: str) -> Record:
    """Return the record of a score from 0 to 10: would one recommend the shop? The time is ISO 8601 text."""
    payload = {"answer": answer_id, "customer": customer, "score": score, "comment": comment}
    return _record(at_ms, ANSWERS, customer, payload | {"answered_at": iso_utc(at_ms)})


def complaint(at_ms: int, ticket: str, customer: str, about: str) -> Record:
    """Return the record of a complaint. The time is epoch milliseconds."""
    return _record(
        at_ms, COMPLAINTS, customer, {"ticket": ticket, "customer": customer, "about": about, "opened": at_ms}
    )


def membership(at_ms: int, change: str, customer: str, tier: str, until_ms: int) -> Record:
    """Return the record of a membership that began or changed, and when its benefits end. Times are ISO 8601 text."""
    payload = {"change": change, "member": customer, "tier": tier, "benefits_until": iso_utc(until_ms)}
    return _record(at_ms, MEMBERSHIPS, customer, payload | {"changed_at": iso_utc(at_ms)})


def referral(at_ms: int, code: str, customer: str) -> Record:
    """Return the record of a friend whom a customer has brought, and who bought. The time is epoch seconds."""
    return _record(at_ms, REFERRALS, customer, {"code": code, "by": customer, "used": at_ms // 1000})


def reversal(at_ms: int, reversal_id: str, customer: str) -> Record:
    """Return the record of a cancellation that the customer reversed. The time is epoch seconds."""
    return _record(at_ms, REVERSALS, customer, {"id": reversal_id, "account": customer, "reversed": at_ms // 1000})


def unpaid(at_ms: int, invoice: str, customer: str, plan: str) -> Record:
    """Return the record of a renewal that stayed unpaid after every attempt. The time is epoch milliseconds."""
    return _record(at_ms, UNPAID, customer, {"invoice": invoice, "account": customer, "plan": plan, "closed": at_ms})


def _record(at_ms: int, topic: str, customer: str, payload: dict[str, Any]) -> Record:
    return Record(at_ms, topic, customer.encode(), orjson.dumps(payload))
