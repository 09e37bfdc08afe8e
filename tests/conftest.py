"""Servers that tests share, how many examples Hypothesis tries, and how several processes share the tests."""

import logging
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.support.examples import MAX_EXAMPLES, SHORT
from tests.support.schema_registry import missing_registry
from tests.support.services import missing_embedded, missing_kafka, missing_redis, running_apache_pair
from workers.demo.embedded import Pair, running_pair

_IN_CI = os.environ.get("CI") == "true"

# The same examples on every run, and no time limit for them: a slow moment of the machine is not a failure.
for _name, _number in MAX_EXAMPLES.items():
    settings.register_profile(
        _name,
        max_examples=_number,
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=_IN_CI,
    )
settings.load_profile(SHORT)  # unless --hypothesis-profile names another one


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let several processes share the chosen tests."""
    parser.addoption("--lane", metavar="N/M", help="of the chosen tests run every M-th, beginning with the N-th")
    parser.addoption("--fuzz-minutes", type=float, default=2.0, help="how long each fuzzer of the long run goes on")


@pytest.hookimpl(trylast=True)  # after `-m` has chosen
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests of other lanes out."""
    if lane := config.getoption("--lane"):
        number, lanes = map(int, lane.split("/"))
        config.hook.pytest_deselected(items=[item for place, item in enumerate(items) if place % lanes != number - 1])
        items[:] = items[number - 1 :: lanes]


@pytest.fixture(scope="session")
def fuzz_minutes(request: pytest.FixtureRequest) -> float:
    """How long a fuzzer goes on in the long run."""
    minutes: float = request.config.getoption("--fuzz-minutes")
    return minutes


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
def needed_registry(needed: None) -> None:
    """A schema registry can run here, too, for a test that starts its own."""
    need(missing_registry())


@pytest.fixture(scope="session")
def embedded_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The broker and the store from wheels."""
    need(missing_embedded())
    with running_pair(tmp_path_factory.mktemp("embedded")) as running:
        yield running


@pytest.fixture(scope="session", params=["apache", pytest.param("embedded", marks=pytest.mark.long)])
def pair(request: pytest.FixtureRequest) -> Pair:
    """One pair after the other: what holds for one must hold for both."""
    running: Pair = request.getfixturevalue(f"{request.param}_pair")
    return running


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """Put the log back after a test that sets it up."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configuration = structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.configure(**configuration)


def need(missing: str | None) -> None:
    """Skip on a laptop what cannot run there, but never in CI."""
    if missing is not None:
        (pytest.fail if _IN_CI else pytest.skip)(missing)
