"""Who: which values look like the id of a customer, which like an e-mail address to fall back on, and guests."""

import re
from collections.abc import Sequence
from typing import Any, Final

from workers.source_trial.guessing.guess import Guess, place_of, yaml_text
from workers.source_trial.guessing.leaves import Leaf
from workers.source_trial.guessing.vocabulary import words_of

__all__ = ["PERSONS", "candidates_in", "customer_of", "looks_like_email"]

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_ID_WORDS: Final = frozenset(
    {
        "id",
        "no",
        "nr",
        "num",
        "number",
        "key",
        "ref",
        "reference",
        "code",
        "uid",
        "uuid",
        "guid",
        "identifier",
        "card",
    }
)
PERSONS: Final = {
    "customer": 100,
    "user": 95,
    "shopper": 95,
    "member": 92,
    "buyer": 90,
    "subscriber": 88,
    "client": 57,  # of a sign-in, it is the application
    "loyalty": 80,
    "person": 80,
    "player": 80,
    "patient": 75,
    "passenger": 75,
    "account": 72,
    "actor": 72,
    "principal": 72,
    "subject": 62,
    "profile": 70,
    "contact": 70,
    "payer": 70,
    "owner": 55,
    "distinct": 85,
    "consumer": 85,
    "policyholder": 85,
    "student": 80,
    "learner": 80,
    "donor": 80,
    "traveller": 80,
    "traveler": 80,
    "viewer": 80,
    "listener": 80,
    "rider": 80,
    "requester": 79,
    "participant": 75,
    "attendee": 75,
    "cardholder": 75,
    "holder": 70,
    "debtor": 75,
    "party": 70,
    "lead": 65,
    "author": 70,
}
_NAMES: Final = {("uid",): 80, ("subject",): 60, ("sub",): 60, ("account", "holder"): 70}
_BY_NAME_ONLY: Final = {("user", "name"): 55, ("username",): 55}
"""A name that someone signs in with; where there is an id, that is better."""
_OF_AN_ID: Final = frozenset(
    {
        "external",
        "internal",
        "unique",
        "main",
        "primary",
        "master",
        "global",
        "public",
        "legacy",
        "crm",
        "shop",
        "web",
    }
)
"""What kind of id it is: `customer_external_id` is a customer's, `user_pool_id` that of a pool."""
_NOT_THEM: Final = frozenset(
    {
        *("agent", "type", "name", "first", "last", "phone", "ip", "group", "locale", "language", "country", "city"),
        *("status", "is", "count", "commit", "tenant", "merchant", "shop", "store", "seller", "org", "role"),
        *("organization", "anonymous", "pseudo", "device", "session", "note", "agent", "since", "created", "segment"),
        *(
            "address",
            "via",
            "sso",
            "tax",
            "vat",
            "balance",
            "metric",
            "product",
            "guest",
            "sold",
            "currency",
        ),
    }
)
_OF_SOMEBODY_ELSE: Final = frozenset({"merchant", "seller", "shop", "store", "support", "sender", "from", "staff"})
_GENERIC: Final = frozenset({"data", "object", "attributes", "payload", "resource", "after", "record", "properties"})
_NOBODY: Final = (0, "0", "", "guest", "GUEST", "anonymous", "null", "none", "-1", -1)
_NEVER_CHOSEN: Final = frozenset({"type", "status", "currency", "country", "postal", "zip", "name", "ip"})
_MOST_CHOICES: Final = 4
_LONGEST: Final = 200
_LEAST: Final = 45
_SURE: Final = 60


def looks_like_email(value: Any) -> bool:
    """Return whether a value is an e-mail address."""
    return isinstance(value, str) and _EMAIL.fullmatch(value) is not None


