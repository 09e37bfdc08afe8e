"""`python -m workers` is `linger`."""

from workers.cli import main

main()
