"""What is measured of rules, as people write it: the same value as the grammar has it, or nothing. Pure."""

import re
from decimal import Decimal
from typing import Final

from workers.rule_files.hints.values import as_duration, as_percent

_SUCCESS: Final = re.compile(
    r"(?:an?\s+)?([a-z][\w-]{0,63}?)\s*(?:\s(?:within|in|inside|during|before|after)|<=?|,|:|/)\s*(\S.*)",
    re.IGNORECASE,
)
_POINTS: Final = re.compile(
    r"[+-]?\s*(\d{1,2}(?:[.,]\d{1,2})?)\s*(?:%|pp|p\.p\.|pts?|percent|percentage points?|points?)?", re.IGNORECASE
)
_OF_ALL: Final = re.compile(
    r"(.+?)\s+(?:of\s+)?(?:all|everyone|every customer|the customers|all customers|customers|users|all users)",
    re.IGNORECASE,
)


def as_success(written: str) -> str | None:
    """Return `purchase in 30 days` or `a purchase within 30d` as a success, or None for anything else."""
    match = _SUCCESS.fullmatch(written.strip())
    within = None if match is None else as_duration(match[2])
    return None if match is None or within is None else f"{match[1].lower()} within {within}"


def as_points(written: str) -> str | None:
    """Return `3`, `3%`, `3pp` or `3 percentage points` as points, or None for anything else."""
    match = _POINTS.fullmatch(written.strip())
    if match is None:
        return None
    points = Decimal(match[1].replace(",", "."))
    if not 0 < points <= 50:
        return None
    return f"{points.normalize():f} point" + ("" if points == 1 else "s")


def as_share_of_all(written: str) -> str | None:
    """Return `5%`, `5` or `5% of all customers` as a share of all customers, or None for anything else."""
    match = _OF_ALL.fullmatch(written.strip())
    share = as_percent(written if match is None else match[1])
    return None if share is None else f"{share} of everybody"
