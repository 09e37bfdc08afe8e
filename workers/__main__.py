"""`python -m workers` is `linger`."""

from workers.cli.app import main

main()
