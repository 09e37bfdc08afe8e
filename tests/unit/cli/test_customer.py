"""Laws of `linger customer show`: any id is printed unchanged, and a missing store is an error of one line."""

import io

import pytest
from rich.console import Console

from tests.unit.cli.program import Linger
from workers.cli.customer import render
from workers.demo.embedded import HOST, free_ports
from workers.explain.customer import Knowledge


def shown(customer_id: str) -> str:
    known = Knowledge(
        customer_id=customer_id,
        partition=3,
        known_since="2024-01-01T00:00:00Z",
        latest_event="2024-01-02T00:00:00Z",
        looked_again_at=None,
        bytes=200,
        events=[],
        rules=[],
    )
    screen = io.StringIO()
    render(known, Console(file=screen, width=200))
    return screen.getvalue()


def test_a_customer_is_shown_by_id() -> None:
    assert "Customer ada (partition 3, 200 bytes)" in shown("ada")


@pytest.mark.parametrize("customer_id", ["a[/b]", "[red]x", "[/]", ":x:"])
def test_a_customer_is_shown_by_any_id(customer_id: str) -> None:
    assert f"Customer {customer_id} (partition" in shown(customer_id)


def test_a_store_that_is_not_there_is_said_so(linger: Linger) -> None:
    (port,) = free_ports(1)
    answer = linger("customer", "show", "ada", REDIS_URL=f"redis://{HOST}:{port}/0", REDIS_TIMEOUT_MS="300")
    assert answer.status == 1
    assert "Redis does not answer" in answer.err
    assert "Traceback" not in answer.err
