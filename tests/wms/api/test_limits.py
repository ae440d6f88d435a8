"""Limits of public doors: bursts, refilling, strangers behind a proxy, and the pages' headers."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from tests.builders import NOW
from tests.wms.house import House
from wms.api import track
from wms.api.limits import NAMES_MAX, Buckets, TooOften, visitor


def passed(buckets: Buckets, name: str, times: int, at: Any = NOW) -> int:
    """How many of so many get through."""
    through = 0
    for _ in range(times):
        try:
            buckets.take(name, at)
        except TooOften:
            continue
        through += 1
    return through


def test_a_burst_passes_and_then_so_many_a_minute():
    buckets = Buckets(per_minute=60, burst=10)

    assert passed(buckets, "a", 20) == 10
    assert passed(buckets, "a", 20, NOW + timedelta(seconds=3)) == 3
    assert passed(buckets, "b", 20) == 10, "others are not kept waiting"
    assert passed(buckets, "a", 20, NOW + timedelta(hours=1)) == 10, "no more is saved up"


def test_who_is_told_to_wait_is_told_how_long():
    buckets = Buckets(per_minute=6, burst=1)
    buckets.take("a", NOW)

    with pytest.raises(TooOften) as wait:
        buckets.take("a", NOW)
    assert wait.value.retry_after_s == 10
    buckets.take("a", NOW + timedelta(seconds=10))


def test_a_clock_that_goes_back_gives_nothing():
    buckets = Buckets(per_minute=60, burst=5)

    assert passed(buckets, "a", 5) == 5
    assert passed(buckets, "a", 5, NOW - timedelta(hours=1)) == 0
    assert passed(buckets, "a", 5, NOW) == 0


def test_names_that_nobody_hears_of_any_more_are_forgotten():
    buckets = Buckets(per_minute=1, burst=1)
    for number in range(NAMES_MAX + 10):
        buckets.take(str(number), NOW)

    assert len(buckets._buckets) == NAMES_MAX


def a_request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "client": ("198.51.100.7", 1)})


def test_what_a_stranger_says_of_where_they_come_from_is_not_believed():
    forged = a_request(x_forwarded_for="203.0.113.1, 203.0.113.2")

    assert visitor(forged, behind_proxy=False) == "198.51.100.7"
    assert visitor(forged, behind_proxy=True) == "203.0.113.2", "what our own proxy has added"
    assert visitor(a_request(), behind_proxy=True) == "198.51.100.7"
    assert len(visitor(a_request(x_forwarded_for="x" * 5000), behind_proxy=True)) == 64


@pytest.mark.parametrize(
    ("path", "file", "framed"),
    [("/t/some-token", "track.html", "'none'"), ("/find", "find.html", "*")],
)
def test_pages_tell_nobody_where_they_were_seen(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    path: str, file: str, framed: str,
):  # fmt: skip
    monkeypatch.setattr(track, "WEB", tmp_path)
    missing = house.http.get(path)
    (tmp_path / file).write_text("<!doctype html><title>Page</title>")
    page = house.http.get(path)

    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["referrer-policy"] == "no-referrer", "the address is the key"
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert f"frame-ancestors {framed}" in page.headers["content-security-policy"]
