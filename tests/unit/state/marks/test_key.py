"""The key of marks is never changed: with another one, no customer would be found."""

import pytest

from workers.errors import StartupError
from workers.state.marks.key import REF_BYTES, MarkKey
from workers.state.marks.stored import CHECK, KEY, key_of

ADA = "ada@example.org"


def test_a_ref_has_nothing_of_the_id_and_another_key_gives_another() -> None:
    ref = MarkKey(b"k" * 32).ref(ADA)
    assert len(ref) == REF_BYTES
    assert ref == MarkKey(b"k" * 32).ref(ADA)
    assert ref != MarkKey(b"l" * 32).ref(ADA)
    assert ref != MarkKey(b"k" * 32).ref("bob@example.org")


def test_a_key_may_have_any_length_but_none() -> None:
    assert MarkKey(b"k" * 10_000).ref(ADA) != MarkKey(b"k" * 9_999).ref(ADA)
    with pytest.raises(ValueError, match="empty"):
        MarkKey(b"")


def test_a_key_that_was_made_is_found_again_and_one_of_the_settings_is_only_checked() -> None:
    made = key_of({KEY: "07" * 32}, None)
    assert made is not None
    assert made.ref(ADA) == MarkKey(b"\x07" * 32).ref(ADA)
    own = MarkKey(b"secret")
    checked = key_of({CHECK: own.check()}, b"secret")
    assert checked is not None
    assert checked.ref(ADA) == own.ref(ADA)
    assert "secret" not in own.check()


@pytest.mark.parametrize(
    ("fields", "configured", "said"),
    [
        ({CHECK: MarkKey(b"secret").check()}, b"other", "is not the key"),
        ({CHECK: MarkKey(b"secret").check()}, None, "is not set"),
        ({KEY: "07" * 32}, b"secret", "Remove the setting"),
    ],
)
def test_another_key_is_refused(fields: dict[str, str], configured: bytes | None, said: str) -> None:
    with pytest.raises(StartupError, match=said):
        key_of(fields, configured)


def test_before_the_first_worker_there_is_no_key() -> None:
    assert key_of({}, None) is None
    assert key_of({}, b"secret") is not None
