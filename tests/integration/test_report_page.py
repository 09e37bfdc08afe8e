"""The page of a report in a real browser: at three widths, light, dark and on paper, nothing is amiss."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chromium import PROGRAM, Browser, browser
from tests.support.sample_report import sample
from workers.report.page.page import page_of
from workers.report.words.language import LANGUAGES

pytestmark = [pytest.mark.rest, pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")]

WIDTHS = (390, 820, 1280)
OVERLAPPING = """
(() => {
  const found = [];
  for (const chart of document.querySelectorAll("svg.chart")) {
    if (getComputedStyle(chart).display === "none") continue;
    const around = chart.getBoundingClientRect();
    const texts = [...chart.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
    texts.forEach(([name, one], place) => {
      if (one.left < around.left - 1 || one.right > around.right + 1) found.push(`${name} beyond an end`);
      for (const [other, two] of texts.slice(place + 1)) {
        const across = Math.min(one.right, two.right) - Math.max(one.left, two.left);
        const down = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
        if (across > 0.5 && down > 3) found.push(`${name} over ${other}`);
      }
    });
  }
  return found;
})()
"""
"""The box of a text has room above and below its letters: two lines that share 3 units or less do not touch."""
SHOWN = """
[...document.querySelectorAll("figure.picture")].map(
  (picture) => [...picture.querySelectorAll("svg")].filter((one) => getComputedStyle(one).display !== "none").length
)
"""
GROUND = "getComputedStyle(document.body).backgroundColor"
"""The colour behind everything."""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
def page(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "report.html"
    path.write_text(page_of(sample(), LANGUAGES[request.param]), encoding="utf-8")
    return path


in_each_language = pytest.mark.parametrize("page", list(LANGUAGES), indirect=True)


@in_each_language
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_nothing_is_logged_loaded_cut_off_or_over_another_text(
    chromium: Browser, page: Path, width: int, is_dark: bool
) -> None:
    chromium.events.clear()
    chromium.show(page, width=width, is_dark=is_dark)
    assert chromium.complaints() == []
    assert chromium.loaded() == [page.as_uri()]
    assert chromium.value_of("document.documentElement.scrollWidth") <= width
    assert chromium.value_of(OVERLAPPING) == []
    assert set(chromium.value_of(SHOWN)) == {1}
    assert (chromium.value_of(GROUND) == "rgb(255, 255, 255)") is not is_dark


@pytest.mark.parametrize("page", ["en"], indirect=True)
def test_on_paper_it_is_light_and_shows_the_wide_charts(chromium: Browser, page: Path) -> None:
    chromium.show(page, width=650, is_dark=True, medium="print")
    assert chromium.value_of(GROUND) == "rgb(255, 255, 255)"
    assert set(chromium.value_of(SHOWN)) == {1}
    assert chromium.value_of("getComputedStyle(document.querySelector('svg.narrow')).display") == "none"


@pytest.mark.parametrize("page", ["en"], indirect=True)
def test_a_picture_is_read_aloud_by_its_title_and_its_sentence(chromium: Browser, page: Path) -> None:
    chromium.show(page, width=1280)
    nodes = chromium.ask("Accessibility.getFullAXTree")["nodes"]
    names = [node["name"]["value"] for node in nodes if node.get("role", {}).get("value") in ("image", "img")]
    assert len(names) == chromium.value_of("document.querySelectorAll('figure.picture').length")
    assert all(". " in name or name.endswith(".") for name in names)
