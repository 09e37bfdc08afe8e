"""Servers that tests share, and how Hypothesis looks for examples."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.services import missing_embedded, missing_kafka, missing_redis, running_apache_pair
from workers.demo.embedded import Pair, running_pair

_IN_CI = os.environ.get("CI") == "true"

# The same examples on every run, and no time limit for them: a slow moment of the machine is not a failure.
settings.register_profile("dev", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), max_examples=120, print_blob=True)
settings.load_profile("ci" if _IN_CI else "dev")


@pytest.fixture(scope="session")
def needed() -> None:
    """Apache Kafka and Redis can run here, for a test that starts its own."""
    need(missing_kafka())
    need(missing_redis())


@pytest.fixture(scope="session")
def apache_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A real Apache Kafka and a real Redis."""
    need(missing_kafka())
    need(missing_redis())
    with running_apache_pair(tmp_path_factory.mktemp("apache")) as running:
        yield running


@pytest.fixture(scope="session")
def embedded_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The broker and the store from wheels."""
    need(missing_embedded())
    with running_pair(tmp_path_factory.mktemp("embedded")) as running:
        yield running


@pytest.fixture(scope="session", params=["apache", "embedded"])
def pair(request: pytest.FixtureRequest) -> Pair:
    """One pair after the other: what holds for one must hold for both."""
    running: Pair = request.getfixturevalue(f"{request.param}_pair")
    return running


def need(missing: str | None) -> None:
    """Skip on a laptop what cannot run there, but never in CI."""
    if missing is not None:
        (pytest.fail if _IN_CI else pytest.skip)(missing)
