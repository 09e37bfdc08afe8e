"""A real browser, spoken to over two pipes: no driver, no port, no network."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

PROGRAM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
"""Where the browser is; None if there is none."""
_LONGEST_S: Final = 60
_FREE_FROM: Final = 10
"""File numbers from here on are in nobody's way in the browser, which reads from 3 and writes to 4."""
_LAUNCHER: Final = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """A browser with one page.

    Attributes:
        events: everything that the browser has reported, in order.
    """

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self.events: list[dict[str, Any]] = []
        self._to, self._from = to_browser, from_browser
        self._rest = b""
        self._number = 0
        self._session: str | None = None

    def open_page(self) -> None:
        """Attach to a new page, and have it report what it logs and loads."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for name in ("Page", "Network", "Log", "Runtime"):
            self.ask(f"{name}.enable")

    def show(self, path: Path, *, width: int, is_dark: bool = False, medium: str = "") -> None:
        """Load a file, as on a screen of a width, light or dark; `medium` may be `print`."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.ask("Emulation.setEmulatedMedia", media=medium, features=[scheme])
        seen = len(self.events)
        self.ask("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + _LONGEST_S
        while not any(one["method"] == "Page.loadEventFired" for one in self.events[seen:]):
            self._read(deadline)

    def value_of(self, expression: str) -> Any:
        """Return what an expression of JavaScript comes to in the page."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self) -> bytes:
        """Return the whole page as a PNG."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        answer = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(answer["data"])

    def complaints(self) -> list[str]:
        """Return what was logged as an error or a warning, and every exception."""
        found = [
            one["params"] for one in self.events if one["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")
        ]
        return [json.dumps(one) for one in found]

    def loaded(self) -> list[str]:
        """Return the address of everything that was asked for."""
        return [
            one["params"]["request"]["url"] for one in self.events if one["method"] == "Network.requestWillBeSent"
        ]

    def ask(self, method: str, **parameters: Any) -> Mapping[str, Any]:
        """Give an order and return its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        _write_all(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _LONGEST_S
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer)
                return dict(answer["result"])

    def _read(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert time.monotonic() < deadline, "the browser does not answer"
            more = os.read(self._from, 1 << 20)
            assert more, "the browser has ended"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Run a browser that keeps everything in a folder, and end it afterwards."""
    assert PROGRAM is not None
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    given = [fcntl.fcntl(number, fcntl.F_DUPFD, _FREE_FROM) for number in (theirs_in, theirs_out)]
    for number in (theirs_in, theirs_out):
        os.close(number)
    flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--hide-scrollbars",
        "--remote-debugging-pipe",
        f"--user-data-dir={folder}",
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", _LAUNCHER, *map(str, given), PROGRAM, *flags],
        pass_fds=given,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for number in given:
        os.close(number)
    try:
        found = Browser(ours_out, ours_in)
        found.open_page()
        yield found
    finally:
        process.terminate()
        process.wait(_LONGEST_S)
        os.close(ours_out)
        os.close(ours_in)


def _write_all(number: int, content: bytes) -> None:
    while content:
        content = content[os.write(number, content) :]
