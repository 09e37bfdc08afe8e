"""Laws of the report at the end of the demo."""

import os
from pathlib import Path

from rich.console import Console

from workers.demo.report import FIRST_LINES, make_report, print_report

WRITES = (
    "-c",
    """import sys, os
open(sys.argv[2], "a").write("<p>")
print(*range(int(os.environ["COLUMNS"])), sep=chr(10))
""",
)
FAILS = ("-c", "import sys; sys.exit('error: no book')")


def drawn(command: tuple[str, ...], page: Path) -> str:
    console = Console(width=100)
    with console.capture() as captured:
        print_report(make_report(os.environ, 90, page, command), console)
    return captured.get()


def test_the_first_page_is_printed_with_the_file_that_has_all_of_it(tmp_path: Path) -> None:
    page = tmp_path / "kept" / "page.html"
    made = make_report(os.environ, 90, page, WRITES)
    assert made.text.splitlines() == [str(number) for number in range(FIRST_LINES)]
    assert made.page == page
    assert page.read_text() == "<p>"  # one run of the command makes both
    assert "The whole report, as a page for a browser: /" in drawn(WRITES, page)


def test_a_report_that_fails_does_not_end_the_demo(tmp_path: Path) -> None:
    assert "there is no report: error: no book" in drawn(FAILS, tmp_path / "page.html")
    assert "browser" not in drawn(FAILS, tmp_path / "page.html")
    file = tmp_path / "file"
    file.touch()
    assert "there is no report: " in drawn(WRITES, file / "page.html")
