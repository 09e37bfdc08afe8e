"""Letters stand out from what is behind them, on light and on dark screens (WCAG 2.2, 4.5 to 1)."""

import re
from itertools import product

import pytest

from workers.report.page.style import STYLE
from workers.report.page.svg.drawing import COLOURS
from workers.report.page.svg.triangle import SHADES

LEAST = 4.5
FULL_FROM = 5
"""From this shade on, the style sheet has the other colour for numbers on it."""


def blocks() -> dict[str, dict[str, str]]:
    """The colours of light and of dark screens, by their names."""
    found = re.findall(r"color-scheme: (light|dark);(.*?)\}", STYLE, re.DOTALL)
    return {scheme: dict(re.findall(r"--([\w-]+):\s+(#\w+)", block)) for scheme, block in found}


def brightness(colour: str) -> float:
    digits = colour.lstrip("#")
    whole = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(whole[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_letters_stands_out(scheme: str) -> None:
    colours = blocks()[scheme]
    letters = ["text", "soft", "warn", "link", "good", "bad", *(f"c{place}" for place in range(COLOURS))]
    pairs = [*product(letters, ("ground", "raised")), ("text", "warn-ground")]
    pairs += [("on-pale" if place < FULL_FROM else "on-full", f"s{place}") for place in range(SHADES)]
    weak = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: round(value, 2) for pair, value in weak.items() if value < LEAST} == {}
