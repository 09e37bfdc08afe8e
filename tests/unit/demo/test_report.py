"""Laws of the report at the end of the demo."""

import os

from rich.console import Console

from workers.demo.report import FIRST_LINES, make_report, print_report

WRITES = (
    "-c",
    """import sys, os
if len(sys.argv) > 2:
    open(sys.argv[2], "w").write("<p>")
else:
    print(*range(int(os.environ["COLUMNS"])), sep=chr(10))
""",
)
FAILS = ("-c", "import sys; sys.exit('error: no book')")


def drawn(command: tuple[str, ...]) -> str:
    console = Console(width=100)
    with console.capture() as captured:
        print_report(make_report(os.environ, 90, command), console)
    return captured.get()


def test_the_first_page_is_printed_with_the_file_that_has_all_of_it() -> None:
    made = make_report(os.environ, 90, WRITES)
    assert made.text.splitlines() == [str(number) for number in range(FIRST_LINES)]
    assert made.page is not None
    assert made.page.read_text() == "<p>"
    assert "The whole report, as a page for a browser: /" in drawn(WRITES)


def test_a_report_that_fails_does_not_end_the_demo() -> None:
    assert "there is no report: error: no book" in drawn(FAILS)
    assert "browser" not in drawn(FAILS)
