"""How many examples Hypothesis tries: all of them in the long profile, a part of them in the others."""

from typing import Final

from hypothesis import settings

SHORT: Final = "short"
MIDDLE: Final = "middle"
LONG: Final = "long"
MAX_EXAMPLES: Final = {SHORT: 25, MIDDLE: 60, LONG: 120}
"""By profile, for a test that does not say how many it needs."""


def examples(number: int) -> settings:
    """Return the settings of a test that needs this many examples in the long profile.

    Another profile takes the same part of them as of all others, but no fewer than the short one gives to any test.
    Works on what is loaded when the test module is imported, which is after `--hypothesis-profile` was read.
    """
    usual = settings.get_current_profile_name()
    share = MAX_EXAMPLES.get(usual, MAX_EXAMPLES[LONG]) / MAX_EXAMPLES[LONG]
    return settings(max_examples=max(min(number, MAX_EXAMPLES[SHORT]), round(number * share)))
