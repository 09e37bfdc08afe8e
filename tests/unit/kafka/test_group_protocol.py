"""Laws of what members of the group say to each other."""

from types import SimpleNamespace

import pytest

from workers.kafka.group_protocol import assignors, format_of, host_of


def test_the_name_of_the_protocol_says_the_format_and_the_members_say_nothing() -> None:
    newest, of_older_releases = assignors(3, SimpleNamespace(name="faust"))
    assert (newest.name, of_older_releases.name) == ("linger-format-3", "faust")
    assert newest.metadata(["orders"]).user_data == b""


@pytest.mark.parametrize(
    ("protocol", "metadata", "expected"),
    [
        ("linger-format-4", b"", 4),
        ("faust", b'{"url": "http://' + host_of(3).encode() + b'"}', 3),
        ("faust", b'{"url": "http://some-host:6066"}', 0),
        ("range", b"", 0),
    ],
)
def test_a_member_reads_what_its_protocol_or_its_own_data_says(protocol: str, metadata: bytes, expected: int) -> None:
    assert format_of(protocol, metadata) == expected
