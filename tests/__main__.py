"""All tests: those that start servers one by one, and beside them, whenever these wait, those that start none.

python -m tests      # what `make test` calls; the exit status is 0 if all of both passed
"""

import subprocess
import sys
import tempfile
from typing import Final

_PYTEST: Final = (sys.executable, "-m", "pytest")


def main() -> int:
    """Run both, and print what the quiet ones had to say at the end."""
    # They take what time the others leave: those wait for servers, and must not wait for these.
    command = ("nice", "-n", "19", *_PYTEST, "-m", "not integration")
    with tempfile.TemporaryFile("w+") as told, subprocess.Popen(command, stdout=told, stderr=told) as quiet:
        try:
            loud = subprocess.run((*_PYTEST, "-m", "integration", "--durations=10"), check=False)
            quiet.wait()
        finally:
            quiet.terminate()
        told.seek(0)
        print(told.read())
    return loud.returncode or quiet.returncode


if __name__ == "__main__":
    sys.exit(main())