def customer_of(leaves: Sequence[Leaf], *, has_key: bool) -> Guess | None:
    """Guess who an event is of; None if nothing looks like it.

    Args:
        leaves: the values of the samples.
        has_key: every record has a Kafka key that may be an id.
    """
    scored = sorted(((_score(leaf), leaf) for leaf in leaves), key=lambda found: (-found[0], len(found[1].place)))
    ids = [(score, leaf) for score, leaf in scored if score >= _LEAST]
    emails = sorted((leaf for leaf in leaves if _is_address(leaf)), key=_distance_of_address)
    email = emails[0] if emails else None
    if not ids:
        return _guests_only(leaves, email) or _without_id(email, has_key=has_key)
    best, leaf = ids[0]
    nothing = sorted({value for value in leaf.values.values() if value in _NOBODY}, key=str)
    numbers = all(isinstance(value, int) for value in leaf.values.values())
    if numbers and 0 not in nothing:
        nothing.append(0)  # what shops write for a guest; as an id, it would be one person
    modifiers = {"nothing": "[" + ", ".join(_scalar(value) for value in nothing) + "]"} if nothing else {}
    guests = sum(value in _NOBODY for value in leaf.values.values()) + leaf.documents - len(leaf.values)
    why = f"{leaf.seen()}, such as {leaf.example()}"
    rivals = [other.place for score, other in ids[1:] if score >= best - 4 and _differ(leaf, other)]
    first = place_of(leaf, **modifiers)
    if email is not None:
        fallback = place_of(email, lower="true")
        guests_seen = f"; {guests} without one fall back on the e-mail address" if guests else ""
        if guests or numbers or "guest" in {word for other in leaves for word in other.words}:
            place = f"[{first if modifiers or leaf.is_outside else yaml_text(leaf.place, in_flow=True)}, {fallback}]"
            guess = Guess(place, f"{why}{guests_seen or '; guests fall back on the e-mail address'}", leaf=leaf)
            return guess.doubted(f"{guess.why}; or is it {' or '.join(rivals[:2])}?") if rivals else guess
    guess = Guess(first, why, leaf=leaf)
    if rivals:
        return guess.doubted(f"{why}; or is it {' or '.join(rivals[:2])}?")
    if guests:
        return guess.doubted(f"{why}; {guests} of {leaf.documents} have none, and there is no e-mail address instead")
    if best < _SURE:
        return guess.doubted(f"{why}; its name hardly says that it is a customer")
    return guess


def candidates_in(leaves: Sequence[Leaf], used: Sequence[str]) -> list[str]:
    """Return up to four places that hold an id of something, to choose from where nothing looks like a customer's.

    Args:
        leaves: the values of the samples.
        used: places that are something else.
    """
    found = [
        leaf
        for leaf in leaves
        if leaf.values
        and leaf.find is None
        and leaf.place not in used
        and {*leaf.words} & (_ID_WORDS | PERSONS.keys())
        and not {*leaf.words} & _NEVER_CHOSEN
        and all(map(_is_id, leaf.values.values()))
    ]
    found.sort(key=lambda leaf: (not {*leaf.words} & PERSONS.keys(), leaf.in_list, leaf.depth))
    return [leaf.place for leaf in found[:_MOST_CHOICES]]


def _guests_only(leaves: Sequence[Leaf], email: Leaf | None) -> Guess | None:
    """Return the place of an id that no sample has, before the e-mail address; None if there are not both."""
    empty = [leaf for leaf in leaves if _by_name(leaf) >= _SURE and _is_of_nobody(leaf) and not leaf.in_list]
    if email is None or not empty:
        return None
    leaf = min(empty, key=lambda leaf: (-_by_name(leaf), leaf.depth))
    nothing = ", ".join(sorted({_scalar(value) for value in leaf.values.values()}))
    first = place_of(leaf, nothing=f"[{nothing}]") if nothing else place_of(leaf)
    why = f"all samples are of guests: '{leaf.place}' is {nothing or 'null'}, so the e-mail address counts"
    return Guess(f"[{first}, {place_of(email, lower='true')}]", why, is_sure=False, leaf=email)


def _is_of_nobody(leaf: Leaf) -> bool:
    if {*leaf.words} & _NOT_THEM or _is_of_the_past(leaf):
        return False
    values = list(leaf.values.values())
    return all(value in _NOBODY for value in values) and bool(values or leaf.nulls)


