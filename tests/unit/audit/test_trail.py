"""Laws of the audit: intent before the work, outcome after it, no customer id and no secret in either."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from workers.audit import trail as trails
from workers.audit.arguments import customers_in, recorded, without_customers
from workers.audit.reading import joined
from workers.audit.record import Intent, Outcome, decode_audit, encode_audit
from workers.audit.trail import Deed, audited
from workers.errors import StartupError
from workers.observability.logs import customer_ref
from workers.settings import Settings, read_settings

SETTINGS = read_settings({"LINGER_LOG_KEY": "k"})
RELEASE = Deed("rules release", {"rule_id": "quiet"}, by="ann", reason="checked")


class Topic:
    """The audit topic in memory; it takes as many records as it is allowed to."""

    def __init__(self, takes: int = 2) -> None:
        self.takes = takes
        self.values: list[bytes] = []
        self.warnings: list[str] = []

    async def append(self, settings: Settings, record: Intent | Outcome) -> None:
        if len(self.values) == self.takes:
            raise StartupError(["Kafka is away"])
        self.values.append(encode_audit(record))

    @property
    def records(self) -> list[Any]:
        return [decode_audit(value) for value in self.values]


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Topic:
    topic = Topic()
    monkeypatch.setattr(trails, "append", topic.append)
    return topic


def test_the_intent_is_recorded_before_the_work_and_the_outcome_after_it(topic: Topic) -> None:
    with audited(SETTINGS, RELEASE, topic.warnings.append) as trail:
        (intent,) = topic.records
        trail.counts["actions"] = 3
    assert (intent.command, intent.arguments, intent.by, intent.reason) == (
        "rules release",
        {"rule_id": "quiet"},
        "ann",
        "checked",
    )
    assert "@" in intent.user
    outcome = topic.records[1]
    assert (outcome.id, outcome.outcome, outcome.counts, outcome.error) == (intent.id, "ok", {"actions": 3}, None)
    assert outcome.at_ms >= intent.at_ms


def test_nothing_is_done_if_the_intent_cannot_be_recorded(topic: Topic) -> None:
    topic.takes = 0
    is_done = False
    with (
        pytest.raises(StartupError, match=r"^nothing was done, .*Kafka is away"),
        audited(SETTINGS, RELEASE, topic.warnings.append),
    ):
        is_done = True
    assert not is_done


def test_an_outcome_that_cannot_be_recorded_is_said_and_the_work_stands(topic: Topic) -> None:
    topic.takes = 1
    with audited(SETTINGS, RELEASE, topic.warnings.append):
        pass
    assert topic.warnings == ["the outcome (ok) of this command is not in the audit: Kafka is away"]


@pytest.mark.parametrize(
    ("error", "outcome", "why"),
    [
        (StartupError(["no such rule"]), "failed", "StartupError: no such rule"),
        (ValueError("odd"), "failed", "ValueError: odd"),
        (SystemExit(1), "failed", "exit status 1"),
        (SystemExit(0), "ok", None),
        (KeyboardInterrupt(), "interrupted", None),
    ],
)
def test_an_error_goes_on_after_its_outcome_is_recorded(
    topic: Topic, error: BaseException, outcome: str, why: str | None
) -> None:
    with pytest.raises(type(error)), audited(SETTINGS, RELEASE, topic.warnings.append):
        raise error
    assert (topic.records[1].outcome, topic.records[1].error) == (outcome, why)


def test_what_does_not_succeed_without_an_error_has_failed(topic: Topic) -> None:
    with audited(SETTINGS, RELEASE, topic.warnings.append) as trail:
        trail.problems.append("not confirmed")
    assert (topic.records[1].outcome, topic.records[1].error) == ("failed", "not confirmed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts_and_its_handler_is_put_back(topic: Topic, number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def wait() -> None:
        with audited(SETTINGS, RELEASE, topic.warnings.append):
            os.kill(os.getpid(), number)
            signal.pause()

    with pytest.raises(SystemExit) as ended:
        wait()
    assert ended.value.code == 128 + number
    assert topic.records[1].outcome == "interrupted"
    assert signal.getsignal(number) == before


def test_what_ignores_a_signal_goes_on_ignoring_it(topic: Topic) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with audited(SETTINGS, RELEASE, topic.warnings.append):
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert topic.records[1].outcome == "ok"


def test_a_customer_is_recorded_as_the_hash_that_logs_use_wherever_it_stands(topic: Topic) -> None:
    deed = Deed("customer erase", {"customer_id": "ada-1", "customers": ["ada-1", "ada-12"]}, reason="ada-12 asks")
    with pytest.raises(ValueError, match="ada-1"), audited(SETTINGS, deed, topic.warnings.append):
        raise ValueError("ada-12 is not known, ada-1 is")
    whole = b"".join(topic.values).decode()
    assert "ada-1" not in whole
    assert topic.records[0].arguments["customer_id"] == customer_ref("ada-1")
    assert topic.records[0].reason == f"{customer_ref('ada-12')} asks"
    assert topic.records[1].error == f"ValueError: {customer_ref('ada-12')} is not known, {customer_ref('ada-1')} is"


def test_a_customer_in_the_name_of_a_file_is_recorded_as_the_hash_too() -> None:
    shown = recorded({"customer_id": "ada-1", "html_to": Path("/tmp/of-ada-1.html"), "places": ["ada-1:3"]})
    assert shown["html_to"] == f"/tmp/of-{customer_ref('ada-1')}.html"
    assert shown["places"] == [f"{customer_ref('ada-1')}:3"]


def test_no_secret_is_recorded() -> None:
    arguments = {"token": "t0p", "api_key": "k1y", "path": "rediss://ann:pa55@host/0", "keys": "a", "why": None}
    shown = recorded(arguments)
    assert not [secret for secret in ("t0p", "k1y", "pa55") if secret in str(shown)]
    assert (shown["keys"], shown["why"]) == ("a", None)
    assert "pa55" not in without_customers("cannot open https://x:pa55@h", [])


def test_an_argument_has_a_length_and_keeps_its_kind() -> None:
    shown = recorded(
        {"places": [f"0:{number}" for number in range(150)], "at_most": 5, "all": True, "text": "x" * 999}
    )
    assert isinstance(shown["places"], list)
    assert shown["places"][-1] == "and 50 more"
    assert (shown["at_most"], shown["all"]) == (5, True)
    assert len(str(shown["text"])) == 501


def test_a_path_is_recorded_from_its_root_and_in_utf_8_whatever_it_is() -> None:
    shown = recorded({"path": Path("rules"), "odd": Path("/a\udcff")})
    assert shown == {"path": str(Path("rules").absolute()), "odd": "/a\\udcff"}


def test_customer_ids_are_found_by_the_names_of_arguments() -> None:
    found = customers_in({"customer": "a", "customer_ids": ("bb", "c"), "rule": "d", "customers": None})
    assert (found[0], sorted(found)) == ("bb", ["a", "bb", "c"])  # a longer one may hold a shorter one


def test_an_intent_without_an_outcome_is_shown_as_one_and_noise_is_left_out() -> None:
    first, second = (
        Intent(id=name, at_ms=1, user="u@h", by=None, command="pause", arguments={}) for name in ("1", "2")
    )
    ended = Outcome(id="2", at_ms=2, outcome="ok", counts={})
    commands = joined([first, second, decode_audit(b"noise"), decode_audit(None), ended])
    assert [(command.intent.id, command.outcome) for command in commands] == [("1", None), ("2", ended)]


def test_a_name_that_is_not_utf_8_is_recorded_with_escapes(topic: Topic) -> None:
    with audited(SETTINGS, Deed("pause", {}, by="Ren\udce9"), topic.warnings.append):
        pass
    assert topic.records[0].by == "Ren\\udce9"
