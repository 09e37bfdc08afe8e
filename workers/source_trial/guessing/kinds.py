"""What: which value distinguishes kinds of records, and which kinds are purchases, log-ins or cancellations."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from workers.source_trial.guessing.guess import condition_key, yaml_text
from workers.source_trial.guessing.leaves import Header, Leaf
from workers.source_trial.guessing.vocabulary import words_of

__all__ = ["Discriminator", "OTHERS", "discriminator_of", "kind_of"]

OTHERS: Final = ("renewal", "refund", "reactivation", "cancel-scheduled")
"""Kinds that are recognised, but written as a comment only: whether they count is for the operator to say."""

_NAMES: Final = {
    **dict.fromkeys(("event_type", "event_name", "metric_name", "eventtype", "eventname", "event_code"), 60),
    **dict.fromkeys(("event", "type", "action", "txn_type", "alert_name", "notification_type", "message_type"), 50),
    **dict.fromkeys(("scope", "kind", "operation", "change_type", "entity_name", "hook"), 30),
    **dict.fromkeys(("name", "topic", "op", "e"), 25),
    **dict.fromkeys(
        ("webhook_topic", "webhook_event", "trigger_source", "subject", "routing_key", "type_id", "activity", "verb"),
        40,
    ),
}
_STATES: Final = frozenset({"status", "state", "stage_name", "payment_status", "order_status", "financial_status"})
_CANCEL: Final = frozenset(
    {"cancel", "canceled", "cancelled", "cancellation", "churn", "churned", "terminated", "closed", "resigned"}
)
_LOGIN: Final = frozenset({"login", "signin", "logon", "loggedin", "signedin"})
_DONE: Final = frozenset(
    {"completed", "complete", "paid", "succeeded", "success", "captured", "capture", "placed", "created", "create",
     "new", "insert", "settled", "sale", "authorized", "authorised", "approved", "confirmed", "processed", "won",
     "finalized", "fulfilled", "received", "submitted", "made"}
)  # fmt: skip
_SOLD: Final = frozenset(
    {"order", "orders", "payment", "payments", "checkout", "charge", "transaction", "invoice", "sale", "booking",
     "opportunity", "basket"}
)  # fmt: skip
_BOUGHT: Final = frozenset(
    {"purchase", "purchased", "bought", "buy", "charged", "authorisation", "authorization", "capture", "sale"}
)
_FAILED: Final = frozenset(
    {"failed", "failure", "fail", "declined", "denied", "error", "rejected", "void", "voided", "pending", "expired",
     "requested", "attempt", "initiated", "started", "updated", "update", "viewed", "view", "abandoned", "draft"}
)  # fmt: skip
_REFUND: Final = frozenset({"refund", "refunded", "refunds", "chargeback", "dispute", "reversal", "reversed"})
_RENEW: Final = frozenset({"renewal", "renewed", "renew", "recurring", "rebill", "autorenewal"})
_REACTIVATE: Final = frozenset(
    {"reactivated", "reactivation", "uncancelled", "uncanceled", "uncancellation", "resumed"}
)
_SESSION: Final = frozenset({"session", "authentication", "auth"})
_OUT: Final = frozenset({"out", "logout", "logoff", "end", "ended", "signout", "signedout"})
_STRONG_NAME: Final = 30
_KIND: Final = re.compile(r"[A-Za-z][A-Za-z_ .:/-]*([0-9]{1,2}[A-Za-z_ .:/-]*)?")
_MOST_VALUES: Final = 60
_MOST_KINDS_ALONE: Final = 3


@dataclass(frozen=True, slots=True)
class Discriminator:
    """What distinguishes kinds of records.

    Attributes:
        key: of the condition in `only_when`, as YAML.
        path: the path in the body; None for a header.
        words: where it is, in words.
        values: the value in each document that has one.
        kinds: what each value is taken for; None for what is not known.
    """

    key: str
    path: str | None
    words: str
    values: dict[int, Any]
    kinds: dict[Any, str | None] = field(default_factory=dict)

    def counts(self) -> Counter[Any]:
        """Return the values, each with its number of documents."""
        return Counter(self.values.values())

    def documents_of(self, kind: str | None) -> list[int]:
        """Return the documents that are of a kind."""
        return [number for number, value in self.values.items() if self.kinds[value] == kind]


def kind_of(text: str) -> str | None:
    """Return what a name of a kind of records means: an event type, or None if that is not known."""
    words = words_of(text)
    found = set(words) | {f"{one}{two}" for one, two in pairwise(words)}
    if found & _REFUND:
        return "refund"
    if found & _REACTIVATE:
        return "reactivation"
    if found & _CANCEL and not found & (_SOLD - {"subscription"}) - {"order"} and "account" not in found:
        if "order" in found or "orders" in found:
            return "refund"
        return "cancel-scheduled" if found & {"scheduled", "requested", "pending"} else "cancellation"
    if found & {"subscription", "account", "membership"} and found & {"deleted", "ended", "closed", *_CANCEL}:
        return "cancellation"
    if found & _OUT:
        return None
    if found & _LOGIN or (("logged" in found or "signed" in found or "log" in found) and "in" in found):
        return None if found & _FAILED else "login"
    if (
        found & _SESSION
        and not found & _SOLD
        and found & {"start", "started", "begin", "created", "sso", "post", "success", "succeeded"}
    ):
        return "login"
    if found & _FAILED and not found & _DONE:
        # payment.updated says nothing; its state does.
        return "purchase?" if found & _SOLD and found & {"updated", "update"} else None
    if found & _RENEW or {"subscription", "charged"} <= found:
        return "renewal"
    if found & _BOUGHT and not found & _FAILED:
        return "purchase"
    if found & _SOLD and found & _DONE:
        return "purchase"
    return None


def discriminator_of(leaves: Sequence[Leaf], headers: Sequence[Header], documents: int) -> Discriminator | None:
    """Find what distinguishes kinds of records; None if nothing does.

    Args:
        leaves: the values of the samples.
        headers: the headers, by document.
        documents: number of documents.
    """
    found: list[tuple[int, Discriminator]] = []
    for leaf in leaves:
        if leaf.find is None and not leaf.in_list and "before" not in leaf.parents:
            name = "_".join(leaf.words)
            values = dict(leaf.values)
            key = condition_key(leaf.place)
            found.append(
                (_score(name, values, documents) - 3 * leaf.depth, Discriminator(key, leaf.place, leaf.place, values))
            )
    for header in headers:
        name = "_".join(word for word in header.words if len(word) > 1)
        score = max((_score(part, dict(header.values), documents) for part in _endings(name)), default=0)
        key = yaml_text(f"header {header.name}", in_flow=True)
        found.append((score, Discriminator(key, None, f"header {header.name}", dict(header.values))))
    best = max(found, key=lambda each: each[0], default=None)
    if best is None or best[0] <= 0:
        return None
    score, discriminator = best
    kinds = {value: kind_of(str(value)) for value in set(discriminator.values.values())}
    return Discriminator(discriminator.key, discriminator.path, discriminator.words, discriminator.values, kinds)


def _endings(name: str) -> list[str]:
    words = name.split("_")
    return ["_".join(words[start:]) for start in range(len(words))]


def _score(name: str, values: dict[int, Any], documents: int) -> int:
    """Return how likely a value distinguishes kinds of records; 0 or less for not at all."""
    if not values or not all(isinstance(value, str) and 0 < len(value) <= 100 for value in values.values()):
        return 0
    different = set(values.values())
    meant = [kind for value in different if (kind := kind_of(value)) is not None]
    by_name = _NAMES.get(name, 0)
    if not meant and (by_name < _STRONG_NAME or not all(_KIND.fullmatch(value) for value in different)):
        return 0  # the name of a person, or the number of an order
    if not by_name and not (meant and any(word in name for word in ("type", "event", "action", "topic"))):
        return 0
    too_many = len(different) > _MOST_VALUES or (len(different) > _MOST_KINDS_ALONE and len(different) == len(values))
    if too_many and len(meant) * 3 < len(different):
        return 0
    score = by_name or 20
    score += 60 * sum(kind_of(value) is not None for value in values.values()) // len(values)
    score += 40 if meant else 0
    score += 10 if len(different) > 1 else 0
    return score - 40 * (documents - len(values)) // max(1, documents)
