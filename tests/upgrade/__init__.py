"""The release before: what it stored and what it sent, so that this release can be held against it.

`python -m tests.upgrade --release CHECKOUT` makes `tests/data/upgrade/` with a real worker of that release.
`tests/integration/test_upgrade.py` runs this release over it. Begin reading with `shop`.
"""
