"""Laws of what the doctor says of the worker beside it: what needs action is a problem, and nothing else is."""

import asyncio
import json

import pytest

from tests.unit.cli.test_healthcheck import answering
from workers.demo.embedded import HOST, free_ports
from workers.observability.conditions import CATALOGUE
from workers.observability.http_answers import status_answer
from workers.observability.http_requests import Request
from workers.operations.findings import ok
from workers.operations.liveness_probe import Answer
from workers.operations.running_worker import running_worker, said
from workers.settings import Settings


def answer(unready: str | None = None, **reasons: str) -> Answer:
    """What a worker answers, through the code with which it does."""
    request = Request("GET", "/statusz", "localhost", {}, query={"format": "json"})
    body = status_answer(request, unready, {**dict.fromkeys(CATALOGUE), **reasons}).body
    return Answer(200, body.decode())


def test_a_worker_that_is_well_is_one_finding() -> None:
    assert said(answer()) == [ok("worker", "readiness", "the worker on this machine is ready")]


def test_a_spare_worker_is_well() -> None:
    assert [finding.health for finding in said(answer(assigned="no partition is assigned"))] == ["ok"]


def test_what_fails_is_a_problem_with_its_remedy() -> None:
    readiness, brake = said(answer("it is ending", brake="it holds\n3 actions"))
    assert (readiness.health, readiness.observed) == ("problem", "it is ending")
    assert (brake.checked, brake.observed, brake.remedy) == (
        "brake",
        "it holds\\n3 actions",
        CATALOGUE["brake"].remedy,
    )


def test_a_condition_of_a_later_release_is_a_problem_too() -> None:
    document = json.loads(answer().text)
    document["conditions"]["weather"] = {"ok": False, "reason": "rain", "remedy": "wait"}
    finding = said(Answer(200, json.dumps(document)))[-1]
    assert (finding.health, finding.checked, finding.observed) == ("problem", "weather", "rain")


@pytest.mark.parametrize("text", ["", "[]", "nothing", '{"problems": ["nothing at this path"]}', '{"ready": true}'])
def test_what_has_no_statusz_is_no_problem(text: str) -> None:
    (finding,) = said(Answer(404, text))
    assert (finding.health, "has no /statusz" in finding.observed) == ("ok", True)


def test_it_asks_where_the_settings_say_and_that_none_runs_is_no_problem() -> None:
    (port,) = free_ports(1)
    (finding,) = asyncio.run(running_worker(Settings(http_port=port)))
    assert finding.health == "ok"
    assert f"http://{HOST}:{port}/statusz?format=json does not answer" in finding.observed
    with answering(200, answer(brake="it holds 3 actions").text, "/statusz?format=json") as port:
        findings = asyncio.run(running_worker(Settings(http_port=port)))
    assert [finding.checked for finding in findings] == ["readiness", "brake"]
    assert asyncio.run(running_worker(Settings(http_port=0))) == []
