"""Laws of deciding hold whichever layout a customer is stored in between two turns."""

import pytest

from tests.support.decided import LAYOUTS, OneCustomer


@pytest.fixture(params=LAYOUTS)
def each_layout(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every customer of the test be stored in one layout, then in the other."""
    monkeypatch.setattr(OneCustomer, "layout", request.param)
