"""Reports of running workers in Redis: who each is and by which rules and sources it decides.

One hash: the name of a worker to a `WorkerReport` as JSON, written every second. A report whose `beat` does not grow
is of a worker that has ended or is frozen: no clock of another machine is needed to see that. Two workers with one
`LINGER_KAFKA_GROUP_INSTANCE_ID` have one name, so the second finds the first.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from workers.state.connection import text_fields
from workers.state.store import Store

BEAT_SECONDS: Final = 1.0
"""How often a worker writes its report."""
SILENT_SECONDS: Final = 5.0
"""After this time without a new beat a worker counts as ended."""


class WorkerReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one worker says. It is stored as JSON: new fields have defaults.

    Attributes:
        token: of this process alone.
        beat: grows with every report.
        host: of the machine or container.
        pid: of the process.
        rule_generation: of the rule set by which it decides.
        rule_set: the hash of that set.
        sources_generation: of the sources.yaml that it reads by.
    """

    token: str
    beat: int
    host: str
    pid: int
    rule_generation: int = 0
    rule_set: str = ""
    sources_generation: int = 0

    @property
    def place(self) -> str:
        """Where it runs."""
        return f"process {self.pid} on {self.host}"


_encode: Final = msgspec.json.Encoder(order="sorted").encode
_decode: Final = msgspec.json.Decoder(WorkerReport).decode


async def read_reports(store: Store) -> dict[str, WorkerReport]:
    """Return all reports by the name of the worker, also those of workers that have ended."""
    return _reports(await store.redis.fields(store.keys.workers))


async def write_report(store: Store, name: str, report: WorkerReport) -> dict[str, WorkerReport]:
    """Write one report, and return all as they were right before. One round trip."""
    key = store.keys.workers
    answers = await store.redis.call([("HGETALL", key), ("HSET", key, name, _encode(report))])
    return _reports(text_fields(answers[0]))


async def take_name(store: Store, name: str, report: WorkerReport, found: WorkerReport | None) -> WorkerReport | None:
    """Write the first report under a name, if what stands there is still what was found.

    Returns:
        What stands there if it is something else, None if the name was taken.
    """
    other: list[WorkerReport] = []

    def change(stored: Mapping[str, str]) -> dict[str, str] | None:
        other.clear()
        present = _reports(stored).get(name)
        if present is not None and present != found:
            other.append(present)
            return None
        return {**stored, name: _encode(report).decode()}

    await store.redis.rewrite(store.keys.workers, change)
    return other[0] if other else None


async def remove_reports(store: Store, names: list[str]) -> None:
    """Remove reports, at least one."""
    await store.remove_fields(store.keys.workers, names)


def _reports(stored: Mapping[str, str]) -> dict[str, WorkerReport]:
    reports = {}
    for name, text in stored.items():
        try:
            reports[name] = _decode(text)
        except msgspec.DecodeError:  # a release that writes something else: it says nothing that is known here
            continue
    return reports
