"""The rules that the stored customers met before the last ones: some say something else, some are gone since."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

Phase = tuple[float, Path]
"""Until which day which rules were loaded."""

_EARLY_BIRD: Final = """
rules:
  - id: early-bird
    title: It was removed since
    status: live
    when: {none: purchase, for: 10 days}
    action: at-risk
    template: early
    expires after: 5 days
    examples:
      - name: quiet
        given: [{at: start, event: purchase}]
        expect: [{at: 10 days, action: at-risk}]
      - name: busy
        given: [{at: start, event: purchase, every: 2 days, times: 9}]
        watch for: 17 days
        expect: nothing
"""
_OWN_FACTS: Final = """
  - id: early-tea
    title: It was removed since, and nothing else reads its series, its pair and its values
    status: live
    when:
      any:
        - {count: purchase, where: {category: tea}, at least: 2, within: 300 days}
        - {sum: nps.score, where: {comment: slow}, at least: 3, within: 90 days}
        - {after: nps, then: purchase, within: 20 days}
        - {latest: profile.country, is: [DE]}
    variables: {about: complaint.about}
    action: win-back
    template: tea
    again after: 20 days
    expires after: 12 days
    examples:
      - name: near
        given: [{at: start, event: profile, with: {country: DE}}]
        expect: [{at: start, action: win-back}]
      - name: an order
        given: [{at: start, event: purchase}]
        expect: nothing
"""
_LAST_WEEK: Final = """
rules:
  - id: last-week
    title: It was removed while its actions waited for log-ins
    status: live
    when:
      all:
        - {last: purchase, at least: 5 days ago}
        - {count: purchase, at least: 2, within: 200 days}
    action: win-back
    template: last-week
    again after: 40 days
    expires after: 30 days
    examples:
      - name: quiet
        given: [{at: start, event: purchase}, {at: 1 day, event: purchase}]
        expect: [{at: 6 days, action: win-back}]
      - name: one
        given: [{at: start, event: purchase}]
        expect: nothing
"""
_FIFTY_NINE: Final = (
    ("- {none: purchase, for: 60 days}", "- {none: purchase, for: 59 days}"),
    ("at: 61 days", "at: 60 days"),
)


def of_release_0_1(rules: Path, folder: Path) -> Iterator[Phase]:
    """Write the rules of the first half beside the last ones."""
    early = _copied(rules, folder / "early")
    _change(early / "beyond.yaml", dict(_FIFTY_NINE))
    (early / "early-bird.yaml").write_text(_EARLY_BIRD)
    yield 200.0, early


def of_objects(rules: Path, folder: Path) -> Iterator[Phase]:
    """Write the rules of the first half, and those that were replaced two days before the upgrade.

    By then actions wait for log-ins that do not arrive: of rules that change, and of one that goes.
    """
    early = _copied(rules, folder / "early")
    _change(early / "beyond.yaml", dict(_FIFTY_NINE))
    (early / "early-bird.yaml").write_text(_EARLY_BIRD + _OWN_FACTS)
    yield 200.0, early
    before = _copied(rules, folder / "before")
    _change(
        before / "further.yaml",
        {
            "{status: cancelled, for: 12 days}": "{status: cancelled, for: 11 days}",
            "expect: [{at: 12 days, action: win-back}]\n      - name: moved": (
                "expect: [{at: 11 days, action: win-back}]\n      - name: moved"
            ),
            "template: all-well": "template: is-all-well",
            "template: your-benefits": "template: the-benefits",
        },
    )
    (before / "last-week.yaml").write_text(_LAST_WEEK)
    yield 398.0, before


def _copied(rules: Path, folder: Path) -> Path:
    shutil.copytree(rules, folder)
    return folder


def _change(path: Path, replaced: Mapping[str, str]) -> None:
    text = path.read_text()
    for said, instead in replaced.items():
        assert said in text, said
        text = text.replace(said, instead)
    path.write_text(text)
