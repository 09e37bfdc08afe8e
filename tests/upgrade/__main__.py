"""What earlier releases have stored: `python -m tests.upgrade make | rolling`; `--help` says what each needs."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.support.services import running_apache_pair
from tests.upgrade.making import OldRelease, copy_rules, make
from tests.upgrade.releases import RELEASES
from tests.upgrade.rolling import roll
from workers.demo.embedded import Pair


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="make what a release has stored, with a real worker of it")
    making.add_argument("stored", choices=RELEASES, help="whose folder is written")
    making.add_argument("--release", type=Path, required=True, help="a checkout of that release")
    making.add_argument("--python", default=sys.executable, help="an interpreter with what that release needs")
    making.add_argument("--into", type=Path, help="where the files are written, if not into its folder")
    rolling = commands.add_parser("rolling", help="roll up and back under load, with two workers of each release")
    rolling.add_argument("--old", type=Path, required=True, help="a checkout of the older release")
    rolling.add_argument("--python", default=sys.executable, help="an interpreter with what that release needs")
    rolling.add_argument("--stored", choices=RELEASES, default="ea9a324", help="what that release has stored")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_apache_pair(Path(folder)) as pair:
        return _make(given, Path(folder), pair) if given.command == "make" else _roll(given, Path(folder), pair)


def _make(given: argparse.Namespace, folder: Path, pair: Pair) -> int:
    stored = RELEASES[given.stored]
    into = given.into or stored.folder
    copy_rules(given.release / "rules", stored.folder / "rules")
    asyncio.run(make(pair, folder, stored, OldRelease(given.release.resolve(), given.python), into))
    for path in sorted(into.glob("*.xz")):
        print(f"{path.stat().st_size:9,} bytes  {path.name}")
    return 0


def _roll(given: argparse.Namespace, folder: Path, pair: Pair) -> int:
    old = OldRelease(given.old.resolve(), given.python)
    problems = asyncio.run(roll(pair, folder, RELEASES[given.stored], old))
    print("\n".join(problems) if problems else "nothing was lost, doubled or different")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
