"""The page of a preview: everything that the terminal shows, as one file that loads nothing."""

from html import escape
from pathlib import Path
from typing import Any

import pytest

from tests.support.drawn import Balance, drawings, faults
from tests.unit.rule_preview.preview_site import Site, at_the_end, by_rule, run
from workers.errors import StartupError
from workers.rule_preview.command import PreviewOptions, preview_command
from workers.rule_preview.page import page_of


def written(capsys: pytest.CaptureFixture[str], site: Site, path: Path, **options: Any) -> tuple[dict[str, Any], str]:
    """Run a preview that writes its page; return its document, too."""
    document = run(capsys, site.events, site.rules, html=path, **at_the_end(site), **options)
    return document, path.read_text(encoding="utf-8")


def test_a_page_has_every_rule_with_its_figures_and_every_note(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    document, page = written(capsys, site, tmp_path / "preview.html")
    assert page == page_of(document)
    for rule_id, rule in by_rule(document).items():
        assert escape(rule_id) in page
        assert f"{rule['customers']:,} ({100 * rule['share']:.1f}%)" in page
    assert all(escape(note) in page for note in document["notes"])


def test_a_page_can_be_read_and_loads_nothing(site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, page = written(capsys, site, tmp_path / "preview.html", against=[site.other])
    found = Balance(page).found
    assert {tag for tag, _ in found}.isdisjoint({"script", "link", "img"})
    assert "http" not in page.replace("http-equiv", "")
    assert [fault for drawing in drawings(page) for fault in faults(drawing)] == []


def test_a_page_names_who_is_gained_and_lost(site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    document, page = written(capsys, site, tmp_path / "preview.html", against=[site.other])
    changed = [rule for rule in document["against"]["rules"] if rule["gained_ids"] or rule["lost_ids"]]
    assert changed
    for rule in changed:
        assert all(escape(customer) in page for customer in (*rule["gained_ids"], *rule["lost_ids"]))


def test_plain_days_stand_beside_each_rule_with_how_late_they_are(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    document, page = written(capsys, site, tmp_path / "preview.html")
    plain = [rule["outcome"]["plain_days"] for rule in document["rules"] if rule["actions"] and rule["outcome"]]
    assert any(plain)
    for one in filter(None, plain):
        assert f"everyone after {one['days']:,} day" in page


def test_a_page_in_no_folder_is_refused_before_anything_is_read(site: Site, tmp_path: Path) -> None:
    options = PreviewOptions(history="nowhere", rules=[site.rules], html=tmp_path / "none" / "preview.html")
    with pytest.raises(StartupError, match="there is no folder"):
        preview_command(options)
