"""Laws of what Kafka says of a group: an error is never taken for a group without members."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    GroupIdNotFound,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
)

from workers.kafka.group_state import described_members
from workers.kafka.groups import members_of


class Admin:
    """Says of every group that it has no members, with an error code."""

    def __init__(self, error_code: int) -> None:
        self._group = {"error_code": error_code, "state": "", "protocol": "", "members": []}

    async def describe_consumer_groups(self, groups: list[str]) -> list[Any]:
        return [SimpleNamespace(to_object=lambda: {"groups": [self._group for _ in groups]})]


@pytest.mark.parametrize(
    "error",
    [
        GroupAuthorizationFailedError,
        GroupCoordinatorNotAvailableError,
        GroupLoadInProgressError,
        NotCoordinatorForGroupError,
    ],
)
def test_an_error_is_raised_and_no_member_is_denied(error: type[KafkaError]) -> None:
    admin: Any = Admin(error.errno)
    for question in (members_of, described_members):
        with pytest.raises(error, match="group 'g'"):
            asyncio.run(question(admin, "g"))


@pytest.mark.parametrize("error_code", [0, GroupIdNotFound.errno])
def test_a_group_that_never_was_has_no_members(error_code: int) -> None:
    admin: Any = Admin(error_code)
    assert asyncio.run(members_of(admin, "g")) == 0
    assert asyncio.run(described_members(admin, "g")) == []