def _without_id(email: Leaf | None, *, has_key: bool) -> Guess | None:
    if email is not None:
        why = f"nothing looks like a customer's id, only this e-mail address, {email.seen()}"
        return Guess(place_of(email, lower="true"), why, is_sure=False, leaf=email)
    if has_key:
        why = "nothing in the values looks like a customer's id; the Kafka key may be one"
        return Guess("{key: true}", why, is_sure=False)
    return None


def _differ(leaf: Leaf, other: Leaf) -> bool:
    return any(leaf.values.get(number, value) != value for number, value in other.values.items())


def _is_address(leaf: Leaf) -> bool:
    values = list(leaf.values.values())
    whose = {word for name in (leaf.name, *leaf.parents) for word in name.lower().replace("-", "_").split("_")}
    return bool(values) and all(map(looks_like_email, values)) and not whose & _OF_SOMEBODY_ELSE and not leaf.in_list


def _distance_of_address(leaf: Leaf) -> tuple[bool, int, int]:
    return not any(word in ("email", "mail") for word in leaf.words), -len(leaf.values), leaf.depth


def _score(leaf: Leaf) -> int:
    """Return how much a value looks like the id of a customer: 0 for not at all, 100 for certainly."""
    values = [value for value in leaf.values.values() if value not in _NOBODY]
    if not values or not all(map(_is_id, values)):
        return 0
    words = set(leaf.words)
    signed_in_as = _BY_NAME_ONLY.get(leaf.words, 0)
    if words & _NOT_THEM and not signed_in_as:
        return 0
    score = signed_in_as or max(_by_name(leaf), _NAMES.get(leaf.words, 0))
    if not score:
        return 0
    covered = 20 * (leaf.documents - len(values)) // max(1, leaf.documents)
    of_address = 20 * any("address" in words_of(parent) for parent in leaf.parents)
    return (
        score - 2 * leaf.depth - of_address - (30 if leaf.in_list else 0) - min(15, covered) - _is_of_the_past(leaf)
    )


def _is_of_the_past(leaf: Leaf) -> int:
    return 60 if "before" in leaf.parents or "old_record" in leaf.parents or "old" in leaf.words else 0


def _by_name(leaf: Leaf) -> int:
    words = leaf.words
    persons = [PERSONS[word] for word in words if word in PERSONS]
    if persons:
        last = max(number for number, word in enumerate(words) if word in PERSONS)
        if not {*words[last + 1 :]} <= _ID_WORDS | _OF_AN_ID:
            return 0
        # customer_id names an id; a text called `customer` may be one.
        is_an_id = bool({*words} & _ID_WORDS) or (len(words) > 1 and words[-1] == "account")
        return max(persons) if is_an_id else max(persons) - 20 if len(words) == 1 else 0
    if not words or not set(words) <= _ID_WORDS | _OF_AN_ID or not set(words) & _ID_WORDS:
        return _vendors_id(leaf)
    for parent in leaf.parents:
        parent_words = words_of(parent)
        if set(parent_words) & _NOT_THEM:
            return 0
        if of_parent := [PERSONS[word] for word in parent_words if word in PERSONS]:
            return max(of_parent) - 3
        if not set(parent_words) <= _GENERIC:
            return 0
    return 0


def _vendors_id(leaf: Leaf) -> int:
    """Return how much an id with a word that is not known looks like a person's: `customer.acme_id` may be one."""
    if len(leaf.words) != 2 or leaf.words[1] not in _ID_WORDS or not leaf.parents:
        return 0
    return _SURE - 5 + 2 * leaf.depth if {*words_of(leaf.parents[0])} & PERSONS.keys() else 0


def _is_id(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return value >= 0
    return (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST
        and not looks_like_email(value)
        and "\n" not in value
        and value.count(" ") < 2
        and "://" not in value
    )


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return str(value)
    return "''" if not value else yaml_text(value, in_flow=True)
